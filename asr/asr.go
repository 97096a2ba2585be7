package asr

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/operatord/operatord/conversation"
)

var (
	// ErrNotReady is returned while the recognizer has no engine.
	ErrNotReady = errors.New("speech model is not loaded")
	// ErrClosed is returned when the recognizer has been stopped.
	ErrClosed = errors.New("recognizer is stopped")
)

// Options configure a Recognizer. Zero values stand for the defaults named at each field.
type Options struct {
	Engine          Engine            // nil: streams are degraded until SetEngine
	IDs             *conversation.IDs // required; names the utterances
	Workers         int               // decodes that run at once; default one per CPU
	Endpoint        time.Duration     // silence that ends a turn; default 600ms
	PartialInterval time.Duration     // between two partials of a turn while the workers are idle; default 800ms
	MaxTurn         time.Duration     // a longer turn is cut at a pause; default 14s
	MaxBacklog      time.Duration     // audio that may wait to be decoded, all streams together; default 5m
	Logger          *slog.Logger      // default: discard
	Metrics         prometheus.Registerer
}

// Recognizer decodes the turns of many streams with a few workers. It is safe for concurrent use.
type Recognizer struct{ opts Options }

// New checks the options. It starts nothing: streams give text while Run runs.
func New(opts Options) (*Recognizer, error) { return &Recognizer{opts: opts}, nil }

// Run decodes until ctx ends, and returns when every worker has ended. What was not decoded by then is reported as a gap.
func (r *Recognizer) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Ready returns nil when streams give text, and otherwise an error that says why not.
func (r *Recognizer) Ready() error { return ErrNotReady }

// SetEngine gives a recognizer that was made without one its engine. Streams that are open begin to give text.
func (r *Recognizer) SetEngine(e Engine) error { return nil }

// NewStream opens a stream. The caller must Close it, also after Run has returned.
func (r *Recognizer) NewStream(opts StreamOptions) (*Stream, error) { return &Stream{}, nil }
