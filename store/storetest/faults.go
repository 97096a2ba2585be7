package storetest

import (
	"context"
	"database/sql"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/store"
)

// waitLimit bounds the waits for a condition; a healthy run needs a fraction of it.
const (
	waitLimit = 20 * time.Second
	waitTick  = 2 * time.Millisecond
)

func testFaults(t *testing.T, d Driver) {
	t.Helper()
	t.Run("an event that can never be stored is rejected alone", func(t *testing.T) { testPoison(t, d) })
	t.Run("events go to the spool while the database is away", func(t *testing.T) { testOutage(t, d) })
	t.Run("the spool of an earlier run is replayed", func(t *testing.T) { testReplay(t, d) })
	t.Run("a slow database replays the spool in smaller batches", func(t *testing.T) { testSlowReplay(t, d) })
	t.Run("a full spool loses the newest events and says so", func(t *testing.T) { testLoss(t, d) })
	t.Run("a closed database keeps events in the spool", func(t *testing.T) {
		b, s := d.New(t), NewScript()
		s.Inbound("+15550100", "100", nil)
		w := b.Writer(func(o *store.WriterOptions) { o.DrainTimeout = 50 * time.Millisecond })
		require.NoError(t, b.Store.Close())
		w.Append(s.Events[0])
		require.NoError(t, b.Run(w)())
		b = d.Reopen(t, b.Dir)
		w = b.Writer(nil)
		require.NoError(t, w.Replay(t.Context()))
		requireEvents(t, b, s.Events)
		require.NoError(t, b.Run(w)())
	})
	t.Run("after the end an event is counted as lost", func(t *testing.T) {
		b, s := d.New(t), NewScript()
		s.Inbound("+15550100", "100", nil)
		w := b.Writer(nil)
		require.NoError(t, b.Run(w)())
		w.Append(s.Events[0])
		require.Equal(t, 1, b.Count("operatord_store_events_lost_total"))
	})
}

func testPoison(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	c := s.Inbound("+15550100", "100", nil)
	for range 50 {
		s.Say(c, 0, "hello")
	}
	good := append([]conversation.Event{}, s.Events...)
	noSeq, taken, noID, noJSON := good[20], good[20], good[20], good[20]
	noSeq.Seq, noSeq.Position = -1, 1001
	taken.Seq, taken.Position = 1002, good[3].Position
	noID.ConversationID, noID.Position = "12", 1003
	noJSON.Utterance = &conversation.Utterance{Confidence: math.NaN()}
	bad := []conversation.Event{noSeq, taken, noID, noJSON}

	w := b.Writer(nil)
	for i, ev := range good {
		w.Append(ev)
		if i >= 30 && i < 30+len(bad) {
			w.Append(bad[i-30])
		}
	}
	b.Run(w)
	b.Flush(w)
	require.NoError(t, w.Err())
	requireEvents(t, b, good)
	require.Equal(t, len(bad), b.Count("operatord_store_events_rejected_total"))
	kept, err := os.ReadFile(b.Spool() + ".rejected")
	require.NoError(t, err)
	require.Contains(t, string(kept), `"seq":1002`)
}

func testOutage(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	c := s.Inbound("+15550100", "100", nil)
	w := b.Writer(func(o *store.WriterOptions) { o.QueueSize = 100 })
	b.Run(w)
	w.Append(s.Events[0])
	b.Flush(w)

	release := d.Block(t, b.Dir)
	for i := range 300 { // three times what memory holds
		s.Say(c, int64(i), "hello")
		ev := s.Events[len(s.Events)-1]
		if i == 0 {
			w.Append(ev)
			require.Eventually(t, func() bool { return w.Err() != nil }, waitLimit, waitTick)
			continue
		}
		require.Eventually(t, func() bool { return b.Count("operatord_store_queue_events") < 90 }, waitLimit, waitTick)
		w.Append(ev)
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, w.Flush(short), context.DeadlineExceeded)
	require.Zero(t, b.Count("operatord_store_up"))

	release()
	b.Flush(w)
	requireEvents(t, b, s.Events)
	require.NoError(t, w.Err())
	require.Zero(t, b.Count("operatord_store_events_lost_total"))
	require.Positive(t, b.Count("operatord_store_events_spooled_total"))
	require.Zero(t, b.Count("operatord_store_spool_events"))
	info, err := os.Stat(b.Spool())
	require.NoError(t, err)
	require.Zero(t, info.Size(), "the spool is empty again")
}

func testReplay(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	c := s.Inbound("+15550100", "100", nil)
	for range 600 { // more than two batches
		s.Say(c, 0, "hello")
	}
	release := d.Block(t, b.Dir)
	w := b.Writer(func(o *store.WriterOptions) { o.DrainTimeout = 50 * time.Millisecond })
	for _, ev := range s.Events {
		w.Append(ev)
	}
	require.NoError(t, b.Run(w)())
	release()

	file, err := os.OpenFile(b.Spool(), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString("no event\n" + `{"position":99,"conversation_id":"17724`) // a torn write at the end
	require.NoError(t, err)
	require.NoError(t, file.Close())

	w = b.Writer(nil)
	require.NoError(t, w.Replay(t.Context()))
	requireEvents(t, b, s.Events)
	require.Equal(t, 1, b.Count("operatord_store_events_rejected_total"))
	b.Run(w)
	s.Say(c, 0, "after the restart")
	w.Append(s.Events[len(s.Events)-1])
	b.Flush(w)
	requireEvents(t, b, s.Events)
}

func testSlowReplay(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	c := s.Inbound("+15550100", "100", nil)
	for range 100 {
		s.Say(c, 0, "hello")
	}
	release := d.Block(t, b.Dir)
	w := b.Writer(func(o *store.WriterOptions) { o.DrainTimeout = 50 * time.Millisecond })
	for _, ev := range s.Events {
		w.Append(ev)
	}
	require.NoError(t, b.Run(w)())
	release()

	var current *sql.Tx
	events, inTime := 0, 10
	slow := func(_ context.Context, tx *sql.Tx, _ conversation.Event) error {
		if tx != current {
			current, events = tx, 0
		}
		if events++; events > inTime {
			return context.DeadlineExceeded
		}
		return nil
	}
	w = b.Writer(func(o *store.WriterOptions) { o.Hooks = []store.Hook{slow} })
	inTime = 0
	require.ErrorIs(t, w.Replay(t.Context()), context.DeadlineExceeded, "not a single event")
	inTime = 10
	require.NoError(t, w.Replay(t.Context()))
	requireEvents(t, b, s.Events)
	require.NoError(t, b.Run(w)())
}

func testLoss(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	c := s.Inbound("+15550100", "100", nil)
	for range 400 {
		s.Say(c, 0, "hello")
	}
	release := d.Block(t, b.Dir)
	w := b.Writer(func(o *store.WriterOptions) {
		o.QueueSize, o.SpoolLimit, o.DrainTimeout = 50, 20_000, waitLimit
	})
	stop := b.Run(w)
	for _, ev := range s.Events {
		w.Append(ev)
	}
	lost := b.Count("operatord_store_events_lost_total")
	require.Positive(t, lost)
	release()
	b.Flush(w)
	require.NoError(t, stop())
	position, err := b.Store.LastPosition(t.Context())
	require.NoError(t, err)
	require.Positive(t, position)
	all, err := b.Store.EventsAfter(t.Context(), 0, len(s.Events))
	require.NoError(t, err)
	require.Len(t, all, len(s.Events)-lost, "what was not counted as lost is there")
}
