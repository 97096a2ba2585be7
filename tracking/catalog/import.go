package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// Existing says what becomes of an imported tracker whose name is taken.
type Existing string

// What may become of it: it replaces the content of the one that is there, is left out, or fails the import.
const (
	Update Existing = "update"
	Skip   Existing = "skip"
	Refuse Existing = "refuse"
)

// Outcome is what an import does, or would do, with one tracker.
type Outcome struct {
	Action  Action           `json:"action" enum:"create,update,unchanged,skip"`
	Changed []string         `json:"changed" doc:"Members that an update changes"`
	Tracker tracking.Tracker `json:"tracker" doc:"As it is after the import; a tracker that a dry run would create has no id"`
}

// Action is what an import does with a tracker.
type Action string

// The actions of an import.
const (
	ActionCreate    Action = "create"
	ActionUpdate    Action = "update"
	ActionUnchanged Action = "unchanged"
	ActionSkip      Action = "skip"
)

// Import brings contents into the catalog by their names in someone's name, all or none, and says what became of each. A dry
// run checks and answers the same but changes nothing. Errors match conversation.ErrInvalid or conversation.ErrConflict;
// member errors begin with the place: trackers[2].name.
func (c *Catalog) Import(ctx context.Context, by string, contents []Content, existing Existing, dryRun bool) ([]Outcome, error) {
	stored, err := c.opts.Store.Trackers(ctx)
	if err != nil {
		return nil, err
	}
	outcomes, err := plan(stored, contents, existing, by)
	if err != nil || dryRun {
		return outcomes, err
	}
	var places []int
	var changed []tracking.Tracker
	for i := range outcomes {
		if outcomes[i].Action == ActionCreate {
			outcomes[i].Tracker.ID = c.opts.IDs.Next(c.now())
		}
		if outcomes[i].Action == ActionCreate || outcomes[i].Action == ActionUpdate {
			places, changed = append(places, i), append(changed, outcomes[i].Tracker)
		}
	}
	if len(changed) == 0 {
		return outcomes, nil
	}
	saved, err := c.save(ctx, changed)
	if err != nil {
		return nil, err
	}
	for i, t := range saved {
		outcomes[places[i]].Tracker = t
	}
	return outcomes, nil
}

// plan says what an import of contents into the stored trackers does.
func plan(stored []tracking.Tracker, contents []Content, existing Existing, by string) ([]Outcome, error) {
	outcomes := make([]Outcome, len(contents))
	var problems []error
	created := 0
	for i, content := range contents {
		content.Name = strings.TrimSpace(content.Name)
		place := fmt.Sprintf("trackers[%d]", i)
		if j := slices.IndexFunc(contents[:i], func(other Content) bool { return strings.TrimSpace(other.Name) == content.Name }); j >= 0 {
			problems = append(problems, &tracking.MemberError{Member: place + ".name", Problem: fmt.Sprintf("repeats the name of trackers[%d]", j)})
		}
		outcome, err := planOne(stored, content, existing, by)
		problems = append(problems, within(place, err))
		outcomes[i] = outcome
		if outcome.Action == ActionCreate {
			created++
		}
	}
	if len(stored)+created > tracking.MaxTrackers {
		problems = append(problems, &tracking.MemberError{
			Member:  "trackers",
			Problem: fmt.Sprintf("there would be %d trackers, more than %d", len(stored)+created, tracking.MaxTrackers),
		})
	}
	return outcomes, errors.Join(problems...)
}

func planOne(stored []tracking.Tracker, content Content, existing Existing, by string) (Outcome, error) {
	i := slices.IndexFunc(stored, func(t tracking.Tracker) bool { return t.Name == content.Name })
	if i < 0 {
		t := content.tracker(tracking.Tracker{UpdatedBy: by})
		return Outcome{Action: ActionCreate, Changed: []string{}, Tracker: t}, t.Validate()
	}
	outcome := Outcome{Action: ActionUnchanged, Changed: Changed(ContentOf(stored[i]), content), Tracker: stored[i]}
	switch {
	case existing == Refuse:
		return outcome, fmt.Errorf("tracker %q is there already: %w", content.Name, conversation.ErrConflict)
	case len(outcome.Changed) == 0:
		return outcome, nil
	case existing == Skip:
		outcome.Action, outcome.Changed = ActionSkip, []string{}
		return outcome, nil
	}
	outcome.Action, outcome.Tracker = ActionUpdate, content.tracker(stored[i])
	outcome.Tracker.UpdatedBy = by
	return outcome, outcome.Tracker.Validate()
}
