package webrtc

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	legs   prometheus.Gauge
	offers *prometheus.CounterVec
}

// newMetrics returns the metrics of a server, registered if reg is not nil.
func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		legs: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "operatord_webrtc_legs", Help: "Browser legs that are open.",
		}),
		offers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "operatord_webrtc_offers_total", Help: "WHIP offers by what became of them.",
		}, []string{"outcome"}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.legs, m.offers} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register webrtc metrics: %w", err)
		}
	}
	return m, nil
}
