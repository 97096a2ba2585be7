package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/riverqueue/river"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/asr"
	"github.com/operatord/operatord/asr/whisper"
	"github.com/operatord/operatord/attendant"
	"github.com/operatord/operatord/call"
	"github.com/operatord/operatord/config"
	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/dialer"
	"github.com/operatord/operatord/jobs"
	"github.com/operatord/operatord/postcall"
	"github.com/operatord/operatord/sip"
	"github.com/operatord/operatord/store"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
	"github.com/operatord/operatord/tracking/encoder"
	"github.com/operatord/operatord/tracking/reaction"
	"github.com/operatord/operatord/web"
	"github.com/operatord/operatord/webhook"
	"github.com/operatord/operatord/webrtc"
)

// Options are what the configuration does not hold.
type Options struct {
	Logger  *slog.Logger // required
	Version string       // shown by the API
}

// App is the whole daemon. Start, Stop and Run are called once each, by one goroutine.
type App struct {
	cfg    config.Config
	opts   Options
	log    *slog.Logger
	life   *lifecycle
	health *health

	ids        conversation.IDs
	metrics    *prometheus.Registry
	store      *store.Store
	writer     *store.Writer
	queue      *jobs.Queue
	feed       *call.Feed
	calls      *call.Registry
	recognizer *asr.Recognizer
	engine     *whisper.Engine
	encoder    *encoder.Encoder
	detector   *tracking.Detector
	catalog    *catalog.Catalog
	reactor    *reaction.Reactor
	meaning    meaning
	past       past
	attendant  *attendant.Attendant
	dialer     *dialer.Dialer
	sip        *sip.Server
	webrtc     *webrtc.Server

	tally tally

	mu    sync.Mutex
	addrs map[string]string
}

// New returns a daemon for a valid configuration. It starts nothing.
func New(cfg config.Config, opts Options) (*App, error) {
	if opts.Logger == nil {
		return nil, fmt.Errorf("%w app options: a logger is required", conversation.ErrInvalid)
	}
	a := &App{
		cfg: cfg, opts: opts, log: opts.Logger, life: newLifecycle(opts.Logger), health: newHealth(),
		metrics: prometheus.NewRegistry(), addrs: map[string]string{},
	}
	a.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var err error
	if a.attendant, err = attendant.New(attendantOptions(cfg)); err != nil {
		return nil, err
	}
	a.dialer, err = dialer.New(dialer.Options{
		Schedules: schedules(cfg), Place: a.placeScheduled, MaxConcurrent: maxPlacing, MaxWait: time.Minute,
		PlaceTimeout: time.Minute, Logger: a.log, Registerer: a.metrics,
	})
	return a, err
}

// maxPlacing bounds the scheduled calls that are being set up at once.
const maxPlacing = 16

// Start starts every part in the order of their dependence and returns when the daemon listens. When a part fails, those
// already started are stopped. Models load in the background; until then the daemon reports that it is starting.
func (a *App) Start(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, a.life.stop(context.WithoutCancel(ctx)))
		}
	}()
	for _, start := range []func(context.Context) error{
		a.openStore, a.startRecognition, a.startWriter, a.recover, a.makeCalls, a.startJobs, a.startSIP, a.startWebRTC,
		a.startHTTP, a.startDialer, a.drainFirst,
	} {
		if err := start(ctx); err != nil {
			return err
		}
	}
	a.health.enter(api.StateReady)
	return nil
}

// Stop refuses new calls, lets those in progress end within the drain timeout, and stops every part in the reverse order
// of Start. It returns when all have stopped, or when ctx ends.
func (a *App) Stop(ctx context.Context) error {
	a.health.enter(api.StateStopping)
	return a.life.stop(ctx)
}

// stopTimeout bounds Stop in Run, beside the drain timeout of the configuration.
const stopTimeout = 30 * time.Second

// Run starts the daemon, calls ready once it listens, and runs it until ctx ends or a part fails; then it stops it.
func (a *App) Run(ctx context.Context, ready func(addrs map[string]string) error) error {
	if err := a.Start(ctx); err != nil {
		return err
	}
	err := ready(a.Addrs())
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-a.life.failed:
		}
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.Call.DrainTimeout+stopTimeout)
	defer cancel()
	return errors.Join(err, a.Stop(stopCtx))
}

// Addrs returns the bound addresses by name: http, sip_udp, sip_tcp, webrtc_udp.
func (a *App) Addrs() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.addrs)
}

func (a *App) bound(name string, addr net.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.addrs[name] = addr.String()
}

func (a *App) recordings() string { return filepath.Join(a.cfg.DataDir, "recordings") }

func (a *App) openStore(ctx context.Context) error {
	if err := os.MkdirAll(a.recordings(), 0o700); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	var err error
	a.store, err = store.Open(ctx, store.Options{
		Path: filepath.Join(a.cfg.DataDir, "operatord.db"), Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	a.life.onStop("store", func(context.Context) error { return a.store.Close() })
	if err := jobs.Migrate(ctx, a.store.DB()); err != nil {
		return fmt.Errorf("migrate jobs: %w", err)
	}
	if err := webhook.Migrate(ctx, a.store.DB()); err != nil {
		return fmt.Errorf("migrate webhooks: %w", err)
	}
	return nil
}

// startWriter starts the writer of events and the feed above it. Jobs that events cause are inserted in the writer's own
// transactions; the queue that runs them starts later.
func (a *App) startWriter(ctx context.Context) error {
	workers := river.NewWorkers()
	var err error
	a.queue, err = jobs.New(jobs.Options{
		DB: a.store.DB(), Workers: workers, Queues: queues(),
		ClientID: a.cfg.Node, Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	sender, err := webhook.New(webhook.Options{
		DB: a.store.DB(), Jobs: a.queue, Endpoints: endpoints(a.cfg), UserAgent: "operatord/" + a.opts.Version,
		Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	a.life.onStop("webhooks", func(context.Context) error {
		sender.Close()
		return nil
	})
	judge, err := a.sentiment()
	if err != nil {
		return err
	}
	analyzer, err := postcall.New(postcall.Options{
		Source: a.store, Sink: analysisSink{a}, Sentiment: judge, Jobs: a.queue, Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	if err := errors.Join(sender.Register(workers), analyzer.Register(workers), a.queue.AddPeriodic(sender.Periodic()...), a.openPast(workers)); err != nil {
		return fmt.Errorf("register jobs: %w", err)
	}
	a.writer, err = store.NewWriter(store.WriterOptions{
		Store: a.store, SpoolPath: filepath.Join(a.cfg.DataDir, "events.spool"),
		Hooks: []store.Hook{analyzer.Enqueue, sender.Enqueue}, Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	if err := a.writer.Replay(ctx); err != nil {
		return fmt.Errorf("replay spooled events: %w", err)
	}
	position, err := a.store.LastPosition(ctx)
	if err != nil {
		return fmt.Errorf("read last position: %w", err)
	}
	a.feed = call.NewFeed(events{a.writer, a.store}, position, time.Now)
	a.life.background(ctx, "event writer", a.writer.Run)
	return nil
}

// startRecognition makes the recognizer and the detector, and loads their models in the background.
func (a *App) startRecognition(ctx context.Context) error {
	var err error
	a.recognizer, err = asr.New(asr.Options{
		IDs: &a.ids, Workers: a.cfg.ASR.Workers, Endpoint: a.cfg.ASR.EndOfSpeech, PartialInterval: a.cfg.ASR.PartialInterval,
		Logger: a.log, Metrics: a.metrics,
	})
	if err != nil {
		return err
	}
	a.life.onStop("models", func(context.Context) error { return a.closeModels() })
	if err := a.openModels(ctx); err != nil {
		return err
	}
	if err := a.openCatalog(ctx); err != nil {
		return err
	}
	a.life.background(ctx, "recognizer", a.recognizer.Run)
	return nil
}

func (a *App) makeCalls(context.Context) error {
	recordings := a.recordings()
	if !a.cfg.Call.Record {
		recordings = ""
	}
	listen := a.listen
	if !a.cfg.ASR.Enabled {
		listen = nil
	}
	var err error
	a.calls, err = call.NewRegistry(call.Options{
		IDs: &a.ids, Feed: a.feed, Plan: a.plan, Dial: a.dial, Listen: listen,
		Detector:     func(id conversation.ID) call.Detector { return sessionOf{a.detector.NewSession(id)} },
		Reactor:      func() call.Reactor { return a.reactor.NewSession() },
		RecordingDir: recordings, Node: a.cfg.Node,
		Limits: call.Limits{
			MaxDuration: a.cfg.Call.MaxDuration, InitialMediaTimeout: a.cfg.Media.InitialTimeout, MediaTimeout: a.cfg.Media.Timeout,
		},
		Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	return nil
}

// drainFirst makes the end of the calls the first step of a stop: they may go on, and be watched, until the drain timeout.
func (a *App) drainFirst(context.Context) error {
	a.life.onStop("calls", func(ctx context.Context) error {
		drainCtx, cancel := context.WithTimeout(ctx, a.cfg.Call.DrainTimeout)
		defer cancel()
		return wait(ctx, func() { a.calls.Drain(drainCtx) })
	})
	return nil
}

func (a *App) startJobs(ctx context.Context) error {
	if err := a.queue.Start(ctx); err != nil {
		return fmt.Errorf("start jobs: %w", err)
	}
	a.life.onStop("jobs", a.queue.Stop)
	return nil
}

func (a *App) startDialer(ctx context.Context) error {
	a.life.background(ctx, "dialer", a.dialer.Run)
	return nil
}

// Timeouts of the HTTP server. Responses have no total limit: recordings and the event stream take as long as they take.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

func (a *App) startHTTP(ctx context.Context) error {
	page, err := web.Handler()
	if err != nil {
		return err
	}
	opts := api.Options{
		Version: a.opts.Version, Conversations: conversations{a.store, a.writer}, Feed: api.FeedFunc(a.subscribe), Caller: caller{a},
		Trackers: a.catalog, Schedules: a, Health: a, Recordings: a.recordings(),
		Recommender: a.past.recommender, Previewer: a.past.previewer, Rerunner: a.past.rerunner, Reviews: a.store,
		Metrics: promhttp.HandlerFor(a.metrics, promhttp.HandlerOpts{}), UI: page, Token: a.cfg.HTTP.Token, Logger: a.log,
	}
	if a.webrtc != nil {
		opts.WHIP = a.webrtc
	}
	surface, err := api.New(opts)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.cfg.HTTP.Listen)
	if err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	a.bound("http", listener.Addr())
	server := &http.Server{
		Handler: surface.Handler(), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	a.life.background(ctx, "http", func(context.Context) error { return server.Serve(listener) })
	a.life.onStop("http connections", func(ctx context.Context) error {
		// The stream of events ends first: its connections count as busy and would hold the shutdown up.
		return errors.Join(surface.Stop(ctx), server.Shutdown(ctx))
	})
	return nil
}
