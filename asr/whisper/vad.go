package whisper

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/operatord/operatord/asr"
)

// errVAD is returned when the detector's graph could not be computed.
var errVAD = errors.New("voice activity detection failed")

// vad is a Silero detector with its memory of one stream. It costs 0.2 ms per window and some 3 MB.
type vad struct {
	ctx    *C.struct_whisper_vad_context // nil once closed
	window [asr.WindowSamples]float32
}

// NewVAD loads a detector. Its errors wrap ErrModel or the file system's.
func (e *Engine) NewVAD() (asr.VAD, error) {
	// Loaded anew for each stream, so checked anew: the file may have changed since Load.
	if err := checkVADModel(e.opts.VADPath); err != nil {
		return nil, fmt.Errorf("load voice activity detector: %w", err)
	}
	path := C.CString(e.opts.VADPath)
	defer C.free(unsafe.Pointer(path))
	var msg message
	ctx := C.asr_vad_load(path, msg.buf(), msg.len())
	if ctx == nil {
		return nil, fmt.Errorf("load voice activity detector: %w: %s: %s", ErrModel, e.opts.VADPath, msg.String())
	}
	C.whisper_vad_reset_state(ctx) // the library leaves its memory uninitialised
	return &vad{ctx: ctx}, nil
}

// Speech implements asr.VAD.
func (v *vad) Speech(window []int16) (float32, error) {
	if v.ctx == nil {
		return 0, ErrClosed
	}
	if len(window) != asr.WindowSamples {
		return 0, fmt.Errorf("%w: a window of %d samples", errVAD, len(window))
	}
	for i, s := range window {
		v.window[i] = float32(s) / (1 << 15)
	}
	p := C.asr_vad_speech(v.ctx, (*C.float)(&v.window[0]), asr.WindowSamples)
	if p < 0 {
		return 0, errVAD
	}
	return float32(p), nil
}

// Reset implements asr.VAD.
func (v *vad) Reset() {
	if v.ctx != nil {
		C.whisper_vad_reset_state(v.ctx)
	}
}

// Close implements asr.VAD. Closing twice is harmless.
func (v *vad) Close() error {
	if v.ctx != nil {
		C.whisper_vad_free(v.ctx)
		v.ctx = nil
	}
	return nil
}
