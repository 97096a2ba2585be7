package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking/history"
)

func pastQuery(f history.Filter) Query {
	return Query{Since: f.Since, Until: f.Until, Direction: f.Direction, Channel: f.Channel}
}

// Past implements history.Archive.
func (s *Store) Past(ctx context.Context, f history.Filter, cursor string, limit int) (history.Page, error) {
	q := pastQuery(f)
	q.Cursor, q.Limit = cursor, limit
	found, err := s.ListConversations(ctx, q)
	if err != nil || len(found.Conversations) == 0 {
		return history.Page{}, err
	}
	page := history.Page{Items: make([]history.Past, len(found.Conversations)), Next: found.Next}
	ids := make([]int64, len(page.Items))
	index := make(map[conversation.ID]*history.Past, len(page.Items))
	for i, c := range found.Conversations {
		if ids[i], err = number(c.ID); err != nil {
			return history.Page{}, err
		}
		page.Items[i].Conversation = c
		index[c.ID] = &page.Items[i]
	}
	utterances, err := among[conversation.Utterance](ctx, s, (*utteranceRow)(nil), ids, "conversation_id IN (?)")
	if err != nil {
		return history.Page{}, err
	}
	for _, u := range utterances {
		index[u.ConversationID].Utterances = append(index[u.ConversationID].Utterances, u)
	}
	matches, err := among[conversation.Match](ctx, s, (*matchRow)(nil), ids, "NOT provisional AND conversation_id IN (?)")
	if err != nil {
		return history.Page{}, err
	}
	for _, m := range matches {
		index[m.ConversationID].Matches = append(index[m.ConversationID].Matches, m)
	}
	return page, nil
}

// among returns what the rows of model hold that where selects with a list of numbers, in the order of their start.
func among[T any](ctx context.Context, s *Store, model any, numbers []int64, where string) ([]T, error) {
	if len(numbers) == 0 {
		return nil, nil
	}
	var docs []string
	err := s.db.Reader().NewSelect().Model(model).Column("doc").Where(where, bun.List(numbers)).OrderExpr("start_ms, id").Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("read past conversations: %w", err)
	}
	return decode[T](docs)
}

// CountPast implements history.Archive.
func (s *Store) CountPast(ctx context.Context, f history.Filter) (int, error) {
	query := s.db.Reader().NewSelect().Model((*conversationRow)(nil))
	if err := filter(query, pastQuery(f)); err != nil {
		return 0, err
	}
	n, err := query.Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count past conversations: %w", err)
	}
	return int(n), nil
}

// UtterancesByID implements history.PreviewStore.
func (s *Store) UtterancesByID(ctx context.Context, ids []conversation.ID) ([]conversation.Utterance, error) {
	return among[conversation.Utterance](ctx, s, (*utteranceRow)(nil), numbers(ids), "id IN (?)")
}

// numbers returns those of the identities that can be stored.
func numbers(ids []conversation.ID) []int64 {
	list := make([]int64, 0, len(ids))
	for _, id := range ids {
		if n, err := number(id); err == nil {
			list = append(list, n)
		}
	}
	return list
}
