// Package dialer places outbound calls by schedule.
//
// It knows when to call whom and how many calls may be placed at once. How a call is placed, and everything that happens
// on it, is behind the Place function its owner gives it.
package dialer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/operatord/operatord/conversation"
)

// lateLimit is how long after its time a firing is still worth a call. A firing is late when the machine slept or its
// clock was moved; nobody wants the nine o'clock call at noon.
const lateLimit = 5 * time.Minute

// clockCheck is the longest single wait for a firing. Timers stand still while a machine sleeps and do not see its clock
// being moved, so the wall clock is read again this often.
const clockCheck = time.Minute

// Request asks for one call.
type Request struct {
	Schedule string
	To       string
	From     string
	Trunk    string
	Profile  string
	At       time.Time // when the schedule fired, in UTC
}

// Options are the parts and limits of a Dialer.
type Options struct {
	Schedules []Schedule
	// Place places one call and returns its ID once it is placed, or the reason why it could not be. It is called on
	// a goroutine of its own, and ctx ends after PlaceTimeout or when the dialer stops.
	Place func(ctx context.Context, req Request) (conversation.ID, error)
	// MaxConcurrent bounds the calls being placed at once over all schedules.
	MaxConcurrent int
	// MaxWait is how long a firing waits for one of these places before it is skipped.
	MaxWait time.Duration
	// PlaceTimeout bounds each call of Place.
	PlaceTimeout time.Duration

	Logger     *slog.Logger          // nil logs nothing
	Registerer prometheus.Registerer // nil exports no metrics
}

// Dialer fires schedules. It is safe for concurrent use; Run is called once.
type Dialer struct {
	opts    Options
	entries []*entry
	// places has MaxConcurrent slots, one held by each call being placed. It is never closed; a full one makes
	// firings wait.
	places  chan struct{}
	firings *prometheus.CounterVec
	log     *slog.Logger
}

// New returns a dialer, or every problem of opts at once, each with the key path at fault. It starts nothing.
func New(opts Options) (*Dialer, error) {
	d := &Dialer{opts: opts, log: opts.Logger}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	problems := opts.problems()
	names := make(map[string]bool, len(opts.Schedules))
	for i, s := range opts.Schedules {
		e, err := newEntry(s)
		if err == nil && names[s.Name] {
			err = fmt.Errorf("name: %q is used twice", s.Name)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("schedules[%d].%w", i, err))
			continue
		}
		names[s.Name] = true
		d.entries = append(d.entries, e)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w dialer settings: %w", conversation.ErrInvalid, errors.Join(problems...))
	}
	d.places = make(chan struct{}, opts.MaxConcurrent)
	if err := d.registerMetrics(); err != nil {
		return nil, err
	}
	return d, nil
}

func (o Options) problems() []error {
	var problems []error
	if o.Place == nil {
		problems = append(problems, errors.New("place: required"))
	}
	if o.MaxConcurrent < 1 {
		problems = append(problems, fmt.Errorf("max_concurrent: %d is below 1", o.MaxConcurrent))
	}
	if o.MaxWait < 0 {
		problems = append(problems, fmt.Errorf("max_wait: %s is negative", o.MaxWait))
	}
	if o.PlaceTimeout <= 0 {
		problems = append(problems, fmt.Errorf("place_timeout: %s is not positive", o.PlaceTimeout))
	}
	return problems
}

// Run fires the enabled schedules until ctx is done. It returns nil once every call being placed has returned.
func (d *Dialer) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, e := range d.entries {
		if e.Enabled {
			running.Go(func() { d.follow(ctx, e) })
		}
	}
	running.Wait()
	return nil
}

// Upcoming is the next firing of a schedule.
type Upcoming struct {
	Schedule string
	At       time.Time
}

// Upcoming returns the next firing of every enabled schedule, the soonest first.
func (d *Dialer) Upcoming() []Upcoming {
	now := time.Now()
	var upcoming []Upcoming
	for _, e := range d.entries {
		if e.Enabled {
			upcoming = append(upcoming, Upcoming{Schedule: e.Name, At: e.next(now)})
		}
	}
	slices.SortStableFunc(upcoming, func(a, b Upcoming) int { return a.At.Compare(b.At) })
	return upcoming
}

// follow fires e at each of its times and, once ctx is done, waits for the calls it is placing.
func (d *Dialer) follow(ctx context.Context, e *entry) {
	var placing sync.WaitGroup
	defer placing.Wait()
	for {
		at := e.next(time.Now())
		if !waitUntil(ctx, at) {
			return
		}
		if late := time.Since(at); late > lateLimit {
			d.skip(e, at, outcomeLate, "schedule fired too late: the clock was moved or the machine slept")
			continue
		}
		select {
		case e.slots <- struct{}{}:
			placing.Go(func() {
				defer func() { <-e.slots }()
				d.fire(ctx, e, at)
			})
		default:
			d.skip(e, at, outcomeBusy, "schedule skipped: its previous call is still being placed")
		}
	}
}

// waitUntil waits for a time of the wall clock. It returns false if ctx is done first.
func waitUntil(ctx context.Context, at time.Time) bool {
	for {
		left := time.Until(at)
		if left <= 0 {
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(min(left, clockCheck)):
		}
	}
}

// fire places the call of one firing as soon as the global bound allows it.
func (d *Dialer) fire(ctx context.Context, e *entry, at time.Time) {
	wait := time.NewTimer(d.opts.MaxWait)
	defer wait.Stop()
	select {
	case d.places <- struct{}{}:
		defer func() { <-d.places }()
	case <-wait.C:
		d.skip(e, at, outcomeLimit, "schedule skipped: too many calls are being placed")
		return
	case <-ctx.Done():
		return
	}
	d.place(ctx, e, at)
}

func (d *Dialer) place(ctx context.Context, e *entry, at time.Time) {
	ctx, cancel := context.WithTimeout(ctx, d.opts.PlaceTimeout)
	defer cancel()
	id, err := d.opts.Place(ctx, e.request(at))
	if err != nil {
		d.count(e, outcomeFailed)
		d.log.Warn("scheduled call was not placed", "schedule", e.Name, "fired_at", at, "err", err)
		return
	}
	d.count(e, outcomePlaced)
	d.log.Info("scheduled call placed", "schedule", e.Name, "fired_at", at, "call_id", id)
}

func (d *Dialer) skip(e *entry, at time.Time, o outcome, message string) {
	d.count(e, o)
	d.log.Warn("scheduled call skipped", "schedule", e.Name, "fired_at", at, "reason", message)
}
