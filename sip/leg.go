package sip

import (
	"context"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/media/sdp"
)

// Identity is one side of a call as its SIP header names it.
type Identity struct {
	URI         string // such as "sip:+15550100@example.com", without parameters
	User        string // the user part, usually a telephone number
	DisplayName string
}

// Leg is one dialog of a call. All methods are safe for concurrent use.
//
//	ringing ──Answer──▶ answered ──ACK──▶ confirmed ──BYE──▶ ended
//	   └──────CANCEL, Reject──────────────────────────────────▲
//
// A leg that Dial returns is confirmed. Its media session stays open until the leg has ended.
type Leg struct {
	server   *Server
	dialog   *dialog
	log      *slog.Logger
	inbound  bool
	from, to Identity
	request  *sipmsg.Request // the INVITE; read only
	creds    credentials     // of an outbound leg, for requests that are challenged later
	session  *media.Session
	done     chan struct{} // closed when the leg has ended
	settled  chan struct{} // closed by settle: the INVITE of an inbound leg needs its transaction no more
	settle   func()
	cancel   func()                   // cancels the handler's context
	peers    []netip.Addr             // addresses that requests of this leg went to; guarded by Server.mu
	invite   sipmsg.ServerTransaction // of an inbound leg

	negotiation chan struct{}   // holds the token of the one offer/answer exchange at a time; see negotiate
	negotiator  *sdp.Negotiator // guarded by negotiation
	answer      []byte          // to the offer of an inbound INVITE, nil if that had none; set before the handler runs
	agreed      media.Negotiated

	mu     sync.Mutex
	state  legState
	ending bool // the leg's end is decided; term holds it
	term   Termination
	acks   map[uint32]chan *sipmsg.Request // who waits for the ACK of which INVITE; each channel holds one
	hold   bool
}

type legState uint8

const (
	stateRinging   legState = iota // the INVITE has no final response
	stateAnswered                  // 2xx sent, no ACK yet
	stateConfirmed                 // ACK sent or received
	stateRejected                  // final response other than 2xx
)

// Inbound reports whether the peer called us.
func (l *Leg) Inbound() bool { return l.inbound }

// SIPCallID returns the Call-ID header.
func (l *Leg) SIPCallID() string { return l.dialog.callID }

// From returns the caller.
func (l *Leg) From() Identity { return l.from }

// To returns the called party.
func (l *Leg) To() Identity { return l.to }

// RequestURI returns the URI that the INVITE was sent to. Behind some trunks it, not To, holds the number dialled.
func (l *Leg) RequestURI() Identity { return identity("", &l.request.Recipient) }

// Remote returns the address that the peer's last message came from.
func (l *Leg) Remote() netip.AddrPort { return l.dialog.peer() }

// Transport returns "udp" or "tcp".
func (l *Leg) Transport() string { return l.dialog.transport }

// Header returns the first value of a header field of the INVITE, or "".
func (l *Leg) Header(name string) string { return headerValue(l.request, name) }

// Stream returns the audio of the leg. It is never nil, silent until the leg is answered, and closed by the leg itself.
func (l *Leg) Stream() media.Stream { return l.session }

// Held reports whether the peer has put us on hold.
func (l *Leg) Held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hold
}

// Done is closed when the leg has ended.
func (l *Leg) Done() <-chan struct{} { return l.done }

// End says how the leg ended. It is the zero value before Done is closed.
func (l *Leg) End() Termination {
	select {
	case <-l.done:
	default:
		return Termination{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.term
}

// Hangup ends the leg: with BYE when it is answered, otherwise with 480. It returns when the leg has ended, which is
// when the peer has answered the BYE (whatever it says) or Options.ByeTimeout has passed. When ctx ends before that,
// Hangup returns its error, and the leg ends without it. Hanging up a leg that has ended, or is about to, waits for
// its end and returns nil.
func (l *Leg) Hangup(ctx context.Context) error {
	return l.hangup(ctx,
		Termination{By: ByLocal, Code: sipmsg.StatusTemporarilyUnavailable, Text: "Temporarily Unavailable"},
		Termination{By: ByLocal, Code: sipmsg.StatusOK, Text: "hung up"})
}

// shutdown ends the leg because the server stops.
func (l *Leg) shutdown(ctx context.Context) error {
	return l.hangup(ctx,
		Termination{By: BySystem, Code: sipmsg.StatusServiceUnavailable, Text: "Service Unavailable"},
		Termination{By: BySystem, Code: sipmsg.StatusOK, Text: "shutting down"})
}

// hangup ends the leg as refusal says if it is not answered, otherwise as t says.
func (l *Leg) hangup(ctx context.Context, refusal, t Termination) error {
	if l.inbound && l.refuse(refusal) == nil {
		return nil
	}
	if l.decide(t) {
		l.server.background(func() { l.bye(ctx) })
	}
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// bye sends BYE and ends the leg with any final response, or none. The peer must learn that the call is over even if
// our caller has lost interest, so ctx only lends its values.
func (l *Leg) bye(ctx context.Context) {
	defer l.finish()
	if l.inbound {
		// Not before the ACK (RFC 3261 section 15), but a peer that owes it to us cannot hold up the end for long.
		select {
		case <-l.settled:
		case <-time.After(l.server.opt.ByeTimeout):
		}
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.server.opt.ByeTimeout)
	defer cancel()
	if res, err := l.server.do(bounded, l, l.dialog.request(sipmsg.BYE)); err != nil {
		l.log.Debug("BYE got no answer", "err", err)
	} else if res.StatusCode != sipmsg.StatusOK {
		l.log.Debug("BYE was refused", "code", res.StatusCode)
	}
}

// refuse ends an inbound leg that has no final response yet with one.
func (l *Leg) refuse(t Termination) error {
	l.mu.Lock()
	switch {
	case l.ending:
		l.mu.Unlock()
		return ErrEnded
	case l.state != stateRinging || !l.inbound:
		l.mu.Unlock()
		return ErrState
	}
	l.ending, l.term, l.state = true, t, stateRejected
	l.mu.Unlock()

	defer l.finish()
	defer l.settle()
	res := l.server.response(l.request, t.Code, t.Text, l.dialog.localTag)
	if t.Code == sipmsg.StatusServiceUnavailable {
		res.AppendHeader(sipmsg.NewHeader("Retry-After", strconv.Itoa(retryAfterBusy)))
	}
	l.server.send(l.invite, l.request, res)
	return nil
}

// early reports whether the INVITE has no final response.
func (l *Leg) early() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == stateRinging
}

// decide records how the leg ends, unless that is decided already. The winner calls finish.
func (l *Leg) decide(t Termination) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending {
		return false
	}
	l.ending, l.term = true, t
	return true
}

// finish ends the leg after decide. It is called once.
func (l *Leg) finish() {
	l.server.forget(l)
	l.settle()
	l.cancel()
	close(l.done)
	if err := l.session.Close(); err != nil {
		l.log.Debug("close media session", "err", err)
	}
}

// end ends the leg unless its end is decided already.
func (l *Leg) end(t Termination) {
	if l.decide(t) {
		l.finish()
	}
}

// expectACK returns the channel on which the ACK of the INVITE with sequence number seq arrives. forgetACK undoes it.
func (l *Leg) expectACK(seq uint32) <-chan *sipmsg.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	ch := make(chan *sipmsg.Request, 1)
	if l.acks == nil {
		l.acks = map[uint32]chan *sipmsg.Request{}
	}
	l.acks[seq] = ch
	return ch
}

func (l *Leg) forgetACK(seq uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.acks, seq)
}

// receiveACK hands an ACK to whoever waits for it. A repeated one is dropped.
func (l *Leg) receiveACK(req *sipmsg.Request) {
	l.mu.Lock()
	ch := l.acks[req.CSeq().SeqNo]
	l.mu.Unlock()
	if ch == nil {
		return
	}
	select {
	case ch <- req:
	default:
	}
}

// identity returns what a header says about one side.
func identity(name string, uri *sipmsg.Uri) Identity {
	return Identity{URI: uri.Addr(), User: uri.User, DisplayName: name}
}
