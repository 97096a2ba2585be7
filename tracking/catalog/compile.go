package catalog

import (
	"context"
	"errors"
	"time"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// Changes that come one after the other are compiled together: quiet after the last one, but latest after the first.
const (
	quiet  = 50 * time.Millisecond
	latest = 500 * time.Millisecond
)

// A compilation that failed is tried again after retryFirst, then twice as long each time up to retryLast.
const (
	retryFirst = time.Second
	retryLast  = time.Minute
)

// Status says how the trackers that are matched relate to those that are stored.
type Status string

// While the status is not Current, calls are matched against the trackers of the last compilation that succeeded.
const (
	Current   Status = "current"
	Compiling Status = "compiling"
	Failed    Status = "failed" // and tried again
)

// State describes the trackers that calls are matched against now.
type State struct {
	Status     Status     `json:"status" enum:"current,compiling,failed"`
	Trackers   int        `json:"trackers" doc:"How many trackers are matched; those that are disabled are not"`
	CompiledAt *time.Time `json:"compiled_at,omitempty" doc:"When they were made ready"`
	TookMS     int64      `json:"took_ms" doc:"How long that took"`
	Error      string     `json:"error,omitempty" doc:"Why the last attempt failed"`
}

// State returns the state now.
func (c *Catalog) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// InForce returns a tracker as it is matched now, and false if it is not: deleted, disabled, or not compiled yet.
func (c *Catalog) InForce(id conversation.ID) (tracking.Tracker, bool) {
	t, ok := (*c.inForce.Load())[id]
	return t, ok
}

// Compiled is closed when the first compilation has ended, with or without success.
func (c *Catalog) Compiled() <-chan struct{} { return c.compiled }

// touch has the trackers compiled again soon.
func (c *Catalog) touch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Status = Compiling
	select {
	case c.changed <- struct{}{}:
	default: // the compilation that is due will see this change too
	}
}

// Run compiles the stored trackers now and after every change until ctx ends. Matching goes on with those in force meanwhile.
func (c *Catalog) Run(ctx context.Context) error {
	var retry <-chan time.Time
	wait := retryFirst
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return nil
		case <-c.changed:
			if !first {
				c.settle(ctx)
			}
		case <-retry:
		}
		retry = nil
		if err := c.compile(ctx); err != nil && ctx.Err() == nil {
			retry = time.After(wait)
			wait = min(2*wait, retryLast)
		} else {
			wait = retryFirst
		}
		if first {
			close(c.compiled)
		}
	}
}

// settle waits until no change has come for a while.
func (c *Catalog) settle(ctx context.Context) {
	deadline := time.After(latest)
	for {
		select {
		case <-c.changed:
		case <-time.After(quiet):
			return
		case <-deadline:
			return
		case <-ctx.Done():
			return
		}
	}
}

// compile gives the stored trackers to the detector. Only Run calls it, so that an older set never replaces a newer one.
func (c *Catalog) compile(ctx context.Context) error {
	c.enter(func(s *State) { s.Status = Compiling })
	began := c.now()
	trackers, err := c.opts.Store.Trackers(ctx)
	if err == nil {
		err = c.opts.Compiler.SetTrackers(ctx, trackers)
	}
	if ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	if err == nil {
		c.took(trackers, began)
	} else {
		c.log.Error("compile trackers", "err", err)
		c.enter(func(s *State) { s.Status, s.Error = Failed, err.Error() })
	}
	if c.opts.OnCompiled != nil {
		c.opts.OnCompiled(err)
	}
	return err
}

// took notes that trackers are in force.
func (c *Catalog) took(trackers []tracking.Tracker, began time.Time) {
	inForce := make(map[conversation.ID]tracking.Tracker, len(trackers))
	for _, t := range trackers {
		if t.Enabled {
			inForce[t.ID] = t
		}
	}
	c.inForce.Store(&inForce)
	now := c.now().UTC()
	c.enter(func(s *State) {
		*s = State{Status: Current, Trackers: len(inForce), CompiledAt: &now, TookMS: now.Sub(began).Milliseconds()}
		if len(c.changed) > 0 {
			s.Status = Compiling // once more
		}
	})
}

func (c *Catalog) enter(change func(*State)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.state)
}
