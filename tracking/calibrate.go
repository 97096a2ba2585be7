package tracking

import "math"

// DefaultThreshold is the score from which a tracker that sets no threshold matches. Scores are calibrated so that it means
// the same with every encoder, every size of a vocabulary, in whole turns, windows and recognised speech.
const DefaultThreshold = 0.6

// scale is the calibration of an encoder: it maps raw scores, whose range depends on the encoder, to those that are shown.
type scale struct {
	// Threshold is the offset of the raw threshold that DefaultThreshold stands for (adapt.go); without background statistics
	// it is that raw threshold itself, with enoughPhrases phrases.
	Threshold float64
	// Slope is that of the logistic function through this point, fitted to how often matches with a raw score are right (Platt,
	// 1999).
	Slope float64
}

// Where the raw threshold lies beside that of a typed whole turn with many phrases. The best of many windows scores higher by
// chance, but what stands alone in a window scores lower than it would with its context; misheard words lower the scores of
// recognised speech; and an utterance lies further from the nearest of few phrases. With fewer than leastPhrases the best
// cosines are no longer a mean of several, and nothing falls.
const (
	windowAllowance = 0.03
	speechAllowance = 0.05
	fewPhrases      = 0.03 // each time a vocabulary has half of enoughPhrases
	enoughPhrases   = 10
	leastPhrases    = 2
)

// cosineScale is for an encoder without background statistics: the cosine of the bundled encoder that is best for its phrases.
var cosineScale = scale{Threshold: 0.68, Slope: 20} //nolint:gochecknoglobals // a constant

// mixedScale is fitted to the training rows of CLINC150, BANKING77 and HWU64 together, k = 10, 5 and 3, with the bundled encoder.
var mixedScale = scale{Threshold: 0.15, Slope: 12} //nolint:gochecknoglobals // a constant

// base returns the raw threshold of a typed whole turn for a tracker with n phrases, without background statistics.
func (s scale) base(n int) float64 {
	n = min(max(n, leastPhrases), enoughPhrases)
	return s.Threshold - fewPhrases*math.Log2(enoughPhrases/float64(n))
}

// shown returns the score to show for a raw score that is so far above its threshold.
func (s scale) shown(margin float64) float64 {
	return 1 / (1 + math.Exp(-s.Slope*margin-logit(DefaultThreshold)))
}

// margin is the inverse of shown.
func (s scale) margin(shown float64) float64 {
	return (logit(shown) - logit(DefaultThreshold)) / s.Slope
}

func logit(p float64) float64 { return math.Log(p / (1 - p)) }
