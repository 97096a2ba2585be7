package catalog_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
)

// memory implements catalog.Store; only the newest version of a tracker is kept.
type memory struct {
	mu       sync.Mutex
	trackers map[conversation.ID]tracking.Tracker
	before   func() // called before a save, without the lock
	down     error
}

func newMemory() *memory { return &memory{trackers: map[conversation.ID]tracking.Tracker{}} }

func (m *memory) Trackers(context.Context) ([]tracking.Tracker, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.trackers), func(a, b tracking.Tracker) int { return cmp.Compare(a.Name, b.Name) }), m.down
}

func (m *memory) Tracker(_ context.Context, id conversation.ID) (tracking.Tracker, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, ok := m.trackers[id]; ok {
		return t, nil
	}
	return tracking.Tracker{}, conversation.ErrNotFound
}

func (m *memory) SaveTrackers(_ context.Context, trackers []tracking.Tracker) ([]tracking.Tracker, error) {
	if m.before != nil {
		m.before()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	saved := slices.Clone(trackers)
	for i := range saved {
		if old, ok := m.trackers[saved[i].ID]; ok && old.Version != saved[i].Version {
			return nil, conversation.ErrConflict
		}
		saved[i].Version++
		m.trackers[saved[i].ID] = saved[i]
	}
	return saved, m.down
}

func (m *memory) DeleteTracker(_ context.Context, id conversation.ID, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.trackers, id)
	return nil
}

func (m *memory) TrackerVersions(context.Context, conversation.ID) ([]tracking.Tracker, error) {
	return nil, nil
}

func (m *memory) TrackerChanges(context.Context, int64, int) ([]tracking.Change, error) {
	return nil, nil
}

func (m *memory) CountPhrases(context.Context, string, time.Time) (map[string]int, int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return nil, 0, m.down
}

// compiler implements catalog.Compiler: it remembers the names of each set it was given.
type compiler struct {
	mu    sync.Mutex
	sets  []string
	fails int           // how many compilations fail
	takes time.Duration // each
}

func (c *compiler) SetTrackers(ctx context.Context, trackers []tracking.Tracker) error {
	select {
	case <-time.After(c.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, t := range trackers {
		names = append(names, fmt.Sprint(t.Name, t.Version))
	}
	c.sets = append(c.sets, strings.Join(names, " "))
	if c.fails > 0 {
		c.fails--
		return errors.New("the encoder is gone")
	}
	return nil
}

func (c *compiler) compiled() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sets)
}

// letters is an encoder whose vectors count letters: texts of nearly the same letters are close.
type letters struct{ fail error }

func (l letters) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		v := make([]float32, l.Dimensions())
		for _, r := range strings.ToLower(text) {
			if r >= 'a' && r <= 'z' {
				v[r-'a']++
			}
		}
		var sum float64
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		for j := range v {
			v[j] /= float32(math.Sqrt(sum))
		}
		vectors[i] = v
	}
	return vectors, l.fail
}
func (letters) Dimensions() int { return 26 }
func (letters) Name() string    { return "letters" }

func newCatalog(t *testing.T, opts catalog.Options) *catalog.Catalog {
	t.Helper()
	opts.IDs = new(conversation.IDs)
	if opts.Store == nil {
		opts.Store = newMemory()
	}
	if opts.Compiler == nil {
		opts.Compiler = new(compiler)
	}
	c, err := catalog.New(opts)
	require.NoError(t, err)
	return c
}

// content returns a valid content.
func content(name string, phrases ...string) catalog.Content {
	return catalog.Content{Name: name, Vocabulary: append([]string{"a phrase"}, phrases...), Enabled: true}
}
