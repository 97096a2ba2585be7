package jobs

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// quietHandler passes on River's log at levels that suit the daemon's: what River finds informative is for debugging,
// and its errors concern one job or one poll, which is tried again. While the database is away every poll fails: the same
// complaint is a warning once in a while, and for debugging otherwise.
type quietHandler struct {
	next   slog.Handler
	warned *warnings
}

// warnEvery is how often the same complaint is a warning.
const warnEvery = time.Minute

// warnings remember when what was last warned of. They are safe for concurrent use.
type warnings struct {
	mu   sync.Mutex
	last map[string]time.Time // by message; River has some dozens
}

func newQuietHandler(next slog.Handler) *quietHandler {
	return &quietHandler{next: next, warned: &warnings{last: map[string]time.Time{}}}
}

// due reports whether it is time to warn of something again.
func (w *warnings) due(message string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last, known := w.last[message]; known && now.Sub(last) < warnEvery {
		return false
	}
	w.last[message] = now
	return true
}

func quiet(level slog.Level) slog.Level {
	switch {
	case level >= slog.LevelWarn:
		return slog.LevelWarn
	default:
		return slog.LevelDebug
	}
}

func (h *quietHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, quiet(level))
}

func (h *quietHandler) Handle(ctx context.Context, record slog.Record) error {
	record.Level = quiet(record.Level)
	if record.Level == slog.LevelWarn && !h.warned.due(record.Message, record.Time) {
		record.Level = slog.LevelDebug
	}
	if !h.next.Enabled(ctx, record.Level) {
		return nil
	}
	return h.next.Handle(ctx, record)
}

func (h *quietHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &quietHandler{h.next.WithAttrs(attrs), h.warned}
}

func (h *quietHandler) WithGroup(name string) slog.Handler {
	return &quietHandler{h.next.WithGroup(name), h.warned}
}
