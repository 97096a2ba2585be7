package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/softphone"
)

func TestOutboundOutcomes(t *testing.T) {
	d := start(t, "call: {ring_timeout: 2s}\nasr: {enabled: false}")
	w := d.watch()
	for name, c := range map[string]struct {
		scenario string
		final    string
		status   conversation.Status
		cause    conversation.Cause
		code     int
	}{
		"busy":            {"refuse.xml", "486 Busy Here", conversation.Busy, conversation.CauseBusy, 486},
		"busy everywhere": {"refuse.xml", "600 Busy Everywhere", conversation.Busy, conversation.CauseBusy, 600},
		"unavailable":     {"refuse.xml", "480 Temporarily Unavailable", conversation.NoAnswer, conversation.CauseNoAnswer, 480},
		"declined":        {"refuse.xml", "603 Decline", conversation.Failed, conversation.CauseDeclined, 603},
		"unknown number":  {"refuse.xml", "404 Not Found", conversation.Failed, conversation.CauseBadNumber, 404},
		"rings for ever":  {"ring.xml", "", conversation.NoAnswer, conversation.CauseNoAnswer, 0},
		"completed":       {"answer.xml", "", conversation.Completed, conversation.CauseNormal, 200},
	} {
		t.Run(name, func(t *testing.T) {
			p, uri := callee(t, c.scenario, c.final, "-rtp_echo")
			placed := d.call(map[string]any{"to": uri, "refs": map[string]string{"campaign": name}})
			require.Equal(t, conversation.Queued, placed.Status)
			end := w.ended(20*time.Second, uri)
			p.requireSuccess()
			require.Equal(t, placed.ID, end.ID)
			require.Equal(t, c.status, end.Status, end.Reason)
			require.Equal(t, c.cause, end.Cause)
			require.NotEmpty(t, end.Reason)
			require.Equal(t, name, end.Refs["campaign"])
			if c.code != 0 {
				require.Equal(t, c.code, end.SIPCode)
			}
			require.NotEmpty(t, w.analysis(end.ID).Summary)
			requireNoGaps(t, w.of(end.ID))
		})
	}
	t.Run("nobody at the address", func(t *testing.T) {
		uri := "sip:nobody@127.0.0.1:" + freePort(t)
		d.call(map[string]any{"to": uri})
		end := w.ended(40*time.Second, uri)
		require.Contains(t, []conversation.Status{conversation.Failed, conversation.NoAnswer}, end.Status)
		require.NotEmpty(t, end.Reason)
	})
}

// answerer starts a phone that takes calls and says one channel of a sample call.
func answerer(t *testing.T, sample string, channel int) *softphone.Answerer {
	t.Helper()
	phone, err := softphone.NewAnswerer(softphone.AnswererOptions{
		Talk: softphone.Talk{WAV: loadSample(t, sample).wav(t), Channel: channel, Pause: -1}, RingFor: 200 * time.Millisecond,
	})
	require.NoError(t, err)
	require.NoError(t, phone.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, phone.Stop(ctx))
	})
	return phone
}

// TestScheduledCallReachesAnAnsweringMachine lets the clock place a call to a phone whose greeting says that it is a
// machine.
func TestScheduledCallReachesAnAnsweringMachine(t *testing.T) {
	phone := answerer(t, "voicemail-greeting", 1)
	uri := phone.URI("mailbox", "udp")
	d := start(t, fmt.Sprintf("schedules: [{name: check, cron: '@every 2s', to: %q}]", uri))
	end := d.watch().ended(40*time.Second, uri)
	require.Equal(t, conversation.Voicemail, end.Status, end.Reason)
	require.Equal(t, conversation.PartyOperator, end.EndedBy)
	require.Equal(t, "check", end.Refs["schedule"])
}
