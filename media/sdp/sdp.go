// Package sdp makes and reads the session descriptions of one audio stream over plain RTP: offers, answers (RFC 3264)
// and what both sides agreed on. It chooses by our preference, never offers what media cannot decode, and knows nothing
// of the dialog that carries the descriptions.
package sdp

import "errors"

var (
	// ErrMalformed is returned for a body that is not a session description.
	ErrMalformed = errors.New("malformed session description")
	// ErrNoCodec is returned when the two sides have no codec in common.
	ErrNoCodec = errors.New("no common codec")
	// ErrUnsupported is returned when no audio stream is offered, or only over a transport that is not supported (SRTP),
	// and when the far end's answer refuses the stream.
	ErrUnsupported = errors.New("unsupported session description")
)
