package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/operatord/operatord/api"
)

// health is what the daemon knows about its own parts. It is safe for concurrent use.
type health struct {
	mu       sync.Mutex
	state    api.State
	problems map[string]string // by part
	models   map[string]api.Model
	started  time.Time
}

func newHealth() *health {
	return &health{
		state: api.StateStarting, problems: map[string]string{}, models: map[string]api.Model{}, started: time.Now().UTC(),
	}
}

// problem notes that a part does not work.
func (h *health) problem(part, message string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.problems[part] = message
}

// solved takes a part's problem back.
func (h *health) solved(part string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.problems, part)
}

// model notes a model that is loaded.
func (h *health) model(kind, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.models[kind] = api.Model{Kind: kind, Name: name, Ready: true}
}

// enter notes a new state of the daemon.
func (h *health) enter(state api.State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state = state
}

// snapshot returns the state with its problems; a ready daemon with a problem is degraded.
func (h *health) snapshot() (api.State, []api.Problem, []api.Model) {
	h.mu.Lock()
	defer h.mu.Unlock()
	problems := []api.Problem{}
	for _, part := range slices.Sorted(maps.Keys(h.problems)) {
		problems = append(problems, api.Problem{Part: part, Message: h.problems[part]})
	}
	models := slices.SortedFunc(maps.Values(h.models), func(a, b api.Model) int { return strings.Compare(a.Kind, b.Kind) })
	state := h.state
	if state == api.StateReady && len(problems) > 0 {
		state = api.StateDegraded
	}
	return state, problems, models
}

// System implements api.Health. It answers also while the database does not.
func (a *App) System(ctx context.Context) (api.System, error) {
	state, problems, models := a.health.snapshot()
	counts, err := a.counts(ctx)
	if err = errors.Join(err, a.writer.Err()); err != nil {
		state, problems = api.StateDegraded, append(problems, api.Problem{Part: "store", Message: err.Error()})
	}
	return api.System{
		Version: a.opts.Version, Node: a.cfg.Node, StartedAt: a.health.started, State: state, Problems: problems,
		Models: models, Addresses: a.Addrs(), Counts: counts, Tracking: a.catalog.State(),
	}, nil
}

// countsAge is how old the numbers of the front page may be: counting a million conversations takes a while, and every open
// page asks.
const countsAge = 5 * time.Second

// countsTimeout bounds the counting, so that the page shows what is wrong while the database is locked.
const countsTimeout = 2 * time.Second

// tally holds the numbers of the front page and when they were counted.
type tally struct {
	mu     sync.Mutex
	at     time.Time
	counts api.Counts
}

// counts returns the numbers of the front page; what the database holds is counted anew only after countsAge.
func (a *App) counts(ctx context.Context) (api.Counts, error) {
	a.tally.mu.Lock()
	defer a.tally.mu.Unlock()
	if time.Since(a.tally.at) >= countsAge {
		bounded, cancel := context.WithTimeout(ctx, countsTimeout)
		defer cancel()
		byStatus, err := a.store.CountByStatus(bounded)
		if err != nil {
			return api.Counts{ActiveCalls: a.calls.Live()}, fmt.Errorf("count conversations: %w", err)
		}
		trackers, err := a.store.Trackers(bounded)
		if err != nil {
			return api.Counts{ActiveCalls: a.calls.Live()}, fmt.Errorf("count trackers: %w", err)
		}
		a.tally.at, a.tally.counts = time.Now(), api.Counts{Trackers: len(trackers)}
		for _, n := range byStatus {
			a.tally.counts.Conversations += n
		}
	}
	counts := a.tally.counts
	counts.ActiveCalls = a.calls.Live()
	return counts, nil
}
