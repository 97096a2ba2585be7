package tracking_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// instantEncoder gives random directions without a cost, of the size of the bundled encoder's.
type instantEncoder struct{ vectors map[string][]float32 }

const instantDimensions = 384

func (e *instantEncoder) Dimensions() int { return instantDimensions }
func (e *instantEncoder) Name() string    { return "all-MiniLM-L6-v2" }

func (e *instantEncoder) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		if e.vectors[text] == nil {
			topic := rand.New(rand.NewPCG(uint64(len(text)), 1))
			noise := rand.New(rand.NewPCG(uint64(len(e.vectors)), 2))
			v := make([]float32, instantDimensions)
			for j := range v {
				v[j] = float32(topic.NormFloat64() + noise.NormFloat64())
			}
			e.vectors[text] = unit(v)
		}
		vectors[i] = e.vectors[text]
	}
	return vectors, nil
}

// largeSet returns the largest set of trackers, each with the recommended number of phrases at most.
func largeSet() []tracking.Tracker {
	set := make([]tracking.Tracker, tracking.MaxTrackers)
	for i := range set {
		set[i] = tracker(fmt.Sprintf("tracker %d", i))
		for j := range 50 {
			set[i].Vocabulary = append(set[i].Vocabulary, fmt.Sprintf("i want to do thing %d of kind %d%s", j, i, strings.Repeat(".", i%40)))
		}
	}
	return set
}

func largeDetector(b *testing.B) (*tracking.Detector, []tracking.Tracker) {
	b.Helper()
	background, err := tracking.BundledBackground()
	require.NoError(b, err)
	d, err := tracking.New(tracking.Options{
		Encoder: &instantEncoder{map[string][]float32{}}, Background: background, IDs: &conversation.IDs{},
	})
	require.NoError(b, err)
	set := largeSet()
	require.NoError(b, d.SetTrackers(b.Context(), set))
	return d, set
}

// BenchmarkMatchLargeSet is the matching of one utterance with given vectors; the target is a 95th percentile of 2 ms.
func BenchmarkMatchLargeSet(b *testing.B) {
	d, _ := largeDetector(b)
	s := d.NewSession("c")
	turn := "I would really like to do something about the thing that went wrong."
	for name, text := range map[string]string{
		"short": turn,
		"long":  strings.Repeat(strings.ToLower(strings.Trim(turn, "."))+" ", 4),
	} {
		for _, isFinal := range []bool{false, true} {
			u := final(text)
			u.Final = isFinal
			b.Run(fmt.Sprintf("%s/final=%v", name, isFinal), func(b *testing.B) {
				b.ReportAllocs()
				var took []time.Duration
				for b.Loop() {
					start := time.Now()
					_, err := s.Match(b.Context(), u)
					took = append(took, time.Since(start))
					require.NoError(b, err)
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)*95/100].Microseconds()), "p95-µs")
			})
		}
	}
}

// BenchmarkAddTracker is the change of one tracker in the largest set, the encoding of its phrases aside.
func BenchmarkAddTracker(b *testing.B) {
	d, set := largeDetector(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		set[i%len(set)].Vocabulary[0] = fmt.Sprintf("another phrase %d", i)
		require.NoError(b, d.SetTrackers(b.Context(), set))
	}
}
