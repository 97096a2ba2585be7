package app

import (
	"context"
	"database/sql"
	"errors"

	"github.com/riverqueue/river"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/postcall"
	"github.com/operatord/operatord/store"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/history"
	"github.com/operatord/operatord/tracking/vectors"
	"github.com/operatord/operatord/webhook"
)

// past is what works with trackers over past conversations.
type past struct {
	previewer   *history.Previewer
	rerunner    *history.Rerunner
	recommender *history.Recommender
}

const (
	// previewMemory is how many vectors previews keep at hand, some 25 MB: while somebody types, the same calls are matched
	// again and again.
	previewMemory = 16_000
	// backgroundShare is the part of the time that work on the past may keep the encoder busy.
	backgroundShare = 0.5
)

// queues are the job queues with how many jobs of each run at a time.
func queues() map[string]int {
	return map[string]int{postcall.Queue: 2, webhook.Queue: 16, history.Queue: 2}
}

// keepVectors returns an encoder that encodes as enc does and has the store keep the vectors of what is said.
func (a *App) keepVectors(ctx context.Context, enc tracking.Encoder) (tracking.Encoder, error) {
	if enc == nil {
		return nil, nil //nolint:nilnil // without an encoder trackers match word for word
	}
	keeper, err := vectors.NewKeeper(vectors.KeeperOptions{Encoder: enc, Table: a.store, Logger: a.log, Registerer: a.metrics})
	if err != nil {
		return nil, err
	}
	a.life.background(ctx, "sentence vectors", keeper.Run)
	return keeper, nil
}

// openPast makes what works over past conversations and registers its jobs.
func (a *App) openPast(workers *river.Workers) error {
	interactive, err := a.engineOver(vectors.CacheOptions{Memory: previewMemory})
	if err != nil {
		return err
	}
	background, err := a.engineOver(vectors.CacheOptions{Share: backgroundShare})
	if err != nil {
		return err
	}
	if a.past.previewer, err = history.NewPreviewer(history.PreviewOptions{Store: a.store, Engine: interactive, Logger: a.log}); err != nil {
		return err
	}
	a.past.rerunner, err = history.NewRerunner(history.RerunOptions{Store: a.store, Jobs: a.queue, Engine: background, Logger: a.log})
	if err != nil {
		return err
	}
	a.past.recommender, err = history.NewRecommender(history.RecommenderOptions{
		Store: a.store, Jobs: a.queue, Engine: background, Create: a.catalog.Create, Logger: a.log,
		Begin: func(ctx context.Context) (*sql.Tx, error) { return a.store.DB().BeginTx(ctx, nil) },
	})
	if err != nil {
		return err
	}
	return errors.Join(a.past.rerunner.Register(workers), a.past.recommender.Register(workers),
		a.queue.AddPeriodic(a.past.recommender.Periodic()))
}

// engineOver returns an engine whose encoder looks up what is kept before it encodes.
func (a *App) engineOver(opts vectors.CacheOptions) (history.Engine, error) {
	engine := history.Engine{Background: a.meaning.background, IDs: &a.ids}
	if a.meaning.encoder == nil {
		return engine, nil
	}
	opts.Encoder, opts.Table = a.meaning.encoder, a.store
	cache, err := vectors.NewCache(opts)
	engine.Encoder = cache
	return engine, err
}

// meaning is what sentences are compared with.
type meaning struct {
	encoder    tracking.Encoder // nil without one
	background *tracking.Background
}

var (
	_ history.PreviewStore        = (*store.Store)(nil)
	_ history.RerunStore          = (*store.Store)(nil)
	_ history.RecommendationStore = (*store.Store)(nil)
	_ vectors.Table               = (*store.Store)(nil)
	_ api.Reviews                 = (*store.Store)(nil)
)
