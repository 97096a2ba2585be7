package store

import (
	"context"
	"fmt"

	"github.com/operatord/operatord/conversation"
)

// Utterances returns the final utterances of a conversation in the order in which they were begun; none if there is no
// such conversation.
func (s *Store) Utterances(ctx context.Context, id conversation.ID) ([]conversation.Utterance, error) {
	return documents[conversation.Utterance](ctx, s, (*utteranceRow)(nil), id, "start_ms, id")
}

// Matches returns the tracker matches of a conversation, provisional ones included, in the order of the matched words.
func (s *Store) Matches(ctx context.Context, id conversation.ID) ([]conversation.Match, error) {
	return documents[conversation.Match](ctx, s, (*matchRow)(nil), id, "start_ms, id")
}

// Analyses returns every analysis ever made of a conversation, oldest first. The last one is Conversation.Analysis.
func (s *Store) Analyses(ctx context.Context, id conversation.ID) ([]conversation.Analysis, error) {
	return documents[conversation.Analysis](ctx, s, (*analysisRow)(nil), id, "seq")
}

// documents returns what the rows of model that belong to a conversation hold.
func documents[T any](ctx context.Context, s *Store, model any, id conversation.ID, order string) ([]T, error) {
	n, err := number(id)
	if err != nil {
		return nil, nil //nolint:nilerr // nothing can be stored under what is no identity
	}
	var docs []string
	err = s.db.Reader().NewSelect().Model(model).Column("doc").Where("conversation_id = ?", n).OrderExpr(order).Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("read conversation %s: %w", id, err)
	}
	return decode[T](docs)
}
