package storetest

import (
	"testing"

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
	require.ErrorIs(t, b.Store.DeleteTracker(t.Context(), trackerID), conversation.ErrNotFound)
	_, err := b.Store.SaveTracker(t.Context(), churn)
	require.NoError(t, err)
	require.NoError(t, b.Store.DeleteTracker(t.Context(), trackerID))
	_, err = b.Store.Tracker(t.Context(), trackerID)
	require.ErrorIs(t, err, conversation.ErrNotFound)
	anew, err := b.Store.SaveTracker(t.Context(), churn)
	require.NoError(t, err)
	require.Equal(t, 2, anew.Version)
}
