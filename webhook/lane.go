package webhook

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/operatord/operatord/conversation"
)

const (
	laneTurn    = 30 * time.Second       // after which a lane with more to send lets others have the worker
	busyWait    = 250 * time.Millisecond // before a lane asks again whether its endpoint has a free slot
	faultWait   = time.Second            // before a lane that could not read or write the database tries again, times the attempt
	maxAttempts = 1000                   // of a lane's job; only faults of our own count, a failed delivery does not
	jitter      = 0.1                    // by how much a wait is varied, either way
	maxWait     = 24 * time.Hour         // the longest a Retry-After header can put off an attempt
)

// laneArgs are the arguments of the job of a lane, and name the lane.
type laneArgs struct {
	Endpoint       string          `json:"endpoint"`
	ConversationID conversation.ID `json:"conversation_id"`
}

// Kind implements river.JobArgs.
func (laneArgs) Kind() string { return "webhook_lane" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (laneArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Queue, MaxAttempts: maxAttempts}
}

// laneWorker sends the pending deliveries of a lane in their order.
type laneWorker struct {
	river.WorkerDefaults[laneArgs]

	sender *Sender
}

// Timeout implements river.Worker: the attempt that begins at the end of a turn can still finish.
func (w *laneWorker) Timeout(*river.Job[laneArgs]) time.Duration {
	return laneTurn + 2*w.sender.poster.timeout
}

// NextRetry implements river.Worker. It is asked after faults of our own only.
func (w *laneWorker) NextRetry(job *river.Job[laneArgs]) time.Time {
	return time.Now().Add(min(time.Minute, time.Duration(job.Attempt)*faultWait))
}

// Work implements river.Worker.
func (w *laneWorker) Work(ctx context.Context, job *river.Job[laneArgs]) error {
	s := w.sender
	e := s.find(job.Args.Endpoint)
	if e == nil {
		return s.closeLane(ctx, job, "the endpoint is no longer configured")
	}
	if !e.acquire() {
		return river.JobSnooze(busyWait)
	}
	defer e.release()
	for end := time.Now().Add(laneTurn); time.Now().Before(end); {
		if e.gone.Load() {
			return s.closeLane(ctx, job, "the endpoint answered 410 Gone")
		}
		d, found, err := s.head(ctx, job.Args)
		if err != nil {
			return err
		}
		if !found {
			return nil
		}
		if wait := time.Until(*d.NextAttemptAt); wait > 0 {
			return river.JobSnooze(wait)
		}
		if last, err := s.deliver(ctx, job, e, d); last || err != nil {
			return err
		}
	}
	return river.JobSnooze(0)
}

// deliver makes one attempt at d and records how it went. It returns true if the lane is empty then and its job done. An
// attempt that was cut off by the end of ctx is not counted.
func (s *Sender) deliver(ctx context.Context, job *river.Job[laneArgs], e *endpoint, d Delivery) (last bool, err error) {
	start := time.Now()
	answer := s.poster.post(ctx, e, d)
	if ctx.Err() != nil {
		return false, fmt.Errorf("deliver %s: %w", d.WebhookID, ctx.Err())
	}
	if answer.code == http.StatusGone && !e.gone.Swap(true) {
		s.metrics.gone.WithLabelValues(e.name).Set(1)
		s.log.WarnContext(ctx, "webhook endpoint answered 410 Gone: nothing more is sent to it until a restart", "endpoint", e.name)
	}
	s.apply(&d, answer, time.Now())
	s.metrics.observe(e.name, d.State, time.Since(start))
	if d.State == GivenUp {
		s.log.WarnContext(ctx, "webhook delivery given up",
			"endpoint", e.name, "call_id", d.ConversationID, "event", d.EventType, "attempts", d.Attempts, "err", d.Error)
	}
	return s.record(ctx, job, d)
}

// apply moves d on by one attempt.
func (s *Sender) apply(d *Delivery, a answer, now time.Time) {
	d.Attempts++
	d.StatusCode, d.Error = a.code, a.problem()
	switch {
	case a.accepted():
		d.State = Delivered
	case a.code == http.StatusGone || d.Attempts > len(s.schedule):
		d.State = GivenUp
	default:
		next := now.Add(max(vary(s.schedule[d.Attempts-1]), min(a.retryAfter, maxWait)))
		d.NextAttemptAt = &next
		return
	}
	d.NextAttemptAt, d.SettledAt = nil, &now
}

func vary(wait time.Duration) time.Duration {
	return time.Duration(float64(wait) * (1 - jitter + 2*jitter*rand.Float64())) // spreads load, guards nothing
}

// record stores the outcome of an attempt. If that was the last pending delivery, the job is completed in the same
// transaction, so that the next Enqueue finds the lane either busy with a job or empty without one.
func (s *Sender) record(ctx context.Context, job *river.Job[laneArgs], d Delivery) (last bool, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		if err := updateTx(ctx, tx, d); err != nil {
			return err
		}
		pending, err := pendingTx(ctx, tx, job.Args)
		if err != nil || pending {
			return err
		}
		last = true
		return completeTx(ctx, tx, job)
	})
	return last, err
}

// closeLane settles what is left in a lane that can be sent nothing, and completes its job.
func (s *Sender) closeLane(ctx context.Context, job *river.Job[laneArgs], reason string) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if err := giveUpTx(ctx, tx, job.Args, reason); err != nil {
			return err
		}
		return completeTx(ctx, tx, job)
	})
}

func completeTx(ctx context.Context, tx *sql.Tx, job *river.Job[laneArgs]) error {
	if _, err := river.JobCompleteTx[*riversqlite.Driver](ctx, tx, job); err != nil {
		return fmt.Errorf("complete webhook job: %w", err)
	}
	return nil
}

// inTx runs do in a transaction.
func (s *Sender) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin webhook transaction: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // reports only that the transaction was committed
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit webhook transaction: %w", err)
	}
	return nil
}

// pruneArgs are the arguments of the job that removes old deliveries.
type pruneArgs struct{}

// Kind implements river.JobArgs.
func (pruneArgs) Kind() string { return "webhook_prune" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (pruneArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: Queue, MaxAttempts: 3} }

type pruneWorker struct {
	river.WorkerDefaults[pruneArgs]

	sender *Sender
}

// Work implements river.Worker.
func (w *pruneWorker) Work(ctx context.Context, _ *river.Job[pruneArgs]) error {
	return w.sender.prune(ctx, time.Now().Add(-w.sender.keep))
}
