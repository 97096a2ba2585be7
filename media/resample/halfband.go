package resample

import "math"

// A half-band filter is the prototype for a factor of two, either way. Every other of its coefficients is zero but the one
// in the middle, and the others are the same on both sides of it: a sample that lies between two others takes
// zeroCrossings multiplications. They are done in integers, so that samples need no conversion.
type halfBand struct {
	// taps weigh the samples on each side of the middle, the farthest first, in 1/halfBandOne.
	taps [zeroCrossings]int
	// even are the samples that a new one lies between: halfBandWindow-1 of history, then what is not consumed yet.
	even []int16
	// odd are the samples in between, when halving: odd[i] lies between even[i] and even[i+1].
	odd []int16
}

const (
	halfBandWindow = 2 * zeroCrossings
	halfBandShift  = 20
	halfBandOne    = 1 << halfBandShift
)

func newHalfBand() *halfBand {
	h := &halfBand{}
	sum := 0.0
	for i := range h.taps {
		sum += 2 * coefficient(2*(zeroCrossings-i)-1, 2*zeroCrossings, 2)
	}
	for i := range h.taps {
		h.taps[i] = int(math.Round(coefficient(2*(zeroCrossings-i)-1, 2*zeroCrossings, 2) / sum * halfBandOne))
	}
	h.reset()
	return h
}

func (h *halfBand) reset() {
	h.even = append(h.even[:0], make([]int16, halfBandWindow-1)...)
	h.odd = append(h.odd[:0], make([]int16, halfBandWindow-1)...)
}

// double appends two samples to dst for each of src.
func (h *halfBand) double(dst, src []int16) []int16 {
	h.even = append(h.even, src...)
	for i := range src {
		window := (*[halfBandWindow]int16)(h.even[i:])
		dst = append(dst, window[zeroCrossings-1], saturate((h.between(window)+halfBandOne/2)>>halfBandShift))
	}
	h.even = h.even[:copy(h.even, h.even[len(src):])]
	return dst
}

// halve appends one sample to dst for every two of src.
func (h *halfBand) halve(dst, src []int16) []int16 {
	if len(h.even) > len(h.odd) && len(src) > 0 { // an odd number came before
		h.odd = append(h.odd, src[0])
		src = src[1:]
	}
	for ; len(src) >= 2; src = src[2:] {
		h.even, h.odd = append(h.even, src[0]), append(h.odd, src[1])
	}
	h.even = append(h.even, src...)
	n := len(h.even) - (halfBandWindow - 1)
	for i := range n {
		middle := int(h.odd[i+zeroCrossings-1]) << halfBandShift
		sum := h.between((*[halfBandWindow]int16)(h.even[i:])) + middle
		dst = append(dst, saturate((sum+halfBandOne)>>(halfBandShift+1)))
	}
	h.even = h.even[:copy(h.even, h.even[n:])]
	h.odd = h.odd[:copy(h.odd, h.odd[n:])]
	return dst
}

// between returns what lies in the middle of a window, times halfBandOne.
func (h *halfBand) between(x *[halfBandWindow]int16) int {
	a, b := 0, 0 // two sums, which the processor runs in parallel
	for i := 0; i < zeroCrossings; i += 2 {
		a += h.taps[i] * (int(x[i]) + int(x[halfBandWindow-1-i]))
		b += h.taps[i+1] * (int(x[i+1]) + int(x[halfBandWindow-2-i]))
	}
	return a + b
}

func saturate(v int) int16 { return int16(min(max(v, math.MinInt16), math.MaxInt16)) }
