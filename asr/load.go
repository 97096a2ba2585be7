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

	mu   sync.Mutex
	busy time.Duration // decoding since the last tick
	rho  float64       // utilisation, smoothed
}

// loadTick is how often the utilisation is measured, and loadWeight how much the newest measurement counts: a change is felt
// after two or three ticks and a single long decode does not silence the partials.
const (
	loadTick   = time.Second
	loadWeight = 0.4
)

func newLoad(interval time.Duration, workers int, m *metrics) *load {
	return &load{interval: interval, workers: workers, metrics: m}
}

// add counts time spent decoding.
func (l *load) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy += d
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

// thorough reports whether there is time for the best search.
func (l *load) thorough() bool { return l.utilisation() < 0.95 }
