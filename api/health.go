package api

import (
	"context"
	"net/http"
	"time"
)

// healthTimeout bounds a probe; a load balancer gives up about then.
const healthTimeout = 3 * time.Second

// describeSystem asks the daemon how it is, with empty lists rather than null.
func (s *Server) describeSystem(ctx context.Context) (System, error) {
	sys, err := s.opts.Health.System(ctx)
	if sys.Problems == nil {
		sys.Problems = []Problem{}
	}
	if sys.Models == nil {
		sys.Models = []Model{}
	}
	if sys.Addresses == nil {
		sys.Addresses = map[string]string{}
	}
	return sys, err
}

// healthz tells that the process answers; it never depends on anything else.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // a prober that has gone is no concern of ours
}

// readiness is the answer of /readyz.
type readiness struct {
	State    State     `json:"state"`
	Problems []Problem `json:"problems"`
}

// readyz tells whether everything works: 503 with the reasons while something does not, even if calls are still answered.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
	defer cancel()
	sys, err := s.describeSystem(ctx)
	if err != nil {
		s.log.Warn("readiness unknown", "err", err)
		sys.State, sys.Problems = StateDegraded, []Problem{{Part: "api", Message: "the daemon's state could not be determined"}}
	}
	status := http.StatusOK
	if sys.State != StateReady {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, status, "application/json", readiness{State: sys.State, Problems: sys.Problems})
}
