// Package encoder turns sentences into vectors with libllama: any GGUF sentence encoder of the BERT family, on the CPU.
//
// It is the only package of tracking that uses cgo. An Encoder keeps a fixed number of native contexts; each serves one
// caller at a time on one thread, and callers wait for a free one in turn. Nothing in the library calls back into Go.
package encoder

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// The shape of one native batch. Attention costs grow with its square, so a larger one is not faster.
const (
	batchTokens    = 512
	batchSequences = 16
	// textTokens is how much of one text is read: the length MiniLM and its like were trained on.
	textTokens = 256
	// textBytes cuts a text before it is tokenised; a word piece of English text has about four bytes.
	textBytes = 16 * textTokens
)

// ErrClosed is returned by Embed after Close.
var ErrClosed = errors.New("encoder is closed")

// LoadError reports a file that could not be loaded as a sentence encoder.
type LoadError struct {
	Path   string
	Reason string
	Err    error // the error of the file system, if it is one
}

func (e *LoadError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("load sentence encoder: %s: %v", e.Reason, e.Err)
	}
	return fmt.Sprintf("load sentence encoder %s: %s", e.Path, e.Reason)
}

// Unwrap returns the error of the file system, if there is one.
func (e *LoadError) Unwrap() error { return e.Err }

// Options configures Open; its zero value is one context and no log.
type Options struct {
	Contexts int          // texts of this many callers are encoded at once, one thread each; 0 is 1
	Logger   *slog.Logger // nil discards
}

// maxContexts bounds the memory: a context of MiniLM takes about 10 MB.
const maxContexts = 64

// Encoder is an open model. It is safe for concurrent use.
type Encoder struct {
	name       string
	dimensions int
	textTokens int
	model      *C.struct_llama_model

	// idle holds the contexts nobody uses. Its capacity is their number, so giving one back never blocks; it is not closed.
	idle chan *C.struct_encoder_worker
	// closing is closed by Close; waiting callers give up.
	closing chan struct{}
	close   sync.Once
}

// Open loads the GGUF file at path. A file that is missing, damaged or of another kind of model is a *LoadError.
func Open(path string, opts Options) (*Encoder, error) {
	if opts.Contexts < 0 || opts.Contexts > maxContexts {
		return nil, fmt.Errorf("sentence encoder: %d contexts, want 1 to %d", opts.Contexts, maxContexts)
	}
	started := time.Now()
	if err := checkFile(path); err != nil {
		return nil, err
	}
	model, err := load(path)
	if err != nil {
		return nil, err
	}
	contexts := max(1, opts.Contexts)
	e := &Encoder{
		name:       nameOf(model, path),
		dimensions: int(C.encoder_dimensions(model)),
		textTokens: min(textTokens, int(C.encoder_trained_context(model))),
		model:      model,
		idle:       make(chan *C.struct_encoder_worker, contexts),
		closing:    make(chan struct{}),
	}
	for n := range contexts {
		w := C.encoder_worker_new(model, batchTokens, batchSequences, 1)
		if w == nil {
			e.free(n)
			return nil, &LoadError{Path: path, Reason: "no context: " + lastError()}
		}
		e.idle <- w
	}
	if opts.Logger != nil {
		opts.Logger.Info("sentence encoder loaded", "model", e.name, "dimensions", e.dimensions, "contexts", contexts,
			"took", time.Since(started))
	}
	return e, nil
}

func load(path string) (*C.struct_llama_model, error) {
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	model := C.encoder_load(cpath)
	if model == nil {
		return nil, &LoadError{Path: path, Reason: "not loadable: " + lastError()}
	}
	return model, nil
}

// nameOf returns the model's own name, so that it is the same wherever the file lies.
func nameOf(model *C.struct_llama_model, path string) string {
	key := C.CString("general.name")
	defer C.free(unsafe.Pointer(key))
	var buf [128]C.char
	if n := C.encoder_meta(model, key, &buf[0], C.size_t(len(buf))); n > 0 {
		return C.GoString(&buf[0])
	}
	return strings.TrimSuffix(filepath.Base(path), ".gguf")
}

func lastError() string {
	var buf [256]C.char
	C.encoder_last_error(&buf[0], C.size_t(len(buf)))
	return strings.TrimSpace(C.GoString(&buf[0]))
}

// Name returns the name in the model file, or the file's name if it has none.
func (e *Encoder) Name() string { return e.name }

// Dimensions returns the length of every vector.
func (e *Encoder) Dimensions() int { return e.dimensions }

// Embed returns one vector of length 1 per text, in order. Texts that are too long are cut, and bytes that are not UTF-8
// are replaced. Many texts are encoded batch by batch; between batches other callers get their turn. Embed waits for a free
// context until ctx ends, and does not interrupt a batch that is running. It returns ErrClosed after Close.
func (e *Encoder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, 0, len(texts))
	for len(vectors) < len(texts) {
		w, err := e.acquire(ctx)
		if err != nil {
			return nil, err
		}
		vectors, err = e.step(w, texts[len(vectors):], vectors)
		e.idle <- w
		if err != nil {
			return nil, err
		}
	}
	return vectors, nil
}

func (e *Encoder) acquire(ctx context.Context) (*C.struct_encoder_worker, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	select {
	case <-e.closing:
		return nil, ErrClosed
	default:
	}
	select {
	case w := <-e.idle:
		return w, nil
	case <-e.closing:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the sentence encoder: %w", context.Cause(ctx))
	}
}

// step encodes as many texts as one batch holds, at least one, and appends their vectors. The model is not freed while the
// caller holds w.
func (e *Encoder) step(w *C.struct_encoder_worker, texts []string, vectors [][]float32) ([][]float32, error) {
	b, err := e.fill(texts)
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(b.lengths)*e.dimensions)
	status := C.encoder_run(w, &b.tokens[0], &b.lengths[0], C.int(len(b.lengths)), (*C.float)(&out[0]))
	if status != 0 {
		return nil, fmt.Errorf("encode %d texts: status %d: %s", len(b.lengths), int(status), lastError())
	}
	for ; len(out) > 0; out = out[e.dimensions:] {
		v := out[:e.dimensions:e.dimensions]
		if err := normalize(v); err != nil {
			return nil, err
		}
		vectors = append(vectors, v)
	}
	return vectors, nil
}

// batch is the tokens of some texts, one behind the other.
type batch struct {
	tokens  []C.int32_t
	lengths []C.int32_t
}

// fill tokenises as many texts as one batch holds, at least one.
func (e *Encoder) fill(texts []string) (batch, error) {
	b := batch{tokens: make([]C.int32_t, 0, batchTokens)}
	for _, text := range texts[:min(len(texts), batchSequences)] {
		tokens, err := e.tokenize(text)
		if err != nil {
			return batch{}, err
		}
		if len(b.tokens)+len(tokens) > batchTokens {
			break
		}
		b.tokens = append(b.tokens, tokens...)
		b.lengths = append(b.lengths, C.int32_t(len(tokens)))
	}
	return b, nil
}

// tokenize returns the tokens of text between the model's marks of beginning and end, cut in the middle if need be.
func (e *Encoder) tokenize(text string) ([]C.int32_t, error) {
	text = clean(text)
	tokens := make([]C.int32_t, textBytes+8) // every token but the marks takes a byte at least
	n := int(C.encoder_tokenize(e.model, (*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.int(len(text)),
		&tokens[0], C.int(len(tokens))))
	if n <= 0 {
		return nil, fmt.Errorf("tokenise %d bytes: status %d", len(text), n)
	}
	if n > e.textTokens {
		tokens[e.textTokens-1] = tokens[n-1] // keep the mark of the end
		n = e.textTokens
	}
	return tokens[:n], nil
}

// clean returns text as valid UTF-8 without control characters, cut to textBytes and never empty.
func clean(text string) string {
	if len(text) > textBytes {
		text = text[:textBytes]
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return ' '
		}
		return r
	}, text)
	if text == "" {
		return " "
	}
	return text
}

func normalize(v []float32) error {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		return errors.New("encoder returned a vector without direction")
	}
	scale := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= scale
	}
	return nil
}

// Close frees the model once running batches have ended. It is idempotent; waiting and later callers get ErrClosed.
func (e *Encoder) Close() error {
	e.close.Do(func() {
		close(e.closing)
		e.free(cap(e.idle))
	})
	return nil
}

// free waits for n contexts to be idle and frees them and the model.
func (e *Encoder) free(n int) {
	for range n {
		C.encoder_worker_free(<-e.idle)
	}
	C.encoder_free_model(e.model)
}
