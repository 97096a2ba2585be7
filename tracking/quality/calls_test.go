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
func bundledDetector(t testing.TB, e tracking.Encoder) *tracking.Detector {
	t.Helper()
	background, err := tracking.BundledBackground()
	require.NoError(t, err)
	d, err := tracking.New(tracking.Options{Encoder: e, Background: background, IDs: &conversation.IDs{}})
	require.NoError(t, err)
	return d
}

func openEncoder(t testing.TB) *encoder.Encoder {
	t.Helper()
	e, err := encoder.Open("../../weights/all-MiniLM-L6-v2.q8_0.gguf", encoder.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
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

// TestSampleCalls matches what is said in the sample calls, once as typed text and once as if it had been recognised.
func TestSampleCalls(t *testing.T) {
	d := bundledDetector(t, openEncoder(t))
	require.NoError(t, d.SetTrackers(t.Context(), tracking.Samples()))
	// These are said, though the calls were not written for them.
	also := map[string][]string{"voicemail-greeting": {"Appointment"}, "happy-renewal": {"Gratitude"}}
	files, err := filepath.Glob("../../samples/calls/*.json")
	require.NoError(t, err)
	require.Len(t, files, 6)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		var call sampleCall
		require.NoError(t, json.Unmarshal(content, &call))
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		for _, model := range []string{"", "micro.en"} {
			t.Run(name+" "+model, func(t *testing.T) {
				found := matchCall(t, d, call, model)
				for _, expected := range call.Expected {
					if slices.ContainsFunc(tracking.Samples(), func(s tracking.Tracker) bool { return s.Name == expected }) {
						require.Contains(t, found, expected)
					}
				}
				for _, tracker := range found {
					require.Contains(t, append(call.Expected, also[name]...), tracker)
				}
			})
		}
	}
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
