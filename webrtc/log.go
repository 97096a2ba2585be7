package webrtc

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// logFactory gives pion loggers that write to ours. What pion warns of is mostly what peers do wrong, so it is no more
// than debugging material; faults of a leg are reported by the leg.
type logFactory struct{ log *slog.Logger }

func (f logFactory) NewLogger(scope string) logging.LeveledLogger {
	return pionLogger{f.log.With("scope", scope)}
}

type pionLogger struct{ log *slog.Logger }

func (l pionLogger) write(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("pion", "message", fmt.Sprintf(format, args...))
	}
}

func (l pionLogger) Trace(string)          {}
func (l pionLogger) Tracef(string, ...any) {}
func (l pionLogger) Debug(string)          {}
func (l pionLogger) Debugf(string, ...any) {}
func (l pionLogger) Info(string)           {}
func (l pionLogger) Infof(string, ...any)  {}

func (l pionLogger) Warn(message string)               { l.write("%s", message) }
func (l pionLogger) Warnf(format string, args ...any)  { l.write(format, args...) }
func (l pionLogger) Error(message string)              { l.write("%s", message) }
func (l pionLogger) Errorf(format string, args ...any) { l.write(format, args...) }
