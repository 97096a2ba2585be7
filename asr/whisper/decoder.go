package whisper

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/operatord/operatord/asr"
)

const (
	// defaultMinContext and contextMargin keep the encoder's window away from sizes at which models trained on 30 s begin to
	// repeat themselves: reports on whisper.cpp put the trouble below about 128 and with less than 64 to spare.
	defaultMinContext = 192
	contextMargin     = 64
	contextStep       = 64
	maxContext        = 1500
	contextPerSecond  = 50

	// minSamples is what shorter pieces are padded to with silence: whisper.cpp gives no text below 100 ms and reads past its
	// buffer below 201 samples.
	minSamples = asr.SampleRate

	// A sentence has at most some 6 tokens per second of speech; the bound ends a decode that repeats itself.
	tokensPerSecond = 6
	spareTokens     = 12

	// What whisper_full_with_state returns when it could not enlarge the state's memory and has freed the state.
	rcStateGone = -7
)

// decoder decodes with a state of its own.
type decoder struct {
	engine  *Engine
	state   *C.struct_whisper_state // nil until the first decode, and after the library has freed it
	abort   *C.int32_t              // in C memory, for the library reads it while Go code runs
	samples []float32
}

// NewDecoder returns a decoder, whose memory it takes at the first Decode.
func (e *Engine) NewDecoder() (asr.Decoder, error) {
	if err := e.acquire(); err != nil {
		return nil, err
	}
	return &decoder{engine: e, abort: (*C.int32_t)(C.calloc(1, C.sizeof_int32_t))}, nil
}

// Close gives the state back. Closing twice is harmless.
func (d *decoder) Close() error {
	if d.abort == nil {
		return nil
	}
	if d.state != nil {
		C.whisper_free_state(d.state)
	}
	C.free(unsafe.Pointer(d.abort))
	d.state, d.abort = nil, nil
	d.engine.mu.Lock()
	defer d.engine.mu.Unlock()
	d.engine.release()
	return nil
}

// Decode implements asr.Decoder. When ctx ends it returns after the encoder's current pass or decoder's current token.
func (d *decoder) Decode(ctx context.Context, pcm []int16, p asr.Params) (asr.Result, error) {
	if d.abort == nil {
		return asr.Result{}, ErrClosed
	}
	if len(pcm) > maxContext*asr.SampleRate/contextPerSecond {
		return asr.Result{}, fmt.Errorf("decode: %d samples are more than the model's 30 s", len(pcm))
	}
	if err := d.ensureState(); err != nil {
		return asr.Result{}, fmt.Errorf("decode: %w", err)
	}
	rc, msg := d.full(ctx, pcm, p)
	switch {
	case rc == rcStateGone:
		d.state = nil
		return asr.Result{}, fmt.Errorf("decode: %w: %s", errNoMemory, msg)
	case ctx.Err() != nil:
		return asr.Result{}, fmt.Errorf("decode: %w", context.Cause(ctx))
	case rc != 0:
		return asr.Result{}, fmt.Errorf("decode: whisper.cpp returned %d: %s", rc, msg)
	}
	return d.result(), nil
}

// errNoMemory is returned when a state could not be allocated.
var errNoMemory = errors.New("out of memory")

// ensureState allocates the state if there is none.
func (d *decoder) ensureState() error {
	if d.state != nil {
		return nil
	}
	var msg message
	if d.state = C.asr_new_state(d.engine.ctx, msg.buf(), msg.len()); d.state == nil {
		return fmt.Errorf("%w: %s", errNoMemory, msg.String())
	}
	return nil
}

// full runs whisper.cpp over pcm and returns its result code and what it logged, ending early with ctx.
func (d *decoder) full(ctx context.Context, pcm []int16, p asr.Params) (int, string) {
	flag := (*int32)(unsafe.Pointer(d.abort))
	atomic.StoreInt32(flag, 0)
	raised := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		atomic.StoreInt32(flag, 1)
		close(raised)
	})
	d.convert(pcm)
	seconds := float64(len(pcm)) / asr.SampleRate
	params := C.struct_asr_params{
		beam_size:  1,
		audio_ctx:  C.int(d.window(len(pcm), p)),
		max_tokens: C.int(math.Ceil(seconds*tokensPerSecond) + spareTokens),
		language:   d.engine.language,
		abort:      d.abort,
	}
	if p.Best {
		params.beam_size, params.prompt = C.int(d.engine.opts.BeamSize), d.engine.prompt
	}
	var msg message
	rc := C.asr_decode(d.engine.ctx, d.state, (*C.float)(&d.samples[0]), C.int(len(d.samples)), params, msg.buf(), msg.len())
	if !stop() {
		<-raised // the flag must not be written once it may be in other use
	}
	return int(rc), msg.String()
}

// convert fills d.samples with pcm as whisper.cpp wants it, and silence if it is short.
func (d *decoder) convert(pcm []int16) {
	d.samples = d.samples[:0]
	for _, v := range pcm {
		d.samples = append(d.samples, float32(v)/(1<<15))
	}
	for len(d.samples) < minSamples {
		d.samples = append(d.samples, 0)
	}
}

// window returns the encoder's window for so many samples. It is always longer than they are, for whisper.cpp drops what is
// beyond it without a word.
func (d *decoder) window(samples int, p asr.Params) int {
	if p.FullContext {
		return maxContext
	}
	units := (samples*contextPerSecond+asr.SampleRate-1)/asr.SampleRate + contextMargin
	units = (units + contextStep - 1) / contextStep * contextStep
	return min(max(units, d.engine.opts.MinContext), maxContext)
}

// result copies the words out of the state.
func (d *decoder) result() asr.Result {
	var r asr.Result
	var words wordBuilder
	eot := C.whisper_token_eot(d.engine.ctx)
	for s := range C.whisper_full_n_segments_from_state(d.state) {
		r.NoSpeech = float64(C.whisper_full_get_segment_no_speech_prob_from_state(d.state, s))
		for t := range C.whisper_full_n_tokens_from_state(d.state, s) {
			if id := C.whisper_full_get_token_id_from_state(d.state, s, t); id >= eot {
				continue // timestamps and other marks
			}
			piece := C.GoString(C.whisper_full_get_token_text_from_state(d.engine.ctx, d.state, s, t))
			words.add(piece, float64(C.whisper_full_get_token_p_from_state(d.state, s, t)))
		}
	}
	r.Words = words.words()
	return r
}

// wordBuilder joins tokens to words: a token that begins with a space begins a word.
type wordBuilder struct {
	all    []asr.Word
	pieces int // tokens in the last word
}

// add takes a token and its probability.
func (b *wordBuilder) add(piece string, p float64) {
	if len(b.all) == 0 || strings.HasPrefix(piece, " ") {
		b.all = append(b.all, asr.Word{})
		b.pieces = 0
	}
	w := &b.all[len(b.all)-1]
	b.pieces++
	w.Text += piece
	w.Confidence += (p - w.Confidence) / float64(b.pieces)
}

// words returns the words that hold anything, as valid UTF-8: a code point may have been cut in two.
func (b *wordBuilder) words() []asr.Word {
	words := b.all[:0]
	for _, w := range b.all {
		if w.Text = strings.TrimSpace(strings.ToValidUTF8(w.Text, "")); w.Text != "" {
			words = append(words, w)
		}
	}
	return words
}
