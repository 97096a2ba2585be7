// Package apitest is a daemon in memory for tests of the HTTP surface and for working on the user interface: it remembers
// the events it is given and answers from them. It takes no calls.
package apitest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking/catalog"
)

// ErrLagging is returned to a subscriber that let Buffer events pile up.
var ErrLagging = errors.New("subscriber fell too far behind")

// Daemon implements every interface that package api declares. Make it with New. It is safe for concurrent use.
type Daemon struct {
	// Buffer is how many events a subscriber may be behind. Set it before the first subscription.
	Buffer int
	// OnCall and OnHangup answer the requests of the same name; nil refuses them.
	OnCall   func(api.CallRequest) (conversation.Conversation, error)
	OnHangup func(conversation.ID) error
	// Trackers is the catalog of the daemon. Nothing is matched; its Run may be left out.
	Trackers *catalog.Catalog

	trackers      *trackerStore
	mu            sync.Mutex
	system        api.System
	schedules     []api.Schedule
	conversations map[conversation.ID]conversation.Conversation
	utterances    map[conversation.ID][]conversation.Utterance
	matches       map[conversation.ID][]conversation.Match
	events        []conversation.Event
	seqs          map[conversation.ID]int64
	position      int64
	subscriptions map[*subscription]struct{}
}

// New returns a daemon that is ready and remembers nothing.
func New() *Daemon {
	trackers := newTrackerStore()
	return &Daemon{
		Trackers: newCatalog(trackers), trackers: trackers,
		Buffer: 1024, system: api.System{Version: "test", State: api.StateReady},
		conversations: map[conversation.ID]conversation.Conversation{}, utterances: map[conversation.ID][]conversation.Utterance{},
		matches: map[conversation.ID][]conversation.Match{}, seqs: map[conversation.ID]int64{},
		subscriptions: map[*subscription]struct{}{},
	}
}

// SetSystem replaces what System returns.
func (d *Daemon) SetSystem(system api.System) { d.mu.Lock(); d.system = system; d.mu.Unlock() }

// SetSchedules replaces the schedules.
func (d *Daemon) SetSchedules(schedules []api.Schedule) {
	d.mu.Lock()
	d.schedules = schedules
	d.mu.Unlock()
}

// Publish numbers, stores and delivers an event.
func (d *Daemon) Publish(e conversation.Event) conversation.Event {
	e = d.Number(e)
	d.Store(e)
	d.Deliver(e)
	return e
}

// Number gives an event the next position and sequence number.
func (d *Daemon) Number(e conversation.Event) conversation.Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.position++
	d.seqs[e.ConversationID]++
	e.Position, e.Seq = d.position, d.seqs[e.ConversationID]
	return e
}

// Store remembers a numbered event and what follows from it.
func (d *Daemon) Store(e conversation.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
	slices.SortFunc(d.events, func(a, b conversation.Event) int { return cmp.Compare(a.Position, b.Position) })
	id := e.ConversationID
	if e.Conversation != nil {
		d.conversations[id] = *e.Conversation
	}
	if e.Utterance != nil && e.Utterance.Final {
		d.utterances[id] = append(d.utterances[id], *e.Utterance)
	}
	if e.Match != nil && e.Type == conversation.EventTrackerMatched && !e.Match.Provisional {
		d.matches[id] = append(d.matches[id], *e.Match)
	}
	if e.Analysis != nil {
		c := d.conversations[id]
		c.Analysis = e.Analysis
		d.conversations[id] = c
	}
}

// Deliver gives a numbered event to the live subscribers.
func (d *Daemon) Deliver(e conversation.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for s := range d.subscriptions {
		select {
		case s.live <- e:
		default:
			delete(d.subscriptions, s)
			close(s.lagging)
		}
	}
}

// Subscribers returns how many subscriptions are open.
func (d *Daemon) Subscribers() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.subscriptions)
}

// ListConversations implements api.Conversations. Its cursor is the identity of the last conversation of a page.
func (d *Daemon) ListConversations(_ context.Context, q api.Query) (api.Page, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q.Cursor != "" {
		if _, err := conversation.ParseID(q.Cursor); err != nil {
			return api.Page{}, fmt.Errorf("%w cursor", conversation.ErrInvalid)
		}
	}
	var page api.Page
	for _, c := range d.conversations {
		if d.passes(c, q) {
			page.Conversations = append(page.Conversations, c)
		}
	}
	slices.SortFunc(page.Conversations, func(a, b conversation.Conversation) int { return cmp.Compare(b.ID, a.ID) })
	if len(page.Conversations) > q.Limit {
		page.Conversations = page.Conversations[:q.Limit]
		page.Next = string(page.Conversations[q.Limit-1].ID)
	}
	return page, nil
}

func (d *Daemon) passes(c conversation.Conversation, q api.Query) bool {
	said := func(u conversation.Utterance) bool { return strings.Contains(u.Text, q.Text) }
	matched := func(m conversation.Match) bool { return m.Tracker == q.Tracker }
	return (len(q.Status) == 0 || slices.Contains(q.Status, c.Status)) &&
		(q.Direction == "" || q.Direction == c.Direction) && (q.Channel == "" || q.Channel == c.Channel) &&
		strings.Contains(c.From, q.From) && strings.Contains(c.To, q.To) &&
		(q.Since.IsZero() || !c.CreatedAt.Before(q.Since)) && (q.Until.IsZero() || c.CreatedAt.Before(q.Until)) &&
		(q.Cursor == "" || string(c.ID) < q.Cursor) &&
		(q.Text == "" || slices.ContainsFunc(d.utterances[c.ID], said)) &&
		(q.Tracker == "" || slices.ContainsFunc(d.matches[c.ID], matched))
}

// CountMatches implements api.Conversations.
func (d *Daemon) CountMatches(_ context.Context, ids []conversation.ID) (map[conversation.ID]map[string]int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	counts := map[conversation.ID]map[string]int{}
	for _, id := range ids {
		counts[id] = map[string]int{}
		for _, m := range d.matches[id] {
			counts[id][m.Tracker]++
		}
	}
	return counts, nil
}

// Conversation implements api.Archive.
func (d *Daemon) Conversation(_ context.Context, id conversation.ID) (conversation.Conversation, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.conversations[id]
	if !ok {
		return c, fmt.Errorf("conversation %s: %w", id, conversation.ErrNotFound)
	}
	return c, nil
}

// Utterances implements api.Archive.
func (d *Daemon) Utterances(_ context.Context, id conversation.ID) ([]conversation.Utterance, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.utterances[id]), nil
}

// Matches implements api.Archive.
func (d *Daemon) Matches(_ context.Context, id conversation.ID) ([]conversation.Match, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.matches[id]), nil
}

// Events implements api.Archive.
func (d *Daemon) Events(_ context.Context, id conversation.ID, after int64, limit int) ([]conversation.Event, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []conversation.Event
	for _, e := range d.events {
		if e.ConversationID == id && e.Seq > after && len(found) < limit {
			found = append(found, e)
		}
	}
	return found, nil
}

// Call implements api.Caller.
func (d *Daemon) Call(_ context.Context, r api.CallRequest) (conversation.Conversation, error) {
	if d.OnCall == nil {
		return conversation.Conversation{}, fmt.Errorf("%w: this daemon places no calls", conversation.ErrUnavailable)
	}
	return d.OnCall(r)
}

// Hangup implements api.Caller.
func (d *Daemon) Hangup(ctx context.Context, id conversation.ID) error {
	c, err := d.Conversation(ctx, id)
	if err != nil {
		return err
	}
	if c.Status.Terminal() || d.OnHangup == nil {
		return fmt.Errorf("hang up: %w: the call has ended", conversation.ErrTransition)
	}
	return d.OnHangup(id)
}

// Schedules implements api.Schedules.
func (d *Daemon) Schedules(context.Context) ([]api.Schedule, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.schedules), nil
}

// System implements api.Health.
func (d *Daemon) System(context.Context) (api.System, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	system := d.system
	system.Counts = api.Counts{Conversations: int64(len(d.conversations)), Trackers: d.trackers.count()}
	for _, c := range d.conversations {
		if !c.Status.Terminal() {
			system.Counts.ActiveCalls++
		}
	}
	return system, nil
}

// Subscribe implements api.Feed.
func (d *Daemon) Subscribe(_ context.Context, after int64) (api.Subscription, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &subscription{daemon: d, live: make(chan conversation.Event, d.Buffer), lagging: make(chan struct{})}
	for _, e := range d.events {
		if after >= 0 && e.Position > after {
			s.history = append(s.history, e)
		}
	}
	d.subscriptions[s] = struct{}{}
	return s, nil
}

// subscription implements api.Subscription.
type subscription struct {
	daemon  *Daemon
	history []conversation.Event
	live    chan conversation.Event // capacity Daemon.Buffer; never closed; a full one ends the subscription
	lagging chan struct{}           // closed when events were left out
}

func (s *subscription) Next(ctx context.Context) (conversation.Event, error) {
	if len(s.history) > 0 {
		e := s.history[0]
		s.history = s.history[1:]
		return e, nil
	}
	select {
	case e := <-s.live:
		return e, nil
	default:
	}
	select {
	case e := <-s.live:
		return e, nil
	case <-s.lagging:
		return conversation.Event{}, ErrLagging
	case <-ctx.Done():
		return conversation.Event{}, ctx.Err()
	}
}

func (s *subscription) Close() {
	s.daemon.mu.Lock()
	delete(s.daemon.subscriptions, s)
	s.daemon.mu.Unlock()
}

// StatusEvent returns the event that announces a conversation in its present status, at the given time.
func StatusEvent(c conversation.Conversation, at time.Time) conversation.Event {
	return conversation.Event{ConversationID: c.ID, Type: conversation.StatusEvent(c.Status), At: at, Conversation: &c}
}
