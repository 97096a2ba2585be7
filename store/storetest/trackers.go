package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// Identities of the trackers under test.
const (
	trackerID    = conversation.ID("1772442000000001")
	otherTracker = conversation.ID("1772442000000002")
)

func churn() tracking.Tracker {
	return tracking.Tracker{ID: trackerID, Name: "Churn", Vocabulary: []string{"cancel my account"}, Enabled: true}
}

func testTrackers(t *testing.T, d Driver) {
	t.Helper()
	churn := churn()
	t.Run("saving counts the version up and keeps the older ones", func(t *testing.T) { testTrackerVersions(t, d) })
	t.Run("two edits of one version conflict", func(t *testing.T) {
		b := d.New(t)
		first, err := b.Store.SaveTracker(t.Context(), churn)
		require.NoError(t, err)
		_, err = b.Store.SaveTracker(t.Context(), first)
		require.NoError(t, err)
		_, err = b.Store.SaveTracker(t.Context(), first)
		require.ErrorIs(t, err, conversation.ErrConflict)
	})
	t.Run("a name belongs to one tracker", func(t *testing.T) {
		b := d.New(t)
		_, err := b.Store.SaveTracker(t.Context(), churn)
		require.NoError(t, err)
		twin := churn
		twin.ID = otherTracker
		_, err = b.Store.SaveTracker(t.Context(), twin)
		require.ErrorIs(t, err, conversation.ErrConflict)
		list, err := b.Store.Trackers(t.Context())
		require.NoError(t, err)
		require.Len(t, list, 1)
	})
	t.Run("an invalid one is refused", func(t *testing.T) {
		b := d.New(t)
		for _, bad := range []tracking.Tracker{{}, {ID: trackerID}, {Name: "Churn", Vocabulary: []string{"cancel"}}} {
			_, err := b.Store.SaveTracker(t.Context(), bad)
			require.ErrorIs(t, err, conversation.ErrInvalid)
		}
	})
	t.Run("they are listed by name", func(t *testing.T) {
		b := d.New(t)
		_, err := b.Store.SaveTracker(t.Context(), churn)
		require.NoError(t, err)
		_, err = b.Store.SaveTracker(t.Context(), tracking.Tracker{ID: otherTracker, Name: "Abuse", Vocabulary: []string{"idiot"}})
		require.NoError(t, err)
		list, err := b.Store.Trackers(t.Context())
		require.NoError(t, err)
		require.Equal(t, "Abuse", list[0].Name)
		require.Equal(t, "Churn", list[1].Name)
	})
	t.Run("a deleted one is gone, its versions are not", func(t *testing.T) { testDeletedTracker(t, d) })
	t.Run("several are saved all or none", func(t *testing.T) { testTrackersTogether(t, d) })
	t.Run("a set has a limit", func(t *testing.T) { testTrackerLimit(t, d) })
	t.Run("every change is on record", func(t *testing.T) { testTrackerChanges(t, d) })
	t.Run("phrases are counted by conversation", func(t *testing.T) { testCountPhrases(t, d) })
}

func testTrackerVersions(t *testing.T, d Driver) {
	t.Helper()
	churn, b := churn(), d.New(t)
	first, err := b.Store.SaveTracker(t.Context(), churn)
	require.NoError(t, err)
	require.Equal(t, 1, first.Version)
	require.False(t, first.CreatedAt.IsZero())
	edited := first
	edited.Name, edited.Vocabulary = "Leaving", []string{"close my account"}
	second, err := b.Store.SaveTracker(t.Context(), edited)
	require.NoError(t, err)
	require.Equal(t, 2, second.Version)
	require.Equal(t, first.CreatedAt, second.CreatedAt)

	got, err := b.Store.Tracker(t.Context(), trackerID)
	require.NoError(t, err)
	require.Equal(t, second, got)
	versions, err := b.Store.TrackerVersions(t.Context(), trackerID)
	require.NoError(t, err)
	require.Equal(t, []tracking.Tracker{first, second}, versions)
}

func testDeletedTracker(t *testing.T, d Driver) {
	t.Helper()
	churn, b := churn(), d.New(t)
	require.ErrorIs(t, b.Store.DeleteTracker(t.Context(), trackerID, "api"), conversation.ErrNotFound)
	_, err := b.Store.SaveTracker(t.Context(), churn)
	require.NoError(t, err)
	require.NoError(t, b.Store.DeleteTracker(t.Context(), trackerID, "api"))
	_, err = b.Store.Tracker(t.Context(), trackerID)
	require.ErrorIs(t, err, conversation.ErrNotFound)
	anew, err := b.Store.SaveTracker(t.Context(), churn)
	require.NoError(t, err)
	require.Equal(t, 2, anew.Version)
}

func testTrackersTogether(t *testing.T, d Driver) {
	t.Helper()
	b := d.New(t)
	abuse := tracking.Tracker{ID: otherTracker, Name: "Abuse", Vocabulary: []string{"idiot"}}
	twin := abuse
	twin.Name = churn().Name
	_, err := b.Store.SaveTrackers(t.Context(), []tracking.Tracker{churn(), twin})
	require.ErrorIs(t, err, conversation.ErrConflict)
	list, err := b.Store.Trackers(t.Context())
	require.NoError(t, err)
	require.Empty(t, list)
	saved, err := b.Store.SaveTrackers(t.Context(), []tracking.Tracker{churn(), abuse})
	require.NoError(t, err)
	require.Equal(t, []int{1, 1}, []int{saved[0].Version, saved[1].Version})
}

func testTrackerLimit(t *testing.T, d Driver) {
	t.Helper()
	b := d.New(t)
	many := make([]tracking.Tracker, tracking.MaxTrackers)
	for i := range many {
		many[i] = tracking.Tracker{
			ID: conversation.ID(fmt.Sprintf("%016d", 1772442000000100+i)), Name: fmt.Sprint("Tracker ", i), Vocabulary: []string{"cancel"},
		}
	}
	_, err := b.Store.SaveTrackers(t.Context(), many)
	require.NoError(t, err)
	_, err = b.Store.SaveTracker(t.Context(), churn())
	require.ErrorIs(t, err, conversation.ErrInvalid)
	require.ErrorContains(t, err, "more than 500")
	_, err = b.Store.SaveTracker(t.Context(), many[7])
	require.NoError(t, err, "a change adds none")
}

func testTrackerChanges(t *testing.T, d Driver) {
	t.Helper()
	b, churn := d.New(t), churn()
	churn.UpdatedBy = "cli"
	first, err := b.Store.SaveTracker(t.Context(), churn)
	require.NoError(t, err)
	first.UpdatedBy = "page"
	_, err = b.Store.SaveTracker(t.Context(), first)
	require.NoError(t, err)
	require.NoError(t, b.Store.DeleteTracker(t.Context(), trackerID, "api"))
	changes, err := b.Store.TrackerChanges(t.Context(), 0, 10)
	require.NoError(t, err)
	var told []string
	for _, c := range changes {
		require.Equal(t, trackerID, c.TrackerID)
		require.False(t, c.At.IsZero())
		told = append(told, fmt.Sprintf("%s %s %d by %s", c.Tracker, c.Kind, c.Version, c.By))
	}
	require.Equal(t, []string{"Churn deleted 2 by api", "Churn changed 2 by page", "Churn created 1 by cli"}, told)
	older, err := b.Store.TrackerChanges(t.Context(), changes[1].Number, 10)
	require.NoError(t, err)
	require.Equal(t, changes[2:], older)
}

func testCountPhrases(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	for range 3 {
		id := s.Inbound("+15550100", "100", nil)
		u := s.Say(id, 0, "cancel my account")
		s.Match(u, "Churn", false)
		s.Match(u, "Churn", false)
		s.Match(u, "Churn", true)
		s.Match(u, "Abuse", false)
	}
	s.Inbound("+15550100", "100", nil)
	b.Write(s.Events)
	all, err := b.Store.Matches(t.Context(), s.Events[0].ConversationID)
	require.NoError(t, err)
	phrases, conversations, err := b.Store.CountPhrases(t.Context(), "Churn", time.Time{})
	require.NoError(t, err)
	require.Equal(t, map[string]int{all[0].Phrase: 3}, phrases)
	require.Equal(t, 4, conversations)
	phrases, conversations, err = b.Store.CountPhrases(t.Context(), "Churn", time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	require.Empty(t, phrases)
	require.Zero(t, conversations)
}
