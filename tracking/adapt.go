package tracking

import (
	"cmp"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/mat"
)

// What an utterance that means a tracker scores depends on the tracker: close phrases give high scores, loose or few phrases low
// ones. Its vocabulary tells beforehand: each phrase is scored as if it were not in the vocabulary, and the nearest phrases of
// other trackers as if they were utterances. The raw threshold lies where the first are likely and the second are not:
//
//	base = offset + ½·mean(left-out scores) + 0.3·mean(nearest others)
//
// On training rows of CLINC150, BANKING77 and HWU64 (k = 10, 5, 3) one offset gives a mean F1 of 0.684 where one threshold for all
// gives 0.641; the best threshold of each task gives 0.692. Leaving out costs no factorisation: by Sherman and Morrison, only
// pᵀA⁻¹p is needed beside the direction of the tracker.
const (
	ownShare     = 0.5
	othersShare  = 0.3
	priorPhrases = 5    // phrases that the mean of all trackers counts for in that of one
	priorScore   = 0.55 // left-out score where there is next to nothing to leave out
	leastAdded   = 0.41 // to the offset, with enoughPhrases phrases; with less, ordinary talk fires
	nearest      = 3    // phrases of other trackers that are looked at

	// Bounds of the work for a large set: phrases of a tracker that are left out, and products of phrases and trackers.
	maxLeftOut   = 8
	allLeftOut   = 1500 // of all trackers, about
	leastLeftOut = 3
	maxProducts  = 500_000
)

// adapt sets the raw threshold of every tracker. They have their directions.
func adapt(trackers []compiledTracker, offset float64, chol *mat.Cholesky, b *Background) {
	inverse := inverseOf(chol)
	count := 0
	for i := range trackers {
		count += len(trackers[i].phrases)
	}
	own := make([]float64, len(trackers))
	var sum, weight float64
	for i := range trackers {
		t := &trackers[i]
		if len(t.phrases) > 1 {
			own[i] = t.leftOut(inverse, b.dimensions, min(maxLeftOut, max(leastLeftOut, allLeftOut/len(trackers))), phraseWeight/float64(count))
			sum += own[i] * float64(len(t.phrases))
			weight += float64(len(t.phrases))
		}
	}
	mean := (sum + priorPhrases*priorScore) / (weight + priorPhrases)
	others := nearestOthers(trackers, count)
	for i := range trackers {
		n := float64(len(trackers[i].phrases))
		if n < leastPhrases {
			n = 0
		}
		shrunk := (n*own[i] + priorPhrases*mean) / (n + priorPhrases)
		least := scale{Threshold: leastAdded}.base(len(trackers[i].phrases))
		trackers[i].base = offset + max(least, ownShare*shrunk+othersShare*others[i])
	}
}

// inverseOf returns A⁻¹, row by row.
func inverseOf(chol *mat.Cholesky) []float32 {
	var inverse mat.SymDense
	_ = chol.InverseTo(&inverse) // an error says that it is badly conditioned; the ridge keeps it usable
	n := inverse.SymmetricDim()
	rows := make([]float32, n*n)
	for i := range n {
		for j := range n {
			rows[i*n+j] = float32(inverse.At(i, j))
		}
	}
	return rows
}

// leftOut returns the mean score of phrases of t, about as many as given, each left out of the vocabulary. weight is that of one
// phrase in A.
func (t *compiledTracker) leftOut(inverse []float32, n, phrases int, weight float64) float64 {
	step := max(1, len(t.phrases)/phrases)
	k := float64(len(t.phrases))
	mean := make([]float32, n)
	for _, p := range t.phrases {
		blas32.Implementation().Saxpy(n, float32(1/k), p.vector, 1, mean, 1)
	}
	w := make([]float32, n)
	multiply(inverse, n, mean, w)
	mm := float64(dot(mean, w))
	z := make([]float32, n)
	var sum, left float64
	for i := 0; i < len(t.phrases); i += step {
		p := t.phrases[i].vector
		multiply(inverse, n, p, z)
		pp, pm := float64(dot(p, z)), float64(dot(p, w))
		// In terms of the mean without p, and of A without p.
		rest := (k*pm - pp) / (k - 1)
		both := (k*k*mm - 2*k*pm + pp) / ((k - 1) * (k - 1))
		g := weight / max(0.1, 1-weight*pp)
		score := rest * (1 + g*pp) * directionScale / (1 + directionScale*(both+g*rest*rest))
		sum += 0.5*score + 0.5*t.topCosine(p, i)
		left++
	}
	return sum / left
}

// multiply sets y to the product of a symmetric matrix and x.
func multiply(a []float32, n int, x, y []float32) {
	blas32.Implementation().Sgemv(blas.NoTrans, n, n, 1, a, n, x, 1, 0, y, 1)
}

// nearestOthers returns for each tracker the mean score of the phrases of other trackers that score highest.
func nearestOthers(trackers []compiledTracker, count int) []float64 {
	type other struct {
		vector []float32
		along  float32
	}
	step := max(1, count*len(trackers)/maxProducts)
	type candidate struct {
		vector  []float32
		tracker int
	}
	var candidates []candidate
	at := 0
	for i := range trackers {
		for _, p := range trackers[i].phrases {
			if at++; at%step == 0 {
				candidates = append(candidates, candidate{p.vector, i})
			}
		}
	}
	means := make([]float64, len(trackers))
	for j := range trackers {
		t := &trackers[j]
		var best []other
		for _, c := range candidates {
			if c.tracker == j {
				continue
			}
			along := dot(t.direction, c.vector)
			if len(best) == nearest && along <= best[nearest-1].along {
				continue
			}
			best = append(best, other{c.vector, along})
			slices.SortFunc(best, func(a, b other) int { return cmp.Compare(b.along, a.along) })
			best = best[:min(nearest, len(best))]
		}
		for _, o := range best {
			means[j] += (0.5*float64(o.along) + 0.5*t.topCosine(o.vector, -1)) / float64(len(best))
		}
	}
	return means
}

// topCosine returns the mean of the two best cosines of v with the phrases of t but the one at except, or the best where there
// is one only.
func (t *compiledTracker) topCosine(v []float32, except int) float64 {
	var first, second float32 = -1, -1
	for i, p := range t.phrases {
		if i == except {
			continue
		}
		switch c := dot(p.vector, v); {
		case c > first:
			first, second = c, first
		case c > second:
			second = c
		}
	}
	if second == -1 {
		return float64(first)
	}
	return float64(first+second) / 2
}
