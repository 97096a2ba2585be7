package quality

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/kljensen/snowball/english"

	"github.com/operatord/operatord/tracking"
)

// Baseline is how a simple method does on the draws of the detector.
type Baseline struct {
	Threshold float64 `json:"threshold"`
	Figures
	BackgroundAlarmsPer1000 float64 `json:"background_alarms_per_1000"`
}

type baselineDecisions struct {
	threshold         float64
	whole, background decisions
}

// baseline is a method that scores the phrases of trackers against texts.
type baseline struct {
	name      string
	threshold float64 // between the best ones for CLINC150 and BANKING77, k = 10
	scorer    func(ctx context.Context, trackers []tracking.Tracker) (scorer, error)
}

// scorer returns a score of every tracker for a text.
type scorer func(ctx context.Context, text string) ([]float64, error)

func (b *bench) baselines() []baseline {
	return []baseline{
		{"exact", 1, b.exact},
		{"stem", 0.45, b.stems},
		{"tfidf", 0.45, b.tfidf},
		{"cosine", 0.70, b.cosine},
	}
}

// reported is the least score that is kept.
const reported = 0.05

func (b *bench) measureBaselines(ctx context.Context, m *measured, trackers []tracking.Tracker, test, background []Row) error {
	names := namesOf(trackers)
	for _, method := range b.baselines() {
		score, err := method.scorer(ctx, trackers)
		if err != nil {
			return err
		}
		if m.baselines[method.name] == nil {
			m.baselines[method.name] = &baselineDecisions{threshold: method.threshold}
		}
		d := m.baselines[method.name]
		for _, part := range []struct {
			rows []Row
			to   *decisions
		}{{test, &d.whole}, {background, &d.background}} {
			for _, r := range part.rows {
				values, err := score(ctx, r.Text)
				if err != nil {
					return err
				}
				scores := make(map[string]float64)
				for i, v := range values {
					if v >= reported {
						scores[trackers[i].Name] = v
					}
				}
				part.to.add(scores, wanted(names, r.Label))
			}
		}
	}
	return nil
}

// best applies a similarity to every phrase and keeps the best of each tracker.
func best[T any](trackers []tracking.Tracker, prepare func(string) T, similarity func(phrase, text T) float64) scorer {
	phrases := make([][]T, len(trackers))
	for i := range trackers {
		for _, p := range trackers[i].Vocabulary {
			phrases[i] = append(phrases[i], prepare(p))
		}
	}
	return func(_ context.Context, text string) ([]float64, error) {
		prepared := prepare(text)
		scores := make([]float64, len(phrases))
		for i := range phrases {
			for _, p := range phrases[i] {
				scores[i] = max(scores[i], similarity(p, prepared))
			}
		}
		return scores, nil
	}
}

// exact finds a phrase that stands in the text, case and punctuation aside.
func (b *bench) exact(_ context.Context, trackers []tracking.Tracker) (scorer, error) {
	return best(trackers, func(s string) string { return " " + plain(s) + " " }, func(phrase, text string) float64 {
		if strings.Contains(text, phrase) {
			return 1
		}
		return 0
	}), nil
}

// stems is the share of the stems of phrase and text that both have.
func (b *bench) stems(_ context.Context, trackers []tracking.Tracker) (scorer, error) {
	return best(trackers, stemSet, func(phrase, text map[string]bool) float64 {
		common := 0
		for s := range phrase {
			if text[s] {
				common++
			}
		}
		return ratio(common, len(phrase)+len(text)-common)
	}), nil
}

func stemSet(s string) map[string]bool {
	set := make(map[string]bool)
	for w := range strings.FieldsSeq(plain(s)) {
		set[english.Stem(w, true)] = true
	}
	return set
}

// tfidf is the cosine of the weighted stems, and pairs of stems, of phrase and text. A phrase is a document.
func (b *bench) tfidf(_ context.Context, trackers []tracking.Tracker) (scorer, error) {
	documents, occurs := 0, make(map[string]int)
	for i := range trackers {
		for _, p := range trackers[i].Vocabulary {
			documents++
			for term := range terms(p) {
				occurs[term]++
			}
		}
	}
	weigh := func(s string) map[string]float64 {
		weights := terms(s)
		var sum float64
		for _, term := range slices.Sorted(maps.Keys(weights)) {
			weights[term] *= 1 + math.Log(float64(1+documents)/float64(1+occurs[term]))
			sum += weights[term] * weights[term]
		}
		for term := range weights {
			weights[term] /= math.Sqrt(sum)
		}
		return weights
	}
	return best(trackers, weigh, func(phrase, text map[string]float64) float64 {
		var sum float64
		for term, w := range phrase {
			sum += w * text[term]
		}
		return sum
	}), nil
}

// terms counts the stems of a text and its pairs of stems.
func terms(s string) map[string]float64 {
	counts := make(map[string]float64)
	previous := ""
	for w := range strings.FieldsSeq(plain(s)) {
		w = english.Stem(w, true)
		counts[w]++
		if previous != "" {
			counts[previous+" "+w]++
		}
		previous = w
	}
	return counts
}

// cosine is that of the best phrase with the vectors of the detector's encoder.
func (b *bench) cosine(ctx context.Context, trackers []tracking.Tracker) (scorer, error) {
	phrases := make([][][]float32, len(trackers))
	for i := range trackers {
		var err error
		if phrases[i], err = b.vectors.Embed(ctx, trackers[i].Vocabulary); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context, text string) ([]float64, error) {
		v, err := b.vectors.Embed(ctx, []string{text})
		if err != nil {
			return nil, err
		}
		scores := make([]float64, len(phrases))
		for i := range phrases {
			scores[i] = bestCosine(phrases[i], v[0])
		}
		return scores, nil
	}, nil
}

func bestCosine(phrases [][]float32, v []float32) float64 {
	best := -1.0
	for _, p := range phrases {
		var sum float64
		for i := range p {
			sum += float64(p[i]) * float64(v[i])
		}
		best = max(best, sum)
	}
	return best
}
