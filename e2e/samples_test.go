package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/asr/wer"
	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/softphone"
)

const samplesDir = "../samples/calls"

// sampleCall is what the description of a sample call says should be found in it.
type sampleCall struct {
	name              string
	Seconds           float64
	ExpectedTrackers  []string               `json:"expected_trackers"`
	ExpectedSentiment conversation.Sentiment `json:"expected_sentiment"`
	Turns             []struct{ Role, Text string }
}

func loadSample(tb testing.TB, name string) sampleCall {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(samplesDir, name+".json"))
	require.NoError(tb, err)
	s := sampleCall{name: name}
	require.NoError(tb, json.Unmarshal(data, &s))
	return s
}

func (s sampleCall) wav(tb testing.TB) string {
	tb.Helper()
	path, err := filepath.Abs(filepath.Join(samplesDir, s.name+".wav"))
	require.NoError(tb, err)
	return path
}

// wordErrors compares what one side was heard to say with what it says.
func (s sampleCall) wordErrors(role conversation.Role, heard []conversation.Utterance) wer.Counts {
	var said, text []string
	for _, turn := range s.Turns {
		if turn.Role == string(role) {
			said = append(said, turn.Text)
		}
	}
	for _, u := range heard {
		if u.Role == role {
			text = append(text, u.Text)
		}
	}
	return wer.Compare(strings.Join(said, " "), strings.Join(text, " "))
}

// bounds are what each call must reach: the word error rate measured with the bundled model plus a margin, and the
// trackers that are found. "your competitor" is heard as "your computer", and two expected trackers are not among the samples.
var bounds = map[string]struct {
	wordErrorRate float64
	trackers      []string
	sentiments    []conversation.Sentiment
}{
	"angry-cancellation": {0.35, []string{"Cancellation", "Pricing objection", "Promotion Mention", "Refund request"}, []conversation.Sentiment{
		conversation.SentimentOverlyNegative, conversation.SentimentNegative,
	}},
	"balance-enquiry": {0.30, nil, []conversation.Sentiment{conversation.SentimentNeutral}},
	"escalation-request": {0.35, []string{"Technical trouble", "Escalation"}, []conversation.Sentiment{
		conversation.SentimentOverlyNegative, conversation.SentimentNegative,
	}},
	"happy-renewal": {0.30, []string{"Promotion Mention"}, []conversation.Sentiment{
		conversation.SentimentPositive, conversation.SentimentOverlyPositive,
	}},
	"silent-call":        {0, nil, []conversation.Sentiment{conversation.SentimentNotApplicable}},
	"voicemail-greeting": {0.35, []string{"Voice Message"}, nil},
}

// TestSampleCalls places the six sample calls at once, as real calls in real time, and checks everything that is said of
// each afterwards.
func TestSampleCalls(t *testing.T) {
	var settings strings.Builder
	settings.WriteString("profiles:\n")
	for name := range bounds {
		fmt.Fprintf(&settings, "  - {name: %s, greeting: %q, greeting_channel: 1}\n", name, loadSample(t, name).wav(t))
	}
	settings.WriteString("routes:\n")
	for name := range bounds {
		fmt.Fprintf(&settings, "  - {to: to-%s, profile: %s}\n", name, name)
	}
	d := start(t, settings.String())
	w := d.watch()
	var calls sync.WaitGroup
	for name := range bounds {
		s := loadSample(t, name)
		wav := s.wav(t)
		calls.Go(func() {
			result, err := softphone.Call(t.Context(), softphone.CallOptions{
				Target: "sip:" + d.addrs["sip_udp"], To: "to-" + name, From: name,
				Talk: softphone.Talk{WAV: wav, Pause: time.Second},
			})
			if err != nil || !result.Answered {
				t.Errorf("%s: %v %+v", name, err, result)
			}
		})
	}
	calls.Wait()
	for name := range bounds {
		t.Run(name, func(t *testing.T) { checkSample(t, d, w, loadSample(t, name)) })
	}
}

func checkSample(t *testing.T, d *daemon, w *watcher, s sampleCall) {
	t.Helper()
	want := bounds[s.name]
	end := w.ended(90*time.Second, s.name)
	require.Equal(t, conversation.Completed, end.Status)
	require.Equal(t, conversation.PartyRemote, end.EndedBy)
	require.InDelta(t, 1000*(s.Seconds+1), end.DurationMS, 1500)
	analysis := w.analysis(end.ID)
	requireNoGaps(t, w.of(end.ID))

	var stored struct{ Items []conversation.Utterance }
	d.get("/api/v1/conversations/"+string(end.ID)+"/utterances", &stored)
	var errors wer.Counts
	for _, role := range []conversation.Role{conversation.RoleCaller, conversation.RoleAgent} {
		errors = errors.Add(s.wordErrors(role, stored.Items))
	}
	t.Logf("%s: word error rate %.3f of %d words, sentiment %s (%.2f): %s", s.name, errors.Rate(), errors.Words,
		analysis.Sentiment, analysis.SentimentScore, analysis.Summary)
	require.LessOrEqual(t, errors.Rate(), want.wordErrorRate)

	matched := map[string]bool{}
	for _, ev := range w.of(end.ID) {
		if ev.Type == conversation.EventTrackerMatched && !ev.Match.Provisional {
			matched[ev.Match.Tracker] = true
		}
	}
	for _, tracker := range want.trackers {
		require.True(t, matched[tracker], "%s was not found in %s", tracker, s.name)
	}
	if len(s.ExpectedTrackers) == 0 {
		require.Empty(t, matched)
	}
	if want.sentiments != nil {
		require.Contains(t, want.sentiments, analysis.Sentiment)
	}
	require.NotEmpty(t, analysis.Summary)
	checkRecording(t, d, end, s.Seconds+1)
}

// checkRecording downloads a recording and checks its length: 16 kHz, two channels, 16 bits.
func checkRecording(t *testing.T, d *daemon, c conversation.Conversation, seconds float64) {
	t.Helper()
	response, err := http.Get(d.url("/api/v1/conversations/" + string(c.ID) + "/recording"))
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	const bytesPerSecond = 16000 * 2 * 2
	require.InDelta(t, seconds, float64(response.ContentLength)/bytesPerSecond, 1.5)
}
