package asr

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"
)

// kind says what a decode is for, in the order in which they are served.
type kind int

const (
	finalKind       kind = iota // a turn that has ended
	speculativeKind             // a turn that has probably ended
	partialKind                 // an open turn
)

func (k kind) String() string { return [...]string{"final", "speculative", "partial"}[k] }

// errBacklog is returned when more speech waits for its final than is allowed.
var errBacklog = errors.New("too much speech waits to be decoded")

// job is one decode. Its fields belong to the pool once it is submitted, but for pcm and params, which never change.
type job struct {
	kind     kind
	pcm      []int16
	params   Params
	deadline time.Time // of finals: when the text should be there; of partials: when nobody wants it any more
	report   func(*job, Result, error)

	cancel context.CancelFunc // set while it runs
}

// pool serves jobs with a few workers: finals before all others and the one first whose deadline is first.
type pool struct {
	maxBacklog int // samples
	load       *load
	metrics    *metrics

	mu      sync.Mutex
	changed *sync.Cond // signalled when a job is queued and when the pool is closed
	queue   []*job     // what waits; short, because partials are one per stream and finals are bounded by maxBacklog
	backlog int        // samples of the finals and speculative jobs in queue
	closed  bool
}

func newPool(maxBacklog time.Duration, l *load, m *metrics) *pool {
	p := &pool{maxBacklog: samples(maxBacklog), load: l, metrics: m}
	p.changed = sync.NewCond(&p.mu)
	return p
}

// run serves jobs until ctx ends. Each worker keeps an operating system thread of low priority to itself, so that decoding
// gives way to audio, and one decoder. With several workers the first leaves partials to the others: a decode cannot
// be interrupted at once, and a final should find a free worker.
func (p *pool) run(ctx context.Context, workers int, newDecoder func() (Decoder, error)) error {
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine and takes its priority along
			lowerPriority()
			w := worker{pool: p, newDecoder: newDecoder, last: partialKind}
			if i == 0 && workers > 1 {
				w.last = speculativeKind
			}
			w.run(ctx)
		})
	}
	wg.Go(func() {
		p.watch(ctx)
		p.close()
	})
	wg.Wait()
	return nil
}

// watch measures the load until ctx ends.
func (p *pool) watch(ctx context.Context) {
	ticker := time.NewTicker(loadTick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.load.tick(loadTick)
		}
	}
}

// close ends the pool: what waits is reported as not decoded, and so is what comes later.
func (p *pool) close() {
	p.mu.Lock()
	waiting := p.queue
	p.queue, p.backlog, p.closed = nil, 0, true
	p.changed.Broadcast()
	p.mu.Unlock()
	for _, j := range waiting {
		p.metrics.queue.WithLabelValues(j.kind.String()).Dec()
		j.report(j, Result{}, ErrStopped)
	}
}

func (p *pool) stopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// submit queues j. Its report is called once, from another goroutine, unless it is revoked before it starts. It returns
// ErrStopped, or errBacklog for a final or speculative job that there is no room for.
func (p *pool) submit(j *job) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrStopped
	}
	if j.kind != partialKind {
		if p.backlog+len(j.pcm) > p.maxBacklog {
			return errBacklog
		}
		p.backlog += len(j.pcm)
	}
	p.queue = append(p.queue, j)
	p.metrics.queue.WithLabelValues(j.kind.String()).Inc()
	p.changed.Broadcast() // not Signal: the worker woken might not serve this kind
	return nil
}

// promote makes a final of a speculative job, whether it waits or runs.
func (p *pool) promote(j *job, deadline time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Contains(p.queue, j) {
		p.metrics.queue.WithLabelValues(j.kind.String()).Dec()
		p.metrics.queue.WithLabelValues(finalKind.String()).Inc()
	}
	j.kind, j.deadline = finalKind, deadline
}

// revoke gives j up: it is taken off the queue or, if it runs, ended early.
func (p *pool) revoke(j *job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.queue, j); i >= 0 {
		p.remove(i)
	} else if j.cancel != nil {
		j.cancel()
	}
}

// revokeWaiting takes j off the queue. It reports false if j runs or has run.
func (p *pool) revokeWaiting(j *job) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.queue, j)
	if i >= 0 {
		p.remove(i)
	}
	return i >= 0
}

// remove takes the i-th job off the queue. The caller holds mu.
func (p *pool) remove(i int) {
	j := p.queue[i]
	p.queue = slices.Delete(p.queue, i, i+1)
	if j.kind != partialKind {
		p.backlog -= len(j.pcm)
	}
	p.metrics.queue.WithLabelValues(j.kind.String()).Dec()
}

// next waits for the job to serve next, of a kind up to last, and returns it with its context. It returns an error with a
// partial that has waited too long, and no job when the pool is closed.
func (p *pool) next(ctx context.Context, last kind) (context.Context, *job, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.closed {
		if i := p.first(last); i >= 0 {
			j := p.queue[i]
			p.remove(i)
			if j.kind == partialKind && time.Now().After(j.deadline) {
				return nil, j, errStale
			}
			ctx, j.cancel = context.WithCancel(ctx)
			return ctx, j, nil
		}
		p.changed.Wait()
	}
	return nil, nil, nil
}

// first returns the index of the job to serve next, or -1. The caller holds mu.
func (p *pool) first(last kind) int {
	best := -1
	for i, j := range p.queue {
		if j.kind > last {
			continue
		}
		if best < 0 || j.kind < p.queue[best].kind || j.kind == p.queue[best].kind && j.deadline.Before(p.queue[best].deadline) {
			best = i
		}
	}
	return best
}

// finish ends j's context and returns the kind it has now.
func (p *pool) finish(j *job) kind {
	p.mu.Lock()
	defer p.mu.Unlock()
	j.cancel()
	j.cancel = nil
	return j.kind
}

// errStale is reported for a partial that waited so long that a newer one is due.
var errStale = errors.New("partial is out of date")

// worker decodes one job at a time.
type worker struct {
	pool       *pool
	newDecoder func() (Decoder, error)
	decoder    Decoder // nil until the first job
	last       kind    // the last kind it serves
}

func (w *worker) run(ctx context.Context) {
	defer func() {
		if w.decoder != nil {
			_ = w.decoder.Close() // gives memory back; nothing to tell anybody
		}
	}()
	for {
		jobCtx, j, err := w.pool.next(ctx, w.last)
		if j == nil {
			return
		}
		if err != nil {
			j.report(j, Result{}, err)
			continue
		}
		start := time.Now()
		result, err := w.decode(jobCtx, j)
		took := time.Since(start)
		served := w.pool.finish(j)
		w.pool.load.add(took, served, j.params)
		w.pool.metrics.decode.WithLabelValues(served.String()).Observe(took.Seconds())
		if ctx.Err() != nil && err != nil {
			err = ErrStopped
		}
		j.report(j, result, err)
	}
}

func (w *worker) decode(ctx context.Context, j *job) (Result, error) {
	if w.decoder == nil {
		decoder, err := w.newDecoder()
		if err != nil {
			return Result{}, err
		}
		w.decoder = decoder
	}
	return w.decoder.Decode(ctx, j.pcm, j.params)
}

// samples returns the number of samples that last d.
func samples(d time.Duration) int { return int(d * SampleRate / time.Second) }

// duration returns how long n samples last.
func duration[T int | int64](n T) time.Duration { return time.Duration(n) * time.Second / SampleRate }
