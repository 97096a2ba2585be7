package storetest

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking/history"
	"github.com/operatord/operatord/tracking/vectors"
)

func testHistory(t *testing.T, d Driver) {
	t.Helper()
	t.Run("past conversations come with what was said and found, newest first", func(t *testing.T) { testPast(t, d) })
	t.Run("a review replaces an earlier one and can be taken back", func(t *testing.T) { testReviews(t, d) })
	t.Run("verdicts are counted by tracker", func(t *testing.T) { testTallies(t, d) })
	t.Run("a re-run adds matches and moves on in one step", func(t *testing.T) { testRerun(t, d) })
	t.Run("a tracker has one active re-run", func(t *testing.T) { testOneRerun(t, d) })
	t.Run("open recommendations are replaced, others stay", func(t *testing.T) { testRecommendations(t, d) })
	t.Run("vectors are kept by encoder", func(t *testing.T) { testVectors(t, d) })
}

func testPast(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	var calls []conversation.Conversation
	for range 5 {
		c := s.Inbound("+15550100", "100", nil)
		s.Say(c, 2000, "and the second thing")
		u := s.Say(c, 0, "cancel my account")
		s.Match(u, "Cancellation", false)
		s.Match(u, "Greeting", true)
		calls = append(calls, c)
	}
	b.Write(s.Events)
	f := history.Filter{Until: calls[4].CreatedAt}
	n, err := b.Store.CountPast(t.Context(), f)
	require.NoError(t, err)
	require.Equal(t, 4, n)
	var got []conversation.ID
	for cursor := ""; ; {
		page, err := b.Store.Past(t.Context(), f, cursor, 3)
		require.NoError(t, err)
		for _, past := range page.Items {
			got = append(got, past.Conversation.ID)
			require.Len(t, past.Utterances, 2)
			require.Equal(t, "cancel my account", past.Utterances[0].Text)
			require.Len(t, past.Matches, 1, "provisional matches do not count")
			require.Equal(t, "Cancellation", past.Matches[0].Tracker)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	require.Equal(t, []conversation.ID{calls[3].ID, calls[2].ID, calls[1].ID, calls[0].ID}, got)

	none, err := b.Store.Past(t.Context(), history.Filter{Channel: conversation.ChannelText}, "", 10)
	require.NoError(t, err)
	require.Empty(t, none.Items)
	_, err = b.Store.Past(t.Context(), f, "nonsense", 10)
	require.ErrorIs(t, err, conversation.ErrInvalid)

	said, err := b.Store.Utterances(t.Context(), calls[0].ID)
	require.NoError(t, err)
	found, err := b.Store.UtterancesByID(t.Context(), []conversation.ID{said[1].ID, "nobody", calls[0].ID})
	require.NoError(t, err)
	require.Equal(t, said[1:], found)
}

func review(m conversation.Match, v history.Verdict, at time.Time) history.Review {
	return history.Review{
		ConversationID: m.ConversationID, UtteranceID: m.UtteranceID, MatchID: m.ID, TrackerID: trackerID, TrackerVersion: 3,
		Verdict: v, By: "ann", At: at,
	}
}

func testReviews(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	u := s.Say(s.Inbound("+15550100", "100", nil), 0, "cancel my account")
	m := s.Match(u, "Cancellation", false)
	b.Write(s.Events)
	require.NoError(t, b.Store.SaveReview(t.Context(), review(m, history.VerdictWrong, epoch())))
	second := review(m, history.VerdictRight, epoch().Add(time.Minute))
	require.NoError(t, b.Store.SaveReview(t.Context(), second))
	missed := history.Review{
		ConversationID: u.ConversationID, UtteranceID: u.ID, TrackerID: otherTracker, Verdict: history.VerdictMissed, At: epoch().Add(time.Hour),
	}
	require.NoError(t, b.Store.SaveReview(t.Context(), missed))
	got, err := b.Store.Reviews(t.Context(), u.ConversationID)
	require.NoError(t, err)
	require.Equal(t, []history.Review{second, missed}, got)
	of, err := b.Store.ReviewsOf(t.Context(), trackerID, 10)
	require.NoError(t, err)
	require.Equal(t, []history.Review{second}, of)

	require.ErrorIs(t, b.Store.DeleteReview(t.Context(), otherTracker, m.ID), conversation.ErrNotFound, "of another conversation")
	require.NoError(t, b.Store.DeleteReview(t.Context(), u.ConversationID, m.ID))
	require.ErrorIs(t, b.Store.DeleteReview(t.Context(), u.ConversationID, m.ID), conversation.ErrNotFound)
}

func testTallies(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	c := s.Inbound("+15550100", "100", nil)
	for _, v := range []history.Verdict{history.VerdictRight, history.VerdictRight, history.VerdictRight, history.VerdictWrong} {
		m := conversation.Match{ID: s.NewID(), ConversationID: c.ID, UtteranceID: s.NewID()}
		require.NoError(t, b.Store.SaveReview(t.Context(), review(m, v, epoch())))
	}
	tallies, err := b.Store.ReviewTallies(t.Context())
	require.NoError(t, err)
	require.Len(t, tallies, 1)
	require.Equal(t, trackerID, tallies[0].TrackerID)
	require.Equal(t, 3, tallies[0].Right)
	require.InDelta(t, 0.75, *tallies[0].Precision, 1e-9)
}

func newRerun(s *Script) history.Rerun {
	return history.Rerun{ID: s.NewID(), TrackerID: trackerID, TrackerVersion: 2, State: history.RerunWaiting, Total: 9}
}

func enqueued(context.Context, *sql.Tx) error { return nil }

func testRerun(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	u := s.Say(s.Inbound("+15550100", "100", nil), 0, "cancel my account")
	old := s.Match(u, "Cancellation", false)
	b.Write(s.Events)
	run := newRerun(s)
	require.NoError(t, b.Store.CreateRerun(t.Context(), run, enqueued))

	added := old
	added.ID, added.TrackerVersion, added.RerunID = s.NewID(), 2, run.ID
	advanced, err := b.Store.AdvanceRerun(t.Context(), run.ID, []conversation.Match{added}, func(r *history.Rerun) {
		r.State, r.Done, r.Cursor = history.RerunRunning, 4, "behind"
	})
	require.NoError(t, err)
	stored, err := b.Store.Rerun(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, advanced, stored)
	require.Equal(t, 4, stored.Done)
	matches, err := b.Store.Matches(t.Context(), u.ConversationID)
	require.NoError(t, err)
	require.Equal(t, []conversation.Match{old, added}, matches)
	counts, err := b.Store.CountMatches(t.Context(), []conversation.ID{u.ConversationID})
	require.NoError(t, err)
	require.Equal(t, 1, counts[u.ConversationID]["Cancellation"], "both versions found the same utterance")

	_, err = b.Store.AdvanceRerun(t.Context(), run.ID, nil, func(r *history.Rerun) { r.State = history.RerunCancelled })
	require.NoError(t, err)
	late := added
	late.ID = s.NewID()
	_, err = b.Store.AdvanceRerun(t.Context(), run.ID, []conversation.Match{late}, func(r *history.Rerun) { r.Done = 8 })
	require.ErrorIs(t, err, conversation.ErrTransition)
	matches, err = b.Store.Matches(t.Context(), u.ConversationID)
	require.NoError(t, err)
	require.Len(t, matches, 2, "nothing is added to a re-run that was cancelled")
}

func testOneRerun(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	_, err := b.Store.LastRerun(t.Context(), trackerID)
	require.ErrorIs(t, err, conversation.ErrNotFound)
	failure := errors.New("no queue")
	require.ErrorIs(t, b.Store.CreateRerun(t.Context(), newRerun(s), func(context.Context, *sql.Tx) error { return failure }), failure)
	first, second := newRerun(s), newRerun(s)
	require.NoError(t, b.Store.CreateRerun(t.Context(), first, enqueued), "one whose job could not be added does not exist")
	require.ErrorIs(t, b.Store.CreateRerun(t.Context(), second, enqueued), conversation.ErrConflict)
	_, err = b.Store.AdvanceRerun(t.Context(), first.ID, nil, func(r *history.Rerun) { r.State = history.RerunCompleted })
	require.NoError(t, err)
	require.NoError(t, b.Store.CreateRerun(t.Context(), second, enqueued))
	last, err := b.Store.LastRerun(t.Context(), trackerID)
	require.NoError(t, err)
	require.Equal(t, second, last)
}

func testRecommendations(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	_, err := b.Store.LastRecommendationRun(t.Context())
	require.ErrorIs(t, err, conversation.ErrNotFound)
	recommended := func(name string) history.Recommendation {
		return history.Recommendation{ID: s.NewID(), State: history.RecommendationOpen, Name: name, Phrases: []string{name}}
	}
	stale, unwanted := recommended("stale"), recommended("unwanted")
	run := history.RecommendationRun{At: epoch(), Since: epoch().AddDate(0, 0, -30), Sentences: 12, Found: 2}
	require.NoError(t, b.Store.SaveRecommendations(t.Context(), []history.Recommendation{stale, unwanted}, run))
	dismiss := func(r *history.Recommendation) { r.State = history.RecommendationDismissed }
	unwanted, err = b.Store.CloseRecommendation(t.Context(), unwanted.ID, dismiss)
	require.NoError(t, err)
	require.Equal(t, history.RecommendationDismissed, unwanted.State)
	_, err = b.Store.CloseRecommendation(t.Context(), unwanted.ID, dismiss)
	require.ErrorIs(t, err, conversation.ErrTransition)
	_, err = b.Store.CloseRecommendation(t.Context(), s.NewID(), dismiss)
	require.ErrorIs(t, err, conversation.ErrNotFound)

	fresh, again := recommended("fresh"), unwanted
	again.State = history.RecommendationOpen
	run.At = run.At.Add(time.Hour)
	require.NoError(t, b.Store.SaveRecommendations(t.Context(), []history.Recommendation{fresh, again}, run))
	open, err := b.Store.Recommendations(t.Context(), history.RecommendationOpen)
	require.NoError(t, err)
	require.Equal(t, []history.Recommendation{fresh}, open)
	all, err := b.Store.Recommendations(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, []history.Recommendation{unwanted, fresh}, all)
	last, err := b.Store.LastRecommendationRun(t.Context())
	require.NoError(t, err)
	require.Equal(t, run, last)
}

func testVectors(t *testing.T, d Driver) {
	t.Helper()
	b := d.New(t)
	added := map[vectors.Key][]float32{}
	var keys []vectors.Key
	for i := range 1200 {
		key := vectors.KeyOf(strconv.Itoa(i))
		keys = append(keys, key)
		added[key] = []float32{float32(i), 1, -0.5}
	}
	require.NoError(t, b.Store.SaveVectors(t.Context(), "small", added))
	require.NoError(t, b.Store.SaveVectors(t.Context(), "small", map[vectors.Key][]float32{keys[7]: {9, 9, 9}}))
	got, err := b.Store.Vectors(t.Context(), "small", append(keys, vectors.KeyOf("unknown")))
	require.NoError(t, err)
	require.Len(t, got, len(keys))
	require.InDelta(t, 7, got[keys[7]][0], 0.01, "what is there stays")
	other, err := b.Store.Vectors(t.Context(), "large", keys)
	require.NoError(t, err)
	require.Empty(t, other)
}
