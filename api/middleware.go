package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"
)

// observed logs every request at debug level and turns a panic into an answer instead of a broken connection. The query is
// not logged: it may carry the token.
func (s *Server) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &recorder{ResponseWriter: w}
		defer func() {
			s.recovered(rec, r, recover())
			s.log.Debug("http request", "method", r.Method, "path", r.URL.Path, "status", rec.status, "bytes", rec.bytes,
				"duration", time.Since(began), "remote", r.RemoteAddr)
		}()
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(rec, r)
	})
}

// recovered handles the value of recover. http.ErrAbortHandler is how a handler asks for the connection to be dropped.
func (s *Server) recovered(rec *recorder, r *http.Request, cause any) {
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause) //nolint:forbidigo // net/http expects to see it
	}
	s.log.Error("http handler panicked", "method", r.Method, "path", r.URL.Path, "cause", cause, "stack", string(debug.Stack()))
	if rec.status == 0 {
		writeProblem(rec, http.StatusInternalServerError, "internal error")
	}
}

// recorder remembers the status and size of an answer. Unwrap keeps hijacking and flushing possible.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// authorized lets a request through if it carries the token and does not come from a page of another site. Without a
// token the checks of the page alone keep what is opened in the same browser from placing calls and reading transcripts.
func (s *Server) authorized(next http.Handler) http.Handler {
	sameSite := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if err := sameSite.Check(r); err != nil {
			writeProblem(w, http.StatusForbidden, "requests from pages of other sites are refused")
			return
		}
		if s.opts.Token == "" && !addressedDirectly(r.Host) {
			writeProblem(w, http.StatusMisdirectedRequest, "without an access token this daemon answers only to its address or to localhost")
			return
		}
		if !s.tokenMatches(r) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="operatord"`)
			writeProblem(w, http.StatusUnauthorized, "this daemon needs its access token as a bearer token")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// addressedDirectly reports whether a Host header names this machine by address or as localhost. A page that lets its own name
// resolve to our address (DNS rebinding) shows itself by that name.
func addressedDirectly(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || strings.EqualFold(host, "localhost")
}

// tokenMatches compares in constant time. The query parameter is for clients that cannot set headers: the browser's WebSocket and
// its audio element.
func (s *Server) tokenMatches(r *http.Request) bool {
	if s.opts.Token == "" {
		return true
	}
	given, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		given = r.URL.Query().Get("access_token")
	}
	want, got := sha256.Sum256([]byte(s.opts.Token)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
