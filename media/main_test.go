package media_test

import (
	"math"
	"testing"

	"go.uber.org/goleak"

	"github.com/operatord/operatord/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tone returns samples of a sine at the daemon's rate, starting at a sample.
func tone(hz float64, start, samples int) []int16 {
	out := make([]int16, samples)
	for i := range out {
		out[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(start+i)/media.SampleRate))
	}
	return out
}

func rms(s []int16) float64 {
	var sum float64
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(s)))
}

// longestSilence returns the longest run of near-zero samples.
func longestSilence(s []int16) (longest int) {
	run := 0
	for _, v := range s {
		if v > 50 || v < -50 {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
