package webrtc

import "errors"

var (
	// ErrEnded is returned by a method of a leg that has ended, for instance because the browser went away.
	ErrEnded = errors.New("leg has ended")
	// ErrState is returned by a method of a leg that does not fit its state, for instance Answer on an answered leg.
	ErrState = errors.New("not possible in this state of the leg")
	// ErrConnect is returned by Answer when no media path came up within Options.ConnectTimeout.
	ErrConnect = errors.New("no media path to the browser")
	// ErrStopped is returned by Start on a server that has been started or stopped before.
	ErrStopped = errors.New("webrtc server is stopped")

	errMalformed   = errors.New("malformed session description")
	errUnsupported = errors.New("unsupported session description")
	errCapacity    = errors.New("maximum number of sessions reached")
	errTrickle     = errors.New("malformed trickle ICE fragment")
	errRestart     = errors.New("ICE restart is not supported")
)

// Party says which side ended a leg.
type Party string

// The sides that can end a leg.
const (
	ByLocal  Party = "local"  // this daemon's decision: Hangup or Reject
	ByRemote Party = "remote" // the browser: DELETE, a closed connection, or a POST given up
	BySystem Party = "system" // neither: no media path, a fault, shutdown
)

// Termination says how a leg ended.
type Termination struct {
	By Party
	// Code is the SIP status that says the same: 200 for an answered leg, 408 when its media path was lost or never came
	// up, otherwise why it was not answered.
	Code int
	Q850 int    // always 0: WebRTC has no ISDN cause
	Text string // one line for people
}
