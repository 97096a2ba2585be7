package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
	"github.com/operatord/operatord/tracking/reaction"
	"github.com/operatord/operatord/tracking/vectors"
)

// Who changed a tracker, where it was not a request.
const (
	byConfig  = "config"
	bySamples = "samples"
)

// phraseMemory is how many vectors of phrases are kept at hand, some 6 MB.
const phraseMemory = 4000

// openCatalog makes the catalog of trackers, brings those of the configuration into it, and keeps the detector up to date
// with it in the background.
func (a *App) openCatalog(ctx context.Context) error {
	const part = "trackers"
	opts := catalog.Options{
		Store: a.store, Compiler: a.detector, IDs: &a.ids, Logger: a.log,
		OnCompiled: func(err error) {
			if err != nil {
				a.health.problem(part, "calls are matched against older trackers: "+err.Error())
				return
			}
			a.health.solved(part)
		},
	}
	if a.meaning.encoder != nil {
		cache, err := vectors.NewCache(vectors.CacheOptions{Encoder: a.meaning.encoder, Table: a.store, Memory: phraseMemory})
		if err != nil {
			return err
		}
		opts.Encoder = cache
	}
	for _, w := range a.cfg.Webhooks {
		opts.Endpoints = append(opts.Endpoints, w.Name)
	}
	var err error
	if a.catalog, err = catalog.New(opts); err != nil {
		return err
	}
	if a.reactor, err = reaction.New(reaction.Options{Tracker: a.catalog.InForce, Registerer: a.metrics}); err != nil {
		return err
	}
	if err := a.loadTrackers(ctx); err != nil {
		return err
	}
	a.health.problem(part, "trackers are still being compiled")
	a.life.background(ctx, "trackers", a.catalog.Run)
	return nil
}

// loadTrackers brings the trackers of the configuration into the catalog, which then holds them as the file says, and adds
// the samples to an empty one if that is wanted.
func (a *App) loadTrackers(ctx context.Context) error {
	stored, err := a.catalog.Trackers(ctx)
	if err != nil {
		return fmt.Errorf("read trackers: %w", err)
	}
	wanted := configured(a.cfg.Tracking.Trackers)
	for _, t := range wanted {
		if err := a.saveConfigured(ctx, stored, t); err != nil {
			return fmt.Errorf("tracking.trackers: %q: %w", t.Name, err)
		}
	}
	if len(stored) > 0 || !a.cfg.Tracking.SampleTrackers {
		return nil
	}
	for _, sample := range tracking.Samples() {
		if slices.ContainsFunc(wanted, func(t tracking.Tracker) bool { return t.Name == sample.Name }) {
			continue
		}
		if _, err := a.catalog.Create(ctx, bySamples, catalog.ContentOf(sample)); err != nil {
			return fmt.Errorf("save sample tracker %q: %w", sample.Name, err)
		}
	}
	return nil
}

// saveConfigured gives the stored tracker of t's name what the configuration can say of it, or creates it.
func (a *App) saveConfigured(ctx context.Context, stored []tracking.Tracker, t tracking.Tracker) error {
	i := slices.IndexFunc(stored, func(s tracking.Tracker) bool { return s.Name == t.Name })
	if i < 0 {
		_, err := a.catalog.Create(ctx, byConfig, catalog.ContentOf(t))
		return err
	}
	_, err := a.catalog.Change(ctx, stored[i].ID, byConfig, func(old tracking.Tracker) (catalog.Content, error) {
		content := catalog.ContentOf(old)
		content.Description, content.Vocabulary, content.Threshold = t.Description, t.Vocabulary, t.Threshold
		content.Role, content.Enabled = t.Role, t.Enabled
		return content, nil
	})
	return err
}

// sessionOf adapts a tracking session to what a call needs.
type sessionOf struct{ session *tracking.Session }

func (s sessionOf) Match(ctx context.Context, u conversation.Utterance) (matched, withdrawn []conversation.Match, err error) {
	result, err := s.session.Match(ctx, u)
	return result.Matched, result.Withdrawn, err
}
