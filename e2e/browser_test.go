package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
)

// TestCallFromTheBrowser calls from the live page in a real Chromium whose microphone is a sample call.
func TestCallFromTheBrowser(t *testing.T) {
	requireBrowser(t)
	d := start(t, "")
	w := d.watch()
	node := exec.Command("node", "../web/ui/e2e/browser-call.js", "--url", d.url(""), "--seconds", "16",
		"--microphone", mono(t, loadSample(t, "angry-cancellation").wav(t)))
	var stdout, stderr bytes.Buffer
	node.Stdout, node.Stderr = &stdout, &stderr
	require.NoError(t, node.Run(), "%s\n%s", &stdout, &stderr)

	var shown struct {
		Conversation conversation.ID
		Complaints   []string
	}
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &shown))
	require.Empty(t, shown.Complaints)
	events := w.of(shown.Conversation)
	requireNoGaps(t, events)
	require.Equal(t, conversation.ChannelWebRTC, events[0].Conversation.Channel)
	require.True(t, slices.ContainsFunc(events, func(ev conversation.Event) bool {
		return ev.Type == conversation.EventTrackerMatched && ev.Match.Tracker == "Cancellation"
	}), "what is said in the browser is not recognised:\n%s", w.types())
	require.True(t, slices.ContainsFunc(events, func(ev conversation.Event) bool { return ev.Type == conversation.EventCompleted }))
}

// requireBrowser skips the test where there is no Chromium or the page was not built; `make e2e` sees to both.
func requireBrowser(t *testing.T) {
	t.Helper()
	found := false
	for _, path := range []string{os.Getenv("CHROMIUM"), "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"} {
		if _, err := os.Stat(path); path != "" && err == nil {
			found = true
		}
	}
	if !found {
		t.Skip("no Chromium; `make e2e` installs it where the distribution has it")
	}
	page, err := filepath.Glob("../web/dist/assets/*.js")
	require.NoError(t, err)
	require.NotEmpty(t, page, "the page is not built; run `make e2e`")
}
