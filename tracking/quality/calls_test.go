package quality_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/encoder"
)

// bundledDetector returns a detector with the bundled encoder and its background.
func bundledDetector(tb testing.TB, e tracking.Encoder) *tracking.Detector {
	tb.Helper()
	background, err := tracking.BundledBackground()
	require.NoError(tb, err)
	d, err := tracking.New(tracking.Options{Encoder: e, Background: background, IDs: &conversation.IDs{}})
	require.NoError(tb, err)
	return d
}

func openEncoder(tb testing.TB) *encoder.Encoder {
	tb.Helper()
	e, err := encoder.Open("../../weights/all-MiniLM-L6-v2.q8_0.gguf", encoder.Options{})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, e.Close()) })
	return e
}

type sampleCall struct {
	Expected []string `json:"expected_trackers"`
	Turns    []struct {
		Role  conversation.Role `json:"role"`
		Start float64           `json:"start_s"`
		End   float64           `json:"end_s"`
		Text  string            `json:"text"`
	} `json:"turns"`
}

// TestSampleCalls matches what is said in the sample calls, as typed text and as if it had been recognised, and with margin:
// a stricter threshold still finds everything, a laxer one still nothing that is not said.
func TestSampleCalls(t *testing.T) {
	d := bundledDetector(t, &remembering{openEncoder(t), map[string][]float32{}})
	files, err := filepath.Glob("../../samples/calls/*.json")
	require.NoError(t, err)
	require.Len(t, files, 6)
	for name, test := range map[string]struct {
		threshold float64
		model     string
	}{
		"typed": {0, ""}, "typed, stricter": {0.7, ""}, "typed, laxer": {0.4, ""},
		"recognised": {0, "m"}, "recognised, stricter": {0.75, "m"}, "recognised, laxer": {0.5, "m"},
	} {
		set := tracking.Samples()
		for i := range set {
			set[i].Threshold = test.threshold
		}
		require.NoError(t, d.SetTrackers(t.Context(), set))
		for _, file := range files {
			t.Run(name+"/"+strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
				call := readCall(t, file)
				found := matchCall(t, d, call, test.model)
				for _, expected := range call.Expected {
					if slices.ContainsFunc(set, func(s tracking.Tracker) bool { return s.Name == expected }) {
						require.Contains(t, found, expected)
					}
				}
				for _, tracker := range found {
					require.Contains(t, append(call.Expected, alsoSaid[filepath.Base(file)]...), tracker)
				}
			})
		}
	}
}

// alsoSaid are trackers that the calls were not written for, though their meaning is said.
var alsoSaid = map[string][]string{"voicemail-greeting.json": {"Appointment"}, "happy-renewal.json": {"Gratitude"}}

func readCall(t *testing.T, file string) (call sampleCall) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, &call))
	return call
}

func matchCall(t *testing.T, d *tracking.Detector, call sampleCall, model string) []string {
	t.Helper()
	session := d.NewSession("1")
	var found []string
	for _, turn := range call.Turns {
		u := conversation.Utterance{
			Role: turn.Role, Text: turn.Text, Final: true, Model: model,
			StartMS: int64(turn.Start * 1000), EndMS: int64(turn.End * 1000),
		}
		result, err := session.Match(t.Context(), u)
		require.NoError(t, err)
		for _, m := range result.Matched {
			t.Logf("%-18s %.3f %s %q ~ %q", m.Tracker, m.Score, m.Method, m.Text, m.Phrase)
			require.Equal(t, m.Text, turn.Text[m.Start:m.End])
			require.LessOrEqual(t, u.StartMS, m.StartMS)
			require.Less(t, m.StartMS, m.EndMS)
			require.LessOrEqual(t, m.EndMS, u.EndMS)
			if !slices.Contains(found, m.Tracker) {
				found = append(found, m.Tracker)
			}
		}
	}
	return found
}
