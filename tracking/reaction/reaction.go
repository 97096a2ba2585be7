// Package reaction decides what the matches of live calls set off: which actions of a tracker are carried out, and which are
// left out because the conversation had them already or the tracker's budget for the hour is spent.
//
// It carries nothing out: package call raises the alerts and gives the tags, package webhook delivers.
package reaction

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// Options configures a Reactor. Tracker is required.
type Options struct {
	// Tracker returns a tracker as it is matched now, and false if it is not matched any more.
	Tracker    func(conversation.ID) (tracking.Tracker, bool)
	Registerer prometheus.Registerer // nil counts nothing
	Now        func() time.Time      // nil is time.Now
}

// Reactor keeps the budgets of all trackers. It is safe for concurrent use. A restart of the daemon begins new hours.
type Reactor struct {
	tracker  func(conversation.ID) (tracking.Tracker, bool)
	now      func() time.Time
	reacted  *prometheus.CounterVec
	withheld *prometheus.CounterVec

	mu sync.Mutex
	// spent holds when each tracker with a budget set off actions in the last hour; no more times than its budget has.
	spent map[conversation.ID][]time.Time
}

// Reasons for which a match sets off nothing, as labels.
const (
	reasonRepeated = "repeated"
	reasonBudget   = "budget"
)

// New returns a reactor whose budgets are all unspent.
func New(opts Options) (*Reactor, error) {
	if opts.Tracker == nil {
		return nil, errors.New("reaction: Tracker is required")
	}
	r := &Reactor{tracker: opts.Tracker, now: opts.Now, spent: map[conversation.ID][]time.Time{}}
	if r.now == nil {
		r.now = time.Now
	}
	r.reacted = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "operatord_tracking_reactions_total", Help: "Actions that matches set off, by type.",
	}, []string{"type"})
	r.withheld = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "operatord_tracking_reactions_withheld_total",
		Help: "Matches whose actions were left out: repeated in the conversation, or beyond the tracker's budget for the hour.",
	}, []string{"reason"})
	for _, reason := range []string{reasonRepeated, reasonBudget} {
		r.withheld.WithLabelValues(reason)
	}
	if opts.Registerer == nil {
		return r, nil
	}
	if err := errors.Join(opts.Registerer.Register(r.reacted), opts.Registerer.Register(r.withheld)); err != nil {
		return nil, fmt.Errorf("reaction: register metrics: %w", err)
	}
	return r, nil
}

// Session decides for one conversation. It is not safe for concurrent use.
type Session struct {
	reactor *Reactor
	reacted map[conversation.ID]bool // trackers whose actions the conversation had
}

// NewSession returns a session for one conversation. It needs no closing.
func (r *Reactor) NewSession() *Session {
	return &Session{reactor: r, reacted: map[conversation.ID]bool{}}
}

// React returns what a confirmed match sets off. A tracker sets off its actions once in a conversation, and in as many
// conversations an hour as its budget allows. A match that names its stance ("I do not want to cancel") sets off nothing.
func (s *Session) React(m conversation.Match) []conversation.Reaction {
	t, inForce := s.reactor.tracker(m.TrackerID)
	if !inForce || m.Provisional || m.Stance != "" {
		return nil
	}
	reactions := feasible(t.Actions)
	switch {
	case len(reactions) == 0:
		return nil
	case s.reacted[t.ID]:
		s.reactor.withheld.WithLabelValues(reasonRepeated).Inc()
		return nil
	case !s.reactor.spend(t.ID, t.AlertsPerHour):
		s.reactor.withheld.WithLabelValues(reasonBudget).Inc()
		return nil
	}
	s.reacted[t.ID] = true
	for _, r := range reactions {
		s.reactor.reacted.WithLabelValues(string(r.Type)).Inc()
	}
	return reactions
}

// feasible returns the actions that this daemon can carry out. To say something and to transfer a call are not among them yet.
func feasible(actions []tracking.Action) []conversation.Reaction {
	var reactions []conversation.Reaction
	for _, a := range actions {
		switch a.Type {
		case tracking.ActionAlert, tracking.ActionWebhook, tracking.ActionTag:
			reactions = append(reactions, conversation.Reaction{Type: conversation.ReactionType(a.Type), Target: a.Target})
		case tracking.ActionSay, tracking.ActionTransfer:
		}
	}
	return reactions
}

// spend takes one from the budget that a tracker has for an hour, and reports false if nothing is left of it. A budget of 0
// has no limit.
func (r *Reactor) spend(id conversation.ID, budget int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if budget == 0 {
		delete(r.spent, id)
		return true
	}
	now := r.now()
	times := r.spent[id]
	for len(times) > 0 && now.Sub(times[0]) >= time.Hour {
		times = times[1:]
	}
	if len(times) >= budget {
		r.spent[id] = times
		return false
	}
	r.spent[id] = append(times, now)
	return true
}
