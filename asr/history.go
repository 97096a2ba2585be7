package asr

import "time"

// history keeps the latest windows while nobody speaks, for the turn that may begin in them.
type history struct {
	pcm   []int16 // whole windows, oldest first
	probs []float32
}

// historyWindows is how many windows a turn may begin before the one that opens it.
const historyWindows = leading + openWindows

// add appends a window and forgets the oldest.
func (h *history) add(window []int16, p float32) {
	if len(h.probs) == historyWindows {
		copy(h.pcm, h.pcm[WindowSamples:])
		copy(h.probs, h.probs[1:])
		h.pcm, h.probs = h.pcm[:len(h.pcm)-WindowSamples], h.probs[:len(h.probs)-1]
	}
	h.pcm = append(h.pcm, window...)
	h.probs = append(h.probs, p)
}

// likely returns how many of the last openWindows windows are likely speech.
func (h *history) likely() int {
	n := 0
	for _, p := range h.probs[max(0, len(h.probs)-openWindows):] {
		if p >= speechLikely {
			n++
		}
	}
	return n
}

// unload moves the windows from the leading ones on into t, whose speech begins with the first likely one of the last few.
func (h *history) unload(t *turn, at time.Time) {
	begin := max(0, len(h.probs)-openWindows)
	for h.probs[begin] < speechLikely {
		begin++
	}
	from := max(0, begin-leading)
	for i := from; i < len(h.probs); i++ {
		t.add(h.pcm[i*WindowSamples:(i+1)*WindowSamples], h.probs[i], at)
	}
	t.tail.first = begin - from
	h.clear()
}

func (h *history) clear() { h.pcm, h.probs = h.pcm[:0], h.probs[:0] }
