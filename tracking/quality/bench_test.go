package quality_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// remembering encodes a text once, since the draws of a set share most of their rows.
type remembering struct {
	tracking.Encoder
	vectors map[string][]float32
}

func (r *remembering) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		if r.vectors[text] == nil {
			v, err := r.Encoder.Embed(ctx, []string{text})
			if err != nil {
				return nil, err
			}
			r.vectors[text] = v[0]
		}
		vectors[i] = r.vectors[text]
	}
	return vectors, nil
}

// BenchmarkUtterance is one short turn, encoded and matched against fifty trackers.
func BenchmarkUtterance(b *testing.B) {
	d := bundledDetector(b, openEncoder(b))
	var set []tracking.Tracker
	for copies := range 5 {
		for _, t := range tracking.Samples() {
			t.Name += fmt.Sprint(" ", copies)
			set = append(set, t)
		}
	}
	require.NoError(b, d.SetTrackers(b.Context(), set))
	s := d.NewSession("c")
	u := conversation.Utterance{Text: "i would like to cancel since the price went up once more", Final: true, Model: "m"}
	b.ReportAllocs()
	for b.Loop() {
		_, err := s.Match(b.Context(), u)
		require.NoError(b, err)
	}
}
