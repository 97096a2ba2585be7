package reaction_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/reaction"
)

const id conversation.ID = "1772442000000001"

// fixture is a reactor whose only tracker and clock the test sets.
type fixture struct {
	*reaction.Reactor
	tracker  tracking.Tracker
	now      time.Time
	registry *prometheus.Registry
}

func newFixture(t *testing.T, actions ...tracking.Action) *fixture {
	t.Helper()
	f := &fixture{
		tracker: tracking.Tracker{ID: id, Name: "Churn", Actions: actions, Enabled: true}, registry: prometheus.NewRegistry(),
		now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
	}
	var err error
	f.Reactor, err = reaction.New(reaction.Options{
		Tracker: func(wanted conversation.ID) (tracking.Tracker, bool) { return f.tracker, wanted == f.tracker.ID },
		Now:     func() time.Time { return f.now }, Registerer: f.registry,
	})
	require.NoError(t, err)
	return f
}

func (f *fixture) requireWithheld(t *testing.T, repeated, budget int) {
	t.Helper()
	require.NoError(t, testutil.GatherAndCompare(f.registry, strings.NewReader(fmt.Sprintf(`
# HELP operatord_tracking_reactions_withheld_total Matches whose actions were left out: repeated in the conversation, or beyond the tracker's budget for the hour.
# TYPE operatord_tracking_reactions_withheld_total counter
operatord_tracking_reactions_withheld_total{reason="budget"} %d
operatord_tracking_reactions_withheld_total{reason="repeated"} %d
`, budget, repeated)), "operatord_tracking_reactions_withheld_total"))
}

func TestActionsBecomeReactions(t *testing.T) {
	f := newFixture(t, tracking.Action{Type: tracking.ActionAlert}, tracking.Action{Type: tracking.ActionSay, Target: "hello"},
		tracking.Action{Type: tracking.ActionTag, Target: "vip"}, tracking.Action{Type: tracking.ActionWebhook, Target: "crm"})
	match := conversation.Match{TrackerID: id}
	require.Equal(t, []conversation.Reaction{{Type: "alert"}, {Type: "tag", Target: "vip"}, {Type: "webhook", Target: "crm"}},
		f.NewSession().React(match))
	t.Run("not of what is provisional, not asserted, or not in force", func(t *testing.T) {
		s := f.NewSession()
		require.Empty(t, s.React(conversation.Match{TrackerID: id, Provisional: true}))
		require.Empty(t, s.React(conversation.Match{TrackerID: id, Stance: "negated"}))
		require.Empty(t, s.React(conversation.Match{TrackerID: "1772442000000002"}))
		require.NotEmpty(t, s.React(match))
	})
}

func TestATrackerReactsOnceInAConversation(t *testing.T) {
	f := newFixture(t, tracking.Action{Type: tracking.ActionAlert})
	match := conversation.Match{TrackerID: id}
	one, other := f.NewSession(), f.NewSession()
	require.Len(t, one.React(match), 1)
	require.Empty(t, one.React(match))
	require.Len(t, other.React(match), 1)
	f.requireWithheld(t, 1, 0)
}

func TestBudgetForAnHour(t *testing.T) {
	f := newFixture(t, tracking.Action{Type: tracking.ActionAlert})
	f.tracker.AlertsPerHour = 2
	match := conversation.Match{TrackerID: id}
	reacts := func() bool { return len(f.NewSession().React(match)) > 0 }
	require.True(t, reacts())
	f.now = f.now.Add(30 * time.Minute)
	require.True(t, reacts())
	late := f.NewSession()
	require.Empty(t, late.React(match))
	f.now = f.now.Add(30 * time.Minute)
	require.NotEmpty(t, late.React(match), "an hour after the first; what was withheld did not count as reacted")
	require.False(t, reacts())
	f.requireWithheld(t, 0, 2)
	f.tracker.AlertsPerHour = 0
	require.True(t, reacts(), "a budget that is lifted holds no longer")
}

func TestATrackerWithoutActionsIsNotCounted(t *testing.T) {
	f := newFixture(t, tracking.Action{Type: tracking.ActionTransfer, Target: "sales"})
	s := f.NewSession()
	for range 3 {
		require.Empty(t, s.React(conversation.Match{TrackerID: id}))
	}
	f.requireWithheld(t, 0, 0)
}
