package tracking

import (
	"errors"
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/mat"
)

// The discriminant: linear discriminant analysis with one shared scatter matrix, in closed form.
//
//	A   = λI + ½·mean(p pᵀ over the phrases of all trackers) + ¼·mean(b bᵀ over background turns) + ¼·mean(t tᵀ over the bank)
//	w_j = A⁻¹ m_j · c_j        m_j = mean phrase vector of tracker j,  c_j = ½ / (1 + ½·m_jᵀA⁻¹m_j)
//
// wᵀu is large where u lies in the tracker's direction and in none that other trackers or ordinary talk use too.
const (
	ridge          = 0.001 // λ; the result hardly changes from a third to three times of it
	phraseWeight   = 0.5
	turnWeight     = 0.25
	bankWeight     = 0.25
	directionScale = 0.5
	// negativeWeight is γ of one negative example. A is about 0.003 in a typical direction, so that a single example counts.
	negativeWeight = 0.02
)

// discriminate sets the direction of every tracker.
func discriminate(trackers []compiledTracker, b *Background) error {
	n := b.dimensions
	chol, err := factorize(trackers, b)
	if err != nil {
		return err
	}
	means := mat.NewDense(n, len(trackers), nil)
	for j := range trackers {
		means.SetCol(j, meanOf(trackers[j].phrases, n))
	}
	var directions mat.Dense
	if err := chol.SolveTo(&directions, means); err != nil {
		return fmt.Errorf("solve discriminant: %w", err)
	}
	for j := range trackers {
		w := directions.ColView(j)
		if len(trackers[j].negatives) > 0 {
			if w, err = turnAway(chol, w, trackers[j].negatives); err != nil {
				return err
			}
		}
		c := directionScale / (1 + directionScale*mat.Dot(means.ColView(j), w))
		direction := make([]float32, n)
		for i := range direction {
			direction[i] = float32(c * w.AtVec(i))
		}
		trackers[j].direction = direction
	}
	adapt(trackers, b.scaleOf().Threshold, chol, b)
	return nil
}

// turnAway returns (A + γ·Σnᵢnᵢᵀ)⁻¹m, given w = A⁻¹m: the direction of a tracker that has negative examples n. By the Woodbury
// identity that is w − Z(I/γ + NᵀZ)⁻¹Nᵀw with Z = A⁻¹N.
func turnAway(chol *mat.Cholesky, w mat.Vector, negatives []*phrase) (mat.Vector, error) {
	n := mat.NewDense(w.Len(), len(negatives), nil)
	for j, p := range negatives {
		for i, x := range p.vector {
			n.Set(i, j, float64(x))
		}
	}
	var z, inner, weights mat.Dense
	if err := chol.SolveTo(&z, n); err != nil {
		return nil, fmt.Errorf("solve negative examples: %w", err)
	}
	inner.Mul(n.T(), &z)
	for j := range negatives {
		inner.Set(j, j, inner.At(j, j)+1/negativeWeight)
	}
	var away, along mat.VecDense
	along.MulVec(n.T(), w)
	if err := weights.Solve(&inner, &along); err != nil {
		return nil, fmt.Errorf("solve negative examples: %w", err)
	}
	away.MulVec(&z, weights.ColView(0))
	away.SubVec(w, &away)
	return &away, nil
}

// factorize returns the Cholesky factor of A.
func factorize(trackers []compiledTracker, b *Background) (*mat.Cholesky, error) {
	n := b.dimensions
	scatter, count := phraseScatter(trackers, n)
	a := mat.NewSymDense(n, nil)
	k := 0
	for i := range n {
		for j := i; j < n; j++ {
			x := phraseWeight*float64(scatter[i*n+j])/float64(count) +
				turnWeight*float64(b.turnMean[k]) + bankWeight*float64(b.bankMean[k])
			if i == j {
				x += ridge
			}
			a.SetSym(i, j, x)
			k++
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(a) {
		return nil, errors.New("discriminant: scatter matrix is not positive definite")
	}
	return &chol, nil
}

// phraseScatter returns the sum of p pᵀ over all phrases (the upper triangle of an n×n matrix) and their number.
func phraseScatter(trackers []compiledTracker, n int) (sum []float32, count int) {
	sum = make([]float32, n*n)
	block := make([]float32, 0, scatterBlock*n)
	flush := func() {
		rows := len(block) / n
		if rows > 0 {
			blas32.Implementation().Ssyrk(blas.Upper, blas.Trans, n, rows, 1, block, n, 1, sum, n)
		}
		count += rows
		block = block[:0]
	}
	for j := range trackers {
		for _, p := range trackers[j].phrases {
			block = append(block, p.vector...)
			if len(block) == cap(block) {
				flush()
			}
		}
	}
	flush()
	return sum, count
}

// scatterBlock is how many phrases are added to the scatter at once; the block stays in the cache.
const scatterBlock = 256

func meanOf(phrases []*phrase, n int) []float64 {
	mean := make([]float64, n)
	for _, p := range phrases {
		for i, x := range p.vector {
			mean[i] += float64(x) / float64(len(phrases))
		}
	}
	return mean
}
