package api

import (
	"context"
	"time"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking/catalog"
)

// Conversations reads what the daemon remembers.
type Conversations interface {
	Archive

	// ListConversations returns one page, newest first. It returns an error matching conversation.ErrInvalid for a cursor
	// that no page gave.
	ListConversations(ctx context.Context, q Query) (Page, error)
	// CountMatches returns how often each tracker matched, by its name, in each of the conversations. Provisional matches do
	// not count.
	CountMatches(ctx context.Context, ids []conversation.ID) (map[conversation.ID]map[string]int, error)
}

// Archive reads single conversations. What it returns for an unknown id is empty, save Conversation, which returns an error
// matching conversation.ErrNotFound.
type Archive interface {
	Conversation(ctx context.Context, id conversation.ID) (conversation.Conversation, error)
	// Utterances returns the finals of a conversation in the order of their start.
	Utterances(ctx context.Context, id conversation.ID) ([]conversation.Utterance, error)
	// Matches returns the matches of a conversation in the order of their start.
	Matches(ctx context.Context, id conversation.ID) ([]conversation.Match, error)
	// Events returns at most limit events of a conversation with a sequence number above after, in their order.
	Events(ctx context.Context, id conversation.ID, after int64, limit int) ([]conversation.Event, error)
}

// Query chooses conversations. Zero members choose everything; the others must all hold.
type Query struct {
	Status    []conversation.Status // any of them
	Direction conversation.Direction
	Channel   conversation.Channel
	From, To  string    // part of the address
	Tracker   string    // name of a tracker that matched
	Since     time.Time // created at or after
	Until     time.Time // created before
	Text      string    // words that were said
	Limit     int       // always positive
	Cursor    string    // Next of the page before
}

// Page is one page of conversations.
type Page struct {
	Conversations []conversation.Conversation
	Next          string // cursor of the next page; empty on the last
}

// Feed gives every event of the node in the order of its position.
type Feed interface {
	// Subscribe returns the events with a position above after, first from history and then live, without gap or duplicate. A
	// negative after asks for live events only.
	Subscribe(ctx context.Context, after int64) (Subscription, error)
}

// FeedFunc makes a function a Feed.
type FeedFunc func(ctx context.Context, after int64) (Subscription, error)

// Subscribe implements Feed.
func (f FeedFunc) Subscribe(ctx context.Context, after int64) (Subscription, error) {
	return f(ctx, after)
}

// Subscription is one reader of the feed.
type Subscription interface {
	// Next waits for the next event. An error other than the context's means that the subscription has ended, for example
	// because the reader was too slow; it may be resumed behind the last position.
	Next(ctx context.Context) (conversation.Event, error)
	// Close releases the subscription. It is idempotent.
	Close()
}

// Caller places and ends calls.
type Caller interface {
	// Call starts an outbound call and returns its conversation, which is still queued. It returns an error matching
	// conversation.ErrInvalid for a number, trunk or profile that cannot be used and conversation.ErrUnavailable while
	// shutting down or at the limit of calls.
	Call(ctx context.Context, r CallRequest) (conversation.Conversation, error)
	// Hangup ends a running call of whatever direction. It returns an error matching conversation.ErrNotFound if there is
	// no such conversation and conversation.ErrTransition if it has ended already.
	Hangup(ctx context.Context, id conversation.ID) error
}

// CallRequest asks for an outbound call.
type CallRequest struct {
	To      string            `json:"to" minLength:"1" maxLength:"256" doc:"Number or SIP URI to call" example:"sip:alice@192.0.2.7"`
	From    string            `json:"from,omitempty" maxLength:"256" doc:"Calling number to show; the trunk's own if absent"`
	Trunk   string            `json:"trunk,omitempty" maxLength:"64" doc:"Trunk to use; the default one if absent"`
	Profile string            `json:"profile,omitempty" maxLength:"64" doc:"What the operator says; the default one if absent"`
	Refs    map[string]string `json:"refs,omitempty" maxProperties:"32" doc:"External references to keep with the conversation"`
}

// Schedules lists the outbound schedules.
type Schedules interface {
	Schedules(ctx context.Context) ([]Schedule, error)
}

// Schedule is one outbound schedule and what became of its last run.
type Schedule struct {
	Name             string          `json:"name"`
	Cron             string          `json:"cron"`
	TimeZone         string          `json:"time_zone"`
	To               string          `json:"to"`
	Trunk            string          `json:"trunk,omitempty"`
	Profile          string          `json:"profile,omitempty"`
	NextAt           *time.Time      `json:"next_at,omitempty"`
	LastAt           *time.Time      `json:"last_at,omitempty"`
	LastConversation conversation.ID `json:"last_conversation_id,omitempty"`
	LastError        string          `json:"last_error,omitempty"`
}

// Health reports how the daemon is.
type Health interface {
	System(ctx context.Context) (System, error)
}

// State is the daemon's readiness as a whole.
type State string

// The states of the daemon. Only StateReady makes /readyz succeed; a degraded daemon still answers calls.
const (
	StateStarting State = "starting"
	StateReady    State = "ready"
	StateDegraded State = "degraded"
	StateStopping State = "stopping"
)

// System describes the running daemon.
type System struct {
	Version   string            `json:"version"`
	Node      string            `json:"node"`
	StartedAt time.Time         `json:"started_at"`
	State     State             `json:"state" enum:"starting,ready,degraded,stopping"`
	Problems  []Problem         `json:"problems" doc:"What keeps the daemon from being ready"`
	Models    []Model           `json:"models"`
	Addresses map[string]string `json:"addresses" doc:"Bound addresses by name: http, sip_udp, sip_tcp"`
	Counts    Counts            `json:"counts"`
	Tracking  catalog.State     `json:"tracking" doc:"What calls are matched against"`
}

// Problem is one part that does not work.
type Problem struct {
	Part    string `json:"part" example:"asr"`
	Message string `json:"message" example:"the speech model is still loading"`
}

// Model is one model in use.
type Model struct {
	Kind  string `json:"kind" example:"speech" doc:"speech, encoder or vad"`
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
}

// Counts are the numbers shown on the front page.
type Counts struct {
	ActiveCalls   int   `json:"active_calls"`
	Conversations int64 `json:"conversations"`
	Trackers      int   `json:"trackers"`
}
