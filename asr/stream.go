package asr

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/operatord/operatord/conversation"
)

// Codes of the notices a stream gives.
const (
	CodeNotReady = "asr_not_ready" // degraded: there is no speech model, or it does not work
	CodeOverflow = "asr_overflow"  // gap: audio came faster than it was taken
	CodeBacklog  = "asr_backlog"   // gap: too much speech waits for the workers
	CodeFailed   = "asr_failed"    // gap: the speech model failed
	CodeStopped  = "asr_stopped"   // gap: the recognizer or the stream was stopped before the speech was decoded
)

// StreamOptions configure a Stream. The callbacks run one at a time, in order, on the stream's own goroutine; audio waits
// for them, so they must be quick, and they must not call Close.
type StreamOptions struct {
	ConversationID conversation.ID
	Role           conversation.Role
	Start          time.Duration // media time of the first sample

	// OnUtterance receives partials and finals. Every turn of which a partial was sent ends with a final of the same ID; if
	// nothing intelligible remained, its Text is empty. Finals come in the order they were spoken. Required.
	OnUtterance func(conversation.Utterance)
	// OnGap is told which audio was given up, and why. Optional.
	OnGap func(conversation.Notice)
	// OnDegraded is told, at most once, that the stream gives no text for now. Optional.
	OnDegraded func(conversation.Notice)
}

// Stream recognises one speaker. Write may be called by one goroutine at a time, beside Close and Pending.
type Stream struct {
	inbox *inbox
	done  chan struct{} // closed when the goroutine has ended
	ear   *ear
}

// NewStream opens a stream and starts its goroutine. The caller must Close it, also after Run has returned.
func (r *Recognizer) NewStream(opts StreamOptions) (*Stream, error) {
	if opts.OnUtterance == nil {
		return nil, fmt.Errorf("open stream: %w options: OnUtterance: required", conversation.ErrInvalid)
	}
	if r.pool.stopped() {
		return nil, fmt.Errorf("open stream: %w", ErrStopped)
	}
	in := newInbox()
	s := &Stream{inbox: in, done: make(chan struct{}), ear: newEar(r, opts, in)}
	r.metrics.streams.Inc()
	go func() { // ends after Close, which waits for it
		defer close(s.done)
		defer r.metrics.streams.Dec()
		s.ear.run()
	}()
	return s, nil
}

// Write takes a copy of pcm, at SampleRate, as the next audio. It never blocks; audio beyond what the stream can hold is
// reported as a gap.
func (s *Stream) Write(pcm []int16) {
	if len(pcm) > 0 {
		s.inbox.write(pcm, time.Now())
	}
}

// Pending returns how much audio waits to be looked at or, its turn having ended, to be decoded. Who feeds a recording faster
// than real time waits for it to fall, so that the recognizer keeps up.
func (s *Stream) Pending() time.Duration {
	return duration(int64(s.inbox.waiting()) + s.ear.waiting.Load())
}

// Close ends the stream: an open turn becomes a final. It returns when the last callback has returned. If ctx ends first,
// what was not decoded by then is reported as a gap, and Close returns the cause. Closing twice is harmless.
func (s *Stream) Close(ctx context.Context) error {
	s.inbox.close(false)
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
	}
	s.inbox.close(true)
	<-s.done // only a callback can delay this
	return fmt.Errorf("close stream: %w", context.Cause(ctx))
}

// gapNotice explains an error of a decode.
func gapNotice(err error) (code, message string) {
	switch {
	case errors.Is(err, ErrStopped):
		return CodeStopped, "Transcription was stopped before this speech was decoded."
	case errors.Is(err, errBacklog):
		return CodeBacklog, "The machine cannot keep up: too much speech is waiting to be transcribed."
	default:
		return CodeFailed, "The speech model failed."
	}
}
