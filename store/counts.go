package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/operatord/operatord/conversation"
)

// CountMatches returns in how many utterances of each of the conversations each tracker matched, by the tracker's name. Provisional
// matches do not count, several versions of a tracker in one utterance count once, and conversations without a match are not in the result.
func (s *Store) CountMatches(ctx context.Context, ids []conversation.ID) (map[conversation.ID]map[string]int, error) {
	counts := map[conversation.ID]map[string]int{}
	numbers := make([]int64, 0, len(ids))
	for _, id := range ids {
		if n, err := number(id); err == nil {
			numbers = append(numbers, n)
		}
	}
	if len(numbers) == 0 {
		return counts, nil
	}
	var rows []struct {
		ConversationID int64
		Tracker        string
		Count          int
	}
	err := s.db.Reader().NewSelect().Model((*matchRow)(nil)).
		Column("conversation_id", "tracker").ColumnExpr("count(DISTINCT utterance_id) AS count").
		Where("conversation_id IN (?)", bun.List(numbers)).Where("NOT provisional").
		Group("conversation_id", "tracker").Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count matches: %w", err)
	}
	for _, row := range rows {
		id := identity(row.ConversationID)
		if counts[id] == nil {
			counts[id] = map[string]int{}
		}
		counts[id][row.Tracker] = row.Count
	}
	return counts, nil
}
