package whisper

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// ErrModel is returned for a file that is not a whole model of the expected kind.
var ErrModel = errors.New("not a usable model file")

// ggmlMagic opens every model file of whisper.cpp.
const ggmlMagic = 0x67676d6c

// The loaders of whisper.cpp read past the end of a short file into uninitialised memory and allocate whatever a damaged
// length says, so the daemon walks the whole structure of a file before it lets them have it. Wrong numbers inside the
// tensors are not found; they give wrong text, not a crash.

// checkSpeechModel returns an error that wraps ErrModel, or the file system's, unless path is a whole speech model.
func checkSpeechModel(path string) error { return checkFile(path, (*modelFile).speechHeader) }

// checkVADModel does the same for a voice activity detector.
func checkVADModel(path string) error { return checkFile(path, (*modelFile).vadHeader) }

// checkFile walks the magic number, the header and the tensors of a model file, which must end behind a tensor.
func checkFile(path string, header func(*modelFile)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is not a regular file", ErrModel, path)
	}
	if err := check(f, info.Size(), header); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrModel, path, err)
	}
	return nil
}

// check is checkFile for the size bytes of r.
func check(r io.Reader, size int64, header func(*modelFile)) error {
	m := &modelFile{r: bufio.NewReaderSize(r, 64<<10), left: size}
	if magic := m.int("magic number"); m.err == nil && uint32(magic) != ggmlMagic {
		m.fail("it does not begin as one")
	}
	header(m)
	m.tensors()
	return m.err
}

// modelFile reads a model file. After the first error it reads nothing more and returns zeros.
type modelFile struct {
	r    *bufio.Reader
	left int64
	err  error
}

func (m *modelFile) fail(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf(format, args...)
	}
}

// int reads a little-endian 32-bit number.
func (m *modelFile) int(what string) int32 {
	var b [4]byte
	if m.read(b[:], what); m.err != nil {
		return 0
	}
	return int32(binary.LittleEndian.Uint32(b[:]))
}

// between reads a number that must lie between low and high.
func (m *modelFile) between(low, high int32, what string) int64 {
	n := m.int(what)
	if m.err == nil && (n < low || n > high) {
		m.fail("%s is %d", what, n)
	}
	return int64(n)
}

func (m *modelFile) read(b []byte, what string) {
	if m.err != nil {
		return
	}
	n, err := io.ReadFull(m.r, b)
	m.left -= int64(n)
	if err != nil {
		m.fail("it ends inside the %s", what)
	}
}

func (m *modelFile) skip(n int64, what string) {
	if m.err != nil {
		return
	}
	if n > m.left {
		m.fail("it ends inside the %s", what)
		return
	}
	if _, err := io.CopyN(io.Discard, m.r, n); err != nil {
		m.fail("read the %s: %w", what, err)
		return
	}
	m.left -= n
}

// speechHeader reads what precedes the tensors of a speech model: shape, mel filters and vocabulary.
func (m *modelFile) speechHeader() {
	m.between(51864, 51866, "vocabulary size")
	m.between(1500, 1500, "audio context")
	state := m.between(64, 2048, "encoder width")
	heads := m.between(1, 64, "encoder heads")
	m.between(1, 64, "encoder layers")
	m.between(448, 448, "text context")
	textState := m.between(64, 2048, "decoder width")
	m.between(1, 64, "decoder heads")
	m.between(1, 64, "decoder layers")
	m.between(80, 128, "mel bands")
	m.between(0, 1<<16, "file type")
	if m.err == nil && (state != textState || state%heads != 0) {
		m.fail("widths %d and %d and %d heads do not fit", state, textState, heads)
		return
	}
	mels := m.between(80, 128, "mel filters")
	m.skip(4*mels*m.between(201, 201, "mel filter length"), "mel filters")
	for range m.between(50256, 51866, "vocabulary") {
		m.skip(m.between(0, 1024, "token"), "vocabulary")
		if m.err != nil {
			return
		}
	}
}

// vadHeader reads what precedes the tensors of a Silero detector: its kind, version and shape.
func (m *modelFile) vadHeader() {
	kind := make([]byte, m.between(1, 64, "name"))
	m.read(kind, "name")
	if m.err == nil && !strings.HasPrefix(string(kind), "silero") {
		m.fail("it is a %q, not a Silero detector", kind)
	}
	for range 3 {
		m.between(0, 1000, "version")
	}
	m.between(512, 512, "window")
	m.between(64, 64, "context")
	for range m.between(4, 4, "encoder layers") {
		for range 3 {
			m.between(1, 4096, "encoder layer")
		}
	}
	for range 4 {
		m.between(1, 4096, "shape")
	}
}

// tensors reads the tensors, of which there must be one at least, up to the end of the file.
func (m *modelFile) tensors() {
	for first := true; m.err == nil && (first || m.left > 0); first = false {
		dims := m.between(0, 4, "tensor's dimensions")
		name := m.between(1, 256, "tensor's name")
		kind := m.int("tensor's type")
		elements := int64(1)
		for range dims {
			elements *= m.between(1, 1<<20, "tensor's shape")
			if elements > 1<<31-1 {
				m.fail("a tensor has too many elements")
				return
			}
		}
		m.skip(name, "tensor's name")
		m.skip(m.tensorBytes(kind, elements), "tensors")
	}
}

// tensorBytes returns the size of a tensor in the file.
func (m *modelFile) tensorBytes(kind int32, elements int64) int64 {
	layout, ok := ggmlLayouts()[kind]
	if !ok {
		m.fail("tensor type %d is unknown", kind)
		return 0
	}
	return elements * layout.bytes / layout.block
}

// ggmlLayout says how ggml stores numbers of a type: block of them in so many bytes.
type ggmlLayout struct{ block, bytes int64 }

// ggmlLayouts returns the layouts of the types that occur in speech models, by their number in ggml.h (enum ggml_type).
func ggmlLayouts() map[int32]ggmlLayout {
	return map[int32]ggmlLayout{
		0: {1, 4}, 1: {1, 2}, // F32, F16
		2: {32, 18}, 3: {32, 20}, 6: {32, 22}, 7: {32, 24}, 8: {32, 34}, // Q4_0, Q4_1, Q5_0, Q5_1, Q8_0
		10: {256, 84}, 11: {256, 110}, 12: {256, 144}, 13: {256, 176}, 14: {256, 210}, // Q2_K to Q6_K
		30: {1, 2}, // BF16
	}
}
