package encoder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// checkFile refuses files that libllama need not see: missing ones, other formats, models that are no sentence encoders.
// The library itself refuses the rest, such as a file that ends early.
func checkFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return &LoadError{Path: path, Reason: "not readable", Err: err}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return &LoadError{Path: path, Reason: "not readable", Err: err}
	}
	if !info.Mode().IsRegular() || info.Size() < minFileBytes {
		return &LoadError{Path: path, Reason: "not a model file"}
	}
	arch, err := architecture(f)
	if err != nil {
		return &LoadError{Path: path, Reason: err.Error()}
	}
	if !encodes(arch) {
		return &LoadError{Path: path, Reason: fmt.Sprintf("architecture %q is not a sentence encoder", arch)}
	}
	return nil
}

// minFileBytes is less than any real encoder has: the smallest has tens of thousands of word pieces.
const minFileBytes = 64 << 10

// encodes reports whether models of the architecture read a whole sentence at once. Others would be loaded, but abort the
// process in llama_encode.
func encodes(arch string) bool {
	return strings.Contains(arch, "bert") || arch == "gemma-embedding"
}

// The GGUF form: magic, version, tensor count, then metadata as (key, type, value), little-endian.
const (
	ggufMagic      = "GGUF"
	ggufTypeString = 8
	maxGGUFKey     = 256
)

// architecture returns the value of the first metadata key, which by the GGUF specification's convention, and in every
// file the conversion tools write, is general.architecture.
func architecture(r io.Reader) (string, error) {
	var h struct {
		Magic          [4]byte
		Version        uint32
		Tensors, Pairs uint64
	}
	if err := binary.Read(r, binary.LittleEndian, &h); err != nil || string(h.Magic[:]) != ggufMagic {
		return "", errors.New("not a GGUF file")
	}
	if h.Version < 2 || h.Version > 3 {
		return "", fmt.Errorf("GGUF version %d is not supported", h.Version)
	}
	key, err := ggufString(r)
	if err != nil {
		return "", err
	}
	var kind uint32
	if err := binary.Read(r, binary.LittleEndian, &kind); err != nil || key != "general.architecture" || kind != ggufTypeString {
		return "", errors.New("GGUF file does not open with its architecture")
	}
	return ggufString(r)
}

func ggufString(r io.Reader) (string, error) {
	var n uint64
	if err := binary.Read(r, binary.LittleEndian, &n); err != nil || n > maxGGUFKey {
		return "", errors.New("damaged GGUF header")
	}
	buf := make([]byte, n)
	if _, err := io.ReadFull(r, buf); err != nil {
		return "", errors.New("damaged GGUF header")
	}
	return string(buf), nil
}
