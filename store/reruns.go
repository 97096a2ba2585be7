package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking/history"
)

type rerunRow struct {
	bun.BaseModel `bun:"table:reruns"`

	ID        int64 `bun:",pk"`
	TrackerID string
	State     history.RerunState
	Doc       string
}

func newRerunRow(r history.Rerun) (rerunRow, error) {
	id, err := number(r.ID)
	if err != nil {
		return rerunRow{}, err
	}
	doc, err := document(r)
	return rerunRow{ID: id, TrackerID: column(string(r.TrackerID)), State: r.State, Doc: doc}, err
}

// CreateRerun implements history.RerunStore.
func (s *Store) CreateRerun(ctx context.Context, r history.Rerun, enqueue func(context.Context, *sql.Tx) error) error {
	row, err := newRerunRow(r)
	if err != nil {
		return err
	}
	err = s.db.Writer().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		return enqueue(ctx, tx.Tx)
	})
	if s.db.Conflict(err) {
		return fmt.Errorf("%w: history is being matched again with this tracker", conversation.ErrConflict)
	}
	if err != nil {
		return fmt.Errorf("create re-run: %w", err)
	}
	return nil
}

// Rerun implements history.RerunStore.
func (s *Store) Rerun(ctx context.Context, id conversation.ID) (history.Rerun, error) {
	return rerun(ctx, s.db.Reader(), id)
}

func rerun(ctx context.Context, db bun.IDB, id conversation.ID) (history.Rerun, error) {
	n, err := number(id)
	if err != nil {
		return history.Rerun{}, found(sql.ErrNoRows, "re-run", id)
	}
	row := rerunRow{ID: n}
	if err := db.NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
		return history.Rerun{}, found(err, "re-run", id)
	}
	return row.rerun()
}

func (r *rerunRow) rerun() (history.Rerun, error) {
	var run history.Rerun
	if err := json.Unmarshal([]byte(r.Doc), &run); err != nil {
		return run, fmt.Errorf("decode re-run %s: %w", identity(r.ID), err)
	}
	return run, nil
}

// LastRerun implements history.RerunStore.
func (s *Store) LastRerun(ctx context.Context, tracker conversation.ID) (history.Rerun, error) {
	var row rerunRow
	err := s.db.Reader().NewSelect().Model(&row).Where("tracker_id = ?", column(string(tracker))).
		OrderExpr("id DESC").Limit(1).Scan(ctx)
	if err != nil {
		return history.Rerun{}, found(err, "re-run of tracker", tracker)
	}
	return row.rerun()
}

// AdvanceRerun implements history.RerunStore.
func (s *Store) AdvanceRerun(
	ctx context.Context, id conversation.ID, matches []conversation.Match, change func(*history.Rerun),
) (history.Rerun, error) {
	var run history.Rerun
	err := s.db.Writer().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var err error
		if run, err = rerun(ctx, tx, id); err != nil {
			return err
		}
		if !run.State.Active() {
			return fmt.Errorf("%w: the re-run is %s", conversation.ErrTransition, run.State)
		}
		change(&run)
		row, err := newRerunRow(run)
		if err != nil {
			return err
		}
		for _, m := range matches {
			if err := putMatch(ctx, tx, m); err != nil {
				return fmt.Errorf("add match: %w", err)
			}
		}
		_, err = tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return run, fmt.Errorf("advance re-run %s: %w", id, err)
	}
	return run, nil
}
