package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/operatord/operatord/tracking/catalog"
)

// maxBodyBytes bounds what any request may send. Operations have limits of their own below it, which they answer with 413.
const maxBodyBytes = 2 * maxTrackerBytes

// Options configures a Server. Conversations, Feed and Health are required; an operation whose other part is missing
// answers 503.
type Options struct {
	Version string // shown in the OpenAPI document

	Conversations Conversations
	Feed          Feed
	Caller        Caller
	Trackers      *catalog.Catalog
	Schedules     Schedules
	Health        Health
	Recommender   Recommender
	Previewer     Previewer
	Rerunner      Rerunner
	Reviews       Reviews

	Recordings string       // folder with the recordings
	Metrics    http.Handler // served at /metrics
	WHIP       http.Handler // served at and below /whip with the path unchanged
	UI         http.Handler // served everywhere else

	Token   string   // bearer token that /api and /whip need; empty for none
	Origins []string // host patterns of pages from elsewhere that may use the WebSocket, beside our own

	Logger *slog.Logger // slog.DiscardHandler if nil
}

// Server answers HTTP requests. It is safe for concurrent use.
type Server struct {
	opts    Options
	log     *slog.Logger
	handler http.Handler
	streams streams
}

// New returns a Server. It starts nothing; serve Handler and call Stop at the end.
func New(opts Options) (*Server, error) {
	if opts.Conversations == nil || opts.Feed == nil || opts.Health == nil {
		return nil, errors.New("api: Conversations, Feed and Health are required")
	}
	s := &Server{opts: opts, log: opts.Logger, streams: streams{closing: make(chan struct{})}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	s.handler, err = s.routes()
	return s, err
}

// Handler returns the handler for everything the daemon serves over HTTP.
func (s *Server) Handler() http.Handler { return s.handler }

// Stop closes every open WebSocket and waits until their handlers have returned or ctx ends. New ones are refused from then on.
// It is idempotent.
func (s *Server) Stop(ctx context.Context) error { return s.streams.stop(ctx) }

// routes builds the tree of handlers.
func (s *Server) routes() (http.Handler, error) {
	rest := http.NewServeMux()
	operations := humago.New(rest, humaConfig(s.opts.Version))
	s.operations(operations)
	docs, err := docs(operations.OpenAPI())
	if err != nil {
		return nil, err
	}
	guarded := s.authorized(problems(rest))

	mux := http.NewServeMux()
	mux.Handle("/api/", guarded)
	mux.Handle("GET /openapi.json", rest)
	mux.Handle("GET /openapi.yaml", rest)
	mux.HandleFunc("GET /docs", docs)
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	if s.opts.Metrics != nil {
		mux.Handle("GET /metrics", s.opts.Metrics)
	}
	if s.opts.WHIP != nil {
		whip := s.authorized(s.opts.WHIP)
		mux.Handle("/whip", whip)
		mux.Handle("/whip/", whip)
	}
	if s.opts.UI != nil {
		mux.Handle("/", s.opts.UI)
	}
	return s.observed(http.MaxBytesHandler(mux, maxBodyBytes)), nil
}

// humaConfig describes the API. Huma's own documentation page and schema links are left out: the page loads scripts from a
// content delivery network.
func humaConfig(version string) huma.Config {
	config := huma.DefaultConfig("operatord", version)
	config.Info.Description = "Calls, what was said in them, and what was found in what was said. " +
		"Errors are problem details (RFC 9457). Live events come over the WebSocket at /api/v1/events."
	config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", nil
	return config
}

// streams counts the open WebSockets so that Stop can end them.
type streams struct {
	mu      sync.Mutex
	stopped bool
	open    sync.WaitGroup
	closing chan struct{} // never written; closed by stop
}

// enter registers a stream, or reports false once stop was called. A registered stream calls leave at its end.
func (s *streams) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.open.Add(1)
	return true
}

func (s *streams) leave() { s.open.Done() }

func (s *streams) stop(ctx context.Context) error {
	s.mu.Lock()
	if !s.stopped {
		s.stopped = true
		close(s.closing)
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.open.Wait(); close(done) }() // ends with the last stream, each of which has a write deadline
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
