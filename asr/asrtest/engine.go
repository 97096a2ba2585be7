package asrtest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/operatord/operatord/asr"
)

var _ asr.Engine = (*Engine)(nil)

// WordDuration is how long a word lasts that Engine.Say speaks.
const WordDuration = 320 * time.Millisecond

// Engine understands the audio that its Say makes, every word of which it heard for the most part, and nothing else. Its zero value is
// ready to use, decodes in no time and never fails. It is safe for concurrent use once its fields are set.
type Engine struct {
	// Cost returns how long a decode takes; nil is no time.
	Cost func(audio time.Duration, p asr.Params) time.Duration
	// Mishear may change what was recognised; nil leaves it.
	Mishear func(asr.Result, asr.Params) (asr.Result, error)
	// VADErr is what NewVAD fails with.
	VADErr error

	mu    sync.Mutex
	words []string
	open  int // decoders and detectors not closed
}

const (
	wordLevel  = 4000 // amplitude of the first word; each further one has the next
	wordPause  = 20 * time.Millisecond
	wordHeard  = 150 * time.Millisecond // of a word that is recognised
	voiceLevel = 500
)

// Say returns audio in which the words of text are spoken.
func (e *Engine) Say(text string) []int16 {
	var pcm []int16
	for word := range strings.FieldsSeq(text) {
		level := wordLevel + e.number(word)
		n := samples(WordDuration)
		for i := range n {
			switch {
			case i >= n-samples(wordPause):
				pcm = append(pcm, 0)
			case i%2 == 0:
				pcm = append(pcm, int16(level))
			default:
				pcm = append(pcm, int16(-level))
			}
		}
	}
	return pcm
}

// Silence returns so much silence.
func Silence(d time.Duration) []int16 { return make([]int16, samples(d)) }

// Open returns how many decoders and detectors have not been closed.
func (e *Engine) Open() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.open
}

// number returns the number of a word, which it gives it at the first time.
func (e *Engine) number(word string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.Index(e.words, word)
	if i < 0 {
		i = len(e.words)
		e.words = append(e.words, word)
	}
	return i
}

// word returns the word of an amplitude, or an empty string.
func (e *Engine) word(level int) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := level - wordLevel; i >= 0 && i < len(e.words) {
		return e.words[i]
	}
	return ""
}

func (e *Engine) count(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open += n
}

// Model implements asr.Engine.
func (e *Engine) Model() string { return "asrtest" }

// NewDecoder implements asr.Engine.
func (e *Engine) NewDecoder() (asr.Decoder, error) {
	e.count(1)
	return &decoder{engine: e}, nil
}

// NewVAD implements asr.Engine.
func (e *Engine) NewVAD() (asr.VAD, error) {
	if e.VADErr != nil {
		return nil, e.VADErr
	}
	e.count(1)
	return &vad{engine: e}, nil
}

type decoder struct{ engine *Engine }

// Decode implements asr.Decoder.
func (d *decoder) Decode(ctx context.Context, pcm []int16, p asr.Params) (asr.Result, error) {
	if d.engine.Cost != nil {
		select {
		case <-time.After(d.engine.Cost(time.Duration(len(pcm))*time.Second/asr.SampleRate, p)):
		case <-ctx.Done():
			return asr.Result{}, context.Cause(ctx)
		}
	}
	var r asr.Result
	for i := 0; i < len(pcm); {
		run := 1
		for i+run < len(pcm) && abs(pcm[i+run]) == abs(pcm[i]) {
			run++
		}
		if word := d.engine.word(abs(pcm[i])); word != "" && run >= samples(wordHeard) {
			r.Words = append(r.Words, asr.Word{Text: word, Confidence: 0.9})
		}
		i += run
	}
	if d.engine.Mishear != nil {
		return d.engine.Mishear(r, p)
	}
	return r, nil
}

func (d *decoder) Close() error {
	d.engine.count(-1)
	return nil
}

type vad struct{ engine *Engine }

// Speech implements asr.VAD: what is loud is speech.
func (*vad) Speech(window []int16) (float32, error) {
	sum := 0
	for _, v := range window {
		sum += abs(v)
	}
	if sum > voiceLevel*len(window) {
		return 1, nil
	}
	return 0, nil
}

func (*vad) Reset() {}

func (v *vad) Close() error {
	v.engine.count(-1)
	return nil
}

func abs(v int16) int { return max(int(v), -int(v)) }

func samples(d time.Duration) int { return int(d * asr.SampleRate / time.Second) }
