package quality

import (
	"cmp"
	"slices"
)

// Figures says how well decisions (row, tracker) are made.
type Figures struct {
	F1                  float64 `json:"f1"`
	Precision           float64 `json:"precision"`
	Recall              float64 `json:"recall"`
	PrecisionAtRecall80 float64 `json:"precision_at_recall_80"`
}

// decisions are the scores with which trackers fired, over any number of rows.
type decisions struct {
	fired  []decision
	wanted int // rows on which a tracker should fire
	rows   int
}

type decision struct {
	score float64
	right bool
}

// add counts one row: the scores by tracker, and the one that should fire, or "".
func (d *decisions) add(scores map[string]float64, want string) {
	d.rows++
	if want != "" {
		d.wanted++
	}
	for name, score := range scores {
		d.fired = append(d.fired, decision{score, name == want})
	}
}

// at returns the figures with a threshold.
func (d *decisions) at(threshold float64) Figures {
	right, wrong := d.count(threshold)
	f := Figures{
		Precision: ratio(right, right+wrong), Recall: ratio(right, d.wanted), F1: ratio(2*right, right+wrong+d.wanted),
		PrecisionAtRecall80: d.precisionAt(recallAsked),
	}
	return f
}

func (d *decisions) count(threshold float64) (right, wrong int) {
	for _, x := range d.fired {
		switch {
		case x.score < threshold:
		case x.right:
			right++
		default:
			wrong++
		}
	}
	return right, wrong
}

// recallAsked is the recall at which precision is compared.
const recallAsked = 0.8

// precisionAt returns the precision with the highest threshold that has the recall, or 0 if none has.
func (d *decisions) precisionAt(recall float64) float64 {
	sorted := slices.SortedFunc(slices.Values(d.fired), func(a, b decision) int { return cmp.Compare(b.score, a.score) })
	right := 0
	for i, x := range sorted {
		if x.right {
			right++
		}
		last := i == len(sorted)-1 || sorted[i+1].score < x.score
		if last && float64(right) >= recall*float64(d.wanted) && right > 0 {
			return ratio(right, i+1)
		}
	}
	return 0
}

// best returns the threshold with the best F1.
func (d *decisions) best() (threshold, f1 float64) {
	sorted := slices.SortedFunc(slices.Values(d.fired), func(a, b decision) int { return cmp.Compare(b.score, a.score) })
	right := 0
	for i, x := range sorted {
		if x.right {
			right++
		}
		if f := ratio(2*right, i+1+d.wanted); f > f1 {
			threshold, f1 = x.score, f
		}
	}
	return threshold, f1
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
