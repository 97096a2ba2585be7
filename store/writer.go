package store

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

// WriterOptions says how events are written. Store and SpoolPath are required; every other zero value means the default
// that its comment names.
type WriterOptions struct {
	Store      *Store
	SpoolPath  string                // file for the events that the database does not take; created
	Hooks      []Hook                // called for each event in the transaction that stores it
	Logger     *slog.Logger          // discards if nil
	Registerer prometheus.Registerer // registers nothing if nil

	QueueSize    int           // events that wait in memory before some are lost; 8192
	BatchSize    int           // events of one transaction at most; 256
	BatchDelay   time.Duration // how long an event waits for others to share its transaction; 5 ms
	StoreTimeout time.Duration // of one transaction; 10 s
	RetryDelay   time.Duration // after a failed transaction, doubled from one to the next up to 64 times; 50 ms
	HookAttempts int           // how often an event is tried with a hook that fails before it is stored without; 5
	SpoolLimit   int64         // bytes of the spool file at most; 1 GiB
	DrainTimeout time.Duration // how long Run stores what waits after its context ended; 10 s
}

func (o WriterOptions) withDefaults() WriterOptions {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&o.QueueSize, 8192)
	setDefault(&o.BatchSize, 256)
	setDefault(&o.BatchDelay, 5*time.Millisecond)
	setDefault(&o.StoreTimeout, 10*time.Second)
	setDefault(&o.RetryDelay, 50*time.Millisecond)
	setDefault(&o.HookAttempts, 5)
	setDefault(&o.SpoolLimit, 1<<30)
	setDefault(&o.DrainTimeout, 10*time.Second)
	return o
}

func setDefault[T int | int64 | time.Duration](value *T, otherwise T) {
	if *value == 0 {
		*value = otherwise
	}
}

// spillDelay is the pause between two writes to the spool, so that an outage costs a few of them per second and not one
// per event.
const spillDelay = 50 * time.Millisecond

// Writer is the only writer of the event log. Append takes events in at any time; Run stores them in the order of Append,
// in batches. Events wait in memory, and in the spool file while the database is away or slow, so that an outage or a
// crash in it loses nothing; they are lost, loudly, only when memory and spool are both full.
//
// Every event is stored exactly once, whatever is repeated: its identity is (ConversationID, Seq). An event that the
// database can never accept is rejected: logged, counted and kept in the file SpoolPath + ".rejected", while the others go on.
type Writer struct {
	o        WriterOptions
	queue    *queue
	metrics  *writerMetrics
	rejected *rejects
	wake     chan struct{} // capacity 1, never closed: something waits to be stored
	spill    chan struct{} // capacity 1, never closed: something should go to the spool

	// transfer is held while events change their place between queue, batch and spool; the order of storing is spool,
	// then queue. The batch in flight is in front of both.
	transfer sync.Mutex
	spool    *spool
	stuck    bool // the spool cannot be written either
	batch    []item
	spooled  int // of batch: that many are at the head of the spool too
	size     int // of the next batch: halved when one fails, so that one that takes too long does not fail forever

	mu    sync.Mutex
	fault error // why the last transaction failed; nil once one succeeded
}

// NewWriter opens the spool. It starts nothing.
func NewWriter(o WriterOptions) (*Writer, error) {
	if o.Store == nil || o.SpoolPath == "" {
		return nil, errors.New("store writer: Store and SpoolPath are required")
	}
	o = o.withDefaults()
	sp, torn, err := openSpool(o.SpoolPath, o.SpoolLimit)
	if err != nil {
		return nil, err
	}
	if torn > 0 {
		o.Logger.Warn("cut off an event that was being spooled when the daemon died", "bytes", torn, "spool", o.SpoolPath)
	}
	w := &Writer{
		o: o, queue: newQueue(o.QueueSize, sp.len()), spool: sp, size: o.BatchSize,
		wake: make(chan struct{}, 1), spill: make(chan struct{}, 1),
	}
	w.metrics = newWriterMetrics(o.Registerer, w)
	w.rejected = &rejects{path: o.SpoolPath + ".rejected", limit: o.SpoolLimit, log: o.Logger, count: w.metrics.rejected}
	return w, nil
}

// Append takes ev in; what it points to must not be changed any more. It waits neither for the database nor for a disk.
// It is safe for concurrent use; the caller sees to it that events arrive in the order of their positions.
func (w *Writer) Append(ev conversation.Event) {
	it, err := newItem(ev)
	if err != nil {
		w.rejected.event(ev, nil, err)
		return
	}
	waiting, ok := w.queue.push(it)
	if !ok {
		w.metrics.lose(w.o.Logger, 1)
		return
	}
	signal(w.wake)
	if waiting >= w.o.QueueSize/2 || w.Err() != nil {
		signal(w.spill)
	}
}

// Flush returns once everything appended before it is stored or rejected, or with an error when ctx ends. Run must be
// running.
func (w *Writer) Flush(ctx context.Context) error {
	mark := w.queue.mark()
	for {
		ok, changed := w.queue.reached(mark)
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("flush events: %w", errors.Join(ctx.Err(), w.Err()))
		}
	}
}

// Err returns why the database does not take events at the moment, nil if it does.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fault
}

// Replay stores what an earlier run left in the spool. Call it before Run, and before asking the store for the last
// position or for interrupted conversations. A slow database gets ever smaller batches; one that does not take a single
// event in time, or fails in any other way, is an error.
func (w *Writer) Replay(ctx context.Context) error {
	for w.spoolLen() > 0 {
		divisible := w.batchSize() > 1
		err := w.step(ctx)
		if err != nil && (!divisible || !errors.Is(err, context.DeadlineExceeded)) {
			return fmt.Errorf("replay spooled events: %w", err)
		}
	}
	return nil
}

// Run stores events until ctx ends, then what still waits, for DrainTimeout at most; what the database did not take until
// then stays in the spool for the next start. It returns an error if events were lost in the end, and is called once.
func (w *Writer) Run(ctx context.Context) error {
	var spiller sync.WaitGroup
	stop := make(chan struct{})
	spiller.Go(func() { w.spillLoop(stop) })
	w.storeLoop(ctx)
	close(stop)
	spiller.Wait()

	w.queue.close()
	drainCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.o.DrainTimeout)
	defer cancel()
	w.drain(drainCtx)
	return w.shut()
}

// storeLoop stores batch after batch until ctx ends.
func (w *Writer) storeLoop(ctx context.Context) {
	delay := w.o.RetryDelay
	for ctx.Err() == nil {
		if w.waiting() == 0 {
			select {
			case <-w.wake:
				w.gather(ctx)
			case <-ctx.Done():
			}
			continue
		}
		if err := w.step(ctx); err != nil {
			pause(ctx, delay)
			delay = min(2*delay, 64*w.o.RetryDelay)
			continue
		}
		delay = w.o.RetryDelay
	}
}

// gather waits until a batch is full or its first event has waited long enough.
func (w *Writer) gather(ctx context.Context) {
	timer := time.NewTimer(w.o.BatchDelay)
	defer timer.Stop()
	for w.queue.len() < w.o.BatchSize {
		select {
		case <-w.wake:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// drain stores what waits until nothing does or ctx ends.
func (w *Writer) drain(ctx context.Context) {
	delay := w.o.RetryDelay
	for w.waiting() > 0 && ctx.Err() == nil {
		if err := w.step(ctx); err != nil {
			pause(ctx, delay)
			delay *= 2
		}
	}
}

// shut moves what is left to the spool and closes it.
func (w *Writer) shut() error {
	w.toSpool()
	w.transfer.Lock()
	defer w.transfer.Unlock()
	if n := w.spool.len(); n > 0 {
		w.o.Logger.Warn("events stay in the spool until the next start", "events", n, "spool", w.o.SpoolPath)
	}
	err := w.spool.close()
	if n := w.queue.len(); n > 0 {
		w.metrics.lose(w.o.Logger, n)
		err = errors.Join(err, fmt.Errorf("%d events were lost: %w", n, w.Err()))
	}
	return err
}

func (w *Writer) waiting() int { return w.queue.len() + w.spoolLen() }

func (w *Writer) spoolLen() int {
	w.transfer.Lock()
	defer w.transfer.Unlock()
	return w.spool.len()
}

// batchSize returns how many events the next batch may have.
func (w *Writer) batchSize() int {
	w.transfer.Lock()
	defer w.transfer.Unlock()
	return w.size
}

// signal makes the receiver of c look, now or when it next does.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
