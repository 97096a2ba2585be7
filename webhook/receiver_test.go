package webhook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
)

const (
	secret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	oldSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

// receipt is one request that the receiver got.
type receipt struct {
	id    string
	event conversation.Event
	code  int
}

// receiver is a webhook endpoint over real HTTP. It checks the signature of every request with the library.
type receiver struct {
	*httptest.Server

	answer func(ev conversation.Event, attempt int, w http.ResponseWriter) // writes the response

	mu       sync.Mutex
	attempts map[string]int
	receipts []receipt
	problems []string
}

func newReceiver(t *testing.T, answer func(ev conversation.Event, attempt int, w http.ResponseWriter)) *receiver {
	t.Helper()
	r := &receiver{answer: answer, attempts: map[string]int{}}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(func() {
		r.Close()
		require.Empty(t, r.problems)
	})
	return r
}

func accept(_ conversation.Event, _ int, w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }

func (r *receiver) serve(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	var message struct {
		Type      conversation.EventType
		Timestamp time.Time
		Data      conversation.Event
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch verifier, verifierErr := standardwebhooks.NewWebhook(secret); {
	case verifierErr != nil || err != nil:
		r.problems = append(r.problems, "the request cannot be read")
	case verifier.Verify(body, request.Header) != nil:
		r.problems = append(r.problems, "the signature does not verify")
	case json.Unmarshal(body, &message) != nil:
		r.problems = append(r.problems, "the body is not JSON")
	case message.Type != message.Data.Type || !message.Timestamp.Equal(message.Data.At):
		r.problems = append(r.problems, "the envelope does not fit the event")
	case request.Method != http.MethodPost || request.Header.Get("Content-Type") != "application/json":
		r.problems = append(r.problems, "method or content type is wrong")
	}
	id := request.Header.Get("webhook-id")
	r.attempts[id]++
	recorder := &codeRecorder{ResponseWriter: w, code: http.StatusOK}
	r.answer(message.Data, r.attempts[id], recorder)
	r.receipts = append(r.receipts, receipt{id: id, event: message.Data, code: recorder.code})
}

type codeRecorder struct {
	http.ResponseWriter

	code int
}

func (c *codeRecorder) WriteHeader(code int) {
	c.code = code
	c.ResponseWriter.WriteHeader(code)
}

// got returns the requests so far.
func (r *receiver) got() []receipt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]receipt(nil), r.receipts...)
}

// seqs returns the sequence numbers of a conversation's events in the order of the requests.
func (r *receiver) seqs(id conversation.ID) []int64 {
	var seqs []int64
	for _, receipt := range r.got() {
		if receipt.event.ConversationID == id {
			seqs = append(seqs, receipt.event.Seq)
		}
	}
	return seqs
}
