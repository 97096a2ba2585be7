package sip

import (
	"context"
	"fmt"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/media/sdp"
)

// refusal is a final response to an INVITE that never becomes a leg.
type refusal struct {
	code    int
	reason  string
	headers []string // pairs of name and value
}

// onInvite serves the INVITE of a new call until it has its final response, and that its ACK. The library ends the
// transaction when it returns. A re-INVITE goes to its leg.
func (s *Server) onInvite(calls context.Context, req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	if tag, _ := req.To().Params.Get("tag"); tag != "" {
		s.onReinvite(calls, req, tx)
		return
	}
	s.send(tx, req, s.response(req, sipmsg.StatusTrying, "Trying", ""))
	if r := s.checkInvite(req); r != nil {
		s.respond(tx, req, r.code, r.reason, r.headers...)
		return
	}
	key := mergeKey(req)
	if !s.openInvite(key) {
		s.respond(tx, req, sipmsg.StatusLoopDetected, "Loop Detected")
		return
	}
	defer s.closeInvite(key)

	ctx, cancel := context.WithCancel(calls)
	l, r := s.newInboundLeg(req, tx, cancel)
	if r != nil {
		cancel()
		s.respond(tx, req, r.code, r.reason, r.headers...)
		return
	}
	if !tx.OnCancel(l.onCancel) {
		l.end(Termination{By: ByRemote, Code: sipmsg.StatusRequestTerminated, Text: "cancelled"})
		return
	}
	s.background(func() { s.handleCall(ctx, l) })
	select {
	case <-l.settled:
	case <-tx.Done():
		// A transport failure or the end of the server; an accepted INVITE ends like this when its ACK never comes.
		if l.early() {
			l.end(Termination{By: BySystem, Code: sipmsg.StatusRequestTimeout, Text: "transaction ended"})
		}
	}
}

// handleCall runs the handler, and ends a leg that the handler leaves behind.
func (s *Server) handleCall(ctx context.Context, l *Leg) {
	defer func() {
		t := Termination{By: ByLocal, Code: sipmsg.StatusOK, Text: "handler returned"}
		if p := recover(); p != nil {
			l.log.Error("panic in the call handler", "panic", p, "stack", string(debug.Stack()))
			t = Termination{By: BySystem, Code: sipmsg.StatusInternalServerError, Text: "Server Internal Error"}
		}
		refused := Termination{By: t.By, Code: sipmsg.StatusInternalServerError, Text: "Server Internal Error"}
		_ = l.hangup(ctx, refused, t) // the leg ends by itself if ctx has ended
	}()
	if s.opt.Handler == nil {
		_ = l.refuse(Termination{By: ByLocal, Code: sipmsg.StatusNotFound, Text: "Not Found"})
		return
	}
	s.opt.Handler(ctx, l)
}

// checkInvite returns why an INVITE outside a dialog is refused, nil if it is not (RFC 3261 section 8.2).
func (s *Server) checkInvite(req *sipmsg.Request) *refusal {
	contact := req.Contact()
	switch {
	case !s.allowed(sourceOf(req).Addr()):
		return &refusal{code: sipmsg.StatusForbidden, reason: "Forbidden"}
	case s.full():
		return busy()
	case req.MaxForwards() != nil && req.MaxForwards().Val() == 0:
		return &refusal{code: sipmsg.StatusTooManyHops, reason: "Too Many Hops"}
	case unsupported(req) != "":
		return &refusal{code: sipmsg.StatusBadExtension, reason: "Bad Extension", headers: []string{"Unsupported", unsupported(req)}}
	case req.Recipient.Scheme != "sip" && req.Recipient.Scheme != "sips" && req.Recipient.Scheme != "tel":
		return &refusal{code: sipmsg.StatusRequestedRangeNotSatisfiable, reason: "Unsupported URI Scheme"}
	case contact == nil || contact.Address.Wildcard || contact.Address.Host == "":
		return &refusal{code: sipmsg.StatusBadRequest, reason: "Missing Contact"}
	}
	return checkBody(req)
}

// checkBody returns why the body of an INVITE or UPDATE cannot be a session description.
func checkBody(req *sipmsg.Request) *refusal {
	if len(req.Body()) == 0 {
		return nil
	}
	encoding := headerValue(req, "Content-Encoding")
	if encoding == "" {
		encoding = headerValue(req, "e")
	}
	if encoding != "" && !strings.EqualFold(encoding, "identity") {
		return &refusal{
			code: sipmsg.StatusUnsupportedMediaType, reason: "Unsupported Media Type",
			headers: []string{"Accept-Encoding", "identity"},
		}
	}
	if t := req.ContentType(); t == nil || mediaType(t.Value()) != contentSDP {
		return &refusal{
			code: sipmsg.StatusUnsupportedMediaType, reason: "Unsupported Media Type",
			headers: []string{"Accept", contentSDP},
		}
	}
	return nil
}

func busy() *refusal {
	return &refusal{
		code: sipmsg.StatusServiceUnavailable, reason: "Service Unavailable",
		headers: []string{"Retry-After", strconv.Itoa(retryAfterBusy)},
	}
}

// newInboundLeg makes a leg of an INVITE that passed the checks, with its media session and the answer to its offer.
// The leg calls cancel when it ends.
func (s *Server) newInboundLeg(req *sipmsg.Request, tx sipmsg.ServerTransaction, cancel func()) (*Leg, *refusal) {
	l := s.newLeg(newServerDialog(req), req)
	l.inbound, l.invite, l.cancel = true, tx, cancel
	if err := l.openMedia(); err != nil {
		s.log.Error("call refused for lack of media", "err", err)
		return nil, busy()
	}
	if len(req.Body()) > 0 {
		var err error
		if l.answer, l.agreed, err = l.negotiator.Answer(req.Body()); err != nil {
			_ = l.session.Close() // never started
			l.log.Info("call refused", "code", sipmsg.StatusNotAcceptableHere, "err", err)
			return nil, &refusal{code: sipmsg.StatusNotAcceptableHere, reason: "Not Acceptable Here"}
		}
	}
	if err := s.admit(l); err != nil {
		_ = l.session.Close() // never started
		return nil, busy()
	}
	return l, nil
}

// newLeg returns a leg that is not registered and has no media.
func (s *Server) newLeg(d *dialog, invite *sipmsg.Request) *Leg {
	l := &Leg{
		server: s, dialog: d, request: invite,
		log:  s.log.With("sip_call_id", d.callID),
		from: identity(invite.From().DisplayName, &invite.From().Address),
		to:   identity(invite.To().DisplayName, &invite.To().Address),
		done: make(chan struct{}), settled: make(chan struct{}), negotiation: make(chan struct{}, 1),
	}
	l.settle = sync.OnceFunc(func() { close(l.settled) })
	return l
}

// openMedia binds the RTP socket of the leg and prepares the negotiation.
func (l *Leg) openMedia() error {
	o := l.server.opt.Media
	session, err := media.NewSession(media.SessionOptions{BindIP: o.BindIP, Ports: o.Ports, Logger: l.log})
	if err != nil {
		return fmt.Errorf("open media session: %w", err)
	}
	l.session = session
	l.negotiator, err = sdp.NewNegotiator(sdp.Options{
		Addr:   netip.AddrPortFrom(o.AdvertisedIP, session.LocalAddr().Port()),
		Codecs: o.Codecs,
	})
	if err != nil {
		_ = session.Close() // never started
		return fmt.Errorf("prepare session description: %w", err)
	}
	return nil
}

// onCancel ends the leg when the caller cancels. The transaction, which calls it, sends the 487; it must not be used here.
func (l *Leg) onCancel(req *sipmsg.Request) {
	l.server.metrics.served(sipmsg.CANCEL, sipmsg.StatusOK)
	l.server.metrics.served(sipmsg.INVITE, sipmsg.StatusRequestTerminated)
	why := parseReason(req)
	if why.text == "" {
		why.text = "cancelled"
	}
	l.end(Termination{By: ByRemote, Code: sipmsg.StatusRequestTerminated, Q850: why.q850, Text: why.text})
}

// mergeKey identifies an INVITE however it reached us (RFC 3261 section 8.2.2.2).
func mergeKey(req *sipmsg.Request) string {
	tag, _ := req.From().Params.Get("tag")
	return req.CallID().Value() + "\n" + tag + "\n" + req.CSeq().Value()
}

// openInvite records an INVITE, and reports false if it is already being served on another path.
func (s *Server) openInvite(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.invites[key]; open {
		return false
	}
	s.invites[key] = struct{}{}
	return true
}

func (s *Server) closeInvite(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.invites, key)
}
