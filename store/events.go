package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/operatord/operatord/conversation"
)

// Events returns at most limit events of a conversation whose Seq is greater than after, in order.
func (s *Store) Events(ctx context.Context, id conversation.ID, after int64, limit int) ([]conversation.Event, error) {
	n, err := number(id)
	if err != nil {
		return nil, nil //nolint:nilerr // nothing can be stored under what is no identity
	}
	return s.events(ctx, limit, "seq", "conversation_id = ? AND seq > ?", n, after)
}

// EventsAfter returns at most limit events of all conversations whose Position is greater than position, in order.
func (s *Store) EventsAfter(ctx context.Context, position int64, limit int) ([]conversation.Event, error) {
	return s.events(ctx, limit, "position", "position > ?", position)
}

func (s *Store) events(ctx context.Context, limit int, order, where string, args ...any) ([]conversation.Event, error) {
	var docs []string
	err := s.db.Reader().NewSelect().Model((*eventRow)(nil)).Column("doc").Where(where, args...).
		OrderExpr(order).Limit(int64(max(limit, 1))).Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return decode[conversation.Event](docs)
}

// LastSeq returns the greatest Seq stored for a conversation, 0 if there is none.
func (s *Store) LastSeq(ctx context.Context, id conversation.ID) (int64, error) {
	n, err := number(id)
	if err != nil {
		return 0, nil //nolint:nilerr // nothing can be stored under what is no identity
	}
	return s.greatest(ctx, "seq", "conversation_id = ?", n)
}

// LastPosition returns the greatest Position stored, 0 if there is none. What a crash left in the spool counts once
// Writer.Replay has stored it.
func (s *Store) LastPosition(ctx context.Context) (int64, error) {
	return s.greatest(ctx, "position", "1 = 1")
}

func (s *Store) greatest(ctx context.Context, column, where string, args ...any) (int64, error) {
	var last sql.NullInt64
	err := s.db.Reader().NewSelect().Model((*eventRow)(nil)).ColumnExpr("max(?)", bun.Ident(column)).Where(where, args...).Scan(ctx, &last)
	if err != nil {
		return 0, fmt.Errorf("read last %s: %w", column, err)
	}
	return last.Int64, nil
}

func (s *Store) lastEvent(ctx context.Context, id conversation.ID) (conversation.Event, error) {
	var event conversation.Event
	n, err := number(id)
	if err != nil {
		return event, err
	}
	var doc string
	err = s.db.Reader().NewSelect().Model((*eventRow)(nil)).Column("doc").Where("conversation_id = ?", n).
		OrderExpr("seq DESC").Limit(1).Scan(ctx, &doc)
	if err != nil {
		return event, found(err, "last event of conversation", id)
	}
	if err := json.Unmarshal([]byte(doc), &event); err != nil {
		return event, fmt.Errorf("decode last event of conversation %s: %w", id, err)
	}
	return event, nil
}
