package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// metrics times every attempt. It is River middleware around each worker.
type metrics struct {
	river.MiddlewareDefaults

	attempts *prometheus.HistogramVec
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{attempts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "operatord_job_attempt_duration_seconds",
		Help:    "Time of one attempt at a background job, by kind and outcome.",
		Buckets: []float64{.005, .02, .1, .5, 2, 10, 60},
	}, []string{"kind", "outcome"})}
	if registerer == nil {
		return m, nil
	}
	if err := registerer.Register(m.attempts); err != nil {
		return nil, fmt.Errorf("register job metrics: %w", err)
	}
	return m, nil
}

// Work implements rivertype.WorkerMiddleware.
func (m *metrics) Work(ctx context.Context, job *rivertype.JobRow, next func(context.Context) error) error {
	start := time.Now()
	err := next(ctx)
	m.attempts.WithLabelValues(job.Kind, outcome(err)).Observe(time.Since(start).Seconds())
	return err
}

// outcome names how an attempt ended, in River's words for what becomes of the job.
func outcome(err error) string {
	switch {
	case err == nil:
		return "completed"
	case errors.Is(err, &rivertype.JobSnoozeError{}):
		return "snoozed"
	case errors.Is(err, &rivertype.JobCancelError{}):
		return "cancelled"
	default:
		return "failed"
	}
}
