package store

import (
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// lossReportInterval is the least time between two log lines about lost events.
const lossReportInterval = time.Second

type writerMetrics struct {
	stored   prometheus.Counter
	spooled  prometheus.Counter
	lost     prometheus.Counter
	rejected *prometheus.CounterVec
	commit   prometheus.Histogram

	mu         sync.Mutex
	unreported int
	reportedAt time.Time
}

func newWriterMetrics(r prometheus.Registerer, w *Writer) *writerMetrics {
	f := promauto.With(r)
	m := &writerMetrics{
		stored:  f.NewCounter(prometheus.CounterOpts{Name: "operatord_store_events_stored_total", Help: "Events written to the database."}),
		spooled: f.NewCounter(prometheus.CounterOpts{Name: "operatord_store_events_spooled_total", Help: "Events written to the spool file."}),
		lost:    f.NewCounter(prometheus.CounterOpts{Name: "operatord_store_events_lost_total", Help: "Events dropped because memory and spool were full."}),
		rejected: f.NewCounterVec(prometheus.CounterOpts{
			Name: "operatord_store_events_rejected_total",
			Help: "Events refused by the database (event), stored without their hooks (hook) or unreadable in the spool (record).",
		}, []string{"what"}),
		commit: f.NewHistogram(prometheus.HistogramOpts{
			Name: "operatord_store_commit_seconds", Help: "Time to store one batch of events.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
	}
	gauge := func(name, help string, value func() float64) {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	gauge("operatord_store_queue_events", "Events that wait in memory.", func() float64 { return float64(w.queue.len()) })
	gauge("operatord_store_spool_events", "Events that wait in the spool file.", func() float64 { return float64(w.spoolLen()) })
	gauge("operatord_store_up", "1 while the database takes events.", func() float64 {
		if w.Err() != nil {
			return 0
		}
		return 1
	})
	return m
}

// lose counts n lost events and logs them, once per interval at most.
func (m *writerMetrics) lose(log *slog.Logger, n int) {
	m.lost.Add(float64(n))
	m.mu.Lock()
	m.unreported += n
	n = 0
	if now := time.Now(); now.Sub(m.reportedAt) >= lossReportInterval {
		n, m.unreported, m.reportedAt = m.unreported, 0, now
	}
	m.mu.Unlock()
	if n > 0 {
		log.Error("events lost: memory and spool are full", "events", n)
	}
}
