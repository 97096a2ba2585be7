package dialer

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // time zones are known on machines without a zone database

	"github.com/robfig/cron/v3"
)

// Schedule is a call that is placed again and again.
type Schedule struct {
	Name string
	// Cron is a five-field cron expression (minute, hour, day of month, month, day of week) or a descriptor such as
	// "@daily" or "@every 10m".
	Cron string
	// TimeZone is the IANA name of the zone Cron is read in; empty is UTC. A time that a change to summer time leaves
	// out is not called that day.
	TimeZone string
	To       string
	From     string
	Trunk    string
	Profile  string
	Enabled  bool
	// MaxConcurrent bounds the calls of this schedule being placed at once; a firing beyond it is skipped. 0 is 1.
	MaxConcurrent int
}

// entry is a schedule that has been checked and can be run.
type entry struct {
	Schedule
	zone *time.Location
	spec cron.Schedule
	// slots has MaxConcurrent places, one held by each call of the schedule being placed. It is never closed; a full
	// one makes firings be skipped.
	slots chan struct{}
}

func newEntry(s Schedule) (*entry, error) {
	if s.Name == "" {
		return nil, errors.New("name: required")
	}
	if s.To == "" {
		return nil, errors.New("to: required")
	}
	if s.MaxConcurrent < 0 {
		return nil, fmt.Errorf("max_concurrent: %d is negative", s.MaxConcurrent)
	}
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("time_zone: %w", err)
	}
	spec, err := parseCron(s.Cron)
	if err != nil {
		return nil, fmt.Errorf("cron: %w", err)
	}
	e := &entry{Schedule: s, zone: zone, spec: spec, slots: make(chan struct{}, max(1, s.MaxConcurrent))}
	if e.next(time.Now()).IsZero() {
		return nil, fmt.Errorf("cron: %q never comes", s.Cron)
	}
	return e, nil
}

// parseCron reads a cron expression. It refuses the zone prefixes the cron library understands: there is a key for the
// zone, and the library's parser panics on a prefix with nothing behind it.
func parseCron(expression string) (cron.Schedule, error) {
	if strings.HasPrefix(expression, "TZ=") || strings.HasPrefix(expression, "CRON_TZ=") {
		return nil, fmt.Errorf("%q names a zone; use time_zone", expression)
	}
	return cron.ParseStandard(expression)
}

// next returns the first firing after a time, in UTC, or the zero time if there is none.
func (e *entry) next(after time.Time) time.Time {
	at := e.spec.Next(inZone(after, e.zone))
	if at.IsZero() {
		return at
	}
	return at.UTC()
}

// inZone returns the wall clock time t in a zone without its monotonic reading, so that waits follow the wall clock.
func inZone(t time.Time, zone *time.Location) time.Time { return t.Round(0).In(zone) }

func (e *entry) request(at time.Time) Request {
	return Request{Schedule: e.Name, To: e.To, From: e.From, Trunk: e.Trunk, Profile: e.Profile, At: at}
}
