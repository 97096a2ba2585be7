package conversation_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/operatord/operatord/conversation"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newConversation(d conversation.Direction) conversation.Conversation {
	return conversation.New("1767323045000000", d, conversation.ChannelSIP, "1001", "1002", start)
}

// anyDirection and anyStatus draw from the whole domain, so that no legal or illegal step is left out.
func anyDirection(t *rapid.T) conversation.Direction {
	return rapid.SampledFrom([]conversation.Direction{conversation.Inbound, conversation.Outbound}).Draw(t, "direction")
}

func anyStatus(t *rapid.T) conversation.Status {
	return rapid.SampledFrom(conversation.Statuses()).Draw(t, "status")
}

// step tries to move c to s the way the daemon does.
func step(c *conversation.Conversation, s conversation.Status, at time.Time) error {
	if s == conversation.InProgress {
		return c.Answer(at)
	}
	return c.Finish(conversation.End{Status: s, By: conversation.PartyRemote, Cause: conversation.CauseNormal}, at)
}

func TestStatusMachineTakesOnlyLegalSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newConversation(anyDirection(t))
		at := start
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			before, to := c, anyStatus(t)
			at = at.Add(time.Second)
			err := step(&c, to, at)
			legal := slices.Contains(before.Status.Next(before.Direction), to)
			if legal {
				require.NoError(t, err)
				require.Equal(t, to, c.Status)
				continue
			}
			require.ErrorIs(t, err, conversation.ErrTransition)
			require.Equal(t, before, c, "a refused step changes nothing")
		}
	})
}

func TestNothingLeavesATerminalStatus(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyStatus(t)
		require.Equal(t, s.Terminal(), len(s.Next(anyDirection(t))) == 0)
	})
}

func TestEveryStatusIsReachable(t *testing.T) {
	reached := map[conversation.Status]bool{conversation.Queued: true}
	for _, d := range []conversation.Direction{conversation.Inbound, conversation.Outbound} {
		for from := range reached {
			for _, to := range from.Next(d) {
				reached[to] = true
			}
		}
	}
	for _, s := range conversation.Statuses() {
		require.True(t, reached[s], s)
	}
}

func TestOnlyPlacedCallsEndBusyNoAnswerOrVoicemail(t *testing.T) {
	for _, from := range []conversation.Status{conversation.Queued, conversation.InProgress} {
		next := from.Next(conversation.Inbound)
		require.NotContains(t, next, conversation.Busy)
		require.NotContains(t, next, conversation.NoAnswer)
		require.NotContains(t, next, conversation.Voicemail)
	}
}

func TestFinish(t *testing.T) {
	t.Run("duration runs from answer to end", func(t *testing.T) {
		c := newConversation(conversation.Inbound)
		require.NoError(t, c.Answer(start.Add(2*time.Second)))
		require.NoError(t, step(&c, conversation.Completed, start.Add(7*time.Second)))
		require.Equal(t, int64(5000), c.DurationMS)
	})
	t.Run("a call never answered has no duration", func(t *testing.T) {
		c := newConversation(conversation.Outbound)
		require.NoError(t, step(&c, conversation.Busy, start.Add(7*time.Second)))
		require.Zero(t, c.DurationMS)
		require.Equal(t, start.Add(7*time.Second), *c.EndedAt)
	})
	t.Run("an end must be terminal", func(t *testing.T) {
		c := newConversation(conversation.Inbound)
		err := c.Finish(conversation.End{Status: conversation.InProgress}, start)
		require.ErrorIs(t, err, conversation.ErrTransition)
		require.Equal(t, conversation.Queued, c.Status)
	})
}

func TestEventTypeAnnouncesStatus(t *testing.T) {
	for _, s := range conversation.Statuses() {
		got, ok := conversation.StatusEvent(s).Status()
		require.True(t, ok)
		require.Equal(t, s, got)
	}
	_, ok := conversation.EventConversationAnalyzed.Status()
	require.False(t, ok)
	_, ok = conversation.EventUtteranceFinal.Status()
	require.False(t, ok)
}
