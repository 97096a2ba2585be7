package history

import (
	"context"
	"fmt"
	"time"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// Archive reads past conversations.
type Archive interface {
	// Past returns at most limit conversations that f selects, newest first. The cursor is Next of the page before, "" for
	// the first page.
	Past(ctx context.Context, f Filter, cursor string, limit int) (Page, error)
	// CountPast returns how many conversations f selects.
	CountPast(ctx context.Context, f Filter) (int, error)
}

// Filter selects past conversations. A member with its zero value selects all; the others must all hold.
type Filter struct {
	Since     time.Time              `json:"since,omitzero"` // created at or after
	Until     time.Time              `json:"until,omitzero"` // created before
	Direction conversation.Direction `json:"direction,omitempty"`
	Channel   conversation.Channel   `json:"channel,omitempty"`
}

// Validate returns an error matching conversation.ErrInvalid for a period that ends before it begins.
func (f Filter) Validate() error {
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return fmt.Errorf("%w period: since must be before until", conversation.ErrInvalid)
	}
	return nil
}

// Past is one conversation with what was said and what was found in it.
type Past struct {
	Conversation conversation.Conversation
	Utterances   []conversation.Utterance // finals, in the order of their start
	Matches      []conversation.Match     // confirmed ones, in the order of their start
}

// Page is one page of past conversations.
type Page struct {
	Items []Past
	Next  string // cursor of the next page; "" on the last
}

// Trackers reads the trackers as they are now.
type Trackers interface {
	Trackers(ctx context.Context) ([]tracking.Tracker, error)
}

// Engine is what detectors of past conversations are made of.
type Engine struct {
	Encoder    tracking.Encoder // nil matches word for word only
	Background *tracking.Background
	IDs        *conversation.IDs // of the process; required
}

// detector returns a detector of its own for a set of trackers.
func (e Engine) detector(ctx context.Context, set []tracking.Tracker) (*tracking.Detector, error) {
	d, err := tracking.New(tracking.Options{Encoder: e.Encoder, Background: e.Background, IDs: e.IDs})
	if err != nil {
		return nil, err
	}
	return d, d.SetTrackers(ctx, set)
}

// matchesOf returns the matches of a final utterance of the past by name of their tracker.
func matchesOf(ctx context.Context, d *tracking.Detector, u conversation.Utterance) ([]conversation.Match, error) {
	result, err := d.NewSession(u.ConversationID).Match(ctx, u)
	return result.Matched, err
}

// with returns the set with t in the place of the tracker of its identity, or behind the others.
func with(set []tracking.Tracker, t tracking.Tracker) []tracking.Tracker {
	changed := make([]tracking.Tracker, 0, len(set)+1)
	for i := range set {
		if set[i].ID != t.ID || t.ID == "" {
			changed = append(changed, set[i])
		}
	}
	return append(changed, t)
}
