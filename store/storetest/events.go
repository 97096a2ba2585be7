package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/store"
)

func testEvents(t *testing.T, d Driver) {
	t.Helper()
	t.Run("an empty store has none", func(t *testing.T) {
		b := d.New(t)
		position, err := b.Store.LastPosition(t.Context())
		require.NoError(t, err)
		require.Zero(t, position)
		requireEvents(t, b, nil)
		events, err := b.Store.Events(t.Context(), "no identity", 0, 10)
		require.NoError(t, err)
		require.Empty(t, events)
	})
	t.Run("they are kept in order and unchanged", func(t *testing.T) {
		b, s := d.New(t), NewScript()
		first, second := s.Inbound("+15550100", "100", nil), s.Inbound("+15550101", "100", nil)
		for range 300 { // more than a batch
			s.Say(first, 0, "hello")
			s.Say(second, 0, "good morning")
		}
		b.Write(s.Events)
		requireEvents(t, b, s.Events)

		page, err := b.Store.Events(t.Context(), second.ID, 17, 5)
		require.NoError(t, err)
		require.Len(t, page, 5)
		require.Equal(t, int64(18), page[0].Seq)
		require.Equal(t, second.ID, page[0].ConversationID)

		seq, err := b.Store.LastSeq(t.Context(), first.ID)
		require.NoError(t, err)
		require.Equal(t, int64(301), seq)
		position, err := b.Store.LastPosition(t.Context())
		require.NoError(t, err)
		require.Equal(t, s.Events[len(s.Events)-1].Position, position)
	})
	t.Run("a repetition is stored once", func(t *testing.T) {
		b, s := d.New(t), NewScript()
		c := s.Inbound("+15550100", "100", nil)
		s.Match(s.Say(c, 0, "hello"), "Greeting", false)
		s.Analyze(c, conversation.Analysis{Producer: "test/1"})
		b.Write(s.Events)
		again := append(append([]conversation.Event{}, s.Events...), s.Events...)
		b.Write(again)
		requireEvents(t, b, s.Events)
		analyses, err := b.Store.Analyses(t.Context(), c.ID)
		require.NoError(t, err)
		require.Len(t, analyses, 1)
	})
	t.Run("text from outside may hold anything", func(t *testing.T) { testForeignText(t, d) })
	t.Run("readers see a growing prefix while they are written", func(t *testing.T) { testReaders(t, d) })
}

func testForeignText(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	c := s.Inbound("+1\x00' OR 1=1 --?", "sip:\xff\xfe\"@example.com", nil)
	u := s.Say(c, 0, "a\x00b ?  ?0 \\ ' \" \u202e \xed\xa0\x80 \U0001F600")
	s.Match(u, "T'racker\x00?", false)
	b.Write(s.Events)
	seq, err := b.Store.LastSeq(t.Context(), c.ID)
	require.NoError(t, err)
	require.Equal(t, int64(3), seq)
	got, err := b.Store.Conversation(t.Context(), c.ID)
	require.NoError(t, err)
	require.Equal(t, c.From, got.From)
	for _, query := range []store.Query{{From: "' OR 1=1 --?"}, {From: "\x00'"}, {Tracker: "T'racker\x00?"}, {Text: "a b\x00"}} {
		_, err := b.Store.ListConversations(t.Context(), query)
		require.NoError(t, err)
	}
}

func testReaders(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	c := s.Inbound("+15550100", "100", nil)
	for range 500 {
		s.Say(c, 0, "hello")
	}
	w := b.Writer(nil)
	b.Run(w)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() { readPrefix(t, b, done) })
	}
	for _, ev := range s.Events {
		w.Append(ev)
	}
	b.Flush(w)
	close(done)
	readers.Wait()
	requireEvents(t, b, s.Events)
}

// readPrefix follows the log until done is closed, and fails the test if it ever sees a gap.
func readPrefix(t *testing.T, b *Bench, done <-chan struct{}) {
	t.Helper()
	position := int64(0)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		events, err := b.Store.EventsAfter(t.Context(), position, 100)
		if err != nil {
			t.Errorf("read: %v", err)
			return
		}
		for _, ev := range events {
			if ev.Position != position+1 {
				t.Errorf("event %d follows %d", ev.Position, position)
				return
			}
			position = ev.Position
		}
		select {
		case <-done:
			return
		case <-tick.C:
		}
	}
}

// requireEvents requires the log to be want, read in pages.
func requireEvents(t *testing.T, b *Bench, want []conversation.Event) {
	t.Helper()
	var got []conversation.Event
	position := int64(0)
	for {
		page, err := b.Store.EventsAfter(t.Context(), position, 97)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		position = page[len(page)-1].Position
	}
	require.Len(t, got, len(want))
	for i := range want {
		require.Equal(t, want[i], got[i])
	}
}
