package quality_test

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/quality"
)

// The labelled sets are public, but too large to lie here; ../internal/scatter/README.md names their sources.
var sets = flag.String("sets", "", "labelled sets to measure, comma-separated: banking77.tsv,clinc150.tsv")

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

// cosineThresholds are those with the best sum of F1 of the baseline on CLINC150 and BANKING77, by the number of phrases. The
// baseline gets one for each, since the detector's default threshold depends on that number too.
var cosineThresholds = map[int]float64{10: 0.72, 5: 0.69, 3: 0.65}

// BenchmarkSets prints how well the detector does on the sets given with -sets, in the open task, beside best-phrase cosine:
//
//	go test ./tracking/quality -run - -bench Sets -benchtime 1x -sets banking77.tsv,clinc150.tsv
func BenchmarkSets(b *testing.B) {
	if *sets == "" {
		b.Skip("no sets were given; name some with -sets")
	}
	e := &remembering{openEncoder(b), map[string][]float32{}}
	d := bundledDetector(b, e)
	for path := range strings.SplitSeq(*sets, ",") {
		rows, err := quality.ReadSet(path)
		require.NoError(b, err)
		for _, phrases := range []int{10, 5, 3} {
			var detector, cosine quality.Figures
			for seed := range uint64(3) {
				task := quality.Task{Phrases: phrases, Open: 0.3, Rows: 1000, Seed: seed}
				f, err := task.Run(b.Context(), d, rows)
				require.NoError(b, err)
				detector = detector.Plus(f)
				f, err = task.Cosine(b.Context(), e, rows, cosineThresholds[phrases])
				require.NoError(b, err)
				cosine = cosine.Plus(f)
			}
			b.Logf("%-14s k %2d  detector %v   cosine %v", filepath.Base(path), phrases, detector, cosine)
		}
	}
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
