// Package webrtc is the browser side of the daemon: a WHIP endpoint (RFC 9725) that turns an accepted offer into a [Leg].
//
// It owns the HTTP resource, the peer connections, their one UDP port and the end of a leg with its cause. It speaks Opus
// both ways and takes DTMF as telephone events. WHIP was made for ingestion; a leg here is a conversation, so an offer of
// "sendrecv" audio is answered in kind and the operator is heard in the browser.
//
// It does not know who may call, what is said or what is done with the audio: the HTTP middleware in front of it and the
// [Options.Handler] do.
package webrtc
