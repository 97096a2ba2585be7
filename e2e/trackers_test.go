package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/softphone"
)

// cli runs the command line against the daemon and returns what it prints to its output.
func (d *daemon) cli(args ...string) string {
	d.t.Helper()
	binary, err := filepath.Abs("../bin/operatord")
	require.NoError(d.t, err)
	command := exec.CommandContext(d.t.Context(), binary, args...)
	command.Env = append(os.Environ(), "OPERATORD_SERVER_URL=http://"+d.addrs["http"])
	var problems strings.Builder
	command.Stderr = &problems
	out, err := command.Output()
	require.NoError(d.t, err, "operatord %s: %s", strings.Join(args, " "), problems.String())
	return string(out)
}

// tracker returns a tracker as the API shows it.
func (d *daemon) tracker(id conversation.ID) api.TrackerView {
	d.t.Helper()
	var v api.TrackerView
	d.get("/api/v1/trackers/"+string(id), &v)
	return v
}

// TestTrackerChangedDuringACall adds a tracker to a running daemon and changes it while a call goes on: the call is matched
// against the new version, and the match sets off what the tracker asks for.
func TestTrackerChangedDuringACall(t *testing.T) {
	matches := make(chan conversation.Event, 16)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var message struct{ Data conversation.Event }
		if json.NewDecoder(r.Body).Decode(&message) == nil && message.Data.Match != nil {
			matches <- message.Data
		}
	}))
	defer receiver.Close()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" //nolint:gosec // of this test only
	d := start(t, fmt.Sprintf("tracking: {sample_trackers: false}\nwebhooks: [{name: crm, url: %q, secret: %s, events: [conversation.completed]}]",
		receiver.URL, secret))
	w := d.watch()
	var added api.TrackerView
	require.NoError(t, json.Unmarshal([]byte(d.cli("trackers", "add", "Balance", "--role", "caller", "-p", "how much did I spend on shoes",
		"--action", "alert", "--action", "tag banking", "--action", "webhook crm", "-o", "json")), &added))
	require.Equal(t, "cli", added.UpdatedBy)

	ended, audio := make(chan error, 1), loadSample(t, "balance-enquiry").wav(t)
	go func() {
		_, err := softphone.Call(t.Context(), softphone.CallOptions{
			Target: "sip:" + d.addrs["sip_udp"], To: "1001", From: "balance",
			Talk: softphone.Talk{WAV: audio, Duration: 14 * time.Second},
		})
		ended <- err
	}()
	w.await(10*time.Second, "the answer", func(ev conversation.Event) bool { return ev.Type == conversation.EventInProgress })
	d.cli("trackers", "set", "Balance", "--add-phrase", "I would like to check my account balance")
	require.Eventually(t, func() bool { return d.tracker(added.ID).LiveVersion == 2 }, 3*time.Second, 20*time.Millisecond)

	match := w.await(30*time.Second, "the match", func(ev conversation.Event) bool {
		return ev.Type == conversation.EventTrackerMatched && !ev.Match.Provisional
	})
	require.Equal(t, added.ID, match.Match.TrackerID)
	require.Equal(t, 2, match.Match.TrackerVersion)
	require.Equal(t, "I would like to check my account balance", match.Match.Phrase)
	require.Len(t, match.Match.Reactions, 3)
	alert := w.await(5*time.Second, "the alert", func(ev conversation.Event) bool { return ev.Type == conversation.EventAlertRaised })
	require.Equal(t, match.Match.ID, alert.Match.ID)
	require.NoError(t, <-ended)
	require.Equal(t, []string{"banking"}, w.ended(30*time.Second, "balance").Tags)
	select {
	case delivered := <-matches:
		require.Equal(t, match.Match.ID, delivered.Match.ID, "sent to the endpoint that the tracker names")
	case <-time.After(10 * time.Second):
		require.Fail(t, "the match was not delivered")
	}
	require.Equal(t, 3.0, d.metric("operatord_tracking_reactions_total"), "once of each type") //nolint:testifylint // a count
}

func TestTrackersOnTheCommandLine(t *testing.T) {
	d := start(t, "asr: {enabled: false}\ntracking: {trackers: [{name: Kept, vocabulary: [kept by the file]}]}")
	require.Contains(t, d.cli("trackers", "list"), "Cancellation")
	require.Contains(t, d.cli("trackers", "get", "Kept"), "by config")
	file := filepath.Join(t.TempDir(), "trackers.csv")
	d.cli("trackers", "export", file)
	out := d.cli("trackers", "add", "Refund, fast", "--phrase", "I want my money back, now", "--threshold", "0.7", "-o", "json")
	var added api.TrackerView
	require.NoError(t, json.Unmarshal([]byte(out), &added))
	require.Equal(t, []string{"I want my money back, now"}, added.Vocabulary)
	d.cli("trackers", "set", "Refund, fast", "--clear", "threshold", "--name", "Refund", "--no-enabled")
	versions := d.cli("trackers", "versions", "Refund")
	require.Contains(t, versions, "enabled, name, threshold")
	require.Contains(t, d.cli("trackers", "rm", "Refund"), "trackers restore "+string(added.ID)+" 2")
	d.cli("trackers", "restore", string(added.ID), "1")
	require.Contains(t, d.cli("trackers", "get", "Refund, fast", "-o", "yaml"), "threshold: 0.7")
	require.Contains(t, d.cli("trackers", "import", file, "--dry-run"), "unchanged   Kept")

	t.Run("warnings tell what the sentence encoder finds", func(t *testing.T) {
		d.cli("trackers", "add", "Twice", "-p", "I want to cancel my contract", "-p", "I would like to cancel my contract",
			"-p", "I do not want to cancel my contract", "-p", "where is my parcel", "-p", "can I pay by card")
		shown := d.cli("trackers", "get", "Twice")
		require.Contains(t, shown, `vocabulary[1] means the same as vocabulary[0]`)
		require.Contains(t, shown, `vocabulary[2] says the opposite of vocabulary[0]`)
		require.NotContains(t, shown, "vocabulary[3]")
	})
	t.Run("what is wrong is said", func(t *testing.T) {
		binary, err := filepath.Abs("../bin/operatord")
		require.NoError(t, err)
		command := exec.CommandContext(t.Context(), binary, "trackers", "add", "Bad", "-p", "a (b)", "--server", "http://"+d.addrs["http"])
		out, err := command.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "400 Bad Request: vocabulary[0]: holds a parenthesis or bracket")
	})
}
