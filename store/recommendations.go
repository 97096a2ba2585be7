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

type recommendationRow struct {
	bun.BaseModel `bun:"table:recommendations"`

	ID    int64 `bun:",pk"`
	State history.RecommendationState
	Doc   string
}

type recommendationRunRow struct {
	bun.BaseModel `bun:"table:recommendation_runs"`

	ID  int64 `bun:",pk"`
	Doc string
}

// lastRun is the identity of the one run that is kept.
const lastRun = 1

func newRecommendationRow(r history.Recommendation) (recommendationRow, error) {
	id, err := number(r.ID)
	if err != nil {
		return recommendationRow{}, err
	}
	doc, err := document(r)
	return recommendationRow{ID: id, State: r.State, Doc: doc}, err
}

// Recommendations implements history.RecommendationStore.
func (s *Store) Recommendations(ctx context.Context, state history.RecommendationState) ([]history.Recommendation, error) {
	var docs []string
	query := s.db.Reader().NewSelect().Model((*recommendationRow)(nil)).Column("doc").OrderExpr("id")
	if state != "" {
		query.Where("state = ?", state)
	}
	if err := query.Scan(ctx, &docs); err != nil {
		return nil, fmt.Errorf("list recommendations: %w", err)
	}
	return decode[history.Recommendation](docs)
}

// Recommendation implements history.RecommendationStore.
func (s *Store) Recommendation(ctx context.Context, id conversation.ID) (history.Recommendation, error) {
	return recommendation(ctx, s.db.Reader(), id)
}

func recommendation(ctx context.Context, db bun.IDB, id conversation.ID) (history.Recommendation, error) {
	var r history.Recommendation
	n, err := number(id)
	if err != nil {
		return r, found(sql.ErrNoRows, "recommendation", id)
	}
	row := recommendationRow{ID: n}
	if err := db.NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
		return r, found(err, "recommendation", id)
	}
	if err := json.Unmarshal([]byte(row.Doc), &r); err != nil {
		return r, fmt.Errorf("decode recommendation %s: %w", id, err)
	}
	return r, nil
}

// SaveRecommendations implements history.RecommendationStore. One that was accepted or dismissed meanwhile stays as it is.
func (s *Store) SaveRecommendations(ctx context.Context, open []history.Recommendation, run history.RecommendationRun) error {
	rows := make([]recommendationRow, len(open))
	for i, r := range open {
		var err error
		if rows[i], err = newRecommendationRow(r); err != nil {
			return err
		}
	}
	doc, err := document(run)
	if err != nil {
		return err
	}
	err = s.db.Writer().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*recommendationRow)(nil)).Where("state = ?", history.RecommendationOpen).Exec(ctx)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			if _, err := tx.NewInsert().Model(&rows).On("CONFLICT (id) DO NOTHING").Exec(ctx); err != nil {
				return err
			}
		}
		_, err = tx.NewInsert().Model(&recommendationRunRow{ID: lastRun, Doc: doc}).On("CONFLICT (id) DO UPDATE").
			Set("doc = EXCLUDED.doc").Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("save recommendations: %w", err)
	}
	return nil
}

// CloseRecommendation implements history.RecommendationStore.
func (s *Store) CloseRecommendation(
	ctx context.Context, id conversation.ID, change func(*history.Recommendation),
) (history.Recommendation, error) {
	var r history.Recommendation
	err := s.db.Writer().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var err error
		if r, err = recommendation(ctx, tx, id); err != nil {
			return err
		}
		if r.State != history.RecommendationOpen {
			return fmt.Errorf("%w: the recommendation is %s", conversation.ErrTransition, r.State)
		}
		change(&r)
		row, err := newRecommendationRow(r)
		if err != nil {
			return err
		}
		_, err = tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return r, fmt.Errorf("close recommendation %s: %w", id, err)
	}
	return r, nil
}

// LastRecommendationRun implements history.RecommendationStore.
func (s *Store) LastRecommendationRun(ctx context.Context) (history.RecommendationRun, error) {
	var run history.RecommendationRun
	row := recommendationRunRow{ID: lastRun}
	if err := s.db.Reader().NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
		return run, found(err, "run", "of recommendations")
	}
	if err := json.Unmarshal([]byte(row.Doc), &run); err != nil {
		return run, fmt.Errorf("decode run of recommendations: %w", err)
	}
	return run, nil
}
