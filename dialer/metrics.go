package dialer

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// outcome is what became of one firing.
type outcome string

const (
	outcomePlaced outcome = "placed"
	outcomeFailed outcome = "failed"
	outcomeBusy   outcome = "skipped_busy"  // the schedule's previous call is still being placed
	outcomeLimit  outcome = "skipped_limit" // no place became free within Options.MaxWait
	outcomeLate   outcome = "skipped_late"  // noticed more than lateLimit after its time
)

func (d *Dialer) registerMetrics() error {
	d.firings = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "operatord_dialer_firings_total",
		Help: "Firings of call schedules by what became of them.",
	}, []string{"schedule", "outcome"})
	if d.opts.Registerer == nil {
		return nil
	}
	if err := d.opts.Registerer.Register(d.firings); err != nil {
		return fmt.Errorf("register dialer metrics: %w", err)
	}
	return nil
}

func (d *Dialer) count(e *entry, o outcome) { d.firings.WithLabelValues(e.Name, string(o)).Inc() }
