package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/operatord/operatord/conversation"
)

const (
	// historyPage is how many stored events are read at a time.
	historyPage = 500
	// settleAfter is how long after the history was read it is read once more: an event that was published before we
	// subscribed and stored after we read is in neither.
	settleAfter = time.Second
	// gapPoll and gapTimeout bound the wait for stored events that precede a live one.
	gapPoll    = 50 * time.Millisecond
	gapTimeout = 10 * time.Second
)

// errGap is returned when events that must exist did not appear in the store in time.
var errGap = errors.New("events are missing from the history")

// conversationStream is a Subscription to one conversation: its history by sequence number, then live, without gap or
// duplicate. Events may be published before they are stored, so a step of more than one in the numbers is filled from the store.
type conversationStream struct {
	store    Conversations
	live     Subscription
	id       conversation.ID
	last     int64                // sequence number of the event returned last
	ready    []conversation.Event // to be returned next
	caughtUp bool                 // the history has been read to its end
	settled  bool                 // and once more settleAfter later
}

// newConversationStream subscribes to the live events before it reads the history, so that they overlap.
func newConversationStream(ctx context.Context, opts Options, id conversation.ID, afterSeq int64) (*conversationStream, error) {
	live, err := opts.Feed.Subscribe(ctx, -1)
	if err != nil {
		return nil, err
	}
	return &conversationStream{store: opts.Conversations, live: live, id: id, last: afterSeq}, nil
}

// Close implements Subscription.
func (s *conversationStream) Close() { s.live.Close() }

// Next implements Subscription.
func (s *conversationStream) Next(ctx context.Context) (conversation.Event, error) {
	for {
		if e, ok := s.pop(); ok {
			return e, nil
		}
		if err := s.refill(ctx); err != nil {
			return conversation.Event{}, err
		}
	}
}

// pop returns the next event at hand that was not returned before.
func (s *conversationStream) pop() (conversation.Event, bool) {
	for len(s.ready) > 0 {
		e := s.ready[0]
		s.ready = s.ready[1:]
		if e.Seq > s.last {
			s.last = e.Seq
			return e, true
		}
	}
	return conversation.Event{}, false
}

// refill gets more events, from history while there is any and then live.
func (s *conversationStream) refill(ctx context.Context) error {
	if !s.caughtUp {
		events, err := s.history(ctx)
		s.ready, s.caughtUp = events, len(events) < historyPage
		return err
	}
	e, err := s.nextLive(ctx)
	if err != nil || e.ConversationID != s.id || e.Seq <= s.last {
		return err
	}
	if e.Seq == s.last+1 {
		s.ready = []conversation.Event{e}
		return nil
	}
	return s.fill(ctx, e)
}

func (s *conversationStream) history(ctx context.Context) ([]conversation.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return s.store.Events(ctx, s.id, s.last, historyPage)
}

// nextLive waits for the next live event. The first wait is short and makes refill read the history once more at its end,
// which is told by an event without a conversation.
func (s *conversationStream) nextLive(ctx context.Context) (conversation.Event, error) {
	if s.settled {
		return s.live.Next(ctx)
	}
	wait, cancel := context.WithTimeout(ctx, settleAfter)
	defer cancel()
	e, err := s.live.Next(wait)
	if err != nil && wait.Err() != nil && ctx.Err() == nil {
		s.settled, s.caughtUp = true, false
		return conversation.Event{}, nil
	}
	return e, err
}

// fill waits until the store has the events between the last one returned and e.
func (s *conversationStream) fill(ctx context.Context, e conversation.Event) error {
	ctx, cancel := context.WithTimeoutCause(ctx, gapTimeout, errGap)
	defer cancel()
	ticker := time.NewTicker(gapPoll)
	defer ticker.Stop()
	for {
		events, err := s.history(ctx)
		if n := len(events); n > 0 && events[n-1].Seq >= e.Seq-1 {
			s.ready = slices.Concat(events, []conversation.Event{e})
			return nil
		}
		if len(events) == historyPage { // far behind: read on; e is met again, in the store or by the next live one
			s.ready, s.caughtUp, s.settled = events, false, false
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}
