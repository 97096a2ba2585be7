// Package weights holds the models the daemon carries inside its binary, a small speech model, a sentence encoder and a
// voice activity detector, unpacks them where native libraries can open them, and downloads official whisper.cpp models.
// NOTICE gives the source and licence of each.
package weights

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed ggml-micro.en.bin silero-v6.2.0-ggml.bin all-MiniLM-L6-v2.q8_0.gguf
var bundle embed.FS

// bundled is a model file of the bundle.
type bundled struct {
	name   string
	sha256 string // lower-case hexadecimal
}

// Paths are the unpacked model files.
type Paths struct {
	Speech  string // whisper.cpp speech model (ggml)
	Encoder string // sentence encoder (GGUF)
	VAD     string // Silero voice activity detector (ggml)
}

// Unpack makes sure that the bundled models lie in dir, which is created if need be, and says where. Files that are
// already there are checked by their SHA-256 and written again if they are damaged; each appears under its name only when
// it is complete, so that several processes may unpack into the same folder at once. A folder that holds all the files
// may be read-only. Every version of a file has a folder of its own: an upgrade never overwrites what an older process has open.
func Unpack(ctx context.Context, dir string) (Paths, error) {
	var paths Paths
	for _, f := range []struct {
		bundled
		path *string
	}{
		{bundled{"ggml-micro.en.bin", "286a0e08adaf6e057c2eeecdc815d6714f427f7970b14c287b599060da6fdfe5"}, &paths.Speech},
		{bundled{"all-MiniLM-L6-v2.q8_0.gguf", "de6e262b3ee3e0885ca26cc4b92aba878694ba3bad5cc87e7674fc82fbc00838"}, &paths.Encoder},
		{bundled{"silero-v6.2.0-ggml.bin", "2aa269b785eeb53a82983a20501ddf7c1d9c48e33ab63a41391ac6c9f7fb6987"}, &paths.VAD},
	} {
		if err := ctx.Err(); err != nil {
			return Paths{}, fmt.Errorf("unpack models: %w", context.Cause(ctx))
		}
		path, err := unpack(f.bundled, dir)
		if err != nil {
			return Paths{}, fmt.Errorf("unpack model %s: %w", f.name, err)
		}
		*f.path = path
	}
	return paths, nil
}

// unpack returns the path of f below dir, having written it there if it was missing or damaged.
func unpack(f bundled, dir string) (string, error) {
	path := filepath.Join(dir, f.sha256[:12], f.name)
	switch sum, err := fileSHA256(path); {
	case err == nil && sum == f.sha256:
		return path, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	src, err := bundle.Open(f.name)
	if err != nil {
		return "", err
	}
	defer func() { _ = src.Close() }() // reading from memory cannot fail late
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, writeAtomic(path, src)
}

// writeAtomic writes r to a temporary file beside path and renames it to path once it is safely on the disk.
func writeAtomic(path string, r io.Reader) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	_, err = io.Copy(tmp, r)
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// fileSHA256 returns the SHA-256 of a file in lower-case hexadecimal.
func fileSHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
