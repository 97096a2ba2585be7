package asr

import "math"

// detector says of each window of a stream whether it is speech. It asks the voice activity detector only when the window
// is louder than the background or speech was heard a moment ago: most of a call is one side listening.
type detector struct {
	vad   VAD
	floor float64 // background level in dBFS
	quiet int     // windows since the last that might have been speech
	// skipped are the latest windows the detector was not asked about. They are given to it before the one that wakes it,
	// for it judges a window by those before.
	skipped [][]int16
}

const (
	gateAbove  = 6.0  // dB above the background that wake the detector
	gateAfter  = 31   // quiet windows, one second, after which it may sleep
	gateReplay = 4    // skipped windows replayed on waking
	floorMin   = -70. // dBFS: what is below is silence on any line
	floorStart = -60.
	floorFall  = 0.5  // share of the way down to a quieter window
	floorRise  = 0.02 // dB per window, 0.6 dB/s: slower than speech, fast enough for a line that becomes noisy

	speechLikely   = 0.5  // opens a turn
	speechPossible = 0.35 // keeps it open
)

func newDetector(vad VAD) *detector { return &detector{vad: vad, floor: floorStart} }

// speech returns the probability that the window holds speech: 0 for one the detector was not asked about.
func (d *detector) speech(window []int16) (float32, error) {
	level := levelDB(window)
	loud := level > d.floor+gateAbove
	if level < d.floor {
		d.floor = max(floorMin, d.floor+floorFall*(level-d.floor))
	}
	if !loud && d.quiet >= gateAfter {
		d.skip(window)
		return 0, nil
	}
	if len(d.skipped) > 0 {
		if err := d.wake(); err != nil {
			return 0, err
		}
	}
	p, err := d.vad.Speech(window)
	if err != nil {
		return 0, err
	}
	if p >= speechPossible {
		d.quiet = 0
		return p, nil
	}
	d.quiet++
	d.floor = max(floorMin, min(level, d.floor+floorRise))
	return p, nil
}

// skip keeps the window for wake.
func (d *detector) skip(window []int16) {
	if len(d.skipped) < gateReplay {
		d.skipped = append(d.skipped, append([]int16(nil), window...))
		return
	}
	oldest := d.skipped[0]
	copy(d.skipped, d.skipped[1:])
	copy(oldest, window)
	d.skipped[gateReplay-1] = oldest
}

// wake gives the detector a fresh start with the latest skipped windows.
func (d *detector) wake() error {
	d.vad.Reset()
	for _, w := range d.skipped {
		if _, err := d.vad.Speech(w); err != nil {
			return err
		}
	}
	d.skipped = d.skipped[:0]
	return nil
}

// levelDB returns the level of pcm in dB relative to full scale, -100 for digital silence.
func levelDB(pcm []int16) float64 {
	var sum float64
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	rms := math.Sqrt(sum/float64(len(pcm))) / (1 << 15)
	return 20 * math.Log10(max(rms, 1e-5))
}
