package asr

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what the recognizer reports about itself.
type metrics struct {
	decode       *prometheus.HistogramVec // by kind
	finalLatency prometheus.Histogram
	dropped      prometheus.Counter
	gap          prometheus.Counter
	queue        *prometheus.GaugeVec // by kind
	utilisation  prometheus.Gauge
	streams      prometheus.Gauge
}

// newMetrics makes the metrics and registers them unless reg is nil.
func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	const namespace, subsystem = "operatord", "asr"
	seconds := []float64{.05, .1, .2, .3, .5, .75, 1, 1.5, 2, 3, 5, 10}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
	}
	m := &metrics{
		decode: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "decode_seconds", Buckets: seconds,
			Help: "Time one decode took, by what it was for.",
		}, []string{"kind"}),
		finalLatency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "final_latency_seconds", Buckets: seconds,
			Help: "From the arrival of the last speech of a turn to its final text.",
		}),
		dropped: counter("dropped_partials_total", "Partial hypotheses that were due and given up for lack of time."),
		gap:     counter("gap_seconds_total", "Audio that was never turned into text."),
		queue: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "queue_depth", Help: "Decodes that wait for a worker, by what they are for.",
		}, []string{"kind"}),
		utilisation: gauge("utilisation", "Share of the workers' time spent decoding, 0 to 1, smoothed over some seconds."),
		streams:     gauge("streams", "Open streams."),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.decode, m.finalLatency, m.dropped, m.gap, m.queue, m.utilisation, m.streams} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}
