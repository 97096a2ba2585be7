package history_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
	"github.com/operatord/operatord/tracking/history"
)

func newRecommender(t *testing.T, m *memory, e tracking.Encoder, now time.Time) *history.Recommender {
	t.Helper()
	r, err := history.NewRecommender(history.RecommenderOptions{
		Store: m, Jobs: m, Engine: history.Engine{Encoder: e, IDs: &m.ids},
		Begin: func(context.Context) (*sql.Tx, error) { return nil, context.Canceled },
		Create: func(_ context.Context, by string, c catalog.Content) (tracking.Tracker, error) {
			t := c.Tracker()
			t.ID, t.UpdatedBy = trackerID, by
			m.trackers = append(m.trackers, t)
			return t, t.Validate()
		},
		Now: func() time.Time { return now },
	})
	require.NoError(t, err)
	return r
}

// wishes returns a memory with calls of the last days in which people wish this and that.
func wishes() *memory {
	m := &memory{}
	for i, word := range []string{"now", "today", "tomorrow", "quickly", "please", "again", "soon", "later"} {
		m.add(time.Duration(i)*24*time.Hour+time.Hour, "Hello. I want to change my delivery address "+word+".", "thank you very much")
		m.add(time.Duration(i)*24*time.Hour+2*time.Hour, "do you sell gift cards "+word)
		m.add(time.Duration(i)*24*time.Hour+3*time.Hour, fmt.Sprintf("one%d two%d three%d four%d", i, i, i, i))
	}
	m.add(31*24*time.Hour, "do you sell gift cards in winter")
	return m
}

func open(t *testing.T, r *history.Recommender) []history.Recommendation {
	t.Helper()
	found, err := r.Recommendations(t.Context(), history.RecommendationOpen)
	require.NoError(t, err)
	return found.Items
}

func TestRecommendationsNameWhatNoTrackerCovers(t *testing.T) {
	m := wishes()
	r := newRecommender(t, m, &wordEncoder{}, noon())
	require.NoError(t, r.Run(t.Context()))
	found := open(t, r)
	require.Len(t, found, 2)
	address := found[0]
	require.Equal(t, "Change my delivery address", address.Name)
	require.Equal(t, 8, address.Sentences)
	require.Equal(t, 8, address.Conversations)
	require.Len(t, address.PerDay, 30)
	require.Equal(t, 1, address.PerDay[29])
	require.Zero(t, address.PerDay[20])
	require.Equal(t, history.TrendSteady, address.Trend)
	require.Len(t, address.Examples, 8)
	for _, example := range address.Examples {
		require.Contains(t, example.Text, "I want to change my delivery address")
		require.NotContains(t, example.Text, "Hello")
		require.Positive(t, example.StartMS)
	}
	require.Equal(t, 24, m.last.Conversations)
	require.Equal(t, 2, m.last.Found)

	// The next day they are the same ones.
	again := newRecommender(t, m, &wordEncoder{}, noon().Add(24*time.Hour))
	require.NoError(t, again.Run(t.Context()))
	next := open(t, again)
	require.Equal(t, address.ID, next[0].ID)
	require.Equal(t, address.FirstSeen, next[0].FirstSeen)
	require.NotEqual(t, address.UpdatedAt, next[0].UpdatedAt)
}

func TestWhatIsMatchedIsNotRecommended(t *testing.T) {
	t.Run("by a tracker of today", func(t *testing.T) {
		m := wishes()
		m.trackers = []tracking.Tracker{{ID: trackerID, Name: "Address", Vocabulary: []string{"change my delivery address"}, Enabled: true}}
		r := newRecommender(t, m, &wordEncoder{}, noon())
		require.NoError(t, r.Run(t.Context()))
		found := open(t, r)
		require.Len(t, found, 1)
		require.Contains(t, found[0].Name, "ift cards")
	})
	t.Run("when it was said", func(t *testing.T) {
		m := wishes()
		m.trackers = []tracking.Tracker{{ID: trackerID, Name: "Gifts", Vocabulary: []string{"voucher"}, Enabled: true}}
		for i, p := range m.past {
			if u := p.Utterances[0]; u.Text[0] == 'd' {
				m.past[i].Matches = []conversation.Match{{UtteranceID: u.ID, TrackerID: trackerID, End: len(u.Text)}}
			}
		}
		r := newRecommender(t, m, &wordEncoder{}, noon())
		require.NoError(t, r.Run(t.Context()))
		found := open(t, r)
		require.Len(t, found, 1)
		require.Equal(t, "Change my delivery address", found[0].Name)
	})
}

func TestDismissedNeverComesBack(t *testing.T) {
	m := wishes()
	r := newRecommender(t, m, &wordEncoder{}, noon())
	require.NoError(t, r.Run(t.Context()))
	dismissed := open(t, r)[0]
	require.NoError(t, r.Dismiss(t.Context(), dismissed.ID))
	require.ErrorIs(t, r.Dismiss(t.Context(), dismissed.ID), conversation.ErrTransition)
	for i, word := range []string{"immediately", "and my name", "to Berlin", "if possible"} { // said in other words since
		m.add(time.Duration(i)*time.Minute, "I want to change my delivery address "+word)
	}
	require.NoError(t, r.Run(t.Context()))
	found := open(t, r)
	require.Len(t, found, 1)
	require.Contains(t, found[0].Name, "ift cards")
}

func TestAcceptedBecomesATracker(t *testing.T) {
	m := wishes()
	r := newRecommender(t, m, &wordEncoder{}, noon())
	require.NoError(t, r.Run(t.Context()))
	accepted := open(t, r)[0]
	made, err := r.Accept(t.Context(), accepted.ID, "ann", catalog.Content{Enabled: true, Threshold: 0.7})
	require.NoError(t, err)
	require.Equal(t, accepted.Name, made.Name)
	require.Equal(t, accepted.Phrases, made.Vocabulary)
	require.Equal(t, "ann", made.UpdatedBy)
	require.InDelta(t, 0.7, made.Threshold, 1e-9)
	stored, err := m.Recommendation(t.Context(), accepted.ID)
	require.NoError(t, err)
	require.Equal(t, history.RecommendationAccepted, stored.State)
	require.Equal(t, made.ID, stored.TrackerID)
	_, err = r.Accept(t.Context(), accepted.ID, "ann", catalog.Content{})
	require.ErrorIs(t, err, conversation.ErrTransition)
	_, err = r.Accept(t.Context(), "1000000000000007", "ann", catalog.Content{})
	require.ErrorIs(t, err, conversation.ErrNotFound)

	m.trackers[0].Enabled = false
	require.NoError(t, r.Run(t.Context()))
	require.Len(t, open(t, r), 1, "also while it is disabled")
	m.trackers = nil
	require.NoError(t, r.Run(t.Context()))
	require.Len(t, open(t, r), 2, "until it is deleted")
}

func TestTrends(t *testing.T) {
	for name, test := range map[string]struct {
		before, recent int // calls a day
		want           history.Trend
	}{
		"rising": {1, 6, history.TrendRising}, "steady": {4, 4, history.TrendSteady}, "falling": {6, 1, history.TrendFalling},
	} {
		t.Run(name, func(t *testing.T) {
			m := &memory{}
			for day := range 28 {
				n := test.before
				if day < 7 {
					n = test.recent
				}
				for i := range n {
					m.add(time.Duration(day)*24*time.Hour+time.Duration(i+1)*time.Minute, "do you sell gift cards")
				}
			}
			r := newRecommender(t, m, &wordEncoder{}, noon())
			for i, word := range []string{"here", "there", "online"} { // a cluster needs phrases
				m.add(time.Duration(i+1)*time.Hour, "do you sell gift cards "+word)
			}
			require.NoError(t, r.Run(t.Context()))
			require.Equal(t, test.want, open(t, r)[0].Trend)
		})
	}
}

func TestSearchesRunWhenTheyAreDueOrAskedFor(t *testing.T) {
	job := func(asked bool, at time.Time) *river.Job[history.RecommendArgs] {
		return &river.Job[history.RecommendArgs]{JobRow: &rivertype.JobRow{CreatedAt: at}, Args: history.RecommendArgs{Asked: asked}}
	}
	m := wishes()
	at := func(hours int) time.Time { return noon().Add(time.Duration(hours) * time.Hour) }
	run := func(hours int, j *river.Job[history.RecommendArgs]) bool {
		before := m.last
		require.NoError(t, newRecommender(t, m, &wordEncoder{}, at(hours)).Work(t.Context(), j))
		return m.last != before
	}
	require.True(t, run(0, job(false, at(0))), "the first one")
	require.False(t, run(1, job(false, at(1))), "none is due")
	require.True(t, run(2, job(true, at(2))), "asked for")
	require.False(t, run(3, job(true, at(1))), "another has begun since")
	require.True(t, run(26, job(false, at(26))), "a day later")
}

func TestNoRecommendationsWithoutAnEncoder(t *testing.T) {
	m := wishes()
	r := newRecommender(t, m, nil, noon())
	require.ErrorIs(t, r.Search(t.Context()), conversation.ErrUnavailable)
	require.Error(t, r.Run(t.Context()))
	require.NoError(t, r.Work(t.Context(), &river.Job[history.RecommendArgs]{JobRow: &rivertype.JobRow{}}))
	require.Nil(t, m.last)
}
