package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// loadTrackers brings the trackers of the configuration into the store, adds the samples to an empty one if that is
// wanted, and compiles what there is.
func (a *App) loadTrackers(ctx context.Context) error {
	stored, err := a.store.Trackers(ctx)
	if err != nil {
		return fmt.Errorf("read trackers: %w", err)
	}
	wanted := configured(a.cfg.Tracking.Trackers)
	if len(stored) == 0 && a.cfg.Tracking.SampleTrackers {
		for _, sample := range tracking.Samples() {
			if !slices.ContainsFunc(wanted, func(t tracking.Tracker) bool { return t.Name == sample.Name }) {
				wanted = append(wanted, sample)
			}
		}
	}
	for _, t := range wanted {
		if err := a.saveTracker(ctx, stored, t); err != nil {
			return fmt.Errorf("save tracker %q: %w", t.Name, err)
		}
	}
	return nil
}

// saveTracker stores t under the identity of the stored tracker of its name, unless that is the same already.
func (a *App) saveTracker(ctx context.Context, stored []tracking.Tracker, t tracking.Tracker) error {
	i := slices.IndexFunc(stored, func(s tracking.Tracker) bool { return s.Name == t.Name })
	if i < 0 {
		t.ID = a.ids.Next(time.Now())
		_, err := a.store.SaveTracker(ctx, t)
		return err
	}
	old := stored[i]
	if old.Description == t.Description && old.Threshold == t.Threshold && old.Role == t.Role &&
		old.Enabled == t.Enabled && slices.Equal(old.Vocabulary, t.Vocabulary) {
		return nil
	}
	old.Description, old.Threshold, old.Role, old.Enabled, old.Vocabulary = t.Description, t.Threshold, t.Role, t.Enabled, t.Vocabulary
	_, err := a.store.SaveTracker(ctx, old)
	return err
}

// compileTrackers gives the stored trackers to the detector.
func (a *App) compileTrackers(ctx context.Context) error {
	stored, err := a.store.Trackers(ctx)
	if err != nil {
		return fmt.Errorf("read trackers: %w", err)
	}
	return a.detector.SetTrackers(ctx, stored)
}

// sessionOf adapts a tracking session to what a call needs.
type sessionOf struct{ session *tracking.Session }

func (s sessionOf) Match(ctx context.Context, u conversation.Utterance) (matched, withdrawn []conversation.Match, err error) {
	result, err := s.session.Match(ctx, u)
	return result.Matched, result.Withdrawn, err
}
