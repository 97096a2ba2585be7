package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/riverqueue/river"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// Queue is the name of the job queue of this package. One job at a time leaves the machine to the calls.
const Queue = "history"

const (
	// slice is how long a job works before it lets others have their turn and goes on later.
	slice = time.Minute
	// jobTimeout bounds one slice, for a page that takes long.
	jobTimeout = 3 * time.Minute
	// turnTaking is how long a job that goes on later lets others go first.
	turnTaking = time.Second
	// rerunPage is how many conversations are matched and stored at once.
	rerunPage = 20
	// maxAttempts of a job in a row may fail; what it has done before stays done.
	maxAttempts = 8
)

// RerunState is how far a re-run is.
type RerunState string

// The states of a re-run. The last three are final.
const (
	RerunWaiting   RerunState = "waiting"
	RerunRunning   RerunState = "running"
	RerunCompleted RerunState = "completed"
	RerunCancelled RerunState = "cancelled"
	RerunFailed    RerunState = "failed"
)

// Active reports whether the re-run still has work to do.
func (s RerunState) Active() bool { return s == RerunWaiting || s == RerunRunning }

// Rerun is one version of a tracker that is matched against past conversations again.
type Rerun struct {
	ID             conversation.ID `json:"id"`
	TrackerID      conversation.ID `json:"tracker_id"`
	TrackerVersion int             `json:"tracker_version"`
	Filter         Filter          `json:"filter"`
	State          RerunState      `json:"state"`
	Done           int             `json:"done"`    // conversations
	Total          int             `json:"total"`   // conversations
	Matched        int             `json:"matched"` // matches added
	Error          string          `json:"error,omitempty"`
	CreatedAt      time.Time       `json:"created_at"`
	UpdatedAt      time.Time       `json:"updated_at"`
	// Cursor is where the work goes on.
	Cursor string `json:"cursor,omitempty"`
}

// RerunStore keeps re-runs and what they find.
type RerunStore interface {
	Archive
	Trackers
	// TrackerVersions returns every version of a tracker, the oldest first.
	TrackerVersions(ctx context.Context, id conversation.ID) ([]tracking.Tracker, error)
	// CreateRerun stores a new re-run and calls enqueue in the same transaction. It returns an error matching
	// conversation.ErrConflict if the tracker has one that is active.
	CreateRerun(ctx context.Context, r Rerun, enqueue func(context.Context, *sql.Tx) error) error
	// LastRerun returns the newest re-run of a tracker, or an error matching conversation.ErrNotFound.
	LastRerun(ctx context.Context, tracker conversation.ID) (Rerun, error)
	Rerun(ctx context.Context, id conversation.ID) (Rerun, error)
	// AdvanceRerun changes a stored re-run and adds matches, both or neither, and returns it as it is then. It returns an error
	// matching conversation.ErrTransition if the stored one is not active any more.
	AdvanceRerun(ctx context.Context, id conversation.ID, matches []conversation.Match, change func(*Rerun)) (Rerun, error)
}

// Inserter adds a job in a transaction.
type Inserter interface {
	InsertTx(ctx context.Context, tx *sql.Tx, args river.JobArgs, opts *river.InsertOpts) error
}

// RerunOptions configures a Rerunner. Store, Jobs and Engine are required.
type RerunOptions struct {
	Store  RerunStore
	Jobs   Inserter
	Engine Engine
	Now    func() time.Time // time.Now if nil
	Logger *slog.Logger     // nil discards
}

// Rerunner matches past conversations again. It is safe for concurrent use.
type Rerunner struct {
	river.WorkerDefaults[RerunArgs]

	store  RerunStore
	jobs   Inserter
	engine Engine
	now    func() time.Time
	log    *slog.Logger
}

// RerunArgs are the arguments of a job that works on a re-run.
type RerunArgs struct {
	ID conversation.ID `json:"id"`
}

// Kind implements river.JobArgs.
func (RerunArgs) Kind() string { return "tracker_rerun" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (RerunArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Queue, MaxAttempts: maxAttempts, UniqueOpts: river.UniqueOpts{ByArgs: true}}
}

// NewRerunner returns a Rerunner that waits for jobs; Register makes it a worker.
func NewRerunner(o RerunOptions) (*Rerunner, error) {
	if o.Store == nil || o.Jobs == nil || o.Engine.IDs == nil {
		return nil, errors.New("rerun: store, jobs and identities are required")
	}
	r := &Rerunner{store: o.Store, jobs: o.Jobs, engine: o.Engine, now: o.Now, log: o.Logger}
	if r.now == nil {
		r.now = time.Now
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	return r, nil
}

// Register adds the worker to the bundle of the job queue.
func (r *Rerunner) Register(workers *river.Workers) error {
	if err := river.AddWorkerSafely(workers, r); err != nil {
		return fmt.Errorf("register rerun worker: %w", err)
	}
	return nil
}

// StartRerun begins to match the present version of a tracker against the conversations that f selects, up to now. It returns
// an error matching conversation.ErrConflict while another re-run of the tracker is active.
func (r *Rerunner) StartRerun(ctx context.Context, tracker conversation.ID, f Filter) (Rerun, error) {
	if err := f.Validate(); err != nil {
		return Rerun{}, err
	}
	t, err := r.present(ctx, tracker)
	if err != nil {
		return Rerun{}, err
	}
	now := r.now().UTC()
	if f.Until.IsZero() || f.Until.After(now) {
		f.Until = now
	}
	total, err := r.store.CountPast(ctx, f)
	if err != nil {
		return Rerun{}, fmt.Errorf("count conversations: %w", err)
	}
	run := Rerun{
		ID: r.engine.IDs.Next(now), TrackerID: t.ID, TrackerVersion: t.Version, Filter: f, State: RerunWaiting, Total: total,
		CreatedAt: now, UpdatedAt: now,
	}
	return run, r.store.CreateRerun(ctx, run, func(ctx context.Context, tx *sql.Tx) error {
		return r.jobs.InsertTx(ctx, tx, RerunArgs{ID: run.ID}, nil)
	})
}

func (r *Rerunner) present(ctx context.Context, id conversation.ID) (tracking.Tracker, error) {
	set, err := r.store.Trackers(ctx)
	if err != nil {
		return tracking.Tracker{}, fmt.Errorf("read trackers: %w", err)
	}
	i := slices.IndexFunc(set, func(t tracking.Tracker) bool { return t.ID == id })
	if i < 0 {
		return tracking.Tracker{}, fmt.Errorf("tracker %s: %w", id, conversation.ErrNotFound)
	}
	return set[i], nil
}

// LastRerun returns the newest re-run of a tracker, or an error matching conversation.ErrNotFound.
func (r *Rerunner) LastRerun(ctx context.Context, tracker conversation.ID) (Rerun, error) {
	return r.store.LastRerun(ctx, tracker)
}

// CancelRerun ends the active re-run of a tracker; what it has found stays. It returns an error matching
// conversation.ErrTransition if the newest one has ended.
func (r *Rerunner) CancelRerun(ctx context.Context, tracker conversation.ID) (Rerun, error) {
	run, err := r.store.LastRerun(ctx, tracker)
	if err != nil {
		return run, err
	}
	return r.store.AdvanceRerun(ctx, run.ID, nil, func(run *Rerun) { run.State, run.UpdatedAt = RerunCancelled, r.now().UTC() })
}

// Timeout implements river.Worker.
func (r *Rerunner) Timeout(*river.Job[RerunArgs]) time.Duration { return jobTimeout }

// Work implements river.Worker. A re-run goes on behind the last page that was stored, whatever ended the work on it before.
func (r *Rerunner) Work(ctx context.Context, job *river.Job[RerunArgs]) error {
	run, err := r.store.Rerun(ctx, job.Args.ID)
	if err != nil || !run.State.Active() {
		return err
	}
	err = r.work(ctx, &run)
	switch {
	case errors.Is(err, conversation.ErrTransition): // cancelled meanwhile
		return nil
	case err == nil && run.State.Active():
		return river.JobSnooze(turnTaking)
	case err == nil:
		r.log.Info("re-run of a tracker completed", "tracker", run.TrackerID, "conversations", run.Done, "matches", run.Matched)
		return nil
	case ctx.Err() != nil: // the daemon stops; the job is tried again
		return err
	}
	return r.failed(ctx, run, job, err)
}

// failed notes an error where it can be seen. The last one ends the re-run.
func (r *Rerunner) failed(ctx context.Context, run Rerun, job *river.Job[RerunArgs], cause error) error {
	last := job.Attempt >= job.MaxAttempts || errors.Is(cause, conversation.ErrNotFound)
	_, err := r.store.AdvanceRerun(ctx, run.ID, nil, func(run *Rerun) {
		run.Error, run.UpdatedAt = cause.Error(), r.now().UTC()
		if last {
			run.State = RerunFailed
		}
	})
	if last {
		cause = river.JobCancel(cause)
	}
	return errors.Join(cause, err)
}

// work matches pages until all are done, which completes run, or the slice of time is over.
func (r *Rerunner) work(ctx context.Context, run *Rerun) error {
	detector, err := r.compile(ctx, *run)
	if err != nil {
		return err
	}
	for started := time.Now(); time.Since(started) < slice && run.State != RerunCompleted; {
		page, err := r.store.Past(ctx, run.Filter, run.Cursor, rerunPage)
		if err != nil {
			return fmt.Errorf("read conversations: %w", err)
		}
		var matches []conversation.Match
		for _, past := range page.Items {
			found, err := rematch(ctx, detector, past, run)
			if err != nil {
				return err
			}
			matches = append(matches, found...)
		}
		*run, err = r.store.AdvanceRerun(ctx, run.ID, matches, func(run *Rerun) { run.advance(page, len(matches), r.now()) })
		if err != nil {
			return err
		}
	}
	return nil
}

// advance counts a page.
func (run *Rerun) advance(page Page, matches int, at time.Time) {
	run.State, run.Error, run.Cursor, run.UpdatedAt = RerunRunning, "", page.Next, at.UTC()
	run.Done += len(page.Items)
	run.Total = max(run.Total, run.Done)
	run.Matched += matches
	if page.Next == "" {
		run.State, run.Total = RerunCompleted, run.Done
	}
}

// compile returns a detector with the version of the tracker that is run again, beside the others as they are now.
func (r *Rerunner) compile(ctx context.Context, run Rerun) (*tracking.Detector, error) {
	set, err := r.store.Trackers(ctx)
	if err != nil {
		return nil, fmt.Errorf("read trackers: %w", err)
	}
	versions, err := r.store.TrackerVersions(ctx, run.TrackerID)
	if err != nil {
		return nil, fmt.Errorf("read versions: %w", err)
	}
	i := slices.IndexFunc(versions, func(t tracking.Tracker) bool { return t.Version == run.TrackerVersion })
	if i < 0 {
		return nil, fmt.Errorf("version %d of tracker %s: %w", run.TrackerVersion, run.TrackerID, conversation.ErrNotFound)
	}
	t := versions[i]
	t.Enabled = true
	set = slices.DeleteFunc(set, func(other tracking.Tracker) bool { return other.ID != t.ID && other.Name == t.Name })
	return r.engine.detector(ctx, with(set, t))
}

// rematch returns the matches of the tracker in a conversation that its version has not there yet. One that goes on is left to
// live matching.
func rematch(ctx context.Context, d *tracking.Detector, past Past, run *Rerun) ([]conversation.Match, error) {
	if !past.Conversation.Status.Terminal() {
		return nil, nil
	}
	var found []conversation.Match
	for _, u := range past.Utterances {
		matches, err := matchesOf(ctx, d, u)
		if err != nil {
			return nil, fmt.Errorf("match conversation %s: %w", past.Conversation.ID, err)
		}
		for _, m := range matches {
			known := slices.ContainsFunc(past.Matches, func(old conversation.Match) bool {
				return old.UtteranceID == u.ID && old.TrackerID == m.TrackerID && old.TrackerVersion == m.TrackerVersion
			})
			if m.TrackerID == run.TrackerID && !known {
				m.ConversationID, m.RerunID, m.DelayMS = past.Conversation.ID, run.ID, 0
				found = append(found, m)
			}
		}
	}
	return found, nil
}
