package library_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/library"
)

// edited returns an entry and a tracker made from it that was changed in every way.
func edited(t *testing.T) (entry, tracker tracking.Tracker) {
	t.Helper()
	entry, err := library.Entry("Cancellation")
	require.NoError(t, err)
	tracker, err = library.Entry("Cancellation")
	require.NoError(t, err)
	tracker.ID, tracker.Version, tracker.Name = "1763726400000001", 3, "Leaving us"
	tracker.Enabled, tracker.AlertsPerHour = false, 5
	tracker.Actions = []tracking.Action{{Type: tracking.ActionAlert}}
	tracker.Vocabulary = append(tracker.Vocabulary[1:], "stop my gym membership")
	tracker.Threshold, tracker.Role, tracker.Description = 0.7, conversation.RoleAgent, "Leaving."
	tracker.Stance.Question = tracking.HandleIgnore
	tracker.Exclusions = []string{"cancel culture"}
	tracker.NegativeExamples = nil
	return entry, tracker
}

func TestDiffOfAFreshTrackerIsEmpty(t *testing.T) {
	for _, e := range library.Entries() {
		tracker := library.Reset(e, tracking.Tracker{Name: "mine", Enabled: true, AlertsPerHour: 3})
		slices.Reverse(tracker.Vocabulary)
		require.True(t, library.Diff(e, tracker).Empty(), e.Name)
	}
}

func TestDiffNamesWhatWasChanged(t *testing.T) {
	entry, tracker := edited(t)
	d := library.Diff(entry, tracker)
	require.False(t, d.Empty())
	require.Equal(t, []string{"stop my gym membership"}, d.PhrasesAdded)
	require.Equal(t, []string{entry.Vocabulary[0]}, d.PhrasesRemoved)
	var members []string
	for _, c := range d.Changes {
		members = append(members, c.Member)
	}
	require.Equal(t, []string{"description", "threshold", "role", "exclusions", "negative_examples", "stance"}, members)
	require.Contains(t, d.Changes, library.MemberChange{Member: "threshold", Library: entry.Threshold, Tracker: 0.7})
	require.Contains(t, d.Changes, library.MemberChange{Member: "exclusions", Library: []string{}, Tracker: []string{"cancel culture"}})
}

func TestDiffHasNoNullInJSON(t *testing.T) {
	entry, _ := edited(t)
	text, err := json.Marshal(library.Diff(entry, entry))
	require.NoError(t, err)
	require.JSONEq(t, `{"phrases_added":[],"phrases_removed":[],"changes":[]}`, string(text))
}

func TestResetTakesTheEntryAndKeepsWhatIsTheOwners(t *testing.T) {
	entry, tracker := edited(t)
	reset := library.Reset(entry, tracker)
	require.True(t, library.Diff(entry, reset).Empty())
	require.Equal(t, "Leaving us", reset.Name)
	require.Equal(t, tracker.ID, reset.ID)
	require.Equal(t, 3, reset.Version)
	require.Equal(t, tracker.Actions, reset.Actions)
	require.Equal(t, 5, reset.AlertsPerHour)
	require.False(t, reset.Enabled)

	reset.Vocabulary[0] = "changed"
	require.NotEqual(t, "changed", entry.Vocabulary[0], "the entry keeps its own lists")
}
