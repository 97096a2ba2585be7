// Package resample changes the sample rate of a continuous mono signal with a polyphase FIR filter (a half-band filter
// for a factor of two).
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
//
// When the rate only falls, by a whole factor, the input is dealt out to as many lanes: the coefficients of a half-band
// filter that are zero then all meet the same lane, and cost nothing in this direction either.
type Resampler struct {
	up       int         // positions of output samples between two samples of a lane
	whole    int         // samples of a lane from one output sample to the next,
	rest     int         // and the rest in 1/up of one
	bank     [][]phase   // for each position, and each lane
	length   int         // samples of a lane that the longest phase looks at
	lanes    [][]float32 // length-1 samples of history, then what is not consumed yet
	next     int         // lane of the next input sample
	at       int         // where in the lanes the window of the next output sample begins
	position int         // and how far behind that it is, in 1/up of a sample
}

// phase is the part of the prototype filter that applies at one position between two input samples, and to one lane. The
// zeros at both ends are cut off: in a half-band filter every other phase, or lane, is a single coefficient.
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
	up, down, lanes := to/common, from/common, 1
	if up > maxPhases || down > maxPhases {
		return nil, fmt.Errorf("resample from %d to %d Hz: ratio too odd", from, to)
	}
	if up == 1 {
		lanes = down
	}
	r := &Resampler{up: up, whole: down / lanes / up, rest: down / lanes % up}
	r.bank, r.length = newBank(up, down, lanes)
	r.lanes = make([][]float32, lanes)
	r.Reset()
	return r, nil
}

// Reset forgets the signal.
func (r *Resampler) Reset() {
	for i := range r.lanes {
		r.lanes[i] = append(r.lanes[i][:0], make([]float32, r.length)...)
	}
	r.at, r.position, r.next = 0, 0, len(r.lanes)-1
	r.lanes[r.next] = r.lanes[r.next][:r.length-1] // the first sample completes the first window
}

// Append converts src and appends the result to dst. Over time it yields exactly to/from samples for each of src; if
// the ratio divides len(src), in each call. It does not allocate if dst has room and src is no longer than before.
func (r *Resampler) Append(dst, src []int16) []int16 {
	r.deal(src)
	available := len(r.lanes[len(r.lanes)-1]) - (r.length - 1)
	for r.at < available {
		dst = append(dst, clip(r.sample()))
		r.at += r.whole
		if r.position += r.rest; r.position >= r.up {
			r.at++
			r.position -= r.up
		}
	}
	r.at -= available
	for i, lane := range r.lanes {
		r.lanes[i] = lane[:copy(lane, lane[available:])]
	}
	return dst
}

// deal appends samples to the lanes in turn.
func (r *Resampler) deal(src []int16) {
	if len(r.lanes) == 1 {
		lane := r.lanes[0]
		for _, s := range src {
			lane = append(lane, float32(s))
		}
		r.lanes[0] = lane
		return
	}
	for _, s := range src {
		r.lanes[r.next] = append(r.lanes[r.next], float32(s))
		if r.next++; r.next == len(r.lanes) {
			r.next = 0
		}
	}
}

// sample returns the next output sample.
func (r *Resampler) sample() float32 {
	var sum float32
	for i := range r.bank[r.position] {
		p := &r.bank[r.position][i]
		window := r.lanes[i][r.at+p.skip:]
		if len(p.taps) == 1 {
			sum += p.taps[0] * window[0]
			continue
		}
		sum += dot(p.taps, window)
	}
	return sum
}

// newBank computes the prototype at up times the input rate and deals its coefficients out to the phases and lanes, each
// reversed so that it lines up with the input in memory.
func newBank(up, down, lanes int) (bank [][]phase, length int) {
	widest := max(up, down)
	half := zeroCrossings * widest // the prototype has 2*half-1 coefficients, the middle one at half-1
	length = (2*half - 1 + up*lanes - 1) / (up * lanes)
	bank = make([][]phase, up)
	for p := range bank {
		taps, sum := make([]float32, length*lanes), 0.0
		for k := range taps {
			i := p + k*up
			if i >= 2*half-1 {
				break
			}
			c := coefficient(i-(half-1), half, widest)
			taps[len(taps)-1-k] = float32(c)
			sum += c
		}
		for lane := range lanes {
			own := make([]float32, length)
			for k := range own {
				own[k] = taps[k*lanes+lane] / float32(sum)
			}
			bank[p] = append(bank[p], trim(own))
		}
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

// trim cuts the zeros off both ends.
func trim(taps []float32) phase {
	first, last := 0, len(taps)
	for first < last-1 && taps[first] == 0 {
		first++
	}
	for last > first+1 && taps[last-1] == 0 {
		last--
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
