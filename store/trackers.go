package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

type trackerRow struct {
	bun.BaseModel `bun:"table:trackers"`

	ID      conversation.ID `bun:",pk"`
	Name    string
	Version int
	Doc     string
}

type trackerVersionRow struct {
	bun.BaseModel `bun:"table:tracker_versions"`

	TrackerID conversation.ID `bun:",pk"`
	Version   int             `bun:",pk"`
	Doc       string
}

// SaveTracker creates t if no tracker has its ID, or replaces that one, and returns it as stored: with its version counted
// up and its times set. Every version is kept. It returns an error matching conversation.ErrInvalid for a tracker that is
// not valid, has no ID or would be one too many, and one matching conversation.ErrConflict if another tracker has the name,
// or if t.Version is not 0 and not the stored version, which means that someone else saved it meanwhile.
func (s *Store) SaveTracker(ctx context.Context, t tracking.Tracker) (tracking.Tracker, error) {
	saved, err := s.SaveTrackers(ctx, []tracking.Tracker{t})
	if err != nil {
		return t, err
	}
	return saved[0], nil
}

// SaveTrackers does what SaveTracker does for each of the trackers, all or none.
func (s *Store) SaveTrackers(ctx context.Context, trackers []tracking.Tracker) ([]tracking.Tracker, error) {
	saved := slices.Clone(trackers)
	for i := range saved {
		if saved[i].ID == "" {
			return nil, &tracking.MemberError{Member: "id", Problem: "required"}
		}
		if err := saved[i].Validate(); err != nil {
			return nil, err
		}
	}
	err := s.db.Writer().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		for i := range saved {
			if err := s.saveTracker(ctx, tx, &saved[i]); err != nil {
				return s.savingTracker(saved[i].Name, err)
			}
		}
		return full(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	return saved, nil
}

// savingTracker says which tracker could not be saved, and that its name is taken if that is why.
func (s *Store) savingTracker(name string, err error) error {
	if s.db.Conflict(err) {
		return fmt.Errorf("tracker %q: name is taken: %w", name, conversation.ErrConflict)
	}
	return fmt.Errorf("save tracker %q: %w", name, err)
}

// full refuses more trackers than a set may have.
func full(ctx context.Context, tx bun.Tx) error {
	n, err := tx.NewSelect().Model((*trackerRow)(nil)).Count(ctx)
	if err == nil && n > tracking.MaxTrackers {
		return &tracking.MemberError{Member: "trackers", Problem: fmt.Sprintf("more than %d", tracking.MaxTrackers)}
	}
	return err
}

func (s *Store) saveTracker(ctx context.Context, tx bun.Tx, t *tracking.Tracker) error {
	old, err := tracker(ctx, tx, t.ID)
	missing := errors.Is(err, conversation.ErrNotFound)
	if err != nil && !missing {
		return err
	}
	if !missing && t.Version != 0 && t.Version != old.Version {
		return fmt.Errorf("version %d is not the stored version %d: %w", t.Version, old.Version, conversation.ErrConflict)
	}
	kind := TrackerChanged
	t.UpdatedAt = s.now().UTC()
	if missing {
		kind = TrackerCreated
	} else {
		t.CreatedAt = old.CreatedAt
	}
	if t.CreatedAt.IsZero() { // one that was deleted and comes back keeps its time
		t.CreatedAt = t.UpdatedAt
	}
	if t.Version, err = nextVersion(ctx, tx, t.ID); err != nil {
		return err
	}
	doc, err := document(t)
	if err != nil {
		return err
	}
	_, err = tx.NewInsert().Model(&trackerRow{ID: t.ID, Name: column(t.Name), Version: t.Version, Doc: doc}).
		On("CONFLICT (id) DO UPDATE").Set("name = EXCLUDED.name, version = EXCLUDED.version, doc = EXCLUDED.doc").Exec(ctx)
	if err != nil {
		return err
	}
	_, err = tx.NewInsert().Model(&trackerVersionRow{TrackerID: t.ID, Version: t.Version, Doc: doc}).Exec(ctx)
	if err != nil {
		return err
	}
	return noteChange(ctx, tx, *t, kind, t.UpdatedAt)
}

// nextVersion counts from the history, so that a tracker made anew under the ID of a deleted one repeats no version.
func nextVersion(ctx context.Context, db bun.IDB, id conversation.ID) (int, error) {
	var last sql.NullInt64
	err := db.NewSelect().Model((*trackerVersionRow)(nil)).ColumnExpr("max(version)").Where("tracker_id = ?", column(string(id))).Scan(ctx, &last)
	return int(last.Int64) + 1, err
}

func tracker(ctx context.Context, db bun.IDB, id conversation.ID) (tracking.Tracker, error) {
	var docs []string
	err := db.NewSelect().Model((*trackerRow)(nil)).Column("doc").Where("id = ?", column(string(id))).Scan(ctx, &docs)
	if err == nil && len(docs) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		return tracking.Tracker{}, found(err, "tracker", id)
	}
	list, err := decode[tracking.Tracker](docs)
	if err != nil {
		return tracking.Tracker{}, err
	}
	return list[0], nil
}

// Tracker returns one tracker, or an error matching conversation.ErrNotFound.
func (s *Store) Tracker(ctx context.Context, id conversation.ID) (tracking.Tracker, error) {
	return tracker(ctx, s.db.Reader(), id)
}

// Trackers returns all trackers in the order of their names.
func (s *Store) Trackers(ctx context.Context) ([]tracking.Tracker, error) {
	var docs []string
	err := s.db.Reader().NewSelect().Model((*trackerRow)(nil)).Column("doc").OrderExpr("name").Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("list trackers: %w", err)
	}
	return decode[tracking.Tracker](docs)
}

// TrackerVersions returns every version of a tracker, also of a deleted one, oldest first.
func (s *Store) TrackerVersions(ctx context.Context, id conversation.ID) ([]tracking.Tracker, error) {
	var docs []string
	err := s.db.Reader().NewSelect().Model((*trackerVersionRow)(nil)).Column("doc").Where("tracker_id = ?", column(string(id))).
		OrderExpr("version").Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("list versions of tracker %s: %w", id, err)
	}
	return decode[tracking.Tracker](docs)
}

// DeleteTracker removes a tracker in someone's name; its versions and its matches stay. It returns an error matching
// conversation.ErrNotFound if there is none.
func (s *Store) DeleteTracker(ctx context.Context, id conversation.ID, by string) error {
	return s.db.Writer().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		old, err := tracker(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model((*trackerRow)(nil)).Where("id = ?", column(string(id))).Exec(ctx); err != nil {
			return fmt.Errorf("delete tracker %s: %w", id, err)
		}
		old.UpdatedBy = by
		return noteChange(ctx, tx, old, TrackerDeleted, s.now())
	})
}
