package vectors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/operatord/operatord/tracking"
)

// batch is how many texts are encoded before the cache saves, waits and looks at its context again.
const batch = 16

// CacheOptions configures a Cache. Encoder and Table are required.
type CacheOptions struct {
	Encoder tracking.Encoder
	Table   Table
	// Memory is how many vectors stay in memory; 0 is none.
	Memory int
	// Share is the part of the time that the encoder is kept busy, above 0 and up to 1, so that work in the background leaves
	// the rest to the calls; 0 is 1.
	Share float64
}

// Cache is an encoder that looks into its memory and the table before it encodes. It is safe for concurrent use.
type Cache struct {
	encoder tracking.Encoder
	table   Table
	limit   int
	share   float64

	mu     sync.Mutex
	memory map[Key][]float32 // the recent generation; when it is full it becomes the older one, which is forgotten
	older  map[Key][]float32
}

// NewCache returns an empty cache.
func NewCache(o CacheOptions) (*Cache, error) {
	if o.Encoder == nil || o.Table == nil {
		return nil, errors.New("vectors: encoder and table are required")
	}
	if o.Share == 0 {
		o.Share = 1
	}
	if o.Share < 0 || o.Share > 1 {
		return nil, fmt.Errorf("vectors: share %g is not above 0 and up to 1", o.Share)
	}
	return &Cache{encoder: o.Encoder, table: o.Table, limit: o.Memory, share: o.Share}, nil
}

// Name implements tracking.Encoder.
func (c *Cache) Name() string { return c.encoder.Name() }

// Dimensions implements tracking.Encoder.
func (c *Cache) Dimensions() int { return c.encoder.Dimensions() }

// Embed implements tracking.Encoder. What had to be encoded is in the table when it returns, even with an error.
func (c *Cache) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	keys := make([]Key, len(texts))
	for i, text := range texts {
		keys[i] = KeyOf(text)
	}
	known, err := c.known(ctx, keys)
	if err != nil {
		return nil, err
	}
	if err := c.encode(ctx, texts, keys, known); err != nil {
		return nil, err
	}
	found := make([][]float32, len(texts))
	for i, key := range keys {
		found[i] = known[key]
	}
	return found, nil
}

// known returns the vectors that need no encoding.
func (c *Cache) known(ctx context.Context, keys []Key) (map[Key][]float32, error) {
	known := make(map[Key][]float32, len(keys))
	var rest []Key
	c.mu.Lock()
	for _, key := range keys {
		if v, remembered := c.recall(key); remembered {
			known[key] = v
		} else {
			rest = append(rest, key)
		}
	}
	c.mu.Unlock()
	if len(rest) == 0 {
		return known, nil
	}
	stored, err := c.table.Vectors(ctx, c.Name(), rest)
	if err != nil {
		return nil, fmt.Errorf("read vectors: %w", err)
	}
	for key, v := range stored {
		if len(v) == c.Dimensions() {
			known[key] = v
			c.remember(key, v)
		}
	}
	return known, nil
}

// encode adds to known what is missing there, and stores it.
func (c *Cache) encode(ctx context.Context, texts []string, keys []Key, known map[Key][]float32) error {
	var missing []string
	asked := map[Key]bool{}
	for i, key := range keys {
		if known[key] == nil && !asked[key] {
			asked[key] = true
			missing = append(missing, texts[i])
		}
	}
	for len(missing) > 0 {
		part := missing[:min(batch, len(missing))]
		missing = missing[len(part):]
		started := time.Now()
		fresh, err := c.encoder.Embed(ctx, part)
		if err != nil {
			return err
		}
		if len(fresh) != len(part) {
			return fmt.Errorf("%d vectors for %d texts", len(fresh), len(part))
		}
		took := time.Since(started)
		if err := c.keep(ctx, part, fresh, known); err != nil {
			return err
		}
		if err := c.rest(ctx, took); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cache) keep(ctx context.Context, texts []string, fresh [][]float32, known map[Key][]float32) error {
	vectors := make(map[Key][]float32, len(texts))
	for i, text := range texts {
		key := KeyOf(text)
		vectors[key], known[key] = fresh[i], fresh[i]
		c.remember(key, fresh[i])
	}
	if err := c.table.SaveVectors(ctx, c.Name(), vectors); err != nil {
		return fmt.Errorf("save vectors: %w", err)
	}
	return nil
}

// rest waits so long that the encoder was busy for the share of the time.
func (c *Cache) rest(ctx context.Context, busy time.Duration) error {
	if c.share == 1 {
		return nil
	}
	timer := time.NewTimer(time.Duration(float64(busy) * (1 - c.share) / c.share))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// recall looks into the memory; mu is held.
func (c *Cache) recall(key Key) ([]float32, bool) {
	if v, ok := c.memory[key]; ok {
		return v, true
	}
	v, ok := c.older[key]
	return v, ok
}

func (c *Cache) remember(key Key, v []float32) {
	if c.limit == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.memory == nil || len(c.memory) >= c.limit/2 {
		c.older, c.memory = c.memory, make(map[Key][]float32)
	}
	c.memory[key] = v
}
