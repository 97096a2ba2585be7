package storetest

import (
	"context"
	"database/sql"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/store"
)

// jobTable makes a table for note and returns a function that reads the Seq of what it noted.
func jobTable(t *testing.T, b *Bench) (read func() []int64) {
	t.Helper()
	_, err := b.Store.DB().ExecContext(t.Context(), "CREATE TABLE jobs (seq BIGINT)")
	require.NoError(t, err)
	return func() []int64 {
		rows, err := b.Store.DB().QueryContext(t.Context(), "SELECT seq FROM jobs ORDER BY seq")
		require.NoError(t, err)
		defer func() { require.NoError(t, rows.Close()) }()
		var seqs []int64
		for rows.Next() {
			var seq int64
			require.NoError(t, rows.Scan(&seq))
			seqs = append(seqs, seq)
		}
		require.NoError(t, rows.Err())
		return seqs
	}
}

// note is a hook that enqueues a job for each event in the way of the post-call work.
func note(ctx context.Context, tx *sql.Tx, ev conversation.Event) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO jobs (seq) VALUES ($1)", ev.Seq)
	return err
}

func testHooks(t *testing.T, d Driver) {
	t.Helper()
	t.Run("each event is seen once in the transaction that stores it", func(t *testing.T) {
		b, s := d.New(t), NewScript()
		jobs := jobTable(t, b)
		c := s.Inbound("+15550100", "100", nil)
		s.Say(c, 0, "hello")
		for range 2 { // the second round is a repetition
			w := b.Writer(func(o *store.WriterOptions) { o.Hooks = []store.Hook{note} })
			stop := b.Run(w)
			for _, ev := range s.Events {
				w.Append(ev)
			}
			b.Flush(w)
			require.NoError(t, stop())
		}
		require.Equal(t, []int64{1, 2}, jobs())
	})
	t.Run("a failure rolls back the event and what hooks did, and is tried again", func(t *testing.T) { testFlakyHook(t, d) })
	t.Run("one that always fails costs its own work only", func(t *testing.T) { testBrokenHook(t, d) })
	t.Run("one that hangs is cut off by the time limit", func(t *testing.T) { testHangingHook(t, d) })
}

func testFlakyHook(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	jobs := jobTable(t, b)
	c := s.Inbound("+15550100", "100", nil)
	s.Say(c, 0, "hello")
	s.Say(c, 0, "again")
	var failures atomic.Int32
	flaky := func(_ context.Context, _ *sql.Tx, ev conversation.Event) error {
		if ev.Seq == 2 && failures.Add(1) <= 3 {
			return errHook
		}
		return nil
	}
	w := b.Writer(func(o *store.WriterOptions) { o.Hooks = []store.Hook{note, flaky} })
	for _, ev := range s.Events {
		w.Append(ev)
	}
	b.Run(w)
	b.Flush(w)
	require.Equal(t, []int64{1, 2, 3}, jobs())
	require.Zero(t, b.Count("operatord_store_events_rejected_total"))
	requireEvents(t, b, s.Events)
}

func testBrokenHook(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	jobs := jobTable(t, b)
	c := s.Inbound("+15550100", "100", nil)
	for range 20 {
		s.Say(c, 0, "hello")
	}
	broken := func(_ context.Context, _ *sql.Tx, ev conversation.Event) error {
		if ev.Seq == 7 {
			return errHook
		}
		return nil
	}
	w := b.Writer(func(o *store.WriterOptions) { o.Hooks = []store.Hook{note, broken} })
	for _, ev := range s.Events {
		w.Append(ev)
	}
	b.Run(w)
	b.Flush(w)
	require.NoError(t, w.Err())
	require.Len(t, jobs(), 20)
	require.NotContains(t, jobs(), int64(7))
	require.Equal(t, 1, b.Count("operatord_store_events_rejected_total"))
	requireEvents(t, b, s.Events)
	kept, err := os.ReadFile(b.Spool() + ".rejected")
	require.NoError(t, err)
	require.Contains(t, string(kept), errHook.Error())
}

func testHangingHook(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	s.Inbound("+15550100", "100", nil)
	var calls atomic.Int32
	hanging := func(ctx context.Context, _ *sql.Tx, _ conversation.Event) error {
		if calls.Add(1) > 1 {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	w := b.Writer(func(o *store.WriterOptions) {
		o.Hooks, o.StoreTimeout = []store.Hook{hanging}, 50*time.Millisecond
	})
	w.Append(s.Events[0])
	b.Run(w)
	b.Flush(w)
	requireEvents(t, b, s.Events)
}
