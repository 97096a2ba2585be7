package asr

import (
	"context"
	"time"
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
	// Decode recognises pcm, which it must neither change nor keep. It may take as long as pcm lasts and longer, and returns
	// early with the cause of ctx's end when ctx ends.
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
	// Final asks for the best text the engine can give, with word times. Otherwise speed counts more.
	Final bool
	// FullContext decodes with the model's whole audio window, which is slow and the cure for some repetitions.
	FullContext bool
}

// Result is what a decoder recognised. An empty Text means that there was nothing to recognise.
type Result struct {
	Text       string
	Words      []Word  // of finals only, if the engine knows them
	Confidence float64 // mean probability of the tokens, 0 to 1
	NoSpeech   float64 // the model's own probability that there was no speech, 0 to 1
}

// Word is one word of a Result, with times from the start of the decoded audio.
type Word struct {
	Text       string
	Start, End time.Duration
	Confidence float64
}
