package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/operatord/operatord/conversation"
)

// requestTimeout bounds the work behind one operation. Streams are not operations in this sense.
const requestTimeout = 15 * time.Second

// retryAfter is what a client is told to wait when a part of the daemon is not available.
const retryAfter = 5 * time.Second

// statusOf maps an error of the domain to an HTTP status; this is the only place that does. Anything it does not know is
// a fault of ours.
func statusOf(err error) int {
	switch {
	case errors.Is(err, conversation.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, conversation.ErrConflict), errors.Is(err, conversation.ErrTransition):
		return http.StatusConflict
	case errors.Is(err, conversation.ErrInvalid):
		return http.StatusUnprocessableEntity
	case errors.Is(err, conversation.ErrUnavailable):
		return http.StatusServiceUnavailable
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// problem turns err into what the client sees. A fault of ours is logged in full and shown as an internal error.
func (s *Server) problem(operation string, err error) error {
	if _, ok := errors.AsType[huma.StatusError](err); ok {
		return err
	}
	status := statusOf(err)
	switch status {
	case http.StatusInternalServerError:
		s.log.Error("operation failed", "operation", operation, "err", err)
		return huma.NewError(status, "internal error")
	case http.StatusGatewayTimeout:
		s.log.Warn("operation took too long", "operation", operation, "err", err)
		return huma.NewError(status, "the daemon took too long to answer")
	case http.StatusServiceUnavailable:
		return huma.ErrorWithHeaders(huma.NewError(status, err.Error()), http.Header{"Retry-After": {retryAfterValue()}})
	}
	return huma.NewError(status, err.Error())
}

func retryAfterValue() string { return strconv.Itoa(int(retryAfter.Seconds())) }

// register adds an operation whose errors are domain errors and whose work is bounded in time.
func register[I, O any](s *Server, api huma.API, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.problem(op.OperationID, err)
		}
		return out, nil
	})
}

// writeProblem answers a request outside of an operation with problem details.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	writeJSON(w, status, "application/problem+json", huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail})
}

// writeJSON answers a request outside of an operation.
func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(data) // a client that has gone is no concern of ours
}

// problems serves mux and gives its plain text answers to unknown paths and methods the form of every other error.
func problems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fallback, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		refusal := refusal{header: w.Header()}
		fallback.ServeHTTP(&refusal, r)
		if refusal.status == http.StatusMethodNotAllowed {
			writeProblem(w, refusal.status, "this resource allows "+strings.Join(w.Header().Values("Allow"), ", "))
			return
		}
		writeProblem(w, http.StatusNotFound, "there is no such resource; /docs lists what there is")
	})
}

// refusal is a response writer that keeps the headers and the status and drops the text.
type refusal struct {
	header http.Header
	status int
}

func (r *refusal) Header() http.Header         { return r.header }
func (r *refusal) WriteHeader(status int)      { r.status = status }
func (r *refusal) Write(p []byte) (int, error) { return len(p), nil }
