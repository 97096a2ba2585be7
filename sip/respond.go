package sip

import (
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// methods are those we serve, for the Allow header.
const methods = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE"

const contentSDP = "application/sdp"

// checkRequest returns what is wrong with a request that no handler should see, "" if nothing is (RFC 3261 sections
// 8.1.1 and 8.2). The parser lets much through.
func checkRequest(req *sipmsg.Request) string {
	switch {
	case req.SipVersion != "SIP/2.0":
		return "Bad SIP Version"
	case len(req.Recipient.Headers) > 0:
		return "Headers In Request-URI"
	case req.Via() == nil:
		return "Missing Via"
	case req.Via().Port > 65535:
		return "Bad Via Port"
	case req.MaxForwards() != nil && req.MaxForwards().Val() > 255:
		return "Bad Max-Forwards"
	case req.From() == nil:
		return "Missing From"
	case req.To() == nil:
		return "Missing To"
	case req.CallID() == nil || req.CallID().Value() == "":
		return "Missing Call-ID"
	case req.CSeq() == nil:
		return "Missing CSeq"
	case req.CSeq().MethodName != req.Method:
		return "CSeq Method Mismatch"
	}
	if tag, _ := req.From().Params.Get("tag"); tag == "" {
		return "Missing From Tag"
	}
	for _, name := range []string{"From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length"} {
		if len(req.GetHeaders(name)) > 1 {
			return "Repeated " + name
		}
	}
	return ""
}

// response builds a response to req. Tag is the To tag of our side, "" for a random one.
func (s *Server) response(req *sipmsg.Request, code int, reason, tag string) *sipmsg.Response {
	res := sipmsg.NewResponseFromRequest(req, code, reason, nil)
	if to := res.To(); tag != "" && to != nil && code > sipmsg.StatusTrying {
		to.Params.Add("tag", tag)
	}
	if s.opt.UserAgent != "" {
		res.AppendHeader(sipmsg.NewHeader("Server", s.opt.UserAgent))
	}
	return res
}

// respond answers a request outside of any dialog of ours. headers are pairs of name and value.
func (s *Server) respond(tx sipmsg.ServerTransaction, req *sipmsg.Request, code int, reason string, headers ...string) {
	res := s.response(req, code, reason, "")
	for i := 0; i+1 < len(headers); i += 2 {
		res.AppendHeader(sipmsg.NewHeader(headers[i], headers[i+1]))
	}
	s.send(tx, req, res)
}

// send sends a response and counts it. A response that cannot be sent is the peer's to miss: its retransmissions find
// the transaction.
func (s *Server) send(tx sipmsg.ServerTransaction, req *sipmsg.Request, res *sipmsg.Response) {
	if req.Method == sipmsg.ACK {
		return
	}
	if res.StatusCode >= sipmsg.StatusOK {
		s.metrics.served(req.Method, res.StatusCode)
	}
	if err := tx.Respond(res); err != nil {
		s.log.Debug("response was not sent", "method", methodLabel(req.Method), "code", res.StatusCode, "err", err)
	}
}

// withContact adds what a response that establishes or refreshes a dialog must say.
func (s *Server) withContact(res *sipmsg.Response, transport string) {
	if e := s.clients[transport]; e != nil {
		res.AppendHeader(sipmsg.HeaderClone(&e.contact))
	}
	res.AppendHeader(sipmsg.NewHeader("Allow", methods))
}

// withSDP sets the body of a message.
func withSDP(msg interface {
	AppendHeader(sipmsg.Header)
	SetBody([]byte)
}, body []byte,
) {
	msg.AppendHeader(sipmsg.NewHeader("Content-Type", contentSDP))
	msg.SetBody(body)
}

// unsupported returns the extensions that req requires. We support none.
func unsupported(req *sipmsg.Request) string { return strings.Join(headerList(req, "Require"), ", ") }

// onACK takes the ACK of a 2xx response. Others are the transaction layer's.
func (s *Server) onACK(req *sipmsg.Request, _ sipmsg.ServerTransaction) {
	if l := s.legOf(req); l != nil {
		l.receiveACK(req)
	}
}

// onBye ends a leg (RFC 3261 section 15.1.2).
func (s *Server) onBye(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	l := s.legOf(req)
	if l == nil {
		s.respond(tx, req, sipmsg.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	}
	l.dialog.accept(req)
	s.send(tx, req, s.response(req, sipmsg.StatusOK, "OK", ""))
	why := parseReason(req)
	text := why.text
	if text == "" {
		text = "hung up"
	}
	// The caller may end an early dialog with BYE instead of CANCEL; the INVITE still wants its response.
	early := Termination{By: ByRemote, Code: sipmsg.StatusRequestTerminated, Q850: why.q850, Text: "Request Terminated"}
	if l.inbound && l.refuse(early) == nil {
		return
	}
	l.settle()
	l.end(Termination{By: ByRemote, Code: sipmsg.StatusOK, Q850: why.q850, Text: text})
}

// onCancel answers a CANCEL whose INVITE is unknown; the transaction layer handles the others.
func (s *Server) onCancel(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	s.respond(tx, req, sipmsg.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
}

// onOptions tells what we can do (RFC 3261 section 11.2). Trunks use it to see whether we are alive.
func (s *Server) onOptions(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	headers := []string{"Allow", methods, "Accept", contentSDP, "Accept-Encoding", "identity", "Accept-Language", "en"}
	if s.draining() {
		s.respond(tx, req, sipmsg.StatusServiceUnavailable, "Service Unavailable", headers...)
		return
	}
	s.respond(tx, req, sipmsg.StatusOK, "OK", headers...)
}

// onInfo acknowledges INFO within a dialog. Digits arrive as RTP events (RFC 4733); peers that send them as INFO too
// must not see a failure.
func (s *Server) onInfo(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	if l := s.inDialog(req, tx); l != nil {
		s.send(tx, req, s.response(req, sipmsg.StatusOK, "OK", ""))
	}
}

// onOther refuses methods that we do not serve.
func (s *Server) onOther(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	s.respond(tx, req, sipmsg.StatusMethodNotAllowed, "Method Not Allowed", "Allow", methods)
}

// inDialog returns the leg of an in-dialog request, or answers it and returns nil.
func (s *Server) inDialog(req *sipmsg.Request, tx sipmsg.ServerTransaction) *Leg {
	l := s.legOf(req)
	switch {
	case l == nil:
		s.respond(tx, req, sipmsg.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
	case unsupported(req) != "":
		s.respond(tx, req, sipmsg.StatusBadExtension, "Bad Extension", "Unsupported", unsupported(req))
	case !l.dialog.accept(req):
		s.respond(tx, req, sipmsg.StatusInternalServerError, "Request Out Of Order")
	default:
		return l
	}
	return nil
}

func (s *Server) draining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase != phaseRunning
}
