package webrtc

import (
	"context"
	"fmt"
	"sync"
	"time"

	pion "github.com/pion/webrtc/v4"

	"github.com/operatord/operatord/media"
)

// SIP status codes that a Termination uses.
const (
	codeOK          = 200
	codeTimeout     = 408
	codeUnavailable = 480
	codeCancelled   = 487
	codeInternal    = 500
	codeStopping    = 503
)

// Leg is one browser: an offer and, once answered, its peer connection. It is safe for concurrent use.
type Leg struct {
	id, from, to, remote string

	peer           *peer
	connectTimeout time.Duration

	answer    chan string   // capacity 1, gets one answer at most, read by the waiting POST; never closed
	connected chan struct{} // closed by watch when media can flow
	ending    chan struct{} // closed by finish
	done      chan struct{} // closed by watch when everything of the leg has ended

	mu    sync.Mutex
	phase phase
	end   Termination
}

type phase uint8

const (
	offered phase = iota
	answered
	ended
)

// ID returns the session ID, the last part of the session's URL. It is a secret of the browser and this daemon.
func (l *Leg) ID() string { return l.id }

// From returns who calls, as the browser says: the query parameter "from" of its request.
func (l *Leg) From() string { return l.from }

// To returns whom the browser wants to reach: the query parameter "to" of its request.
func (l *Leg) To() string { return l.to }

// Remote returns the address the browser's HTTP request came from.
func (l *Leg) Remote() string { return l.remote }

// Stream returns the leg's audio. It is silent before the answer and after the end.
func (l *Leg) Stream() media.Stream { return l.peer.audio }

// Done is closed when the leg has ended and its media path is closed.
func (l *Leg) Done() <-chan struct{} { return l.done }

// End returns how the leg ended. It is the zero value before the leg is about to end.
func (l *Leg) End() Termination {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

// Ring does nothing: WHIP has no provisional answer. It is there so that legs of all kinds can be handled alike.
func (l *Leg) Ring(context.Context) error { return nil }

// Answer accepts the offer and returns when media can flow. It returns ErrEnded if the browser gave up first, ErrState
// on a leg that was answered before, and ErrConnect if no media path came up in time. After any error but ErrState the
// leg has ended.
func (l *Leg) Answer(ctx context.Context) error {
	if err := l.advance(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.connectTimeout, ErrConnect)
	defer cancel()
	description, err := l.peer.answer(ctx)
	if err != nil {
		l.finish(Termination{By: BySystem, Code: codeInternal, Text: "the offer could not be answered"})
		return fmt.Errorf("answer offer: %w", err)
	}
	l.answer <- description
	select {
	case <-l.connected:
		return nil
	case <-l.ending:
		return fmt.Errorf("%w: %s", ErrEnded, l.End().Text)
	case <-ctx.Done():
		cause := context.Cause(ctx)
		if !l.finish(Termination{By: BySystem, Code: codeTimeout, Text: cause.Error()}) {
			return fmt.Errorf("%w: %s", ErrEnded, l.End().Text)
		}
		return fmt.Errorf("connect media: %w", cause)
	}
}

// advance moves the leg from offered to answered.
func (l *Leg) advance() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.phase {
	case offered:
		l.phase = answered
		return nil
	case ended:
		return ErrEnded
	default:
		return ErrState
	}
}

// Reject refuses the offer with a SIP status code, which the browser gets as its nearest HTTP status, and returns when
// the leg has ended. It returns ErrState if the leg was answered and ErrEnded if it has ended before.
func (l *Leg) Reject(ctx context.Context, code int, reason string) error {
	l.mu.Lock()
	was := l.phase
	l.mu.Unlock()
	if was == answered {
		return ErrState
	}
	if !l.finish(Termination{By: ByLocal, Code: code, Text: reason}) {
		return ErrEnded
	}
	return l.wait(ctx)
}

// Hangup ends the leg in whatever state it is and returns when it has ended. It may be called more than once.
func (l *Leg) Hangup(ctx context.Context) error {
	l.finish(Termination{By: ByLocal, Code: codeUnavailable, Text: "hung up"})
	return l.wait(ctx)
}

func (l *Leg) wait(ctx context.Context) error {
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for leg to end: %w", ctx.Err())
	}
}

// finish starts the end of the leg and returns false if it was ending already. The code of t is for an unanswered leg; an
// answered one ends with 200 unless its media path was lost.
func (l *Leg) finish(t Termination) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.phase == ended {
		return false
	}
	if l.phase == answered && t.Code != codeTimeout && t.Code != codeInternal {
		t.Code = codeOK
	}
	l.phase, l.end = ended, t
	close(l.ending)
	return true
}

// watch follows the peer connection until the leg ends, closes it and reports the end.
func (l *Leg) watch() {
	defer close(l.done)
	up := false
	for {
		select {
		case <-l.ending:
			l.peer.close()
			return
		case state := <-l.peer.states:
			switch state {
			case pion.PeerConnectionStateConnected:
				if !up {
					close(l.connected)
				}
				up = true
			case pion.PeerConnectionStateFailed:
				l.finish(Termination{By: BySystem, Code: codeTimeout, Text: "the media path to the browser was lost"})
			case pion.PeerConnectionStateClosed:
				l.finish(Termination{By: ByRemote, Code: codeCancelled, Text: "the browser closed the connection"})
			default:
			}
		}
	}
}
