package call

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/operatord/operatord/conversation"
)

// ErrLagging is returned by Subscription.Next when the subscriber read so slowly that events were left out. It may
// subscribe again behind the last position it saw.
var ErrLagging = errors.New("subscriber fell too far behind")

// subscriberBuffer is how many events a subscriber may lag: some minutes of a busy node.
const subscriberBuffer = 2048

// historyPage is how many stored events a resuming subscriber reads at once.
const historyPage = 500

// EventStore keeps events for good.
type EventStore interface {
	// Append takes an event for storing. It does not wait for the database.
	Append(conversation.Event)
	// Flush returns when everything appended before is stored.
	Flush(context.Context) error
	// EventsAfter returns up to limit events behind a position, in order.
	EventsAfter(ctx context.Context, position int64, limit int) ([]conversation.Event, error)
	// LastSeq returns the number of the last event of a conversation, 0 if it has none.
	LastSeq(context.Context, conversation.ID) (int64, error)
}

// Feed numbers every event of the node and hands it to the store and to live subscribers, in one order for all. It is
// safe for concurrent use.
type Feed struct {
	store EventStore
	now   func() time.Time
	late  sync.Mutex // serialises PublishLate, which numbers from the store

	mu       sync.Mutex
	position int64
	seqs     map[conversation.ID]int64 // last number of each live conversation
	subs     map[*Subscription]struct{}
}

// NewFeed returns a feed whose positions begin behind position, the last one stored.
func NewFeed(store EventStore, position int64, now func() time.Time) *Feed {
	return &Feed{
		store: store, now: now, position: position,
		seqs: map[conversation.ID]int64{}, subs: map[*Subscription]struct{}{},
	}
}

// Publish numbers ev as the next event of its conversation, stores it and delivers it. It never waits for the database or
// for a subscriber. An event that announces a terminal status is the last that may be published this way; what follows
// goes through PublishLate.
func (f *Feed) Publish(ev conversation.Event) conversation.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seqs[ev.ConversationID]++
	ev = f.deliver(ev, f.seqs[ev.ConversationID])
	if status, ok := ev.Type.Status(); ok && status.Terminal() {
		delete(f.seqs, ev.ConversationID)
	}
	return ev
}

// PublishLate publishes an event of a conversation that is no longer live on this node, numbered behind its last stored
// one, and returns once it is stored.
func (f *Feed) PublishLate(ctx context.Context, ev conversation.Event) error {
	f.late.Lock()
	defer f.late.Unlock()
	if err := f.store.Flush(ctx); err != nil {
		return fmt.Errorf("flush events: %w", err)
	}
	seq, err := f.store.LastSeq(ctx, ev.ConversationID)
	if err != nil {
		return fmt.Errorf("number event: %w", err)
	}
	f.mu.Lock()
	_ = f.deliver(ev, seq+1)
	f.mu.Unlock()
	return f.store.Flush(ctx)
}

// deliver must be called with f.mu held: the order of positions is the order in which store and subscribers see events.
// Neither of the two waits for anything.
func (f *Feed) deliver(ev conversation.Event, seq int64) conversation.Event {
	if ev.At.IsZero() {
		ev.At = f.now()
	}
	ev.At = ev.At.UTC()
	// Positions follow the clock, so that they grow across restarts even when the last ones never reached the database.
	f.position = max(f.position+1, f.now().UnixMicro())
	ev.Position, ev.Seq = f.position, seq
	f.store.Append(ev)
	for sub := range f.subs {
		select {
		case sub.live <- ev:
		default:
			sub.fail(ErrLagging)
			delete(f.subs, sub)
		}
	}
	return ev
}

// Subscribe returns the events behind a position, stored ones first and then live ones, without gap or repetition. With a
// negative position it returns live events only.
func (f *Feed) Subscribe(ctx context.Context, after int64) (*Subscription, error) {
	sub := &Subscription{feed: f, live: make(chan conversation.Event, subscriberBuffer), failed: make(chan struct{})}
	f.mu.Lock()
	f.subs[sub] = struct{}{}
	sub.replayUntil = f.position
	f.mu.Unlock()
	if after < 0 || after >= sub.replayUntil {
		return sub, nil
	}
	if err := f.store.Flush(ctx); err != nil {
		sub.Close()
		return nil, fmt.Errorf("%w: the event history: %w", conversation.ErrUnavailable, err)
	}
	sub.replayFrom, sub.replaying = after, true
	return sub, nil
}

// Subscription is one reader of the feed. Next is called by one goroutine; Close by any.
type Subscription struct {
	feed *Feed
	// live holds events not yet read; capacity subscriberBuffer. The feed sends and never closes it; when it is full the
	// subscription fails.
	live chan conversation.Event

	failOnce sync.Once
	failed   chan struct{}
	err      error // set before failed is closed

	replaying               bool
	replayFrom, replayUntil int64
	page                    []conversation.Event
}

// Next returns the next event. It waits until there is one, ctx ends, the subscription is closed
// (conversation.ErrUnavailable) or has lagged (ErrLagging, after everything received before was read).
func (s *Subscription) Next(ctx context.Context) (conversation.Event, error) {
	for s.replaying {
		ev, ok, err := s.replay(ctx)
		if ok || err != nil {
			return ev, err
		}
	}
	if err := ctx.Err(); err != nil {
		return conversation.Event{}, err
	}
	select {
	case ev := <-s.live:
		return ev, nil
	default:
	}
	select {
	case ev := <-s.live:
		return ev, nil
	case <-s.failed:
		return conversation.Event{}, s.err
	case <-ctx.Done():
		return conversation.Event{}, ctx.Err()
	}
}

// replay returns the next stored event, or false when the live ones begin.
func (s *Subscription) replay(ctx context.Context) (conversation.Event, bool, error) {
	if len(s.page) == 0 {
		page, err := s.feed.store.EventsAfter(ctx, s.replayFrom, historyPage)
		if err != nil {
			return conversation.Event{}, false, fmt.Errorf("read event history: %w", err)
		}
		s.page = page
	}
	if len(s.page) == 0 || s.page[0].Position > s.replayUntil {
		s.replaying, s.page = false, nil
		return conversation.Event{}, false, nil
	}
	ev := s.page[0]
	s.page, s.replayFrom = s.page[1:], ev.Position
	return ev, true, nil
}

func (s *Subscription) fail(err error) {
	s.failOnce.Do(func() {
		s.err = err
		close(s.failed)
	})
}

// Close ends the subscription. It is idempotent.
func (s *Subscription) Close() {
	s.fail(fmt.Errorf("%w: subscription closed", conversation.ErrUnavailable))
	s.feed.mu.Lock()
	delete(s.feed.subs, s)
	s.feed.mu.Unlock()
}
