package history_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/history"
)

const trackerID = conversation.ID("1000000000000001")

func newRerunner(t *testing.T, m *memory) *history.Rerunner {
	t.Helper()
	r, err := history.NewRerunner(history.RerunOptions{
		Store: m, Jobs: m, Engine: history.Engine{IDs: &m.ids}, Now: noon,
	})
	require.NoError(t, err)
	return r
}

// withCalls returns a memory with a tracker at version 2 and n conversations in which it matches.
func withCalls(n int) *memory {
	m := &memory{trackers: []tracking.Tracker{
		{ID: trackerID, Name: "Cancellation", Version: 2, Vocabulary: []string{"cancel my contract"}, Enabled: true},
	}}
	for i := range n {
		m.add(time.Duration(i+1)*time.Hour, "hello", "please cancel my contract")
	}
	return m
}

func work(ctx context.Context, r *history.Rerunner, run history.Rerun, attempt int) error {
	return r.Work(ctx, &river.Job[history.RerunArgs]{
		JobRow: &rivertype.JobRow{Attempt: attempt, MaxAttempts: 3}, Args: history.RerunArgs{ID: run.ID},
	})
}

func TestRerunAddsMatchesBesideTheOldOnes(t *testing.T) {
	m := withCalls(50)
	old := conversation.Match{ID: "1", UtteranceID: m.past[0].Utterances[1].ID, TrackerID: trackerID, TrackerVersion: 1}
	same := conversation.Match{ID: "2", UtteranceID: m.past[1].Utterances[1].ID, TrackerID: trackerID, TrackerVersion: 2}
	m.past[0].Matches, m.past[1].Matches = []conversation.Match{old}, []conversation.Match{same}
	m.past[2].Conversation.Status = conversation.InProgress
	r := newRerunner(t, m)
	run, err := r.StartRerun(t.Context(), trackerID, history.Filter{Since: noon().Add(-40 * time.Hour)})
	require.NoError(t, err)
	require.Equal(t, []river.JobArgs{history.RerunArgs{ID: run.ID}}, m.jobs)
	require.Equal(t, 40, run.Total)
	_, err = r.StartRerun(t.Context(), trackerID, history.Filter{})
	require.ErrorIs(t, err, conversation.ErrConflict)

	require.NoError(t, work(t.Context(), r, run, 1))
	run, err = r.LastRerun(t.Context(), trackerID)
	require.NoError(t, err)
	require.Equal(t, history.RerunCompleted, run.State)
	require.Equal(t, [3]int{40, 40, 38}, [3]int{run.Done, run.Total, run.Matched})
	require.Len(t, m.past[0].Matches, 2)
	require.Equal(t, old, m.past[0].Matches[0])
	added := m.past[0].Matches[1]
	require.Equal(t, run.ID, added.RerunID)
	require.Equal(t, 2, added.TrackerVersion)
	require.Equal(t, m.past[0].Conversation.ID, added.ConversationID)
	require.Equal(t, []conversation.Match{same}, m.past[1].Matches, "this version was there already")
	require.Empty(t, m.past[2].Matches, "the call goes on")
	require.Empty(t, m.past[45].Matches, "outside the period")
	require.NoError(t, work(t.Context(), r, run, 1), "a job that comes again finds nothing to do")
	require.Len(t, m.past[0].Matches, 2)
}

func TestRerunGoesOnWhereItWasInterrupted(t *testing.T) {
	m := withCalls(50)
	r := newRerunner(t, m)
	run, err := r.StartRerun(t.Context(), trackerID, history.Filter{})
	require.NoError(t, err)
	ctx, crash := context.WithCancel(t.Context())
	pages := 0
	m.onPage = func() {
		if pages++; pages == 2 {
			crash()
		}
	}
	require.ErrorIs(t, work(ctx, r, run, 1), context.Canceled)
	run, err = r.LastRerun(t.Context(), trackerID)
	require.NoError(t, err)
	require.Equal(t, history.RerunRunning, run.State)
	require.Equal(t, 20, run.Done)

	require.NoError(t, work(t.Context(), newRerunner(t, m), run, 2))
	run, err = r.LastRerun(t.Context(), trackerID)
	require.NoError(t, err)
	require.Equal(t, history.RerunCompleted, run.State)
	require.Equal(t, 50, run.Matched)
	for _, p := range m.past {
		require.Len(t, p.Matches, 1)
	}
}

func TestRerunIsCancelled(t *testing.T) {
	m := withCalls(50)
	r := newRerunner(t, m)
	_, err := r.CancelRerun(t.Context(), trackerID)
	require.ErrorIs(t, err, conversation.ErrNotFound)
	run, err := r.StartRerun(t.Context(), trackerID, history.Filter{})
	require.NoError(t, err)
	pages := 0
	m.onPage = func() {
		if pages++; pages == 2 {
			_, err := r.CancelRerun(t.Context(), trackerID)
			require.NoError(t, err)
		}
	}
	require.NoError(t, work(t.Context(), r, run, 1))
	run, err = r.LastRerun(t.Context(), trackerID)
	require.NoError(t, err)
	require.Equal(t, history.RerunCancelled, run.State)
	require.Equal(t, 20, run.Matched, "what it has found stays")
	_, err = r.CancelRerun(t.Context(), trackerID)
	require.ErrorIs(t, err, conversation.ErrTransition)
}

func TestRerunFailsInTheEnd(t *testing.T) {
	m := withCalls(3)
	r := newRerunner(t, m)
	run, err := r.StartRerun(t.Context(), trackerID, history.Filter{})
	require.NoError(t, err)
	m.err = errors.New("disk on fire")
	require.ErrorIs(t, work(t.Context(), r, run, 1), m.err)
	run, err = r.LastRerun(t.Context(), trackerID)
	require.NoError(t, err)
	require.True(t, run.State.Active())
	require.Contains(t, run.Error, "disk on fire")
	var cancelled *rivertype.JobCancelError
	require.ErrorAs(t, work(t.Context(), r, run, 3), &cancelled)
	run, err = r.LastRerun(t.Context(), trackerID)
	require.NoError(t, err)
	require.Equal(t, history.RerunFailed, run.State)
	m.err = nil
	_, err = r.StartRerun(t.Context(), trackerID, history.Filter{})
	require.NoError(t, err, "another may be started")
}

func TestRerunOfAnUnknownTracker(t *testing.T) {
	r := newRerunner(t, withCalls(1))
	_, err := r.StartRerun(t.Context(), "1000000000000009", history.Filter{})
	require.ErrorIs(t, err, conversation.ErrNotFound)
}
