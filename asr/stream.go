package asr

import (
	"context"
	"time"

	"github.com/operatord/operatord/conversation"
)

// StreamOptions configure a Stream. The callbacks run one at a time, in order, on the stream's own goroutine; audio waits
// for them, so they must be quick.
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
type Stream struct{}

// Write takes a copy of pcm, at SampleRate, as the next audio. It never blocks; audio beyond what the stream can hold is
// reported as a gap.
func (s *Stream) Write(pcm []int16) {}

// Pending returns how much audio has been written and not yet turned into text. Who feeds a recording faster than real
// time waits for it to fall.
func (s *Stream) Pending() time.Duration { return 0 }

// Close ends the stream: an open turn becomes a final. It returns when the last callback has, or when ctx has ended, with
// its error; what was not decoded by then is reported as a gap. Closing twice is harmless.
func (s *Stream) Close(ctx context.Context) error { return nil }
