package webrtc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	pion "github.com/pion/webrtc/v4"
)

const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"

	maxOffer    = 64 << 10 // bytes; an offer of a browser with every codec is below 10 KiB
	maxFragment = 16 << 10 // bytes of a trickle ICE fragment
	maxParty    = 256      // bytes of a "from" or "to"

	// etag names the one ICE session of a leg; it never changes, because ICE restarts are not supported.
	etag = `"1"`

	retryAfter = 5 // seconds a browser should wait when all sessions are taken
)

func (s *Server) newRoutes() *http.ServeMux {
	routes := http.NewServeMux()
	session := s.opts.Path + "/{session}"
	routes.HandleFunc("POST "+s.opts.Path, s.postOffer)
	routes.HandleFunc("OPTIONS "+s.opts.Path, s.options)
	routes.HandleFunc("PATCH "+session, s.patchSession)
	routes.HandleFunc("DELETE "+session, s.deleteSession)
	return routes
}

// ServeHTTP implements WHIP (RFC 9725): POST of an offer, PATCH and DELETE of a session, OPTIONS. Authentication is left
// to the handler in front of it. A POST may carry the query parameters "from" and "to".
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }

// options tells a browser what the endpoint takes (RFC 9725 section 4.2).
func (s *Server) options(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Accept-Post", typeSDP)
	w.Header().Set("Allow", "OPTIONS, POST")
	w.WriteHeader(http.StatusNoContent)
}

// postOffer takes an offer and returns when the leg was answered or refused (RFC 9725 section 4.2).
func (s *Server) postOffer(w http.ResponseWriter, r *http.Request) {
	leg, err := s.accept(w, r)
	if err != nil {
		s.metrics.offers.WithLabelValues("refused").Inc()
		s.refuse(w, err)
		return
	}
	timeout := time.NewTimer(s.opts.AnswerTimeout)
	defer timeout.Stop()
	select {
	case answer := <-leg.answer:
		s.metrics.offers.WithLabelValues("answered").Inc()
		w.Header().Set("Content-Type", typeSDP)
		w.Header().Set("Location", s.opts.Path+"/"+leg.id)
		w.Header().Set("ETag", etag)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, answer) // a browser that is gone is noticed by its silence
		return
	case <-leg.ending:
	case <-timeout.C:
		leg.finish(Termination{By: BySystem, Code: codeUnavailable, Text: "nobody answered"})
	case <-r.Context().Done():
		leg.finish(Termination{By: ByRemote, Code: codeCancelled, Text: "the browser gave up before the answer"})
	}
	s.metrics.offers.WithLabelValues("refused").Inc()
	end := leg.End()
	http.Error(w, end.Text, httpStatus(end.Code))
}

// accept reads the offer and hands its leg to the handler.
func (s *Server) accept(w http.ResponseWriter, r *http.Request) (*Leg, error) {
	offer, err := readBody(w, r, typeSDP, maxOffer)
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	leg := &Leg{
		id: rand.Text(), from: query.Get("from"), to: query.Get("to"), remote: r.RemoteAddr,
		connectTimeout: s.opts.ConnectTimeout,
		answer:         make(chan string, 1), connected: make(chan struct{}),
		ending: make(chan struct{}), done: make(chan struct{}),
	}
	if !validParty(leg.from) || !validParty(leg.to) {
		return nil, &httpError{http.StatusBadRequest, "from or to is not a name or number"}
	}
	if err := s.open(context.WithoutCancel(r.Context()), leg, offer); err != nil {
		return nil, err
	}
	return leg, nil
}

// open makes the leg's peer within the limit of sessions and starts the leg's goroutines.
func (s *Server) open(ctx context.Context, leg *Leg, offer string) error {
	api, err := s.reserve(leg.id)
	if err != nil {
		return err
	}
	defer s.running.Done()
	if leg.peer, err = newPeer(api, offer, s.log); err != nil {
		s.remove(leg)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[leg.id] = leg
	s.metrics.legs.Inc()
	ctx, cancel := context.WithCancel(ctx)
	s.running.Go(func() {
		defer cancel()
		leg.watch()
		s.metrics.legs.Dec()
		s.remove(leg)
	})
	s.running.Go(func() {
		s.opts.Handler(ctx, leg)
		_ = leg.Hangup(context.WithoutCancel(ctx)) // fails only with its context
	})
	if s.state != serverStarted {
		leg.finish(Termination{By: BySystem, Code: codeStopping, Text: "the daemon is stopping"})
	}
	return nil
}

// reserve takes one of the sessions, counts the caller as running and returns the engine for the peer connection.
func (s *Server) reserve(id string) (*pion.API, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != serverStarted || len(s.sessions) >= s.opts.MaxSessions {
		return nil, errCapacity
	}
	s.sessions[id] = nil
	s.running.Add(1)
	return s.api, nil
}

func (s *Server) remove(leg *Leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, leg.id)
}

// leg returns the leg of a request's session, or nil if there is none.
func (s *Server) leg(r *http.Request) *Leg {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[r.PathValue("session")]
}

// deleteSession ends a leg as the browser wishes (RFC 9725 section 4.2).
func (s *Server) deleteSession(w http.ResponseWriter, r *http.Request) {
	leg := s.leg(r)
	if leg == nil {
		http.NotFound(w, r)
		return
	}
	leg.finish(Termination{By: ByRemote, Code: codeCancelled, Text: "the browser hung up"})
	w.WriteHeader(http.StatusOK)
}

// patchSession takes further candidates of the browser (RFC 9725 section 4.3.1).
func (s *Server) patchSession(w http.ResponseWriter, r *http.Request) {
	leg := s.leg(r)
	if leg == nil {
		http.NotFound(w, r)
		return
	}
	body, err := readBody(w, r, typeFragment, maxFragment)
	if err == nil {
		err = checkTag(r.Header.Get("If-Match"))
	}
	if err == nil {
		err = leg.trickle(body)
	}
	if err != nil {
		s.refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// checkTag compares the entity tag of a PATCH. "*" asks for an ICE restart (RFC 9725 section 4.3.3).
func checkTag(tag string) error {
	switch tag {
	case etag:
		return nil
	case "":
		return &httpError{http.StatusPreconditionRequired, "If-Match with the session's ETag is required"}
	case "*":
		return errRestart
	}
	return &httpError{http.StatusPreconditionFailed, "If-Match is not the session's ETag"}
}

// httpError is an answer that only HTTP knows.
type httpError struct {
	status int
	text   string
}

func (e *httpError) Error() string { return strconv.Itoa(e.status) + " " + e.text }

// readBody returns the body of a request that has the given media type and size.
func readBody(w http.ResponseWriter, r *http.Request, want string, limit int64) (string, error) {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || got != want {
		return "", &httpError{http.StatusUnsupportedMediaType, "the body must be " + want}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return "", &httpError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit)}
	}
	if err != nil {
		return "", &httpError{http.StatusBadRequest, "the body could not be read"}
	}
	return string(body), nil
}

func validParty(s string) bool {
	if len(s) > maxParty || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// refuse answers a request that did not come to be a leg or was not right for one.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	status, text := http.StatusInternalServerError, "internal error"
	specific, ok := errors.AsType[*httpError](err)
	switch {
	case ok:
		status, text = specific.status, specific.text
	case errors.Is(err, errMalformed), errors.Is(err, errTrickle):
		status, text = http.StatusBadRequest, err.Error()
	case errors.Is(err, errUnsupported), errors.Is(err, errRestart):
		status, text = http.StatusUnprocessableEntity, err.Error()
	case errors.Is(err, errCapacity):
		status, text = http.StatusServiceUnavailable, err.Error()
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	default:
		s.log.Error("WHIP request failed", "err", err)
	}
	http.Error(w, text, status)
}

// httpStatus returns the HTTP status that comes nearest to a SIP status with which a leg was refused.
func httpStatus(code int) int {
	switch {
	case code == codeTimeout:
		return http.StatusGatewayTimeout
	case slices.Contains([]int{codeOK, 480, 486, 487, 600}, code): // busy, unavailable, or ended while being answered
		return http.StatusServiceUnavailable
	case slices.Contains([]int{484, 604}, code): // the number is incomplete or exists nowhere
		return http.StatusNotFound
	case slices.Contains([]int{488, 606}, code): // the media is not acceptable
		return http.StatusUnprocessableEntity
	case code >= 600:
		return http.StatusForbidden
	case code >= 400 && http.StatusText(code) != "":
		return code
	}
	return http.StatusInternalServerError
}
