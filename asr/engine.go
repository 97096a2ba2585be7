package asr

import (
	"context"
	"strings"
)

// SampleRate is the rate of all audio this package takes, in samples per second, mono.
const SampleRate = 16000

// WindowSamples is the length of the windows a [VAD] judges: 32 ms, what Silero VAD was trained on.
const WindowSamples = 512

// Engine is a loaded speech model and voice activity detector. It is safe for concurrent use; what it makes is not.
type Engine interface {
	// Model names the speech model, for the utterances it recognised.
	Model() string
	// NewDecoder returns a decoder for one worker. The worker closes it.
	NewDecoder() (Decoder, error)
	// NewVAD returns a detector for one stream. The stream closes it.
	NewVAD() (VAD, error)
}

// Decoder recognises one piece of speech at a time.
type Decoder interface {
	// Decode recognises pcm, which it must neither change nor keep: at most [MaxSpeech], one speaker, cut at pauses. It may
	// take as long as pcm lasts and longer, and returns early with the cause of ctx's end when ctx ends.
	Decode(ctx context.Context, pcm []int16, p Params) (Result, error)
	Close() error
}

// VAD says how likely each window of a continuous stream is speech.
type VAD interface {
	// Speech returns the probability, 0 to 1, that the window of exactly WindowSamples holds speech. It remembers the
	// windows before it until Reset.
	Speech(window []int16) (float32, error)
	Reset()
	Close() error
}

// Params say how a piece of speech is decoded.
type Params struct {
	// Best asks for the best text the engine can give. Otherwise speed counts more.
	Best bool
	// FullContext decodes with the model's whole audio window, which is slow and the cure for some repetitions.
	FullContext bool
}

// Result is what a decoder recognised. No words mean that there was nothing to recognise.
type Result struct {
	Words    []Word
	NoSpeech float64 // the model's own probability that there was no speech, 0 to 1
}

// Word is one recognised word with its punctuation, and the mean probability of its parts.
type Word struct {
	Text       string
	Confidence float64
}

// Text returns the words with spaces between them.
func (r Result) Text() string {
	texts := make([]string, len(r.Words))
	for i, w := range r.Words {
		texts[i] = w.Text
	}
	return strings.Join(texts, " ")
}

// Confidence returns the mean confidence of the words, 0 if there are none.
func (r Result) Confidence() float64 {
	var sum float64
	for _, w := range r.Words {
		sum += w.Confidence
	}
	return sum / float64(max(len(r.Words), 1))
}
