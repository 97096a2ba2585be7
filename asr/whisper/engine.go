// Package whisper recognises speech with whisper.cpp and finds it with the Silero detector that whisper.cpp runs. It
// implements asr.Engine.
//
// The upstream Go bindings own the types, the token tables and the end of a context, but they decode only with a context's
// one default state and share unguarded maps between contexts, so that two calls cannot be decoded at once. This
// package therefore loads the weights without a state and decodes through whisper_full_with_state, one state per decoder.
package whisper

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	bindings "github.com/ggerganov/whisper.cpp/bindings/go"

	"github.com/operatord/operatord/asr"
)

var _ asr.Engine = (*Engine)(nil)

// ErrClosed is returned by a closed Engine.
var ErrClosed = errors.New("speech model is closed")

// Options configure an Engine. ModelPath and VADPath are required.
type Options struct {
	ModelPath string // any ggml model of whisper.cpp
	VADPath   string // Silero in ggml format
	Language  string // of multilingual models; default en
	Prompt    string // words likely to occur, such as names of products; used for finals
	BeamSize  int    // hypotheses searched for a final; default 5, 1 is greedy
	// MinContext is the smallest encoder window, in units of 20 ms; default 192. Smaller is faster and, below what the
	// model was trained for, wrong.
	MinContext int
}

// maxBeam is WHISPER_MAX_DECODERS of whisper.cpp.
const maxBeam = 8

// Engine is a loaded speech model. It is safe for concurrent use.
type Engine struct {
	opts     Options
	name     string
	language *C.char // owned; nil for models that know only English
	prompt   *C.char // owned; may be nil

	mu     sync.Mutex
	ctx    *C.struct_whisper_context // nil once freed
	users  int                       // decoders that hold ctx, plus one until Close
	closed bool
}

// Load checks both files and loads the speech model, which takes a moment: 12 MB to several GB are read. Its errors wrap
// ErrModel or the file system's.
func Load(opts Options) (*Engine, error) {
	opts.Language = cmp.Or(opts.Language, "en")
	opts.BeamSize = min(cmp.Or(opts.BeamSize, 5), maxBeam)
	opts.MinContext = cmp.Or(opts.MinContext, defaultMinContext)
	if err := checkSpeechModel(opts.ModelPath); err != nil {
		return nil, fmt.Errorf("load speech model: %w", err)
	}
	if err := checkVADModel(opts.VADPath); err != nil {
		return nil, fmt.Errorf("load voice activity detector: %w", err)
	}
	quiet()
	path := C.CString(opts.ModelPath)
	defer C.free(unsafe.Pointer(path))
	var msg message
	ctx := C.asr_load(path, msg.buf(), msg.len())
	if ctx == nil {
		return nil, fmt.Errorf("load speech model: %w: %s: %s", ErrModel, opts.ModelPath, msg.String())
	}
	e := &Engine{opts: opts, name: modelName(opts.ModelPath), ctx: ctx, users: 1}
	if err := e.setLanguage(); err != nil {
		return nil, errors.Join(fmt.Errorf("load speech model: %w", err), e.Close())
	}
	if opts.Prompt != "" {
		e.prompt = C.CString(opts.Prompt)
	}
	return e, nil
}

// quiet silences whisper.cpp, once: its log function is one for the process and must not change while it is in use.
var quiet = sync.OnceFunc(func() { C.asr_log_init() }) //nolint:gochecknoglobals // guards the library's own global

// modelName returns the whisper.cpp name of a model file: base.en for /models/ggml-base.en.bin.
func modelName(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	return "whisper " + strings.TrimPrefix(name, "ggml-")
}

// setLanguage checks the language against the model's.
func (e *Engine) setLanguage() error {
	multilingual := (*bindings.Context)(unsafe.Pointer(e.ctx)).Whisper_is_multilingual() != 0
	if !multilingual && e.opts.Language != "en" {
		return fmt.Errorf("%s knows only English, not %q", e.name, e.opts.Language)
	}
	e.language = C.CString(e.opts.Language)
	if C.whisper_lang_id(e.language) < 0 {
		return fmt.Errorf("language %q is unknown", e.opts.Language)
	}
	return nil
}

// Model names the speech model.
func (e *Engine) Model() string { return e.name }

// Close gives back the model's memory as soon as the last decoder is closed. Closing twice is harmless.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	e.release()
	return nil
}

// acquire keeps the model in memory for one more user. It returns ErrClosed after Close.
func (e *Engine) acquire() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	e.users++
	return nil
}

// release frees the model when the last user has gone. The caller holds mu.
func (e *Engine) release() {
	if e.users--; e.users > 0 {
		return
	}
	(*bindings.Context)(unsafe.Pointer(e.ctx)).Whisper_free()
	C.free(unsafe.Pointer(e.language))
	C.free(unsafe.Pointer(e.prompt))
	e.ctx, e.language, e.prompt = nil, nil, nil
}

// message receives an error text from C.
type message [256]C.char

func (m *message) buf() *C.char   { return &m[0] }
func (m *message) len() C.int     { return C.int(len(m)) }
func (m *message) String() string { return strings.TrimSpace(C.GoString(&m[0])) }
