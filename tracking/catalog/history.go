package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// Version is one version of a tracker with what sets it apart from the one before.
type Version struct {
	tracking.Tracker
	Changed []string `json:"changed" doc:"Members that differ from the version before; empty for the first"`
}

// Versions returns every version of a tracker, newest first, also of one that was deleted. It returns an error matching
// conversation.ErrNotFound if there never was one.
func (c *Catalog) Versions(ctx context.Context, id conversation.ID) ([]Version, error) {
	stored, err := c.opts.Store.TrackerVersions(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(stored) == 0 {
		return nil, fmt.Errorf("tracker %s: %w", id, conversation.ErrNotFound)
	}
	versions := make([]Version, len(stored))
	for i, t := range stored {
		versions[i] = Version{Tracker: t, Changed: []string{}}
		if i > 0 {
			versions[i].Changed = Changed(ContentOf(stored[i-1]), ContentOf(t))
		}
	}
	slices.Reverse(versions)
	return versions, nil
}

// Restore makes the content of an older version the newest one, in someone's name. A deleted tracker comes back with its
// identity.
func (c *Catalog) Restore(ctx context.Context, id conversation.ID, version int, by string) (tracking.Tracker, error) {
	versions, err := c.Versions(ctx, id)
	if err != nil {
		return tracking.Tracker{}, err
	}
	i := slices.IndexFunc(versions, func(v Version) bool { return v.Version == version })
	if i < 0 {
		return tracking.Tracker{}, fmt.Errorf("version %d of tracker %s: %w", version, id, conversation.ErrNotFound)
	}
	wanted := versions[i].Tracker
	restored, err := c.Change(ctx, id, by, func(tracking.Tracker) (Content, error) { return ContentOf(wanted), nil })
	if !errors.Is(err, conversation.ErrNotFound) {
		return restored, err
	}
	wanted.UpdatedBy = by
	saved, err := c.save(ctx, []tracking.Tracker{wanted})
	if err != nil {
		return tracking.Tracker{}, err
	}
	return saved[0], nil
}
