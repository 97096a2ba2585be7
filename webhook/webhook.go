package webhook

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"github.com/operatord/operatord/conversation"
)

// Queue is the name of the job queue that deliveries run in.
const Queue = "webhook"

// Defaults of Options.
const (
	DefaultTimeout     = 10 * time.Second
	DefaultMaxInFlight = 4
	DefaultKeep        = 30 * 24 * time.Hour
)

// Endpoint is a receiver of events.
type Endpoint struct {
	Name string // unique; what deliveries are filed under
	URL  string // http or https
	// Secrets sign each message, base64 with the prefix whsec_. Usually there is one; during a rotation the receiver
	// accepts a message when any of its signatures verifies.
	Secrets []string
	// Events are the types that are sent; empty means all but the partial utterances, which come many times a second.
	Events []conversation.EventType
}

// Inserter adds a job in a transaction.
type Inserter interface {
	InsertTx(ctx context.Context, tx *sql.Tx, args river.JobArgs, opts *river.InsertOpts) error
}

// Options configures a Sender. DB and Jobs are required; a zero duration or number means the default of the same name.
type Options struct {
	DB        *sql.DB
	Jobs      Inserter
	Endpoints []Endpoint

	Schedule    []time.Duration // waits before the second and each later attempt; nil means DefaultSchedule()
	Timeout     time.Duration   // limit of one attempt, from dialling to the end of the response
	MaxInFlight int             // deliveries to one endpoint at a time, so that a slow one cannot take every worker
	Keep        time.Duration   // how long settled deliveries stay in the table
	UserAgent   string

	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil counts nothing
}

// DefaultSchedule returns the waits between attempts, each varied by up to a tenth either way: nine attempts within about
// a day. Past the last one a delivery is given up.
func DefaultSchedule() []time.Duration {
	return []time.Duration{
		time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute,
		time.Hour, 5 * time.Hour, 18 * time.Hour,
	}
}

// Sender records and delivers events. It is safe for concurrent use.
type Sender struct {
	db        *sql.DB
	jobs      Inserter
	endpoints []*endpoint // in the order given
	poster    *poster
	schedule  []time.Duration
	keep      time.Duration
	log       *slog.Logger
	metrics   *metrics
}

// New checks the endpoints and returns a Sender; Register makes it a worker. It reports every bad endpoint at once.
func New(options Options) (*Sender, error) {
	if options.DB == nil || options.Jobs == nil {
		return nil, errors.New("webhook: database and job queue are required")
	}
	options.setDefaults()
	endpoints, err := newEndpoints(options.Endpoints, options.MaxInFlight)
	if err != nil {
		return nil, err
	}
	metrics, err := newMetrics(options.Registerer)
	if err != nil {
		return nil, err
	}
	return &Sender{
		db: options.DB, jobs: options.Jobs, endpoints: endpoints, schedule: options.Schedule, keep: options.Keep,
		poster: newPoster(options.Timeout, options.UserAgent), log: options.Logger, metrics: metrics,
	}, nil
}

func (o *Options) setDefaults() {
	if o.Schedule == nil {
		o.Schedule = DefaultSchedule()
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = DefaultMaxInFlight
	}
	if o.Keep == 0 {
		o.Keep = DefaultKeep
	}
	if o.UserAgent == "" {
		o.UserAgent = "operatord"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Register adds the workers to the bundle of the job queue.
func (s *Sender) Register(workers *river.Workers) error {
	if err := river.AddWorkerSafely(workers, &laneWorker{sender: s}); err != nil {
		return fmt.Errorf("register webhook worker: %w", err)
	}
	if err := river.AddWorkerSafely(workers, &pruneWorker{sender: s}); err != nil {
		return fmt.Errorf("register webhook prune worker: %w", err)
	}
	return nil
}

// Periodic returns the jobs that the queue should insert at intervals: the removal of old deliveries.
func (s *Sender) Periodic() []*river.PeriodicJob {
	prune := func() (river.JobArgs, *river.InsertOpts) { return pruneArgs{}, nil }
	opts := &river.PeriodicJobOpts{RunOnStart: true}
	return []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(time.Hour), prune, opts)}
}

// Enqueue records a delivery for every endpoint that wants ev: that is sent its type, or that a match names. It is called within the transaction that stores ev, in the
// order of the events of a conversation. An event that is recorded already is not recorded again.
func (s *Sender) Enqueue(ctx context.Context, tx *sql.Tx, ev conversation.Event) error {
	for _, e := range s.endpoints {
		if !e.wants(ev) || e.gone.Load() {
			continue
		}
		if err := s.enqueue(ctx, tx, e, ev); err != nil {
			return fmt.Errorf("record webhook delivery to %s: %w", e.name, err)
		}
	}
	return nil
}

func (s *Sender) enqueue(ctx context.Context, tx *sql.Tx, e *endpoint, ev conversation.Event) error {
	payload, err := json.Marshal(message{Type: ev.Type, Timestamp: ev.At.UTC(), Data: ev})
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	lane := laneArgs{Endpoint: e.name, ConversationID: ev.ConversationID}
	busy, err := pendingTx(ctx, tx, lane)
	if err != nil {
		return err
	}
	inserted, err := insertTx(ctx, tx, lane, ev, payload)
	if err != nil || !inserted || busy {
		return err
	}
	return s.jobs.InsertTx(ctx, tx, lane, nil)
}

// message is the body of a delivery, in the shape the Standard Webhooks specification recommends.
type message struct {
	Type      conversation.EventType `json:"type"`
	Timestamp time.Time              `json:"timestamp"`
	Data      conversation.Event     `json:"data"`
}

// find returns the endpoint of that name, or nil.
func (s *Sender) find(name string) *endpoint {
	i := slices.IndexFunc(s.endpoints, func(e *endpoint) bool { return e.name == name })
	if i < 0 {
		return nil
	}
	return s.endpoints[i]
}
