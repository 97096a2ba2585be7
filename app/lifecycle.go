package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// step is one part that was started, with what stops it.
type step struct {
	name string
	stop func(context.Context) error
}

// lifecycle stops what was started, last first. Background tasks belong to it: each has a step that cancels and awaits it.
type lifecycle struct {
	log   *slog.Logger
	steps []step
	// failed receives the error of a background task that ended before it was stopped; capacity 1, never closed, further
	// errors are logged only.
	failed chan error
}

func newLifecycle(log *slog.Logger) *lifecycle {
	return &lifecycle{log: log, failed: make(chan error, 1)}
}

// onStop adds a step. It is not safe for concurrent use: only Start adds steps.
func (l *lifecycle) onStop(name string, stop func(context.Context) error) {
	l.steps = append(l.steps, step{name: name, stop: stop})
}

// background runs a task until it is stopped in its turn, not when ctx ends. A task that ends with an error before that
// fails the daemon.
func (l *lifecycle) background(ctx context.Context, name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() {
		err := run(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		select {
		case l.failed <- fmt.Errorf("%s: %w", name, err):
		default:
			l.log.Error("background task failed", "task", name, "err", err)
		}
	})
	l.onStop(name, func(stopCtx context.Context) error {
		cancel()
		return wait(stopCtx, done.Wait)
	})
}

// stop runs every step once, last first, whatever the earlier ones return, and joins their errors.
func (l *lifecycle) stop(ctx context.Context) error {
	var failures []error
	for len(l.steps) > 0 {
		last := l.steps[len(l.steps)-1]
		l.steps = l.steps[:len(l.steps)-1]
		started := time.Now()
		if err := last.stop(ctx); err != nil {
			failures = append(failures, fmt.Errorf("stop %s: %w", last.name, err))
		}
		l.log.Debug("stopped", "part", last.name, "took_ms", time.Since(started).Milliseconds())
	}
	return errors.Join(failures...)
}

// wait calls a function that blocks and returns when it has returned, or with ctx's error when that ends first.
func wait(ctx context.Context, blocking func()) error {
	done := make(chan struct{})
	go func() { // outlives wait only when the process is about to end anyway
		blocking()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
