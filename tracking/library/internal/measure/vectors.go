package main

import (
	"context"
	"encoding/gob"
	"errors"
	"io/fs"
	"os"

	"github.com/operatord/operatord/tracking"
)

// remembering encodes each text once: every row is matched several times.
type remembering struct {
	tracking.Encoder
	vectors map[string][]float32
}

// remember returns e with the vectors of a file, which need not be there.
func remember(e tracking.Encoder, path string) (*remembering, error) {
	r := &remembering{Encoder: e, vectors: make(map[string][]float32)}
	f, err := os.Open(path)
	if path == "" || errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return r, gob.NewDecoder(f).Decode(&r.vectors)
}

// save writes the vectors to a file, unless path is empty.
func (r *remembering) save(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(gob.NewEncoder(f).Encode(r.vectors), f.Close())
}

// Embed implements tracking.Encoder.
func (r *remembering) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	var fresh []string
	for _, text := range texts {
		if r.vectors[text] == nil {
			fresh = append(fresh, text)
		}
	}
	if len(fresh) > 0 {
		made, err := r.Encoder.Embed(ctx, fresh)
		if err != nil {
			return nil, err
		}
		for i, text := range fresh {
			r.vectors[text] = made[i]
		}
	}
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = r.vectors[text]
	}
	return vectors, nil
}
