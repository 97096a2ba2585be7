package asr

import (
	"sync"
	"time"
)

// load watches how busy the workers are and says what must be given up so that finals stay in time: first the frequency of
// partials, then partials and early decoding, at last the thorough search of finals.
type load struct {
	interval time.Duration // between partials when idle
	workers  int
	metrics  *metrics

	mu    sync.Mutex
	busy  time.Duration // decoding since the last tick
	rho   float64       // utilisation, smoothed
	final time.Duration // what a thorough final takes, smoothed
}

// loadTick is how often the utilisation is measured, and loadWeight how much the newest measurement counts: a change is felt
// after two or three ticks and a single long decode does not silence the partials.
const (
	loadTick   = time.Second
	loadWeight = 0.4
)

// A thorough final should be ready when the pause that ends a turn is over, or little later. The other kind takes about half
// as long (beam 5 against greedy, whisper.cpp 1.9.1) and has one more word in a hundred wrong.
const (
	thoroughLimit  = 700 * time.Millisecond
	thoroughFactor = 2
	thoroughWeight = 4 // one in so many: how much the newest counts
)

func newLoad(interval time.Duration, workers int, m *metrics) *load {
	return &load{interval: interval, workers: workers, metrics: m}
}

// add counts a decode.
func (l *load) add(took time.Duration, k kind, p Params) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy += took
	if k == partialKind || p.FullContext {
		return
	}
	if !p.Best {
		took *= thoroughFactor
	}
	l.final += (took - l.final) / thoroughWeight
}

// tick ends a measurement of the given length.
func (l *load) tick(elapsed time.Duration) {
	l.mu.Lock()
	now := min(1, l.busy.Seconds()/(elapsed.Seconds()*float64(l.workers)))
	l.busy = 0
	l.rho += loadWeight * (now - l.rho)
	rho := l.rho
	l.mu.Unlock()
	l.metrics.utilisation.Set(rho)
}

func (l *load) utilisation() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rho
}

// partialInterval returns the time between two partials of a turn; 0 means that there are to be none.
func (l *load) partialInterval() time.Duration {
	switch rho := l.utilisation(); {
	case rho < 0.5:
		return l.interval
	case rho < 0.7:
		return 2 * l.interval
	case rho < 0.85:
		return 4 * l.interval
	default:
		return 0
	}
}

// speculate reports whether turns may be decoded before it is certain that they have ended.
func (l *load) speculate() bool { return l.utilisation() < 0.85 }

// thorough reports whether there is time for the best search: the workers are not busy all the time, and the machine, which
// may be busy with other things, is fast enough.
func (l *load) thorough() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rho < 0.95 && l.final < thoroughLimit
}
