package call

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/operatord/operatord/conversation"
)

// Limits bound a call.
type Limits struct {
	MaxDuration         time.Duration
	InitialMediaTimeout time.Duration // no RTP at all after the answer
	MediaTimeout        time.Duration // RTP stopped
}

// Options configure a Registry. Every field is required unless it says otherwise.
type Options struct {
	IDs          *conversation.IDs
	Feed         *Feed
	Plan         func(conversation.Conversation) (Plan, error)
	Dial         Dial
	Listen       Listen // optional; nil recognises nothing
	Detector     func(conversation.ID) Detector
	Reactor      func() Reactor // optional; one for each call; nil sets nothing off
	RecordingDir string         // optional; empty records nothing
	Node         string
	Limits       Limits
	Logger       *slog.Logger
	Registerer   prometheus.Registerer
	Now          func() time.Time // optional; nil is time.Now
}

// Registry holds the live calls of this node. It is safe for concurrent use.
type Registry struct {
	opts    Options
	metrics *metrics

	mu       sync.Mutex
	calls    map[conversation.ID]*Call
	draining bool
	running  sync.WaitGroup // one for each call
}

// NewRegistry returns an empty registry.
func NewRegistry(opts Options) (*Registry, error) {
	if opts.IDs == nil || opts.Feed == nil || opts.Plan == nil || opts.Dial == nil || opts.Detector == nil ||
		opts.Logger == nil || opts.Registerer == nil || opts.Limits.MaxDuration <= 0 ||
		opts.Limits.InitialMediaTimeout <= 0 || opts.Limits.MediaTimeout <= 0 {
		return nil, fmt.Errorf("%w call options: a required field is missing", conversation.ErrInvalid)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	m, err := newMetrics(opts.Registerer)
	if err != nil {
		return nil, err
	}
	return &Registry{opts: opts, metrics: m, calls: map[conversation.ID]*Call{}}, nil
}

// Inbound describes a leg that someone called us on.
type Inbound struct {
	Channel   conversation.Channel
	From, To  string
	SIPCallID string
	Refs      map[string]string
}

// Serve runs an inbound call until it has ended. While the registry is draining it refuses the leg.
func (r *Registry) Serve(ctx context.Context, leg Leg, in Inbound) {
	now := r.opts.Now()
	conv := conversation.New(r.opts.IDs.Next(now), conversation.Inbound, in.Channel, in.From, in.To, now)
	conv.SIPCallID, conv.Refs = in.SIPCallID, in.Refs
	c, err := r.add(ctx, conv)
	if err != nil {
		if err := leg.Reject(ctx, err); err != nil {
			r.opts.Logger.Warn("refuse call", "err", err)
		}
		return
	}
	c.inbound(leg) //nolint:contextcheck // the context of the call descends from ctx
}

// Place starts an outbound call and returns its queued conversation; the call goes on until it has ended or Drain ends
// it. It returns an error matching conversation.ErrInvalid for a request that names no callee, and
// conversation.ErrUnavailable while the registry is draining.
func (r *Registry) Place(request Request) (conversation.Conversation, error) {
	if request.To == "" {
		return conversation.Conversation{}, fmt.Errorf("%w call: to is required", conversation.ErrInvalid)
	}
	now := r.opts.Now()
	conv := conversation.New(r.opts.IDs.Next(now), conversation.Outbound, conversation.ChannelSIP, request.From, request.To, now)
	conv.Profile, conv.Refs = request.Profile, request.Refs
	if _, err := r.opts.Plan(conv); err != nil {
		return conversation.Conversation{}, fmt.Errorf("%w call: %w", conversation.ErrInvalid, err)
	}
	c, err := r.add(context.Background(), conv) // the call outlives the request that asked for it; Drain ends it
	if err != nil {
		return conversation.Conversation{}, err
	}
	c.publishStatus()
	go c.outbound(request) // r.running counts it
	return conv, nil
}

// Call returns a live call, or an error matching conversation.ErrNotFound.
func (r *Registry) Call(id conversation.ID) (*Call, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.calls[id]; ok {
		return c, nil
	}
	return nil, fmt.Errorf("live call %s: %w", id, conversation.ErrNotFound)
}

// Live returns how many calls there are now.
func (r *Registry) Live() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.calls)
}

// Drain refuses new calls, lets those in progress go on until ctx ends, then hangs them up, and returns when the last has
// published its last event. It is idempotent.
func (r *Registry) Drain(ctx context.Context) {
	r.mu.Lock()
	r.draining = true
	r.mu.Unlock()
	ended := make(chan struct{})
	go func() { // ends when the calls have, which this function waits for
		r.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	r.mu.Lock()
	for _, c := range r.calls {
		c.cancel(ErrShutdown)
	}
	r.mu.Unlock()
	<-ended
}

// errDraining is returned for calls that come while the daemon is stopping.
var errDraining = errors.New("the daemon is stopping")

func (r *Registry) add(ctx context.Context, conv conversation.Conversation) (*Call, error) {
	conv.Node = r.opts.Node
	ctx, cancel := context.WithCancelCause(ctx)
	c := &Call{registry: r, id: conv.ID, ctx: ctx, cancel: cancel, conv: conv, done: make(chan struct{})}
	c.log = r.opts.Logger.With("call_id", string(conv.ID), "direction", string(conv.Direction))
	if conv.SIPCallID != "" {
		c.log = c.log.With("sip_call_id", conv.SIPCallID)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		cancel(ErrShutdown)
		return nil, fmt.Errorf("%w: %w", conversation.ErrUnavailable, errDraining)
	}
	r.calls[conv.ID] = c
	r.running.Add(1)
	r.metrics.active.Inc()
	return c, nil
}

func (r *Registry) remove(c *Call) {
	r.mu.Lock()
	delete(r.calls, c.id)
	r.mu.Unlock()
	r.metrics.active.Dec()
	r.running.Done()
}
