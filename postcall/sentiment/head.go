package sentiment

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed head.json
var headFile []byte

// Head is a linear model of human ratings. Its numbers are made by the program in train.
type Head struct {
	Encoder string    `json:"encoder"` // name of the encoder whose vectors it reads
	Weights []float32 `json:"weights"` // one per dimension of a vector
	Valence float64   `json:"valence"` // weight of the lexicon valence beside a vector
	Bias    float64   `json:"bias"`
	Alone   Line      `json:"alone"` // the valence without a vector
}

// Line is a regression on the lexicon valence alone.
type Line struct {
	Valence float64 `json:"valence"`
	Bias    float64 `json:"bias"`
}

// bundledHead returns the head that is part of the binary.
func bundledHead() (Head, error) {
	var head Head
	if err := json.Unmarshal(headFile, &head); err != nil {
		return Head{}, fmt.Errorf("read sentiment head: %w", err)
	}
	return head, nil
}

// score returns the rating of a sentence, -1 to 1. A nil vector means that there is none.
func (h *Head) score(vector []float32, valence float64) float64 {
	if vector == nil {
		return clamp(h.Alone.Bias + h.Alone.Valence*valence)
	}
	sum := h.Bias + h.Valence*valence
	for i, w := range h.Weights {
		sum += float64(w) * float64(vector[i])
	}
	return clamp(sum)
}

func clamp(score float64) float64 { return max(-1, min(1, score)) }
