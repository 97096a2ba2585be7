package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/operatord/operatord/conversation"
)

// Page sizes of ListConversations.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// Query selects conversations. A member with its zero value selects all; the others must all hold.
type Query struct {
	Status    []conversation.Status // any of them
	Direction conversation.Direction
	Channel   conversation.Channel
	From, To  string    // part of the address, letter case ignored
	Tracker   string    // name of a tracker that matched, exactly; provisional matches do not count
	Since     time.Time // created at or after
	Until     time.Time // created before
	Text      string    // words that one final utterance has, in any form and order; a word with * behind is the begin of one
	Limit     int       // DefaultLimit if zero, MaxLimit at most
	Cursor    string    // Page.Next of the page before
}

// Page is one page of conversations, newest first.
type Page struct {
	Conversations []conversation.Conversation
	Next          string // Cursor of the next page; "" on the last
}

// ListConversations returns the newest conversations that q selects. Paging is stable: a conversation that appears
// meanwhile moves no other to another page. A cursor that no page gave matches conversation.ErrInvalid.
func (s *Store) ListConversations(ctx context.Context, q Query) (Page, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(limit, MaxLimit)
	var rows []conversationRow
	query := s.db.Reader().NewSelect().Model(&rows).OrderExpr("c.created_at DESC, c.id DESC").Limit(int64(limit) + 1)
	if err := filter(query, q); err != nil {
		return Page{}, err
	}
	none, err := s.filterSpoken(ctx, query, q)
	if err != nil || none {
		return Page{}, err
	}
	if err := query.Scan(ctx); err != nil {
		return Page{}, fmt.Errorf("list conversations: %w", err)
	}
	var page Page
	if len(rows) > limit {
		rows = rows[:limit]
		page.Next = cursor(rows[limit-1])
	}
	page.Conversations, err = conversations(rows)
	return page, err
}

// filter adds the conditions on the conversation's own columns.
func filter(query *bun.SelectQuery, q Query) error {
	if len(q.Status) > 0 {
		query.Where("c.status IN (?)", bun.List(q.Status))
	}
	if q.Direction != "" {
		query.Where("c.direction = ?", q.Direction)
	}
	if q.Channel != "" {
		query.Where("c.channel = ?", q.Channel)
	}
	if q.From != "" {
		query.Where(`lower(c.from_address) LIKE ? ESCAPE '\'`, containing(q.From))
	}
	if q.To != "" {
		query.Where(`lower(c.to_address) LIKE ? ESCAPE '\'`, containing(q.To))
	}
	if !q.Since.IsZero() {
		query.Where("c.created_at >= ?", micros(q.Since))
	}
	if !q.Until.IsZero() {
		query.Where("c.created_at < ?", micros(q.Until))
	}
	if q.Cursor == "" {
		return nil
	}
	at, id, err := parseCursor(q.Cursor)
	if err != nil {
		return err
	}
	query.Where("(c.created_at, c.id) < (?, ?)", at, id)
	return nil
}

// rare is the number of hits up to which it is cheaper to collect the conversations that have one and sort them, than to
// walk through all conversations, newest first, and ask each one whether it has one. A page fills quickly when hits abound.
const rare = 10_000

// filterSpoken adds the conditions on what was said. It reports true if nothing can answer them.
func (s *Store) filterSpoken(ctx context.Context, query *bun.SelectQuery, q Query) (none bool, err error) {
	if q.Tracker != "" {
		if err := s.filterTracker(ctx, query, column(q.Tracker)); err != nil {
			return false, err
		}
	}
	if q.Text == "" {
		return false, nil
	}
	hits, parameter, ok := s.db.Search(q.Text)
	if !ok {
		return true, nil
	}
	return false, s.filterText(ctx, query, hits, parameter)
}

func (s *Store) filterTracker(ctx context.Context, query *bun.SelectQuery, tracker string) error {
	const hits = "FROM matches AS m WHERE m.tracker = ? AND NOT m.provisional"
	abound, err := s.abound(ctx, "SELECT 1 "+hits, tracker)
	if err != nil {
		return err
	}
	if abound {
		query.Where("EXISTS (SELECT 1 "+hits+" AND m.conversation_id = c.id)", tracker)
	} else {
		query.Where("c.id IN (SELECT m.conversation_id "+hits+")", tracker)
	}
	return nil
}

// filterText keeps the conversations that have an utterance whose id is in hits.
func (s *Store) filterText(ctx context.Context, query *bun.SelectQuery, hits, parameter string) error {
	abound, err := s.abound(ctx, hits, parameter)
	if err != nil {
		return err
	}
	if abound {
		query.Where("EXISTS (SELECT 1 FROM utterances AS m WHERE m.conversation_id = c.id AND "+
			"EXISTS (SELECT 1 FROM ("+hits+") AS hits WHERE hits.id = m.id))", parameter)
	} else {
		query.Where("c.id IN (SELECT m.conversation_id FROM utterances AS m WHERE m.id IN ("+hits+"))", parameter)
	}
	return nil
}

// abound reports whether a SELECT has more rows than a rare one.
func (s *Store) abound(ctx context.Context, hits, parameter string) (bool, error) {
	var count int
	err := s.db.Reader().NewRaw("SELECT count(*) FROM ("+hits+" LIMIT ?) AS hits", parameter, rare+1).Scan(ctx, &count)
	if err != nil {
		return false, fmt.Errorf("count hits: %w", err)
	}
	return count > rare, nil
}

// containing returns the LIKE pattern, with \ as its escape, for values that contain text in lower case.
func containing(text string) string {
	escape := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	return "%" + escape.Replace(strings.ToLower(column(text))) + "%"
}

func cursor(row conversationRow) string {
	return strconv.FormatInt(row.CreatedAt, 10) + "-" + strconv.FormatInt(row.ID, 10)
}

func parseCursor(text string) (at, id int64, err error) {
	before, after, _ := strings.Cut(text, "-")
	at, errAt := strconv.ParseInt(before, 10, 64)
	id, errID := strconv.ParseInt(after, 10, 64)
	if errors.Join(errAt, errID) != nil {
		return 0, 0, fmt.Errorf("%w cursor %q", conversation.ErrInvalid, text)
	}
	return at, id, nil
}

// Conversation returns one conversation with its newest analysis, or an error matching conversation.ErrNotFound.
func (s *Store) Conversation(ctx context.Context, id conversation.ID) (conversation.Conversation, error) {
	n, err := number(id)
	if err != nil {
		return conversation.Conversation{}, found(sql.ErrNoRows, "conversation", id)
	}
	row := conversationRow{ID: n}
	if err := s.db.Reader().NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
		return conversation.Conversation{}, found(err, "conversation", id)
	}
	return row.conversation()
}

// OpenConversations returns the conversations of a node that have not ended, oldest first.
func (s *Store) OpenConversations(ctx context.Context, node string) ([]conversation.Conversation, error) {
	var rows []conversationRow
	err := s.db.Reader().NewSelect().Model(&rows).Where("c.node = ?", column(node)).
		Where("c.status IN (?)", bun.List([]conversation.Status{conversation.Queued, conversation.InProgress})).
		OrderExpr("c.created_at, c.id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list open conversations: %w", err)
	}
	return conversations(rows)
}

// Interruption is a conversation that a crash left open, with the last event that is known of it.
type Interruption struct {
	Conversation conversation.Conversation
	Last         conversation.Event
}

// Interrupted returns the open conversations of a node with their last events, oldest first. Call it before the node takes
// calls and after Writer.Replay: it cannot tell a crashed conversation from a live one.
func (s *Store) Interrupted(ctx context.Context, node string) ([]Interruption, error) {
	open, err := s.OpenConversations(ctx, node)
	if err != nil {
		return nil, err
	}
	list := make([]Interruption, 0, len(open))
	for _, c := range open {
		last, err := s.lastEvent(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		list = append(list, Interruption{Conversation: c, Last: last})
	}
	return list, nil
}
