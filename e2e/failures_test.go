package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/media/wav"
	"github.com/operatord/operatord/softphone"
)

// TestWebhookReceiverThatFailsTwice gets every event once it accepts, in order and signed.
func TestWebhookReceiverThatFailsTwice(t *testing.T) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	var mu sync.Mutex
	attempts, delivered := 0, []conversation.Event{}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if attempts++; attempts <= 2 || err != nil {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		var message struct{ Data conversation.Event }
		if verifier.Verify(body, r.Header) != nil || json.Unmarshal(body, &message) != nil {
			http.Error(w, "bad signature", http.StatusBadRequest)
			return
		}
		delivered = append(delivered, message.Data)
	}))
	defer receiver.Close()
	d := start(t, fmt.Sprintf("webhooks: [{name: crm, url: %q, secret: %s}]", receiver.URL, secret))
	_, err = softphone.Call(t.Context(), softphone.CallOptions{
		Target: "sip:" + d.addrs["sip_udp"], To: "1001", From: "webhook",
		Talk: softphone.Talk{WAV: loadSample(t, "angry-cancellation").wav(t), Duration: 14 * time.Second},
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(delivered) > 0 && delivered[len(delivered)-1].Type == conversation.EventCompleted
	}, 60*time.Second, 50*time.Millisecond, "the end of the call is not delivered")
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, conversation.EventTrackerMatched, delivered[0].Type)
	require.Equal(t, "Cancellation", delivered[0].Match.Tracker)
	for i := 1; i < len(delivered); i++ {
		require.Greater(t, delivered[i].Seq, delivered[i-1].Seq)
	}
}

// TestDamagedModelsLeaveADaemonThatAnswersAndRecords.
func TestDamagedModels(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.bin")
	require.NoError(t, os.WriteFile(broken, []byte("no model at all"), 0o600))
	for name, settings := range map[string]string{
		"damaged speech model": fmt.Sprintf("asr: {model: %q}", broken),
		"missing speech model": "asr: {model: /nowhere/model.bin}",
		"damaged encoder":      fmt.Sprintf("tracking: {encoder: %q}", broken),
	} {
		t.Run(name, func(t *testing.T) {
			d := startDegraded(t, settings)
			w := d.watch()
			result, err := softphone.Call(t.Context(), softphone.CallOptions{
				Target: "sip:" + d.addrs["sip_udp"], To: "1001", From: "patient", Talk: softphone.Talk{Duration: 2 * time.Second},
			})
			require.NoError(t, err)
			require.True(t, result.Answered)
			end := w.ended(20*time.Second, "patient")
			require.Equal(t, conversation.Completed, end.Status)
			checkRecording(t, d, end, 2)
		})
	}
}

// process is a daemon in a process of its own, so that it can be killed.
type process struct {
	*daemon
	command   *exec.Cmd
	listening time.Time
}

// startProcess builds nothing: `make e2e` has built the daemon.
func startProcess(tb testing.TB, dir string) *process {
	tb.Helper()
	binary, err := filepath.Abs("../bin/operatord")
	require.NoError(tb, err)
	require.FileExists(tb, binary, "run `make build` first")
	addrs := filepath.Join(dir, "addrs.json")
	require.NoError(tb, os.RemoveAll(addrs))
	log, err := os.OpenFile(filepath.Join(dir, "operatord.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = log.Close() })
	p := &process{daemon: &daemon{t: tb}, command: exec.Command(binary, "serve", "--config", filepath.Join(dir, "operatord.yaml"), "--addr-file", addrs)}
	output := struct{ io.Writer }{log} // through a pipe: what the daemon's own files suffer does not reach its log
	p.command.Stdout, p.command.Stderr = output, output
	require.NoError(tb, p.command.Start())
	tb.Cleanup(func() { p.end(syscall.SIGKILL) })
	require.Eventually(tb, func() bool {
		data, err := os.ReadFile(addrs)
		return err == nil && json.Unmarshal(data, &p.addrs) == nil
	}, readyTimeout, 20*time.Millisecond, "the daemon does not listen; its log: %s", log.Name())
	p.listening = time.Now()
	p.awaitReady()
	return p
}

// end sends a signal and waits for the process, which may have ended already.
func (p *process) end(signal syscall.Signal) {
	_ = p.command.Process.Signal(signal)
	_ = p.command.Wait()
}

// TestKillInMidCall kills the daemon while it talks and checks what the next one makes of it.
func TestKillInMidCall(t *testing.T) {
	dir := t.TempDir()
	writeConfig(t, dir, "data_dir: data")
	p := startProcess(t, dir)
	w := p.watch()
	var calling sync.WaitGroup
	calling.Go(func() {
		_, _ = softphone.Call(t.Context(), softphone.CallOptions{ // it is cut off; what the phone makes of that is not the point
			Target: "sip:" + p.addrs["sip_udp"], To: "1001", From: "victim",
			Talk: softphone.Talk{WAV: loadSample(t, "angry-cancellation").wav(t), Duration: 30 * time.Second},
		})
	})
	last := w.await(40*time.Second, "a match", func(ev conversation.Event) bool { return ev.Type == conversation.EventTrackerMatched })
	p.end(syscall.SIGKILL)

	again := startProcess(t, dir)
	var c conversation.Conversation
	again.get("/api/v1/conversations/"+string(last.ConversationID), &c)
	require.Equal(t, conversation.Completed, c.Status)
	require.Equal(t, conversation.CauseNodeRestart, c.Cause)
	require.WithinDuration(t, last.At, *c.EndedAt, 3*time.Second, "it ends with what was last known, not with the restart")
	events := again.watch()
	events.analysis(c.ID)
	requireNoGaps(t, events.of(c.ID))
	require.NotNil(t, c.Recording)
	player, err := wav.Open(filepath.Join(dir, "data", "recordings", c.Recording.File), 0)
	require.NoError(t, err)
	require.NoError(t, player.Close())
	again.end(syscall.SIGTERM)
	calling.Wait()
}

// TestWrongConfiguration checks the exit status and that every problem is named.
func TestWrongConfiguration(t *testing.T) {
	dir := t.TempDir()
	path := writeConfig(t, dir, "log: {level: loud}\nmedia: {timeout: 1ms}\nwhat: 1")
	binary, err := filepath.Abs("../bin/operatord")
	require.NoError(t, err)
	output, err := exec.Command(binary, "serve", "--config", path).CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 2, exit.ExitCode())
	for _, key := range []string{"log.level", "media.timeout", "what"} {
		require.Contains(t, string(output), key+":")
	}
	require.Equal(t, 1+3, strings.Count(string(output), "\n"))
}
