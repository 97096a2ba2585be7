package tracking

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strings"
)

// calibrate finds the scale of an encoder: from the labelled sentences of the bank it makes trackers of every third label of
// a set, and distractors of the others, scores the sentences that are no phrases, and looks where matches are right. The
// scale is that at which a decision on these tasks has the best F1, and how steeply it becomes sure.
func calibrate(b *Background, bank []sentence, vectors [][]float32) (scale, error) {
	sets := make(map[string]map[string][][]float32) // vectors by set and label
	for i, s := range bank {
		set, label, labelled := strings.Cut(s.label, "/")
		if !labelled {
			continue
		}
		if sets[set] == nil {
			sets[set] = make(map[string][][]float32)
		}
		sets[set][label] = append(sets[set][label], vectors[i])
	}
	var trials []trial
	wanted := 0
	for _, labels := range sets {
		more, positive, err := tryOut(b, labels)
		if err != nil {
			return scale{}, err
		}
		trials = append(trials, more...)
		wanted += positive
	}
	if wanted == 0 {
		return scale{}, errors.New("calibrate: no labelled sentences")
	}
	offset := bestOffset(trials, wanted)
	return scale{Threshold: offset, Slope: slopeAt(trials, offset)}, nil
}

// trial is a decision to be made: how far a sentence scores above what a tracker adds to the offset, and whether it is one of
// the tracker's label.
type trial struct {
	above float64
	right bool
}

// The tasks of the calibration.
const (
	calibrationPhrases = 5
	calibrationShare   = 3 // one label of so many is a tracker
	slopeReach         = 0.25
)

// tryOut returns the trials of one set, and how many of them are right ones.
func tryOut(b *Background, labels map[string][][]float32) (trials []trial, positive int, err error) {
	names := make([]string, 0, len(labels))
	for label := range labels {
		names = append(names, label)
	}
	slices.Sort(names)
	var trackers []compiledTracker
	trackerOf := make(map[string]int)
	for i, label := range names {
		if i%calibrationShare != 0 || len(labels[label]) <= calibrationPhrases {
			continue
		}
		t := compiledTracker{}
		for _, v := range labels[label][:calibrationPhrases] {
			t.phrases = append(t.phrases, &phrase{vector: v})
		}
		trackerOf[label] = len(trackers)
		trackers = append(trackers, t)
	}
	if len(trackers) == 0 {
		return nil, 0, nil
	}
	uncalibrated := *b
	uncalibrated.scale = scale{Slope: 1} // an offset of 0
	if err := discriminate(trackers, &uncalibrated); err != nil {
		return nil, 0, err
	}
	for _, label := range names {
		own, isTracker := trackerOf[label]
		rest := labels[label]
		if isTracker {
			rest = rest[calibrationPhrases:]
			positive += len(rest)
		}
		for _, v := range rest {
			for j := range trackers {
				raw := 0.5*float64(dot(trackers[j].direction, v)) + 0.5*trackers[j].topCosine(v, -1)
				trials = append(trials, trial{raw - trackers[j].base, isTracker && j == own})
			}
		}
	}
	return trials, positive, nil
}

// bestOffset returns the offset with the best F1.
func bestOffset(trials []trial, wanted int) (offset float64) {
	slices.SortFunc(trials, func(a, b trial) int { return cmp.Compare(b.above, a.above) })
	right, best := 0, -1.0
	for i, t := range trials {
		if t.right {
			right++
		}
		if f1 := 2 * float64(right) / float64(i+1+wanted); f1 > best {
			offset, best = t.above, f1
		}
	}
	return offset
}

// slopeAt fits a logistic function to the trials around the offset, by Newton's method, and returns its slope.
func slopeAt(trials []trial, offset float64) float64 {
	slope, bias := 10.0, 0.0
	for range 30 {
		var ga, gb, haa, hab, hbb float64
		for _, t := range trials {
			x := t.above - offset
			if math.Abs(x) > slopeReach {
				continue
			}
			y := 0.0
			if t.right {
				y = 1
			}
			p := 1 / (1 + math.Exp(-slope*x-bias))
			w := p * (1 - p)
			ga, gb = ga+(y-p)*x, gb+y-p
			haa, hab, hbb = haa+w*x*x, hab+w*x, hbb+w
		}
		det := haa*hbb - hab*hab
		if !(det > 1e-9) {
			break
		}
		slope += (hbb*ga - hab*gb) / det
		bias += (haa*gb - hab*ga) / det
	}
	return min(max(slope, leastSlope), mostSlope)
}

// Bounds of a sensible slope.
const (
	leastSlope = 5
	mostSlope  = 40
)
