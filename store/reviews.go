package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking/history"
)

type reviewRow struct {
	bun.BaseModel `bun:"table:reviews"`

	SubjectID      int64  `bun:",pk"`
	TrackerID      string `bun:",pk"`
	ConversationID int64
	At             int64
	Doc            string
}

// SaveReview stores a review beside its match. There is one of a match, and one of a tracker that missed an utterance; a later
// one replaces it.
func (s *Store) SaveReview(ctx context.Context, r history.Review) error {
	subject, err := number(r.Subject())
	if err != nil {
		return err
	}
	id, err := number(r.ConversationID)
	if err != nil {
		return err
	}
	doc, err := document(r)
	if err != nil {
		return err
	}
	row := reviewRow{SubjectID: subject, TrackerID: column(string(r.TrackerID)), ConversationID: id, At: micros(r.At), Doc: doc}
	_, err = s.db.Writer().NewInsert().Model(&row).On("CONFLICT (subject_id, tracker_id) DO UPDATE").
		Set("at = EXCLUDED.at, doc = EXCLUDED.doc").Exec(ctx)
	if err != nil {
		return fmt.Errorf("save review of %s: %w", r.Subject(), err)
	}
	return nil
}

// DeleteReview takes the reviews of a match, or of a missed utterance, back. It returns an error matching
// conversation.ErrNotFound if there are none.
func (s *Store) DeleteReview(ctx context.Context, id, subject conversation.ID) error {
	conversationID, err := number(id)
	if err != nil {
		return found(sql.ErrNoRows, "review", subject)
	}
	subjectID, err := number(subject)
	if err != nil {
		return found(sql.ErrNoRows, "review", subject)
	}
	result, err := s.db.Writer().NewDelete().Model((*reviewRow)(nil)).
		Where("conversation_id = ? AND subject_id = ?", conversationID, subjectID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete review of %s: %w", subject, err)
	}
	if n, err := result.RowsAffected(); err == nil && n == 0 {
		return found(sql.ErrNoRows, "review", subject)
	}
	return nil
}

// Reviews returns the reviews of a conversation, the oldest first.
func (s *Store) Reviews(ctx context.Context, id conversation.ID) ([]history.Review, error) {
	return documents[history.Review](ctx, s, (*reviewRow)(nil), id, "at, subject_id")
}

// ReviewsOf implements history.PreviewStore.
func (s *Store) ReviewsOf(ctx context.Context, tracker conversation.ID, limit int) ([]history.Review, error) {
	var docs []string
	err := s.db.Reader().NewSelect().Model((*reviewRow)(nil)).Column("doc").Where("tracker_id = ?", column(string(tracker))).
		OrderExpr("at DESC, subject_id DESC").Limit(int64(limit)).Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("list reviews of tracker %s: %w", tracker, err)
	}
	return decode[history.Review](docs)
}

// ReviewTallies counts the verdicts of every tracker that was reviewed, by its identity.
func (s *Store) ReviewTallies(ctx context.Context) ([]history.Tally, error) {
	var rows []struct {
		TrackerID conversation.ID
		Verdict   history.Verdict
		Count     int
	}
	err := s.db.Reader().NewSelect().Model((*reviewRow)(nil)).
		ColumnExpr("tracker_id, json_extract(doc, '$.verdict') AS verdict, count(*) AS count").
		GroupExpr("tracker_id, verdict").OrderExpr("tracker_id").Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count reviews: %w", err)
	}
	var tallies []history.Tally
	for _, row := range rows {
		if len(tallies) == 0 || tallies[len(tallies)-1].TrackerID != row.TrackerID {
			tallies = append(tallies, history.Tally{TrackerID: row.TrackerID})
		}
		tallies[len(tallies)-1].Add(row.Verdict, row.Count)
	}
	return tallies, nil
}
