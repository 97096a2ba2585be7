package call

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/operatord/operatord/conversation"
)

// metrics are what the calls of a node are counted in.
type metrics struct {
	active          prometheus.Gauge
	ended           *prometheus.CounterVec
	duration        prometheus.Histogram
	framesLeftOut   prometheus.Counter
	partialsLeftOut prometheus.Counter
	writeErrors     prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		active: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "operatord_calls_active", Help: "Calls that are queued or in progress.",
		}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "operatord_calls_ended_total", Help: "Calls that ended, by direction, status and cause.",
		}, []string{"direction", "status", "cause"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "operatord_call_duration_seconds", Help: "Time from answer to end of the calls that were answered.",
			Buckets: []float64{5, 15, 30, 60, 120, 300, 600, 1800, 3600},
		}),
		framesLeftOut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "operatord_call_frames_left_out_total", Help: "20 ms frames skipped because the audio loop was held up.",
		}),
		partialsLeftOut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "operatord_call_partials_left_out_total", Help: "Partial utterances skipped because tracking was behind.",
		}),
		writeErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "operatord_call_write_errors_total", Help: "Frames that could not be sent.",
		}),
	}
	for _, c := range []prometheus.Collector{m.active, m.ended, m.duration, m.framesLeftOut, m.partialsLeftOut, m.writeErrors} {
		if err := registerer.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) finished(c conversation.Conversation) {
	m.ended.WithLabelValues(string(c.Direction), string(c.Status), string(c.Cause)).Inc()
	if c.AnsweredAt != nil {
		m.duration.Observe(float64(c.DurationMS) / 1000)
	}
}
