// Package sip is the telephone side of the daemon: a SIP user agent (RFC 3261) over UDP and TCP that turns an accepted
// INVITE, or a call it places, into a [Leg].
//
// It owns transports, the admission of packets and calls, dialogs, offer/answer (RFC 3264) and the end of a call with
// its cause. Message parsing and transactions are sipgo's; dialogs are ours, because a dialog here must refresh its
// remote target, survive any number of provisional responses, acknowledge and end a call that was answered while it was
// being cancelled, and end whatever the peer answers to a BYE.
//
// It does not know who may call, what is said on a call or what is done with its audio: the [Options.Handler] it is
// given does, through a leg's media stream.
package sip
