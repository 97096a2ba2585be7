package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

type trackerChangeRow struct {
	bun.BaseModel `bun:"table:tracker_changes"`

	ID        int64 `bun:",pk,autoincrement"`
	TrackerID conversation.ID
	Name      string
	Version   int
	Kind      string
	MadeBy    string
	At        int64
}

// What is done to a tracker.
const (
	TrackerCreated = "created"
	TrackerChanged = "changed"
	TrackerDeleted = "deleted"
)

// noteChange records what was done to t by t.UpdatedBy.
func noteChange(ctx context.Context, tx bun.Tx, t tracking.Tracker, kind string, at time.Time) error {
	row := trackerChangeRow{
		TrackerID: t.ID, Name: column(t.Name), Version: t.Version, Kind: kind, MadeBy: column(t.UpdatedBy), At: micros(at),
	}
	_, err := tx.NewInsert().Model(&row).Exec(ctx)
	return err
}

// TrackerChanges returns up to limit entries of the record of changes with a number below before, newest first; with a
// before of 0 it begins at the newest.
func (s *Store) TrackerChanges(ctx context.Context, before int64, limit int) ([]tracking.Change, error) {
	var rows []trackerChangeRow
	query := s.db.Reader().NewSelect().Model(&rows).OrderExpr("id DESC").Limit(int64(limit))
	if before > 0 {
		query.Where("id < ?", before)
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list changes of trackers: %w", err)
	}
	changes := make([]tracking.Change, len(rows))
	for i, r := range rows {
		changes[i] = tracking.Change{
			Number: r.ID, TrackerID: r.TrackerID, Tracker: r.Name, Version: r.Version, Kind: r.Kind, By: r.MadeBy,
			At: time.UnixMicro(r.At).UTC(),
		}
	}
	return changes, nil
}

// phraseSample is how many of a tracker's newest matches CountPhrases looks at.
const phraseSample = 20_000

// CountPhrases returns in how many conversations since a time each phrase of the tracker of a name matched, and how many
// conversations there were. Provisional matches do not count. Of a tracker with very many matches the newest are counted,
// and only the conversations since the oldest of those.
func (s *Store) CountPhrases(ctx context.Context, tracker string, since time.Time) (phrases map[string]int, conversations int, err error) {
	var rows []matchRow
	err = s.db.Reader().NewSelect().Model(&rows).Column("conversation_id", "doc").
		Where("tracker = ?", column(tracker)).Where("conversation_id >= ?", micros(since)).Where("NOT provisional").
		OrderExpr("conversation_id DESC").Limit(phraseSample).Scan(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("count phrases of tracker %q: %w", tracker, err)
	}
	phrases = map[string]int{}
	type occurrence struct {
		conversation int64
		phrase       string
	}
	seen := map[occurrence]bool{}
	for _, r := range rows {
		var m struct{ Phrase string }
		if err := json.Unmarshal([]byte(r.Doc), &m); err != nil {
			return nil, 0, fmt.Errorf("decode match: %w", err)
		}
		if o := (occurrence{r.ConversationID, m.Phrase}); !seen[o] {
			seen[o] = true
			phrases[m.Phrase]++
		}
	}
	oldest := micros(since)
	if len(rows) == phraseSample {
		oldest = rows[len(rows)-1].ConversationID
	}
	n, err := s.db.Reader().NewSelect().Model((*conversationRow)(nil)).Where("id >= ?", oldest).Count(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("count conversations: %w", err)
	}
	return phrases, int(n), nil
}
