package vectors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/operatord/operatord/tracking"
)

const (
	// queueLen is how many answers of the encoder may wait to be stored; more are left out.
	queueLen = 256
	// saveDelay is how long vectors are collected before they are stored, and savedAtOnce how many end the wait.
	saveDelay   = 2 * time.Second
	savedAtOnce = 512
)

// KeeperOptions configures a Keeper. Encoder and Table are required.
type KeeperOptions struct {
	Encoder    tracking.Encoder
	Table      Table
	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil counts nothing
}

// Keeper is the encoder of the live path: it encodes as the encoder behind it does, and what Run finds in its queue is stored.
// Embed never waits for the table; vectors that find the queue full are left out and counted. It is safe for concurrent use.
type Keeper struct {
	tracking.Encoder

	table   Table
	log     *slog.Logger
	dropped prometheus.Counter
	// queue is never closed; it holds queueLen answers, and Embed leaves out what does not fit.
	queue chan answer
}

// answer is what the encoder answered once.
type answer struct {
	texts   []string
	vectors [][]float32
}

// NewKeeper returns a keeper that stores nothing until Run.
func NewKeeper(o KeeperOptions) (*Keeper, error) {
	if o.Encoder == nil || o.Table == nil {
		return nil, errors.New("vectors: encoder and table are required")
	}
	k := &Keeper{
		Encoder: o.Encoder, table: o.Table, log: o.Logger, queue: make(chan answer, queueLen),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "operatord_vectors_dropped_total",
			Help: "Sentence vectors that were not kept because the database was too slow; they are computed again when needed.",
		}),
	}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	if o.Registerer != nil {
		if err := o.Registerer.Register(k.dropped); err != nil {
			return nil, fmt.Errorf("register vector metrics: %w", err)
		}
	}
	return k, nil
}

// Embed implements tracking.Encoder. The caller must not change the vectors.
func (k *Keeper) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	vectors, err := k.Encoder.Embed(ctx, texts)
	if err != nil || len(vectors) != len(texts) {
		return vectors, err
	}
	select {
	case k.queue <- answer{texts, vectors}:
	default:
		k.dropped.Add(float64(len(texts)))
	}
	return vectors, nil
}

// Run stores what was encoded, until ctx ends. Vectors are no loss: a table that cannot be written is logged and passed over.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case first := <-k.queue:
			vectors := k.collect(ctx, first)
			if err := k.table.SaveVectors(context.WithoutCancel(ctx), k.Name(), vectors); err != nil {
				k.dropped.Add(float64(len(vectors)))
				k.log.Warn("sentence vectors not stored", "err", err)
			}
		}
	}
}

// collect returns the vectors of first and of the answers that follow shortly.
func (k *Keeper) collect(ctx context.Context, first answer) map[Key][]float32 {
	vectors := make(map[Key][]float32)
	add := func(a answer) {
		for i, text := range a.texts {
			vectors[KeyOf(text)] = a.vectors[i]
		}
	}
	add(first)
	timer := time.NewTimer(saveDelay)
	defer timer.Stop()
	for len(vectors) < savedAtOnce {
		select {
		case a := <-k.queue:
			add(a)
		case <-timer.C:
			return vectors
		case <-ctx.Done():
			return vectors
		}
	}
	return vectors
}
