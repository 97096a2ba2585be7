package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// Defaults of Options.
const (
	DefaultPollInterval  = 150 * time.Millisecond
	DefaultJobTimeout    = time.Minute
	DefaultRescueAfter   = 5 * time.Minute
	DefaultKeepCompleted = 24 * time.Hour
	DefaultKeepFailed    = 7 * 24 * time.Hour
	DefaultMaxWorkers    = 4
	DefaultClientID      = "operatord"
)

// cancelTimeout is how long Stop waits for jobs whose context it has cancelled.
const cancelTimeout = 2 * time.Second

// Options configures a Queue. A zero duration or number means the default of the same name.
type Options struct {
	// DB is the database; it must have been migrated. SQLite admits one writer at a time, so its connections need a busy
	// timeout and immediate transactions (or there may be only one connection).
	DB *sql.DB
	// Workers is the bundle that the owners of jobs add their workers to, until Start.
	Workers *river.Workers
	// Queues holds the queues to work on, each with the largest number of its jobs that run at a time; 0 means MaxWorkers.
	// Each costs a query per poll interval, about a hundredth of a core at the default. Empty means River's default queue.
	Queues map[string]int
	// MaxWorkers is the limit of the queues that have none.
	MaxWorkers int
	// ClientID names this node. No two running processes may share one; a process that comes back with the ID of one that
	// died takes over the jobs it left behind.
	ClientID string

	PollInterval  time.Duration // how often each queue is looked at: the latency of a job
	JobTimeout    time.Duration // limit of one attempt, for workers that set none
	RescueAfter   time.Duration // after which a job that another node left running is tried again; above every job's timeout
	KeepCompleted time.Duration // how long a completed job stays in the table
	KeepFailed    time.Duration // how long a cancelled or discarded job stays in the table

	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil counts nothing
}

// Queue inserts and runs jobs. It is safe for concurrent use.
type Queue struct {
	client   *river.Client[*sql.Tx]
	db       *sql.DB
	clientID string
	log      *slog.Logger
}

// Migrate brings the job tables in db up to date. It is idempotent.
func Migrate(ctx context.Context, db *sql.DB) error {
	migrator, err := rivermigrate.New(riversqlite.New(db), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("prepare job migrations: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate job tables: %w", err)
	}
	return nil
}

// New returns a Queue that runs nothing before Start. Jobs may be inserted before that.
func New(options Options) (*Queue, error) {
	if options.DB == nil {
		return nil, errors.New("jobs: no database")
	}
	if options.Workers == nil {
		return nil, errors.New("jobs: no worker bundle")
	}
	options.setDefaults()
	middleware, err := newMetrics(options.Registerer)
	if err != nil {
		return nil, err
	}
	client, err := river.NewClient(riversqlite.New(options.DB), options.riverConfig(middleware))
	if err != nil {
		return nil, fmt.Errorf("create job client: %w", err)
	}
	return &Queue{
		client: client, db: options.DB, clientID: options.ClientID, log: options.Logger,
	}, nil
}

func (o *Options) setDefaults() {
	setDefault(&o.ClientID, DefaultClientID)
	setDefault(&o.MaxWorkers, DefaultMaxWorkers)
	setDefault(&o.PollInterval, DefaultPollInterval)
	setDefault(&o.JobTimeout, DefaultJobTimeout)
	setDefault(&o.RescueAfter, DefaultRescueAfter)
	setDefault(&o.KeepCompleted, DefaultKeepCompleted)
	setDefault(&o.KeepFailed, DefaultKeepFailed)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (o *Options) riverConfig(middleware ...rivertype.Middleware) *river.Config {
	return &river.Config{
		ID:                          o.ClientID,
		Workers:                     o.Workers,
		Queues:                      o.riverQueues(),
		Middleware:                  middleware,
		Logger:                      slog.New(newQuietHandler(o.Logger.Handler())),
		PollOnly:                    true,
		FetchPollInterval:           o.PollInterval,
		FetchCooldown:               o.PollInterval / 2,
		JobTimeout:                  o.JobTimeout,
		RescueStuckJobsAfter:        o.RescueAfter,
		CompletedJobRetentionPeriod: o.KeepCompleted,
		CancelledJobRetentionPeriod: o.KeepFailed,
		DiscardedJobRetentionPeriod: o.KeepFailed,
		ReindexerSchedule:           river.NeverSchedule(), // SQLite's indexes do not bloat as those of PostgreSQL do
	}
}

func (o *Options) riverQueues() map[string]river.QueueConfig {
	if len(o.Queues) == 0 {
		return map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.MaxWorkers}}
	}
	queues := make(map[string]river.QueueConfig, len(o.Queues))
	for name, limit := range o.Queues {
		setDefault(&limit, o.MaxWorkers)
		queues[name] = river.QueueConfig{MaxWorkers: limit}
	}
	return queues
}

// InsertTx adds a job that exists once tx commits and starts within about the poll interval after that. A job that is
// unique and already there is not added again, which is no error. opts may be nil.
func (q *Queue) InsertTx(ctx context.Context, tx *sql.Tx, args river.JobArgs, opts *river.InsertOpts) error {
	if _, err := q.client.InsertTx(ctx, tx, args, opts); err != nil {
		return fmt.Errorf("insert job %s: %w", args.Kind(), err)
	}
	return nil
}

// AddPeriodic adds jobs that are inserted at intervals while the queue runs. It is called before Start.
func (q *Queue) AddPeriodic(periodic ...*river.PeriodicJob) error {
	if _, err := q.client.PeriodicJobs().AddManySafely(periodic); err != nil {
		return fmt.Errorf("add periodic jobs: %w", err)
	}
	return nil
}

// Start takes over the jobs that an earlier process of this node left running and begins to work. The end of ctx does
// not stop it: Stop does.
func (q *Queue) Start(ctx context.Context) error {
	if err := q.takeOver(ctx); err != nil {
		return err
	}
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start job client: %w", err)
	}
	return nil
}

// Stop takes no new job and waits for the running ones. Those still running when ctx is done are cancelled, to be tried
// again by the next Start. Stop is idempotent and returns an error only if a job did not even react to that.
func (q *Queue) Stop(ctx context.Context) error {
	if err := q.client.Stop(ctx); err == nil {
		return nil
	}
	q.log.WarnContext(ctx, "jobs still run at the end of the stop time and are cancelled")
	cancelCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer cancel()
	if err := q.client.StopAndCancel(cancelCtx); err != nil {
		return fmt.Errorf("stop job client: %w", err)
	}
	return nil
}
