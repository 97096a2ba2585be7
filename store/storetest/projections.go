package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
)

func testProjections(t *testing.T, d Driver) {
	t.Helper()
	t.Run("a conversation is as its last status event says", func(t *testing.T) {
		b, s := d.New(t), NewScript()
		c := s.Inbound("+15550100", "100", nil)
		s.Answer(t, &c)
		c.Recording = &conversation.Recording{File: "a.wav", SampleRate: 16000, DurationMS: 1200}
		s.Finish(t, &c)
		b.Write(s.Events)
		got, err := b.Store.Conversation(t.Context(), c.ID)
		require.NoError(t, err)
		require.Equal(t, c, got)
		counts, err := b.Store.CountByStatus(t.Context())
		require.NoError(t, err)
		require.Len(t, counts, len(conversation.Statuses()))
		require.Equal(t, int64(1), counts[conversation.Completed])
		require.Zero(t, counts[conversation.Queued])
	})
	t.Run("an unknown conversation is not found", func(t *testing.T) {
		b := d.New(t)
		for _, id := range []conversation.ID{"1772442000000000", "", "../../etc/passwd"} {
			_, err := b.Store.Conversation(t.Context(), id)
			require.ErrorIs(t, err, conversation.ErrNotFound)
		}
	})
	t.Run("final utterances are in the order of speech and partials are not kept", func(t *testing.T) {
		b, s := d.New(t), NewScript()
		c := s.Inbound("+15550100", "100", nil)
		second := s.Say(c, 5000, "second")
		first := s.Say(c, 1000, "first")
		partial := first
		partial.Final = false
		s.Add(conversation.Event{ConversationID: c.ID, Type: conversation.EventUtterancePartial, Utterance: &partial})
		b.Write(s.Events)
		got, err := b.Store.Utterances(t.Context(), c.ID)
		require.NoError(t, err)
		require.Equal(t, []conversation.Utterance{first, second}, got)
	})
	t.Run("a provisional match is confirmed or withdrawn", func(t *testing.T) {
		b, s := d.New(t), NewScript()
		u := s.Say(s.Inbound("+15550100", "100", nil), 0, "cancel my account")
		confirmed := s.Match(u, "Cancellation", true)
		withdrawn := s.Match(u, "Greeting", true)
		confirmed.Provisional, confirmed.Score = false, 0.5
		s.Matched(confirmed)
		s.Withdraw(withdrawn)
		b.Write(s.Events)
		got, err := b.Store.Matches(t.Context(), u.ConversationID)
		require.NoError(t, err)
		require.Equal(t, []conversation.Match{confirmed}, got)
	})
	t.Run("a newer analysis is shown and the older one kept", func(t *testing.T) { testAnalyses(t, d) })
	t.Run("what a crash left open is found with its last event", func(t *testing.T) { testInterrupted(t, d) })
}

func testAnalyses(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	c := s.Inbound("+15550100", "100", nil)
	old := conversation.Analysis{Sentiment: conversation.SentimentNegative, Producer: "sentiment/1"}
	latest := conversation.Analysis{Sentiment: conversation.SentimentPositive, Producer: "sentiment/2"}
	s.Analyze(c, old)
	s.Analyze(c, latest)
	s.Answer(t, &c) // a later status event must not wipe it
	b.Write(s.Events)
	got, err := b.Store.Conversation(t.Context(), c.ID)
	require.NoError(t, err)
	require.Equal(t, &latest, got.Analysis)
	analyses, err := b.Store.Analyses(t.Context(), c.ID)
	require.NoError(t, err)
	require.Equal(t, []conversation.Analysis{old, latest}, analyses)
}

func testInterrupted(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	live, ended := s.Inbound("+15550100", "100", nil), s.Inbound("+15550101", "100", nil)
	s.Inbound("+15550102", "100", func(c *conversation.Conversation) { c.Node = "node-2" })
	s.Answer(t, &live)
	s.Answer(t, &ended)
	s.Finish(t, &ended)
	s.Say(live, 2000, "hello")
	b.Write(s.Events)
	got, err := b.Store.Interrupted(t.Context(), "node-1")
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, live, got[0].Conversation)
	require.Equal(t, s.Events[len(s.Events)-1], got[0].Last)
}
