package tracking

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/operatord/operatord/conversation"
)

type metrics struct {
	seconds *prometheus.HistogramVec
	matches *prometheus.CounterVec
	errors  prometheus.Counter
}

// Labels of operatord_tracking_match_seconds.
const (
	stagePartial = "partial"
	stageFinal   = "final"
)

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "operatord_tracking_match_seconds",
			Help:    "Time to match one utterance against all trackers, encoding included.",
			Buckets: []float64{0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5},
		}, []string{"stage"}),
		matches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "operatord_tracking_matches_total",
			Help: "Confirmed matches by the method that found them.",
		}, []string{"method"}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "operatord_tracking_errors_total",
			Help: "Final utterances that could not be matched by meaning because the encoder failed or was too slow.",
		}),
	}
	for _, method := range []conversation.Method{conversation.MethodLiteral, conversation.MethodMeaning} {
		m.matches.WithLabelValues(string(method))
	}
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.seconds), r.Register(m.matches), r.Register(m.errors))
}

func (m *metrics) observe(stage string, started time.Time) {
	m.seconds.WithLabelValues(stage).Observe(time.Since(started).Seconds())
}
