// Package sdp makes and reads the session descriptions of one audio stream: offers, answers (RFC 3264) and what both
// sides agreed on.
package sdp

import (
	"errors"
	"net/netip"

	"github.com/operatord/operatord/media"
)

var (
	// ErrMalformed is returned for a body that is not a session description.
	ErrMalformed = errors.New("malformed session description")
	// ErrNoCodec is returned when the two sides have no codec in common.
	ErrNoCodec = errors.New("no common codec")
	// ErrUnsupported is returned when no audio stream is offered, or only over a transport that is not supported (SRTP).
	ErrUnsupported = errors.New("unsupported session description")
)

// Options describes our side.
type Options struct {
	Addr   netip.AddrPort // address and port at which we receive, as the far end must see it
	Codecs []media.Codec  // the codecs we accept, best first; empty means media.Codecs
}

// Negotiator holds our side of the offer/answer exchanges of one dialog. It is not safe for concurrent use.
type Negotiator struct{}

// NewNegotiator returns a negotiator with a new session identifier.
func NewNegotiator(o Options) (*Negotiator, error) { return &Negotiator{}, nil }

// Offer returns an offer with the given direction of our side.
func (n *Negotiator) Offer(d media.Direction) ([]byte, error) { return nil, nil }

// Answer returns the answer to an offer and what it agrees on.
func (n *Negotiator) Answer(offer []byte) ([]byte, media.Negotiated, error) {
	return nil, media.Negotiated{}, nil
}

// ParseAnswer returns what the far end's answer to our last offer agrees on.
func (n *Negotiator) ParseAnswer(answer []byte) (media.Negotiated, error) {
	return media.Negotiated{}, nil
}
