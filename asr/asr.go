package asr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/operatord/operatord/conversation"
)

var (
	// ErrNotReady is returned while the recognizer has no engine.
	ErrNotReady = fmt.Errorf("speech model is not loaded: %w", conversation.ErrUnavailable)
	// ErrStopped is returned when Run has returned.
	ErrStopped = fmt.Errorf("recognizer is stopped: %w", conversation.ErrUnavailable)
)

// Options configure a Recognizer. Zero values stand for the defaults named at each field.
type Options struct {
	IDs             *conversation.IDs     // required; names the utterances
	Engine          Engine                // nil: streams are degraded until SetEngine
	Workers         int                   // decodes that run at once; default one per CPU
	Endpoint        time.Duration         // silence that ends a turn, 200ms to 3s; default 600ms
	PartialInterval time.Duration         // between two partials of a turn while workers are idle; default 800ms
	MaxTurn         time.Duration         // a longer turn is cut at a pause, 5s to 20s; default 14s
	MaxBacklog      time.Duration         // speech that may wait for its final, all streams together; default 5m
	Logger          *slog.Logger          // default: discard
	Metrics         prometheus.Registerer // default: none
}

// MaxSpeech bounds what a Decoder is given at once.
const MaxSpeech = 24 * time.Second

// withDefaults returns o with its zero values replaced.
func (o Options) withDefaults() Options {
	o.Workers = cmp.Or(o.Workers, runtime.GOMAXPROCS(0))
	o.Endpoint = cmp.Or(o.Endpoint, 600*time.Millisecond)
	o.PartialInterval = cmp.Or(o.PartialInterval, 800*time.Millisecond)
	o.MaxTurn = cmp.Or(o.MaxTurn, 14*time.Second)
	o.MaxBacklog = cmp.Or(o.MaxBacklog, 5*time.Minute)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return o
}

// validate returns an error that names every setting at fault.
func (o Options) validate() error {
	var errs []error
	check := func(ok bool, msg string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%w options: %s", conversation.ErrInvalid, msg))
		}
	}
	check(o.IDs != nil, "IDs: required")
	check(o.Workers > 0, "Workers: must be positive")
	check(o.Endpoint >= 200*time.Millisecond && o.Endpoint <= 3*time.Second, "Endpoint: must be 200ms to 3s")
	check(o.PartialInterval >= 100*time.Millisecond, "PartialInterval: must be at least 100ms")
	check(o.MaxTurn >= 5*time.Second && o.MaxTurn <= 20*time.Second, "MaxTurn: must be 5s to 20s")
	check(o.MaxBacklog > 0, "MaxBacklog: must be positive")
	return errors.Join(errs...)
}

// Recognizer decodes the turns of many streams with a few workers. It is safe for concurrent use.
type Recognizer struct {
	opts    Options
	engine  atomic.Pointer[Engine]
	pool    *pool
	load    *load
	metrics *metrics
}

// New checks the options. It starts nothing: streams give text while Run runs.
func New(opts Options) (*Recognizer, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("recognizer: %w", err)
	}
	m, err := newMetrics(opts.Metrics)
	if err != nil {
		return nil, fmt.Errorf("recognizer: %w", err)
	}
	r := &Recognizer{opts: opts, metrics: m, load: newLoad(opts.PartialInterval, opts.Workers, m)}
	r.pool = newPool(opts.MaxBacklog, r.load, m)
	if opts.Engine != nil {
		r.engine.Store(&opts.Engine)
	}
	return r, nil
}

// Run decodes until ctx ends, and returns when every worker has ended. What was not decoded by then is reported as a gap.
// It may be called once.
func (r *Recognizer) Run(ctx context.Context) error {
	return r.pool.run(ctx, r.opts.Workers, r.newDecoder)
}

// newDecoder makes a worker's decoder.
func (r *Recognizer) newDecoder() (Decoder, error) {
	engine := r.engine.Load()
	if engine == nil {
		return nil, ErrNotReady
	}
	return (*engine).NewDecoder()
}

// Ready returns nil when streams give text as soon as Run runs, and otherwise an error that says why not.
func (r *Recognizer) Ready() error {
	switch {
	case r.engine.Load() == nil:
		return ErrNotReady
	case r.pool.stopped():
		return ErrStopped
	}
	return nil
}

// SetEngine gives a recognizer that was made without one its engine. Streams that are open begin to give text. It
// returns an error that wraps conversation.ErrConflict if there is an engine already.
func (r *Recognizer) SetEngine(e Engine) error {
	if e == nil {
		return fmt.Errorf("set speech engine: %w: none given", conversation.ErrInvalid)
	}
	if !r.engine.CompareAndSwap(nil, &e) {
		return fmt.Errorf("set speech engine: %w: there is one", conversation.ErrConflict)
	}
	return nil
}
