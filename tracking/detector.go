package tracking

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/operatord/operatord/conversation"
)

// Encoder turns sentences into vectors of length 1 whose dot product says how close two meanings are. It is safe for
// concurrent use and bounds its own work; Embed returns one vector of Dimensions numbers per text, in order.
type Encoder interface {
	Embed(ctx context.Context, texts []string) ([][]float32, error)
	Dimensions() int
	Name() string
}

// ErrEncoder is returned when the encoder could not give vectors, so that nothing was matched by meaning. Literal
// matching is not affected.
var ErrEncoder = errors.New("sentence encoder")

// Options configures a Detector.
type Options struct {
	// Encoder gives the sentence vectors; nil means that phrases are matched literally only.
	Encoder Encoder
	// Background tells what any customer says from what a tracker means; see BundledBackground and NewBackground. It must
	// come from the same encoder. Without one, meaning is scored by the best phrases alone, which is less exact.
	Background *Background
	// IDs numbers the matches; required. A process has one.
	IDs        *conversation.IDs
	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil keeps the metrics to itself
	Now        func() time.Time      // clock of the match IDs; nil is time.Now
}

// Detector holds the compiled trackers. It is safe for concurrent use and starts no goroutine.
type Detector struct {
	encoder    Encoder
	background *Background
	ids        *conversation.IDs
	log        *slog.Logger
	metrics    *metrics
	now        func() time.Time

	current atomic.Pointer[compiled]

	compiling sync.Mutex         // serialises SetTrackers; matching never waits for it
	phrases   map[string]*phrase // of the current set, by text
}

// New returns a detector without trackers.
func New(opts Options) (*Detector, error) {
	if opts.IDs == nil {
		return nil, errors.New("tracking: IDs is required")
	}
	if err := opts.Background.suits(opts.Encoder); err != nil {
		return nil, fmt.Errorf("tracking: %w", err)
	}
	d := &Detector{encoder: opts.Encoder, background: opts.Background, ids: opts.IDs, log: opts.Logger, now: opts.Now}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.now == nil {
		d.now = time.Now
	}
	var err error
	if d.metrics, err = newMetrics(opts.Registerer); err != nil {
		return nil, fmt.Errorf("tracking: register metrics: %w", err)
	}
	d.current.Store(&compiled{literal: newLiteralIndex(), exclusions: newLiteralIndex()})
	return d, nil
}

// SetTrackers replaces the trackers by the enabled ones of the given set. Matching goes on with the old set until the new
// one is ready. On an error, which matches conversation.ErrInvalid or ErrEncoder or is the cause of ctx, the old set stays.
// Phrases that were there before are not encoded again. SetTrackers does not keep the slice.
func (d *Detector) SetTrackers(ctx context.Context, trackers []Tracker) error {
	if err := ValidateSet(trackers); err != nil {
		return fmt.Errorf("set trackers: %w", err)
	}
	d.compiling.Lock()
	defer d.compiling.Unlock()
	started := d.now()
	enabled := enabledOf(trackers)
	phrases, err := d.phrasesOf(ctx, enabled)
	if err != nil {
		return fmt.Errorf("set trackers: %w", err)
	}
	next, err := compile(enabled, phrases, d.background)
	if err != nil {
		return fmt.Errorf("set trackers: %w", err)
	}
	d.phrases = phrases
	d.current.Store(next)
	d.log.Debug("trackers compiled", "trackers", len(enabled), "phrases", len(phrases), "took", d.now().Sub(started))
	return nil
}

func enabledOf(trackers []Tracker) []Tracker {
	var enabled []Tracker
	for i := range trackers {
		if trackers[i].Enabled {
			enabled = append(enabled, trackers[i])
		}
	}
	return enabled
}

// phrasesOf returns the phrases and negative examples of all trackers by text. Those that the current set has are taken from it.
func (d *Detector) phrasesOf(ctx context.Context, trackers []Tracker) (map[string]*phrase, error) {
	phrases := make(map[string]*phrase)
	var fresh []*phrase
	prepare := func(text string) {
		if phrases[text] != nil {
			return
		}
		p := d.phrases[text]
		if p == nil {
			p = newPhrase(text)
			fresh = append(fresh, p)
		}
		phrases[text] = p
	}
	for i := range trackers {
		for _, text := range trackers[i].Vocabulary {
			prepare(text)
		}
		for _, text := range trackers[i].NegativeExamples {
			prepare(text)
		}
	}
	if d.encoder == nil {
		return phrases, nil
	}
	texts := make([]string, len(fresh))
	for i, p := range fresh {
		texts[i] = p.text
	}
	vectors, err := embed(ctx, d.encoder, texts)
	if err != nil {
		return nil, err
	}
	for i, p := range fresh {
		p.vector = vectors[i]
	}
	return phrases, nil
}

// embed calls the encoder and checks that the answer has the shape it promises.
func embed(ctx context.Context, e Encoder, texts []string) ([][]float32, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	vectors, err := e.Embed(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrEncoder, e.Name(), err)
	}
	if len(vectors) != len(texts) {
		return nil, fmt.Errorf("%w %s: %d vectors for %d texts", ErrEncoder, e.Name(), len(vectors), len(texts))
	}
	for _, v := range vectors {
		if len(v) != e.Dimensions() {
			return nil, fmt.Errorf("%w %s: vector of %d dimensions, not %d", ErrEncoder, e.Name(), len(v), e.Dimensions())
		}
	}
	return vectors, nil
}
