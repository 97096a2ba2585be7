package history_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/history"
)

func newPreviewer(t *testing.T, m *memory, e tracking.Encoder) *history.Previewer {
	t.Helper()
	p, err := history.NewPreviewer(history.PreviewOptions{
		Store: m, Engine: history.Engine{Encoder: e, IDs: &m.ids}, Budget: 2 * time.Second, Now: noon,
	})
	require.NoError(t, err)
	return p
}

func address() tracking.Tracker {
	return tracking.Tracker{Vocabulary: []string{"change my delivery address", "update the delivery address"}, Threshold: 0.7}
}

func TestPreviewShowsMatchesAndNearMisses(t *testing.T) {
	m := &memory{trackers: []tracking.Tracker{{ID: trackerID, Name: "draft", Version: 4, Vocabulary: []string{"cancel"}, Enabled: true}}}
	m.add(48*time.Hour, "please change my delivery address", "okay")
	m.add(24*time.Hour, "update my delivery address", "cancel my delivery")
	m.add(time.Hour, "where is the parcel")
	p, draft := newPreviewer(t, m, &wordEncoder{}), address()
	draft.Threshold = 0.5
	got, err := p.Preview(t.Context(), draft, history.Filter{})
	require.NoError(t, err)
	draft.Threshold = got.Matches[0].Match.Score + 0.02
	got, err = p.Preview(t.Context(), draft, history.Filter{})
	require.NoError(t, err)
	require.Equal(t, history.Coverage{
		Conversations: 3, Utterances: 5, Since: noon().Add(-48 * time.Hour), Until: noon(), Complete: true, TookMS: got.Coverage.TookMS,
	}, got.Coverage)
	require.Equal(t, 1, got.MatchCount, "%+v", got)
	match := got.Matches[0]
	require.Equal(t, "please change my delivery address", match.Utterance)
	require.Equal(t, "change my delivery address", match.Match.Text)
	require.Equal(t, conversation.MethodLiteral, match.Match.Method)
	require.Empty(t, match.Match.Tracker, "the draft has no name")
	require.Equal(t, 1, got.NearMissCount)
	near := got.NearMisses[0]
	require.Equal(t, "update my delivery address", near.Utterance)
	require.Less(t, near.Match.Score, got.Threshold)
	require.InDelta(t, 0.5, got.MatchesPerDay, 1e-9)
}

func TestPreviewTakesThePlaceOfItsTracker(t *testing.T) {
	stored := address()
	stored.ID, stored.Name, stored.Enabled = trackerID, "Address", true
	m := &memory{trackers: []tracking.Tracker{stored}}
	for i, text := range []string{"change my delivery address", "update the delivery address", "a new flat", "the invoice is wrong"} {
		m.add(time.Duration(i+1)*time.Hour, text)
	}
	for i, v := range []history.Verdict{history.VerdictRight, history.VerdictWrong, history.VerdictMissed} {
		u := m.past[i].Utterances[0]
		m.reviews = append(m.reviews, history.Review{UtteranceID: u.ID, TrackerID: stored.ID, Verdict: v})
	}
	p := newPreviewer(t, m, nil)
	got, err := p.Preview(t.Context(), stored, history.Filter{})
	require.NoError(t, err)
	require.Equal(t, 2, got.MatchCount)
	require.Equal(t, history.VerdictRight, got.Matches[0].Verdict)
	require.Equal(t, [3]int{1, 1, 1}, [3]int{got.Reviewed.Right, got.Reviewed.Wrong, got.Reviewed.Missed})
	require.InDelta(t, 0.5, *got.Reviewed.Precision, 1e-9)

	better := stored
	better.Vocabulary = []string{"change my delivery address", "a new flat"}
	got, err = p.Preview(t.Context(), better, history.Filter{})
	require.NoError(t, err)
	require.Equal(t, [3]int{2, 0, 0}, [3]int{got.Reviewed.Right, got.Reviewed.Wrong, got.Reviewed.Missed})
}

func TestPreviewEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{trackers: []tracking.Tracker{{ID: trackerID, Name: "Other", Vocabulary: []string{"cancel"}, Enabled: true}}}
		for i := range 100 {
			m.add(time.Duration(i+1)*time.Hour, fmt.Sprintf("change my delivery address %d", i))
		}
		started := time.Now()
		got, err := newPreviewer(t, m, &wordEncoder{takes: 100 * time.Millisecond}).Preview(t.Context(), address(), history.Filter{})
		require.NoError(t, err)
		require.False(t, got.Coverage.Complete)
		require.Equal(t, 2*time.Second, time.Since(started))
		require.Positive(t, got.Coverage.Conversations)
		require.Equal(t, noon().Add(-time.Duration(got.Coverage.Conversations)*time.Hour), got.Coverage.Since, "newest first")
		require.InDelta(t, 24, got.MatchesPerDay, 3, "one an hour")
	})
}

func TestPreviewCountsAlertsWithinTheBudget(t *testing.T) {
	m := &memory{}
	for i := range 12 {
		m.add(time.Duration(i)*5*time.Minute+time.Minute, "change my delivery address")
	}
	draft := address()
	draft.AlertsPerHour = 5
	got, err := newPreviewer(t, m, nil).Preview(t.Context(), draft, history.Filter{Since: noon().Add(-48 * time.Hour)})
	require.NoError(t, err)
	require.InDelta(t, 6, got.MatchesPerDay, 1e-9)
	require.InDelta(t, 2.5, got.AlertsPerDay, 1e-9)
}

func TestPreviewRefusesWhatCannotBeSaved(t *testing.T) {
	m := &memory{}
	p := newPreviewer(t, m, nil)
	_, err := p.Preview(t.Context(), tracking.Tracker{}, history.Filter{})
	require.ErrorIs(t, err, conversation.ErrInvalid)
	_, err = p.Preview(t.Context(), address(), history.Filter{Since: noon(), Until: noon().Add(-time.Hour)})
	require.ErrorIs(t, err, conversation.ErrInvalid)
	m.err = errors.New("broken")
	_, err = p.Preview(t.Context(), address(), history.Filter{})
	require.ErrorIs(t, err, m.err)
}
