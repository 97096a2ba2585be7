package store

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/operatord/operatord/conversation"
)

// rejects keeps what was not stored as it should be, for a person to look at: one JSON line each in a file that is made
// with the first one. It is safe for concurrent use.
type rejects struct {
	path  string
	limit int64 // bytes of the file; beyond it, rejects are logged and counted only
	log   *slog.Logger
	count *prometheus.CounterVec // by what: event, hook or record

	mu sync.Mutex
}

// event rejects an event that can never be stored. doc is nil if it cannot even be written as JSON.
func (r *rejects) event(ev conversation.Event, doc []byte, cause error) {
	r.log.Error("event rejected", "call_id", ev.ConversationID, "seq", ev.Seq, "type", ev.Type, "err", cause)
	r.keep("event", json.RawMessage(doc), cause)
}

// hook says that an event was stored without what its hooks would have done.
func (r *rejects) hook(ev conversation.Event, doc []byte, cause error) {
	r.log.Error("event stored without its hooks", "call_id", ev.ConversationID, "seq", ev.Seq, "type", ev.Type, "err", cause)
	r.keep("hook", json.RawMessage(doc), cause)
}

// record rejects a line of the spool that is no event.
func (r *rejects) record(line []byte, cause error) {
	r.log.Error("unreadable event in the spool", "err", cause, "bytes", len(line))
	r.keep("record", string(line), cause)
}

func (r *rejects) keep(what string, event any, cause error) {
	r.count.WithLabelValues(what).Inc()
	line, err := json.Marshal(map[string]any{"what": what, "cause": cause.Error(), "event": event})
	if err == nil {
		err = r.write(append(line, '\n'))
	}
	if err != nil {
		r.log.Error("rejected event not kept", "err", err)
	}
}

func (r *rejects) write(line []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	file, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // the line is written or reported by then
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size()+int64(len(line)) > r.limit {
		return fmt.Errorf("%s has reached its limit", r.path)
	}
	_, err = file.Write(line)
	return err
}
