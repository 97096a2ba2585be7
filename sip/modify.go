package sip

import (
	"context"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/operatord/operatord/media"
)

// onReinvite serves an INVITE within a dialog: hold, resume, another address or codec (RFC 3261 section 14.2). One
// without an offer, as session refreshes and gateways send it, gets ours and answers it in the ACK.
func (s *Server) onReinvite(calls context.Context, req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	l := s.modifiable(req, tx)
	if l == nil {
		return
	}
	finished, err := l.negotiate()
	if err != nil {
		s.respond(tx, req, sipmsg.StatusRequestPending, "Request Pending")
		return
	}
	defer finished()
	body, err := l.renegotiate(req.Body())
	if err != nil {
		l.log.Debug("offer refused", "err", err)
		s.respond(tx, req, sipmsg.StatusNotAcceptableHere, "Not Acceptable Here")
		return
	}
	res := s.response(req, sipmsg.StatusOK, "OK", "")
	s.withContact(res, l.dialog.transport)
	withSDP(res, body)
	ack, err := l.respondUntilACK(calls, tx, req, res) // bounded by the ACK timeout and the end of the leg
	if err == nil && len(req.Body()) == 0 {
		err = l.applyAnswer(ack.Body())
	}
	if err != nil {
		_ = l.fail(calls, err) // has ended the leg; there is nobody to tell
	}
}

// onUpdate serves UPDATE within a dialog (RFC 3311): a new offer, or a refresh without one.
func (s *Server) onUpdate(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	l := s.modifiable(req, tx)
	if l == nil {
		return
	}
	res := s.response(req, sipmsg.StatusOK, "OK", "")
	s.withContact(res, l.dialog.transport)
	if len(req.Body()) > 0 {
		finished, err := l.negotiate()
		if err != nil {
			s.respond(tx, req, sipmsg.StatusRequestPending, "Request Pending")
			return
		}
		defer finished()
		body, err := l.renegotiate(req.Body())
		if err != nil {
			l.log.Debug("offer refused", "err", err)
			s.respond(tx, req, sipmsg.StatusNotAcceptableHere, "Not Acceptable Here")
			return
		}
		withSDP(res, body)
	}
	s.send(tx, req, res)
}

// modifiable returns the leg that a re-INVITE or UPDATE belongs to, or answers it and returns nil.
func (s *Server) modifiable(req *sipmsg.Request, tx sipmsg.ServerTransaction) *Leg {
	l := s.inDialog(req, tx)
	if l == nil {
		return nil
	}
	if l.early() {
		s.respond(tx, req, sipmsg.StatusInternalServerError, "Not Answered Yet", "Retry-After", "3")
		return nil
	}
	if r := checkBody(req); r != nil {
		s.respond(tx, req, r.code, r.reason, r.headers...)
		return nil
	}
	return l
}

// renegotiate answers a later offer of the peer and applies it, or makes an offer if there is none. A refused
// offer leaves the session as it was (RFC 3261 section 14.2). It is for a caller of negotiate.
func (l *Leg) renegotiate(offer []byte) ([]byte, error) {
	if len(offer) == 0 {
		return l.negotiator.Offer(media.SendRecv)
	}
	body, agreed, err := l.negotiator.Answer(offer)
	if err != nil {
		return nil, err
	}
	return body, l.apply(agreed)
}
