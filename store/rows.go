package store

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/operatord/operatord/conversation"
)

// The rows of the tables. Columns exist to filter and order by; doc is the whole thing as its public JSON.

type eventRow struct {
	bun.BaseModel `bun:"table:events"`

	Position       int64 `bun:",pk"`
	ConversationID int64
	Seq            int64
	Type           conversation.EventType
	At             int64
	Doc            string
}

type conversationRow struct {
	bun.BaseModel `bun:"table:conversations,alias:c"`

	ID          int64 `bun:",pk"`
	Status      conversation.Status
	Direction   conversation.Direction
	Channel     conversation.Channel
	FromAddress string
	ToAddress   string
	Node        string
	CreatedAt   int64
	Doc         string
	Analysis    *string // the newest of the analyses
}

type utteranceRow struct {
	bun.BaseModel `bun:"table:utterances"`

	ID             int64 `bun:",pk"`
	ConversationID int64
	Role           conversation.Role
	StartMS        int64 `bun:"start_ms"`
	Text           string
	Doc            string
}

type matchRow struct {
	bun.BaseModel `bun:"table:matches"`

	ID             int64 `bun:",pk"`
	ConversationID int64
	UtteranceID    int64
	TrackerID      string
	Tracker        string
	Provisional    bool
	StartMS        int64 `bun:"start_ms"`
	Doc            string
}

type analysisRow struct {
	bun.BaseModel `bun:"table:analyses"`

	ConversationID int64 `bun:",pk"`
	Seq            int64 `bun:",pk"`
	Producer       string
	At             int64
	Doc            string
}

// number returns id as the integer that the tables hold.
func number(id conversation.ID) (int64, error) {
	if _, err := conversation.ParseID(string(id)); err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(id), 10, 64)
}

// identity is the inverse of number.
func identity(n int64) conversation.ID { return conversation.ID(fmt.Sprintf("%016d", n)) }

// micros returns a time as the tables hold it; the zero time has no meaning there and becomes 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// column returns text that comes from outside as a column can hold it: SQL text has no zero byte and is UTF-8 throughout.
// The document beside it keeps the text as it is.
func column(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}

// document returns v as JSON. A value that has no JSON (a score that is not a number) matches conversation.ErrInvalid.
func document(v any) (string, error) {
	doc, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("%w: %w", conversation.ErrInvalid, err)
	}
	return string(doc), nil
}

// decode returns the values of documents, in their order.
func decode[T any](docs []string) ([]T, error) {
	values := make([]T, len(docs))
	for i, doc := range docs {
		if err := json.Unmarshal([]byte(doc), &values[i]); err != nil {
			return nil, fmt.Errorf("decode stored document: %w", err)
		}
	}
	return values, nil
}

func (r *conversationRow) conversation() (conversation.Conversation, error) {
	var c conversation.Conversation
	if err := json.Unmarshal([]byte(r.Doc), &c); err != nil {
		return c, fmt.Errorf("decode conversation %s: %w", identity(r.ID), err)
	}
	if r.Analysis == nil {
		return c, nil
	}
	c.Analysis = new(conversation.Analysis)
	if err := json.Unmarshal([]byte(*r.Analysis), c.Analysis); err != nil {
		return c, fmt.Errorf("decode analysis of conversation %s: %w", identity(r.ID), err)
	}
	return c, nil
}

func conversations(rows []conversationRow) ([]conversation.Conversation, error) {
	list := make([]conversation.Conversation, len(rows))
	for i := range rows {
		var err error
		if list[i], err = rows[i].conversation(); err != nil {
			return nil, err
		}
	}
	return list, nil
}
