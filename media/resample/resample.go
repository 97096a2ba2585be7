// Package resample changes the sample rate of a continuous mono signal with a polyphase FIR filter, or a half-band
// filter for a factor of two.
package resample

import (
	"fmt"
	"math"
)

// The prototype low-pass is a sinc under a Kaiser window. Sixteen zero crossings on each side and beta 7 give a stop band
// below -70 dB behind a transition of about a seventh of the lower sample rate around its half: from 8 to 16 kHz the
// telephone band (to 3.4 kHz) passes whole and its image (from 4.6 kHz) is removed. The delay is 16 samples of the lower
// rate.
const (
	zeroCrossings = 16
	kaiserBeta    = 7
)

// Limits of the rates that New accepts, so that the filter bank stays small.
const (
	minRate   = 4000
	maxRate   = 192000
	maxPhases = 1024
)

// Resampler converts one signal from one rate to another. It keeps the filter's state from one call to the next, so
// that the pieces of its output join without a seam. It is not safe for concurrent use.
type Resampler struct {
	half     *halfBand // for a factor of two; nil for the others, which need what follows
	up, down int       // the ratio of the rates in lowest terms
	bank     []phase   // one for each position between two input samples
	length   int       // input samples that the longest phase looks at
	in       []float32 // length-1 samples of history, then what is not consumed yet
	at       int       // where in the input the window of the next output sample begins
	position int       // and how far behind that it is, in 1/up of a sample
}

// phase is the part of the prototype filter that applies at one position between two input samples. The zeros at both
// ends are cut off.
type phase struct {
	skip int // samples of the window before the first coefficient
	taps []float32
}

// New returns a resampler between two rates in samples per second.
func New(from, to int) (*Resampler, error) {
	if from < minRate || from > maxRate || to < minRate || to > maxRate {
		return nil, fmt.Errorf("resample from %d to %d Hz: rate out of range", from, to)
	}
	common := gcd(from, to)
	r := &Resampler{up: to / common, down: from / common}
	if r.up > maxPhases || r.down > maxPhases {
		return nil, fmt.Errorf("resample from %d to %d Hz: ratio too odd", from, to)
	}
	if r.up*r.down == 2 {
		r.half = newHalfBand()
		return r, nil
	}
	r.bank, r.length = newBank(r.up, r.down)
	r.Reset()
	return r, nil
}

// Reset forgets the signal.
func (r *Resampler) Reset() {
	if r.half != nil {
		r.half.reset()
		return
	}
	r.in = append(r.in[:0], make([]float32, r.length-1)...)
	r.at, r.position = 0, 0
}

// Append converts src and appends the result to dst. Over time it yields exactly to/from samples for each of src; if
// the ratio divides len(src), in each call. It does not allocate if dst has room and src is no longer than before.
func (r *Resampler) Append(dst, src []int16) []int16 {
	switch {
	case r.half == nil:
		return r.convert(dst, src)
	case r.up == 2:
		return r.half.double(dst, src)
	default:
		return r.half.halve(dst, src)
	}
}

// convert is Append for any ratio.
func (r *Resampler) convert(dst, src []int16) []int16 {
	for _, s := range src {
		r.in = append(r.in, float32(s))
	}
	available := len(r.in) - (r.length - 1)
	whole, rest := r.down/r.up, r.down%r.up
	for r.at < available {
		p := &r.bank[r.position]
		dst = append(dst, clip(dot(p.taps, r.in[r.at+p.skip:])))
		r.at += whole
		if r.position += rest; r.position >= r.up {
			r.at++
			r.position -= r.up
		}
	}
	r.at -= available
	r.in = r.in[:copy(r.in, r.in[available:])]
	return dst
}

// newBank computes the prototype at up times the input rate and deals its coefficients out to the phases, each
// reversed so that it lines up with the input in memory.
func newBank(up, down int) (bank []phase, length int) {
	widest := max(up, down)
	half := zeroCrossings * widest // the prototype has 2*half-1 coefficients, the middle one at half-1
	length = (2*half - 1 + up - 1) / up
	bank = make([]phase, up)
	for p := range bank {
		taps, sum := make([]float32, length), 0.0
		for k := range length {
			i := p + k*up
			if i >= 2*half-1 {
				break
			}
			c := coefficient(i-(half-1), half, widest)
			taps[length-1-k] = float32(c)
			sum += c
		}
		bank[p] = trim(taps, float32(1/sum))
	}
	return bank, length
}

// coefficient returns the windowed sinc at distance n from the middle.
func coefficient(n, half, widest int) float64 {
	if n == 0 {
		return 1
	}
	if n%widest == 0 {
		return 0
	}
	x := math.Pi * float64(n) / float64(widest)
	r := float64(n) / float64(half)
	return math.Sin(x) / x * bessel(kaiserBeta*math.Sqrt(1-r*r)) / bessel(kaiserBeta)
}

// trim scales the coefficients (to a gain of one for a constant signal) and cuts the zeros off both ends.
func trim(taps []float32, gain float32) phase {
	first, last := 0, len(taps)
	for first < last-1 && taps[first] == 0 {
		first++
	}
	for last > first+1 && taps[last-1] == 0 {
		last--
	}
	for i := range taps {
		taps[i] *= gain
	}
	return phase{skip: first, taps: taps[first:last]}
}

// bessel is the modified Bessel function of the first kind and order zero, by its power series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-12; k++ {
		term *= (x / 2 / k) * (x / 2 / k)
		sum += term
	}
	return sum
}

// dot adds up in eight sums, which the processor runs in parallel.
func dot(taps, in []float32) float32 {
	var a, b, c, d, e, f, g, h float32
	in = in[:len(taps)]
	for len(taps) >= 8 && len(in) >= 8 {
		t, x := (*[8]float32)(taps), (*[8]float32)(in)
		a += t[0] * x[0]
		b += t[1] * x[1]
		c += t[2] * x[2]
		d += t[3] * x[3]
		e += t[4] * x[4]
		f += t[5] * x[5]
		g += t[6] * x[6]
		h += t[7] * x[7]
		taps, in = taps[8:], in[8:]
	}
	for i, tap := range taps {
		a += tap * in[i]
	}
	return (a + b) + (c + d) + (e + f) + (g + h)
}

// clip rounds to the nearest sample.
func clip(v float32) int16 {
	if v < 0 {
		return int16(max(math.MinInt16, v-0.5))
	}
	return int16(min(math.MaxInt16, v+0.5))
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
