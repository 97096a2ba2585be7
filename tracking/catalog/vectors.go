package catalog

import (
	"context"
	"sync"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/operatord/operatord/tracking"
)

// maxVectors bounds the memory of the phrases that were compared lately: some megabytes.
const maxVectors = 4096

// vectors remembers the sentence vectors of phrases. The zero value is ready; it is safe for concurrent use.
type vectors struct {
	mu     sync.Mutex
	byText map[string][]float32
}

// of returns the vectors of texts, asking the encoder for those it does not know. When it knows too many it forgets all.
func (v *vectors) of(ctx context.Context, e tracking.Encoder, texts []string) ([][]float32, error) {
	found := make([][]float32, len(texts))
	var unknown []string
	var places []int
	v.mu.Lock()
	for i, text := range texts {
		if found[i] = v.byText[text]; found[i] == nil {
			unknown, places = append(unknown, text), append(places, i)
		}
	}
	v.mu.Unlock()
	if len(unknown) == 0 {
		return found, nil
	}
	fresh, err := e.Embed(ctx, unknown)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.byText == nil || len(v.byText)+len(fresh) > maxVectors {
		v.byText = make(map[string][]float32)
	}
	for i, vector := range fresh {
		found[places[i]] = vector
		v.byText[unknown[i]] = vector
	}
	return found, nil
}

// cosine returns how close two vectors of length 1 are.
func cosine(a, b []float32) float32 { return blas32.Implementation().Sdot(len(a), a, 1, b, 1) }
