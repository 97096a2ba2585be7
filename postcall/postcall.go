package postcall

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"github.com/operatord/operatord/conversation"
)

// Queue is the name of the job queue that post-call jobs are inserted into.
const Queue = "postcall"

// Version counts the rules of the analysis; it is part of Analysis.Producer and changes with them.
const Version = "postcall/1"

const (
	jobTimeout  = time.Minute
	maxAttempts = 10 // with River's fourth-power backoff the last attempt is made four hours after the first
)

// Source reads what is known of a conversation. It returns an error matching conversation.ErrNotFound if there is none.
type Source interface {
	Conversation(ctx context.Context, id conversation.ID) (conversation.Conversation, error)
	// Utterances returns the final utterances in any order.
	Utterances(ctx context.Context, id conversation.ID) ([]conversation.Utterance, error)
	// Matches returns the matches that stand, in the order in which they were found.
	Matches(ctx context.Context, id conversation.ID) ([]conversation.Match, error)
}

// Sink stores an analysis and announces it. It must be idempotent: a job that is tried again saves again.
type Sink interface {
	SaveAnalysis(ctx context.Context, id conversation.ID, analysis conversation.Analysis) error
}

// Judge finds the mood in what a customer said, in order of time. The score is between -1 and 1. Producer names the
// judge and its version.
type Judge interface {
	Judge(ctx context.Context, customer []conversation.Utterance) (tag conversation.Sentiment, score float64, err error)
	Producer() string
}

// Inserter adds a job in a transaction.
type Inserter interface {
	InsertTx(ctx context.Context, tx *sql.Tx, args river.JobArgs, opts *river.InsertOpts) error
}

// Options configures an Analyzer. Source, Sink and Sentiment are required; Jobs only for Enqueue.
type Options struct {
	Source     Source
	Sink       Sink
	Sentiment  Judge
	Jobs       Inserter
	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil counts nothing
}

// Analyzer runs the post-call steps. It is safe for concurrent use.
type Analyzer struct {
	river.WorkerDefaults[Args]

	source   Source
	sink     Sink
	judge    Judge
	jobs     Inserter
	log      *slog.Logger
	analyzed *prometheus.CounterVec
}

// Args are the arguments of a post-call job. There is one job per conversation.
type Args struct {
	ConversationID conversation.ID `json:"conversation_id"`
}

// Kind implements river.JobArgs.
func (Args) Kind() string { return "postcall" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (Args) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Queue, MaxAttempts: maxAttempts, UniqueOpts: river.UniqueOpts{ByArgs: true}}
}

// New returns an Analyzer that waits for jobs; Register makes it a worker.
func New(options Options) (*Analyzer, error) {
	if options.Source == nil || options.Sink == nil || options.Sentiment == nil {
		return nil, errors.New("postcall: source, sink and sentiment are required")
	}
	a := &Analyzer{
		source: options.Source, sink: options.Sink, judge: options.Sentiment, jobs: options.Jobs, log: options.Logger,
		analyzed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "operatord_conversations_analyzed_total",
			Help: "Conversations whose post-call work is done, by sentiment.",
		}, []string{"sentiment"}),
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if options.Registerer != nil {
		if err := options.Registerer.Register(a.analyzed); err != nil {
			return nil, fmt.Errorf("register postcall metrics: %w", err)
		}
	}
	return a, nil
}

// Register adds the worker to the bundle of the job queue.
func (a *Analyzer) Register(workers *river.Workers) error {
	if err := river.AddWorkerSafely(workers, a); err != nil {
		return fmt.Errorf("register postcall worker: %w", err)
	}
	return nil
}

// Enqueue inserts the job of a conversation that has ended; other events are ignored. It is called within the
// transaction that stores ev.
func (a *Analyzer) Enqueue(ctx context.Context, tx *sql.Tx, ev conversation.Event) error {
	status, ok := ev.Type.Status()
	if !ok || !status.Terminal() {
		return nil
	}
	return a.jobs.InsertTx(ctx, tx, Args{ConversationID: ev.ConversationID}, nil)
}

// Timeout implements river.Worker.
func (a *Analyzer) Timeout(*river.Job[Args]) time.Duration { return jobTimeout }

// Work implements river.Worker. What can never succeed is cancelled; every other error is tried again.
func (a *Analyzer) Work(ctx context.Context, job *river.Job[Args]) error {
	id := job.Args.ConversationID
	log := a.log.With("call_id", id)
	analysis, err := a.Analyze(ctx, id)
	if err == nil {
		err = a.sink.SaveAnalysis(ctx, id, analysis)
	}
	switch {
	case err == nil:
		a.analyzed.WithLabelValues(string(analysis.Sentiment)).Inc()
		log.DebugContext(ctx, "conversation analyzed", "sentiment", analysis.Sentiment)
		return nil
	case permanent(err):
		log.WarnContext(ctx, "post-call work given up", "err", err)
		return river.JobCancel(err)
	case job.Attempt >= job.MaxAttempts:
		log.WarnContext(ctx, "post-call work given up after its last attempt", "attempts", job.Attempt, "err", err)
	}
	return err
}

// permanent reports whether trying again cannot help.
func permanent(err error) bool {
	return errors.Is(err, conversation.ErrNotFound) || errors.Is(err, conversation.ErrInvalid)
}

// Analyze works out the analysis of an ended conversation without storing it. It returns an error matching
// conversation.ErrNotFound if there is no such conversation and conversation.ErrInvalid if it has not ended.
func (a *Analyzer) Analyze(ctx context.Context, id conversation.ID) (conversation.Analysis, error) {
	rec, err := a.load(ctx, id)
	if err != nil {
		return conversation.Analysis{}, err
	}
	analysis := conversation.Analysis{
		Metrics:     measure(rec.conversation.DurationMS, rec.utterances),
		Transferred: rec.conversation.Transferred,
		Sentiment:   conversation.SentimentNotApplicable,
		Producer:    Version + " " + a.judge.Producer(),
	}
	if !rec.machine() {
		analysis.Sentiment, analysis.SentimentScore, err = a.judge.Judge(ctx, rec.said(conversation.RoleCaller))
		if err != nil {
			return conversation.Analysis{}, fmt.Errorf("judge sentiment: %w", err)
		}
	}
	analysis.Summary = summarize(rec, analysis)
	return analysis, nil
}

func (a *Analyzer) load(ctx context.Context, id conversation.ID) (record, error) {
	var rec record
	var err error
	if rec.conversation, err = a.source.Conversation(ctx, id); err != nil {
		return rec, fmt.Errorf("read conversation %s: %w", id, err)
	}
	if !rec.conversation.Status.Terminal() {
		return rec, fmt.Errorf("%w: conversation %s is still %s", conversation.ErrInvalid, id, rec.conversation.Status)
	}
	if rec.utterances, err = a.source.Utterances(ctx, id); err != nil {
		return rec, fmt.Errorf("read utterances of %s: %w", id, err)
	}
	if rec.matches, err = a.source.Matches(ctx, id); err != nil {
		return rec, fmt.Errorf("read matches of %s: %w", id, err)
	}
	rec.sort()
	return rec, nil
}
