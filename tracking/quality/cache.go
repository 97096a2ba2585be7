package quality

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/operatord/operatord/tracking"
)

// vectorCache is an encoder that encodes each text once. To give the encoder large batches, a stage of work is run twice: the
// first time it only notes the texts it wants and gets vectors of zeros, the second time all of them are there.
type vectorCache struct {
	tracking.Encoder

	mu      sync.Mutex
	vectors map[string][]float32
	wanted  map[string]bool // nil unless texts are only noted
}

func newVectorCache(e tracking.Encoder) *vectorCache {
	return &vectorCache{Encoder: e, vectors: make(map[string][]float32)}
}

// Embed implements tracking.Encoder.
func (c *vectorCache) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing []string
	for _, text := range texts {
		if c.vectors[text] == nil {
			missing = append(missing, text)
		}
	}
	switch {
	case c.wanted != nil:
		for _, text := range missing {
			c.wanted[text] = true
		}
	case len(missing) > 0:
		if err := c.encode(ctx, missing); err != nil {
			return nil, err
		}
	}
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		if vectors[i] = c.vectors[text]; vectors[i] == nil {
			vectors[i] = make([]float32, c.Dimensions())
		}
	}
	return vectors, nil
}

// Bounds of how much is encoded at once, and by how many.
const (
	encodeBatch = 64
	encodeTasks = 2
)

// encode encodes texts. The caller holds mu.
func (c *vectorCache) encode(ctx context.Context, texts []string) error {
	slices.SortFunc(texts, func(a, b string) int { return len(a) - len(b) }) // batches of equal lengths are quicker
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(encodeTasks)
	batches := slices.Collect(slices.Chunk(texts, encodeBatch))
	vectors := make([][][]float32, len(batches))
	for i, batch := range batches {
		group.Go(func() (err error) {
			vectors[i], err = c.Encoder.Embed(ctx, batch)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, batch := range batches {
		for j, text := range batch {
			c.vectors[text] = vectors[i][j]
		}
	}
	return nil
}

// note collects the texts that work embeds, without encoding them, and then encodes them all.
func (c *vectorCache) note(ctx context.Context, work func() error) error {
	c.mu.Lock()
	c.wanted = make(map[string]bool)
	c.mu.Unlock()
	err := work()
	c.mu.Lock()
	defer c.mu.Unlock()
	var texts []string
	for text := range c.wanted {
		texts = append(texts, text)
	}
	c.wanted = nil
	if err != nil || len(texts) == 0 {
		return err
	}
	slices.Sort(texts)
	return c.encode(ctx, texts)
}
