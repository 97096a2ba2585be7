package apitest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
)

// SetTrackers replaces the trackers.
func (d *Daemon) SetTrackers(trackers []tracking.Tracker) { d.trackers.replace(trackers) }

// SetPhraseCounts says in how many of a number of conversations phrases matched lately, whatever the tracker.
func (d *Daemon) SetPhraseCounts(phrases map[string]int, conversations int) {
	d.trackers.mu.Lock()
	d.trackers.phrases, d.trackers.conversations = phrases, conversations
	d.trackers.mu.Unlock()
}

// newCatalog returns a catalog over a store in memory, which compiles nothing.
func newCatalog(s *trackerStore) *catalog.Catalog {
	c, err := catalog.New(catalog.Options{Store: s, Compiler: compileNothing{}, IDs: new(conversation.IDs), Endpoints: []string{"crm"}})
	if err != nil {
		panic("apitest: " + err.Error()) //nolint:forbidigo // the options are constants
	}
	return c
}

type compileNothing struct{}

func (compileNothing) SetTrackers(context.Context, []tracking.Tracker) error { return nil }

// trackerStore implements catalog.Store in memory.
type trackerStore struct {
	mu            sync.Mutex
	trackers      map[conversation.ID]tracking.Tracker
	versions      map[conversation.ID][]tracking.Tracker
	changes       []tracking.Change
	phrases       map[string]int
	conversations int
}

func newTrackerStore() *trackerStore {
	return &trackerStore{trackers: map[conversation.ID]tracking.Tracker{}, versions: map[conversation.ID][]tracking.Tracker{}}
}

func (s *trackerStore) replace(trackers []tracking.Tracker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.trackers)
	for _, t := range trackers {
		s.trackers[t.ID] = t
	}
}

func (s *trackerStore) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.trackers)
}

// Trackers implements catalog.Store.
func (s *trackerStore) Trackers(context.Context) ([]tracking.Tracker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	byName := func(a, b tracking.Tracker) int { return cmp.Compare(a.Name, b.Name) }
	return slices.SortedFunc(maps.Values(s.trackers), byName), nil
}

// Tracker implements catalog.Store.
func (s *trackerStore) Tracker(_ context.Context, id conversation.ID) (tracking.Tracker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.trackers[id]
	if !ok {
		return t, fmt.Errorf("tracker %s: %w", id, conversation.ErrNotFound)
	}
	return t, nil
}

// SaveTrackers implements catalog.Store.
func (s *trackerStore) SaveTrackers(_ context.Context, trackers []tracking.Tracker) ([]tracking.Tracker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := maps.Clone(s.trackers)
	saved := slices.Clone(trackers)
	for i := range saved {
		t := &saved[i]
		for id, other := range next {
			if id != t.ID && other.Name == t.Name {
				return nil, fmt.Errorf("tracker %q: name is taken: %w", t.Name, conversation.ErrConflict)
			}
		}
		t.Version = len(s.versions[t.ID]) + 1
		t.UpdatedAt = time.Now().UTC()
		if t.CreatedAt.IsZero() {
			t.CreatedAt = t.UpdatedAt
		}
		next[t.ID] = *t
	}
	if len(next) > tracking.MaxTrackers {
		return nil, &tracking.MemberError{Member: "trackers", Problem: fmt.Sprintf("more than %d", tracking.MaxTrackers)}
	}
	for _, t := range saved {
		kind := "created"
		if t.Version > 1 {
			kind = "changed"
		}
		s.note(t, kind, t.UpdatedBy)
		s.versions[t.ID] = append(s.versions[t.ID], t)
	}
	s.trackers = next
	return saved, nil
}

// note must be called with s.mu held.
func (s *trackerStore) note(t tracking.Tracker, kind, by string) {
	s.changes = append(s.changes, tracking.Change{
		Number: int64(len(s.changes) + 1), TrackerID: t.ID, Tracker: t.Name, Version: t.Version, Kind: kind, By: by, At: time.Now().UTC(),
	})
}

// DeleteTracker implements catalog.Store.
func (s *trackerStore) DeleteTracker(_ context.Context, id conversation.ID, by string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.trackers[id]
	if !ok {
		return fmt.Errorf("tracker %s: %w", id, conversation.ErrNotFound)
	}
	delete(s.trackers, id)
	s.note(t, "deleted", by)
	return nil
}

// TrackerVersions implements catalog.Store.
func (s *trackerStore) TrackerVersions(_ context.Context, id conversation.ID) ([]tracking.Tracker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.versions[id]), nil
}

// TrackerChanges implements catalog.Store.
func (s *trackerStore) TrackerChanges(_ context.Context, before int64, limit int) ([]tracking.Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var changes []tracking.Change
	for _, c := range slices.Backward(s.changes) {
		if (before == 0 || c.Number < before) && len(changes) < limit {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// CountPhrases implements catalog.Store.
func (s *trackerStore) CountPhrases(context.Context, string, time.Time) (map[string]int, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phrases, s.conversations, nil
}
