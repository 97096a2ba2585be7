package asr

import (
	"sync"
	"time"
)

// inboxLimit bounds the audio that waits for a stream's goroutine, which needs a hundredth of the time it lasts; only a
// callback that blocks or a starved machine ever fills it.
const inboxLimit = 10 * time.Second

// outcome is a decoded job.
type outcome struct {
	job    *job
	result Result
	err    error
}

// batch is what a stream's goroutine takes out of its inbox at once.
type batch struct {
	pcm       []int16
	pieces    []piece
	outcomes  []outcome
	closing   bool // no audio will come any more
	abandoned bool // nobody waits any longer
}

// piece says when a part of a batch's audio came.
type piece struct {
	samples int
	lost    int // samples dropped before it
	at      time.Time
}

// inbox hands audio and decoded jobs to a stream's goroutine. Nobody who puts something in waits.
type inbox struct {
	wake chan struct{} // one token: there is something to take. Never closed

	mu      sync.Mutex
	pending batch
	lost    int // samples dropped since the last piece
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// write takes a copy of pcm, or counts it as lost when the inbox is full. Audio after closing is ignored.
func (in *inbox) write(pcm []int16, at time.Time) {
	in.update(func(b *batch) {
		switch {
		case b.closing:
		case len(b.pcm)+len(pcm) > samples(inboxLimit):
			in.lost += len(pcm)
		default:
			b.pcm = append(b.pcm, pcm...)
			b.pieces = append(b.pieces, piece{samples: len(pcm), lost: in.lost, at: at})
			in.lost = 0
		}
	})
}

// report takes a decoded job.
func (in *inbox) report(j *job, r Result, err error) {
	in.update(func(b *batch) { b.outcomes = append(b.outcomes, outcome{j, r, err}) })
}

// close ends the audio; with abandon, the wait for jobs too.
func (in *inbox) close(abandon bool) {
	in.update(func(b *batch) {
		b.closing = true
		b.abandoned = b.abandoned || abandon
		if in.lost > 0 {
			b.pieces = append(b.pieces, piece{lost: in.lost, at: time.Now()})
			in.lost = 0
		}
	})
}

func (in *inbox) update(change func(*batch)) {
	in.mu.Lock()
	change(&in.pending)
	in.mu.Unlock()
	select {
	case in.wake <- struct{}{}:
	default: // a token is there already
	}
}

// take waits for something and exchanges it for the emptied previous batch.
func (in *inbox) take(previous batch) batch {
	<-in.wake
	in.mu.Lock()
	defer in.mu.Unlock()
	b := in.pending
	in.pending = batch{
		pcm: previous.pcm[:0], pieces: previous.pieces[:0], outcomes: previous.outcomes[:0],
		closing: b.closing, abandoned: b.abandoned,
	}
	return b
}

// waiting returns how many samples have not been taken.
func (in *inbox) waiting() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.pending.pcm)
}
