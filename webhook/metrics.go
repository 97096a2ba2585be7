package webhook

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts by endpoint name; the endpoints are configured, so their number is bounded.
type metrics struct {
	attempts *prometheus.HistogramVec
	gone     *prometheus.GaugeVec
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		attempts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "operatord_webhook_attempt_duration_seconds",
			Help:    "Time of one attempt at a webhook delivery, by endpoint and the state the delivery is in after it.",
			Buckets: []float64{.01, .05, .2, 1, 5, 20},
		}, []string{"endpoint", "state"}),
		gone: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "operatord_webhook_endpoint_gone",
			Help: "1 for an endpoint that answered 410 Gone and is sent nothing more.",
		}, []string{"endpoint"}),
	}
	if registerer == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.attempts, m.gone} {
		if err := registerer.Register(c); err != nil {
			return nil, fmt.Errorf("register webhook metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) observe(endpoint string, state State, took time.Duration) {
	m.attempts.WithLabelValues(endpoint, string(state)).Observe(took.Seconds())
}
