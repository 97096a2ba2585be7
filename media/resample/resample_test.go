package resample_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/media/resample"
)

func TestRejectsRatesOutOfRange(t *testing.T) {
	for _, rates := range [][2]int{{0, 16000}, {8000, 0}, {-8000, 16000}, {8000, 400000}, {15999, 16000}} {
		_, err := resample.New(rates[0], rates[1])
		require.Error(t, err, "%v", rates)
	}
}

func TestDoublingRemovesTheImage(t *testing.T) {
	for _, hz := range []float64{300, 1000, 2000, 3400} {
		out := convert(t, 8000, 16000, tone(hz, 8000, 8000, 10000), 160)[1600:14400]
		level := amplitude(out, hz, 16000)
		require.InDelta(t, 10000, level, 100, "%v Hz passes", hz)
		image := 20 * math.Log10(amplitude(out, 8000-hz, 16000)/level)
		require.Less(t, image, -70.0, "image of %v Hz at %v Hz", hz, 8000-hz)
	}
}

func TestHalvingRemovesWhatWouldAlias(t *testing.T) {
	for _, hz := range []float64{4600, 5000, 7000} {
		out := convert(t, 16000, 8000, tone(hz, 16000, 16000, 10000), 320)[800:7200]
		require.Less(t, 20*math.Log10(amplitude(out, 8000-hz, 8000)/10000), -70.0, "%v Hz", hz)
	}
}

func TestKeepsTonesOfAllFileRates(t *testing.T) {
	for _, rate := range []int{8000, 16000, 44100, 48000} {
		in := tone(1000, rate, rate, 10000)
		out := convert(t, rate, 16000, in, rate/50)
		require.Len(t, out, 16000, "one second of %d Hz", rate)
		require.InDelta(t, 10000, amplitude(out[1600:14400], 1000, 16000), 50, "%d Hz", rate)
	}
}

func TestPiecesJoinWithoutASeam(t *testing.T) {
	for _, rates := range [][2]int{{8000, 16000}, {16000, 8000}, {44100, 16000}} {
		in := tone(440, rates[0], 3*rates[0]/10, 12000)
		whole := convert(t, rates[0], rates[1], in, len(in))
		for _, piece := range []int{1, 7, 160, 333} {
			require.Equal(t, whole, convert(t, rates[0], rates[1], in, piece), "%v in pieces of %d", rates, piece)
		}
	}
}

func TestLoudSignalsAreClippedNotWrapped(t *testing.T) {
	in := make([]int16, 800)
	for i := range in {
		in[i] = math.MaxInt16
		if i/40%2 == 1 {
			in[i] = math.MinInt16
		}
	}
	out := convert(t, 8000, 16000, in, 160)
	for i := 200; i < len(out)-1; i++ {
		require.Less(t, math.Abs(float64(out[i+1])-float64(out[i])), 45000.0, "sample %d", i)
	}
}

func TestResetForgets(t *testing.T) {
	r, err := resample.New(8000, 16000)
	require.NoError(t, err)
	r.Append(nil, tone(1000, 8000, 160, 10000))
	r.Reset()
	for _, s := range r.Append(nil, make([]int16, 160)) {
		require.Zero(t, s)
	}
}

func BenchmarkFrame(b *testing.B) {
	for _, rates := range [][2]int{{8000, 16000}, {16000, 8000}, {44100, 16000}} {
		b.Run(fmt.Sprintf("%d-%d", rates[0], rates[1]), func(b *testing.B) {
			r, err := resample.New(rates[0], rates[1])
			require.NoError(b, err)
			in, out := tone(440, rates[0], rates[0]/50, 12000), make([]int16, 0, 1024)
			b.ReportAllocs()
			for b.Loop() {
				out = r.Append(out[:0], in)
			}
		})
	}
}

func convert(t *testing.T, from, to int, in []int16, piece int) (out []int16) {
	t.Helper()
	r, err := resample.New(from, to)
	require.NoError(t, err)
	for len(in) > 0 {
		n := min(piece, len(in))
		out = r.Append(out, in[:n])
		in = in[n:]
	}
	return out
}

func tone(hz float64, rate, samples int, amplitude float64) []int16 {
	out := make([]int16, samples)
	for i := range out {
		out[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return out
}

// amplitude measures the component of s at a frequency under a Hann window.
func amplitude(s []int16, hz float64, rate int) float64 {
	var re, im, norm float64
	for i, v := range s {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(s)-1))
		phi := 2 * math.Pi * hz * float64(i) / float64(rate)
		re += w * float64(v) * math.Cos(phi)
		im += w * float64(v) * math.Sin(phi)
		norm += w
	}
	return 2 * math.Hypot(re, im) / norm
}
