package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/operatord/operatord/conversation"
)

// Hook is called for every event in the transaction that stores it, in order, once per event that is stored: work that
// must happen if and only if the event is kept is enqueued here. It uses tx only, and neither commits nor rolls back. An
// error rolls back the event with everything stored beside it, and the event is tried again.
type Hook func(ctx context.Context, tx *sql.Tx, ev conversation.Event) error

// hookError is an error of a hook, which says nothing about the event or the database.
type hookError struct{ err error }

func (e *hookError) Error() string { return "hook: " + e.err.Error() }
func (e *hookError) Unwrap() error { return e.err }

// eventKey is the identity of an event: one that is stored already is not stored again, whatever its position.
type eventKey struct{ conversationID, seq int64 }

// append stores items with all that follows from them in one transaction: the projections and the hooks. Events that
// are stored already are left out, so that a batch can be appended again after any failure.
func (s *Store) append(ctx context.Context, items []item, hooks []Hook) error {
	rows := make([]eventRow, len(items))
	for i, it := range items {
		var err error
		if rows[i], err = newEventRow(it); err != nil {
			return err
		}
	}
	return s.db.Writer().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		fresh, err := insertEvents(ctx, tx, rows)
		if err != nil {
			return err
		}
		for i, it := range items {
			key := eventKey{rows[i].ConversationID, rows[i].Seq}
			if !fresh[key] {
				continue
			}
			delete(fresh, key)
			if err := project(ctx, tx, it.event); err != nil {
				return err
			}
			if err := runHooks(ctx, tx, it.event, hooks); err != nil {
				return err
			}
		}
		return nil
	})
}

func newEventRow(it item) (eventRow, error) {
	ev := it.event
	id, err := number(ev.ConversationID)
	if err != nil {
		return eventRow{}, err
	}
	return eventRow{Position: ev.Position, ConversationID: id, Seq: ev.Seq, Type: ev.Type, At: micros(ev.At), Doc: string(it.doc)}, nil
}

// insertEvents inserts the rows that the log has not, and says which those are.
func insertEvents(ctx context.Context, tx bun.Tx, rows []eventRow) (map[eventKey]bool, error) {
	var inserted []eventRow
	err := tx.NewInsert().Model(&rows).On("CONFLICT (conversation_id, seq) DO NOTHING").
		Returning("conversation_id, seq").Scan(ctx, &inserted)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("insert events: %w", err)
	}
	fresh := make(map[eventKey]bool, len(inserted))
	for _, row := range inserted {
		fresh[eventKey{row.ConversationID, row.Seq}] = true
	}
	return fresh, nil
}

func runHooks(ctx context.Context, tx bun.Tx, ev conversation.Event, hooks []Hook) error {
	for _, hook := range hooks {
		if err := hook(ctx, tx.Tx, ev); err != nil {
			return &hookError{err}
		}
	}
	return nil
}

// project brings the derived tables up to ev.
func project(ctx context.Context, tx bun.Tx, ev conversation.Event) error {
	var err error
	switch {
	case ev.Conversation != nil:
		err = putConversation(ctx, tx, *ev.Conversation)
	case ev.Type == conversation.EventUtteranceFinal && ev.Utterance != nil:
		err = putUtterance(ctx, tx, *ev.Utterance)
	case ev.Type == conversation.EventTrackerMatched && ev.Match != nil:
		err = putMatch(ctx, tx, *ev.Match)
	case ev.Type == conversation.EventTrackerWithdrawn && ev.Match != nil:
		err = dropMatch(ctx, tx, *ev.Match)
	case ev.Type == conversation.EventConversationAnalyzed && ev.Analysis != nil:
		err = putAnalysis(ctx, tx, ev)
	}
	if err != nil {
		return fmt.Errorf("apply %s %d of conversation %s: %w", ev.Type, ev.Seq, ev.ConversationID, err)
	}
	return nil
}

// putConversation leaves the analysis alone: it has events of its own.
func putConversation(ctx context.Context, tx bun.Tx, c conversation.Conversation) error {
	id, err := number(c.ID)
	if err != nil {
		return err
	}
	c.Analysis = nil
	doc, err := document(c)
	if err != nil {
		return err
	}
	row := conversationRow{
		ID: id, Status: c.Status, Direction: c.Direction, Channel: c.Channel, FromAddress: column(c.From),
		ToAddress: column(c.To), Node: column(c.Node), CreatedAt: micros(c.CreatedAt), Doc: doc,
	}
	_, err = tx.NewInsert().Model(&row).On("CONFLICT (id) DO UPDATE").
		Set("status = EXCLUDED.status, direction = EXCLUDED.direction, channel = EXCLUDED.channel").
		Set("from_address = EXCLUDED.from_address, to_address = EXCLUDED.to_address, node = EXCLUDED.node").
		Set("created_at = EXCLUDED.created_at, doc = EXCLUDED.doc").Exec(ctx)
	return err
}

func putUtterance(ctx context.Context, tx bun.Tx, u conversation.Utterance) error {
	id, err := number(u.ID)
	if err != nil {
		return err
	}
	conversationID, err := number(u.ConversationID)
	if err != nil {
		return err
	}
	doc, err := document(u)
	if err != nil {
		return err
	}
	row := utteranceRow{ID: id, ConversationID: conversationID, Role: u.Role, StartMS: u.StartMS, Text: column(u.Text), Doc: doc}
	_, err = tx.NewInsert().Model(&row).On("CONFLICT (id) DO UPDATE").
		Set("start_ms = EXCLUDED.start_ms, text = EXCLUDED.text, doc = EXCLUDED.doc").Exec(ctx)
	return err
}

func putMatch(ctx context.Context, tx bun.Tx, m conversation.Match) error {
	id, err := number(m.ID)
	if err != nil {
		return err
	}
	conversationID, err := number(m.ConversationID)
	if err != nil {
		return err
	}
	utteranceID, err := number(m.UtteranceID)
	if err != nil {
		return err
	}
	doc, err := document(m)
	if err != nil {
		return err
	}
	row := matchRow{
		ID: id, ConversationID: conversationID, UtteranceID: utteranceID, TrackerID: column(string(m.TrackerID)),
		Tracker: column(m.Tracker), Provisional: m.Provisional, StartMS: m.StartMS, Doc: doc,
	}
	_, err = tx.NewInsert().Model(&row).On("CONFLICT (id) DO UPDATE").
		Set("provisional = EXCLUDED.provisional, start_ms = EXCLUDED.start_ms, doc = EXCLUDED.doc").Exec(ctx)
	return err
}

func dropMatch(ctx context.Context, tx bun.Tx, m conversation.Match) error {
	id, err := number(m.ID)
	if err != nil {
		return err
	}
	_, err = tx.NewDelete().Model((*matchRow)(nil)).Where("id = ?", id).Exec(ctx)
	return err
}

// putAnalysis keeps the analysis beside older ones and makes it the one that the conversation shows.
func putAnalysis(ctx context.Context, tx bun.Tx, ev conversation.Event) error {
	id, err := number(ev.ConversationID)
	if err != nil {
		return err
	}
	doc, err := document(ev.Analysis)
	if err != nil {
		return err
	}
	row := analysisRow{ConversationID: id, Seq: ev.Seq, Producer: column(ev.Analysis.Producer), At: micros(ev.At), Doc: doc}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return err
	}
	_, err = tx.NewUpdate().Model((*conversationRow)(nil)).Set("analysis = ?", doc).Where("c.id = ?", id).Exec(ctx)
	return err
}
