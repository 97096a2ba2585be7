package media

import "math"

// concealLimit is how long a loss is filled with what came before; the rest is silence. Longer repetition sounds like a
// buzz and is taken for speech by recognisers.
const concealLimit = SampleRate * 60 / 1000

// Lengths of waveform concealment at 8 kHz, after ITU-T G.711 appendix I.
const (
	plcRate      = 8000
	plcMinLag    = plcRate / 200       // 200 Hz
	plcMaxLag    = plcRate * 15 / 1000 // 67 Hz
	plcWindow    = plcRate * 20 / 1000 // compared to find the pitch
	plcHistory   = plcWindow + plcMaxLag
	plcHold      = plcRate * 10 / 1000   // full level at first
	plcEnd       = plcRate * 60 / 1000   // silent from here on
	plcCrossfade = plcRate * 5 / 1000    // back to the real signal
	plcIdle      = plcEnd + plcCrossfade // losses longer than this leave nothing to remember
)

// concealer fills losses in an 8 kHz signal by repeating its last pitch period while fading out.
type concealer struct {
	history [plcHistory]int16 // the newest output, oldest first
	period  [plcMaxLag]int16  // what is repeated
	lag     int               // length of period
	lost    int               // samples made up since the last real one
}

// received records real samples. If a loss ends with them, their beginning is blended in place with what the concealer
// would have gone on with.
func (c *concealer) received(pcm []int16) {
	if c.lost > 0 {
		for i := range min(plcCrossfade, len(pcm)) {
			made := float64(c.sample(c.lost + i))
			pcm[i] = int16(made + (float64(pcm[i])-made)*float64(i+1)/(plcCrossfade+1))
		}
		c.lost = 0
	}
	c.record(pcm)
}

// fill makes up samples for pcm.
func (c *concealer) fill(pcm []int16) {
	if c.lost == 0 {
		c.lag = c.pitch()
		copy(c.period[:c.lag], c.history[plcHistory-c.lag:])
	}
	for i := range pcm {
		pcm[i] = c.sample(c.lost + i)
	}
	c.lost = min(c.lost+len(pcm), plcIdle)
	c.record(pcm)
}

// sample returns the made-up sample at a distance from the last real one.
func (c *concealer) sample(n int) int16 {
	if n >= plcEnd {
		return 0
	}
	v := int(c.period[n%c.lag])
	if n > plcHold {
		v = v * (plcEnd - n) / (plcEnd - plcHold)
	}
	return int16(v)
}

func (c *concealer) record(pcm []int16) {
	if n := len(pcm) - plcHistory; n > 0 {
		pcm = pcm[n:]
	}
	copy(c.history[:], c.history[len(pcm):])
	copy(c.history[plcHistory-len(pcm):], pcm)
}

// pitch returns the lag at which the newest part of the history resembles itself most, by normalised correlation.
func (c *concealer) pitch() int {
	newest := c.history[plcHistory-plcWindow:]
	best, bestScore := plcMaxLag, 0.0
	for lag := plcMinLag; lag <= plcMaxLag; lag++ {
		earlier := c.history[plcHistory-plcWindow-lag:][:plcWindow]
		var cross, energy float64
		for i, v := range newest {
			cross += float64(v) * float64(earlier[i])
			energy += float64(earlier[i]) * float64(earlier[i])
		}
		if cross <= 0 {
			continue
		}
		if score := cross / math.Sqrt(energy); score > bestScore*1.0001 {
			best, bestScore = lag, score
		}
	}
	return best
}
