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
	"github.com/operatord/operatord/tracking/catalog"
)

const (
	// dueAfter is the time between two searches, and checkEvery how often it is looked whether one is due: a daemon that is
	// stopped every night searches all the same.
	dueAfter   = 24 * time.Hour
	checkEvery = time.Hour
	// yieldShare is the part of the time that a search computes; the rest is for the calls.
	yieldShare = 0.5
	// searchTimeout is enough for a month of conversations whose vectors are kept. Where none are, what was encoded until then
	// need not be encoded by the next attempt.
	searchTimeout = 30 * time.Minute
)

// RecommenderOptions configures a Recommender. All but Now and Logger are required, save that Engine may be without encoder: then
// nothing is recommended.
type RecommenderOptions struct {
	Store  RecommendationStore
	Engine Engine
	Jobs   Inserter
	// Begin begins a transaction that jobs can be inserted in.
	Begin func(ctx context.Context) (*sql.Tx, error)
	// Create creates a tracker in someone's name and puts it in force; catalog.Catalog.Create does.
	Create func(ctx context.Context, by string, content catalog.Content) (tracking.Tracker, error)
	Now    func() time.Time // time.Now if nil
	Logger *slog.Logger     // nil discards
}

// Recommender finds what customers say that no tracker covers, once a day or when asked. It is safe for concurrent use.
type Recommender struct {
	river.WorkerDefaults[RecommendArgs]

	store  RecommendationStore
	engine Engine
	jobs   Inserter
	begin  func(ctx context.Context) (*sql.Tx, error)
	create func(ctx context.Context, by string, content catalog.Content) (tracking.Tracker, error)
	now    func() time.Time
	log    *slog.Logger
	turn   chan struct{} // holds one token while a search runs
}

// RecommendArgs are the arguments of a search for recommendations.
type RecommendArgs struct {
	Asked bool `json:"asked"` // by a person: it runs also when none is due
}

// Kind implements river.JobArgs.
func (RecommendArgs) Kind() string { return "tracker_recommendations" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (RecommendArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Queue, MaxAttempts: maxAttempts}
}

// NewRecommender returns a Recommender that waits for jobs; Register makes it a worker.
func NewRecommender(o RecommenderOptions) (*Recommender, error) {
	if o.Store == nil || o.Jobs == nil || o.Begin == nil || o.Create == nil || o.Engine.IDs == nil {
		return nil, errors.New("recommendations: store, jobs, transactions, creation and identities are required")
	}
	r := &Recommender{
		store: o.Store, engine: o.Engine, jobs: o.Jobs, begin: o.Begin, create: o.Create, now: o.Now, log: o.Logger,
		turn: make(chan struct{}, 1),
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	return r, nil
}

// Register adds the worker to the bundle of the job queue.
func (r *Recommender) Register(workers *river.Workers) error {
	if err := river.AddWorkerSafely(workers, r); err != nil {
		return fmt.Errorf("register recommendation worker: %w", err)
	}
	return nil
}

// Periodic returns the job that the queue should insert at intervals: the daily search.
func (r *Recommender) Periodic() *river.PeriodicJob {
	search := func() (river.JobArgs, *river.InsertOpts) { return RecommendArgs{}, nil }
	return river.NewPeriodicJob(river.PeriodicInterval(checkEvery), search, nil)
}

// Recommended is the list of recommendations with where it comes from.
type Recommended struct {
	Items []Recommendation
	Last  *RecommendationRun // nil if there was none yet
}

// Recommendations returns those in a state, the most frequent first; "" is all.
func (r *Recommender) Recommendations(ctx context.Context, state RecommendationState) (Recommended, error) {
	items, err := r.store.Recommendations(ctx, state)
	if err != nil {
		return Recommended{}, err
	}
	slices.SortFunc(items, byFrequency)
	last, err := r.store.LastRecommendationRun(ctx)
	if errors.Is(err, conversation.ErrNotFound) {
		return Recommended{Items: items}, nil
	}
	return Recommended{Items: items, Last: &last}, err
}

// Search asks for a search now. It returns an error matching conversation.ErrUnavailable without a sentence encoder.
func (r *Recommender) Search(ctx context.Context) error {
	if r.engine.Encoder == nil {
		return fmt.Errorf("%w: %w", conversation.ErrUnavailable, errNoEncoder)
	}
	tx, err := r.begin(ctx)
	if err != nil {
		return fmt.Errorf("ask for recommendations: %w", err)
	}
	if err := r.jobs.InsertTx(ctx, tx, RecommendArgs{Asked: true}, nil); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Accept makes a tracker of an open recommendation in someone's name: with a content that may be edited, and the name and the
// phrases of the recommendation where it has none. It returns an error matching conversation.ErrTransition for one that is not
// open.
func (r *Recommender) Accept(ctx context.Context, id conversation.ID, by string, c catalog.Content) (tracking.Tracker, error) {
	found, err := r.store.Recommendation(ctx, id)
	if err != nil {
		return tracking.Tracker{}, err
	}
	if found.State != RecommendationOpen {
		return tracking.Tracker{}, fmt.Errorf("%w: the recommendation is %s", conversation.ErrTransition, found.State)
	}
	if c.Name == "" {
		c.Name = found.Name
	}
	if len(c.Vocabulary) == 0 {
		c.Vocabulary = found.Phrases
	}
	t, err := r.create(ctx, by, c)
	if err != nil {
		return t, err
	}
	_, err = r.store.CloseRecommendation(ctx, id, func(found *Recommendation) {
		found.State, found.TrackerID, found.UpdatedAt = RecommendationAccepted, t.ID, r.now().UTC()
	})
	return t, err
}

// Dismiss takes an open recommendation away for good: what means the same is not recommended again. It returns an error matching
// conversation.ErrTransition for one that is not open.
func (r *Recommender) Dismiss(ctx context.Context, id conversation.ID) error {
	_, err := r.store.CloseRecommendation(ctx, id, func(found *Recommendation) {
		found.State, found.UpdatedAt = RecommendationDismissed, r.now().UTC()
	})
	return err
}

// Timeout implements river.Worker.
func (r *Recommender) Timeout(*river.Job[RecommendArgs]) time.Duration { return searchTimeout }

// Work implements river.Worker. A search that nobody asked for runs when one is due; one that was asked for runs unless another
// has begun since.
func (r *Recommender) Work(ctx context.Context, job *river.Job[RecommendArgs]) error {
	if r.engine.Encoder == nil {
		return nil
	}
	select { // of two that were asked for, the second finds that the first has begun since
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	last, err := r.store.LastRecommendationRun(ctx)
	switch {
	case errors.Is(err, conversation.ErrNotFound):
	case err != nil:
		return err
	case job.Args.Asked && last.At.After(job.CreatedAt), !job.Args.Asked && r.now().Sub(last.At) < dueAfter:
		return nil
	}
	return r.Run(ctx)
}

// Run searches now and stores what it finds. It computes only part of the time.
func (r *Recommender) Run(ctx context.Context) error {
	if r.engine.Encoder == nil {
		return errNoEncoder
	}
	started, until := time.Now(), r.now().UTC()
	s := &search{
		store: r.store, engine: r.engine, since: until.AddDate(0, 0, -recommendedDays), until: until, yield: pace(ctx, yieldShare),
		log: r.log,
	}
	found, err := s.find(ctx)
	if err != nil {
		return fmt.Errorf("search for recommendations: %w", err)
	}
	s.run.At, s.run.Since, s.run.TookMS = until, s.since, time.Since(started).Milliseconds()
	if err := r.store.SaveRecommendations(ctx, found, s.run); err != nil {
		return fmt.Errorf("save recommendations: %w", err)
	}
	r.log.Info("tracker recommendations updated", "conversations", s.run.Conversations, "sentences", s.run.Sentences,
		"recommendations", s.run.Found, "took_ms", s.run.TookMS)
	return nil
}

// restAfter is how long a paced computation works before it rests.
const restAfter = 20 * time.Millisecond

// pace returns a function that, called often, rests as long as it takes to have worked for the share of the time only.
func pace(ctx context.Context, share float64) func() error {
	began := time.Now()
	return func() error {
		busy := time.Since(began)
		if busy < restAfter {
			return ctx.Err()
		}
		timer := time.NewTimer(time.Duration(float64(busy) * (1 - share) / share))
		defer timer.Stop()
		select {
		case <-timer.C:
			began = time.Now()
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
