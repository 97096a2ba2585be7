package quality

import (
	"context"

	"github.com/operatord/operatord/tracking"
)

// Cosine measures the usual baseline on the same draw as Run: a tracker fires when the cosine of its best phrase reaches the
// threshold.
func (t Task) Cosine(ctx context.Context, e tracking.Encoder, rows []Row, threshold float64) (Figures, error) {
	trackers, test := t.Draw(rows)
	phrases := make([][][]float32, len(trackers))
	for i := range trackers {
		var err error
		if phrases[i], err = e.Embed(ctx, trackers[i].Vocabulary); err != nil {
			return Figures{}, err
		}
	}
	var figures Figures
	for _, r := range test {
		v, err := e.Embed(ctx, []string{r.Text})
		if err != nil {
			return Figures{}, err
		}
		var fired []string
		for i := range trackers {
			if bestCosine(phrases[i], v[0]) >= threshold {
				fired = append(fired, trackers[i].Name)
			}
		}
		figures.Add(fired, Wanted(trackers, r.Label))
	}
	return figures, nil
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
