package sip

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrRingTimeout is returned by Dial when nobody answered within DialOptions.RingTimeout.
	ErrRingTimeout = errors.New("no answer within the ring timeout")
	// ErrCapacity is returned by Dial when Options.MaxCalls legs are open.
	ErrCapacity = errors.New("maximum number of calls reached")
	// ErrStopped is returned when the server is not started, or is stopping.
	ErrStopped = errors.New("sip server is stopped")
	// ErrEnded is returned by a method of a leg that has ended, for instance because the caller cancelled.
	ErrEnded = errors.New("leg has ended")
	// ErrState is returned by a method of a leg that does not fit its state, for instance Answer on an answered leg.
	ErrState = errors.New("not possible in this state of the leg")
	// ErrNoACK is returned by Answer when the caller never acknowledged the answer.
	ErrNoACK = errors.New("answer was not acknowledged")
	// ErrTransport is returned by Dial for a transport the server does not listen on.
	ErrTransport = errors.New("transport is not configured")
	// ErrInvalid is returned for a destination, identity or header that cannot be put into a SIP message.
	ErrInvalid = errors.New("invalid")
)

// StatusError is a final response other than 2xx to an INVITE that Dial sent.
type StatusError struct {
	Code       int           // the SIP status, 300 to 699
	Reason     string        // the reason phrase as the peer wrote it, for people to read
	Q850       int           // the ISDN cause of the Reason header (RFC 3326), 0 if there is none
	RetryAfter time.Duration // of the Retry-After header, 0 if there is none
}

// Error returns the status as one line.
func (e *StatusError) Error() string {
	if e.Q850 != 0 {
		return fmt.Sprintf("refused with %d %s (Q.850 cause %d)", e.Code, e.Reason, e.Q850)
	}
	return fmt.Sprintf("refused with %d %s", e.Code, e.Reason)
}

// Party says which side ended a leg.
type Party string

// The sides that can end a leg.
const (
	ByLocal  Party = "local"  // this daemon's decision: Hangup or Reject
	ByRemote Party = "remote" // the peer: BYE, CANCEL or a refusal
	BySystem Party = "system" // neither: no ACK, a transport failure, a panic, shutdown
)

// Termination says how a leg ended.
type Termination struct {
	By   Party
	Code int    // the SIP status that ended an unanswered leg (487 after CANCEL); 200 for an answered one; 408 when the peer fell silent
	Q850 int    // the ISDN cause of the peer's Reason header (RFC 3326), 0 if there is none
	Text string // one line for people
}
