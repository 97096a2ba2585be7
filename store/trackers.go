package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

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
// not valid or has no ID, and one matching conversation.ErrConflict if another tracker has the name, or if t.Version is not
// 0 and not the stored version, which means that someone else saved it meanwhile.
func (s *Store) SaveTracker(ctx context.Context, t tracking.Tracker) (tracking.Tracker, error) {
	if t.ID == "" {
		return t, fmt.Errorf("%w tracker: id: required", conversation.ErrInvalid)
	}
	if err := t.Validate(); err != nil {
		return t, err
	}
	err := s.db.Writer().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		return s.saveTracker(ctx, tx, &t)
	})
	if s.db.Conflict(err) {
		return t, fmt.Errorf("tracker %q: name is taken: %w", t.Name, conversation.ErrConflict)
	}
	if err != nil {
		return t, fmt.Errorf("save tracker %q: %w", t.Name, err)
	}
	return t, nil
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
	t.UpdatedAt = s.now().UTC()
	t.CreatedAt = t.UpdatedAt
	if !missing {
		t.CreatedAt = old.CreatedAt
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
	return err
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

// DeleteTracker removes a tracker; its versions and its matches stay. It returns an error matching
// conversation.ErrNotFound if there is none.
func (s *Store) DeleteTracker(ctx context.Context, id conversation.ID) error {
	result, err := s.db.Writer().NewDelete().Model((*trackerRow)(nil)).Where("id = ?", column(string(id))).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete tracker %s: %w", id, err)
	}
	if n, err := result.RowsAffected(); err == nil && n == 0 {
		return found(sql.ErrNoRows, "tracker", id)
	}
	return nil
}
