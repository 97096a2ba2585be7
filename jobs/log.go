package jobs

import (
	"context"
	"log/slog"
)

// quietHandler passes on River's log at levels that suit the daemon's: what River finds informative is for debugging,
// and its errors concern one job or one poll, which is tried again.
type quietHandler struct{ next slog.Handler }

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
	return h.next.Handle(ctx, record)
}

func (h *quietHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &quietHandler{h.next.WithAttrs(attrs)}
}

func (h *quietHandler) WithGroup(name string) slog.Handler {
	return &quietHandler{h.next.WithGroup(name)}
}
