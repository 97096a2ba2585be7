package sip_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/sip"
)

func TestInboundCallIsAnsweredAndEndedByTheCaller(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	c := p.newCall()
	c.invite(offer("sendrecv"), "X-Account: 42")
	p.response(100)
	l := h.leg(t)
	require.True(t, l.Inbound())
	require.Equal(t, c.id, l.SIPCallID())
	require.Equal(t, "alice", l.From().User)
	require.Equal(t, "Alice", l.From().DisplayName)
	require.Equal(t, "100", l.To().User)
	require.Equal(t, "100", l.RequestURI().User)
	require.Equal(t, "42", l.Header("X-Account"))
	require.Equal(t, p.addr(), l.Remote())
	require.Equal(t, "udp", l.Transport())
	require.Zero(t, l.End())

	require.NoError(t, l.Ring(t.Context()))
	ringing := p.response(180)
	answered := async(func() error { return l.Answer(t.Context()) })
	res := p.response(200)
	require.Equal(t, ringing.To().Value(), res.To().Value(), "one dialog has one To tag")
	require.Equal(t, "127.0.0.1", res.Contact().Address.Host)
	require.Equal(t, int(h.udp().Port()), res.Contact().Address.Port)
	require.Contains(t, string(res.Body()), "m=audio ")
	c.ack(res, "")
	require.NoError(t, result(t, answered))

	c.next("BYE", "", `Reason: Q.850;cause=16;text="Normal call clearing"`)
	p.response(200)
	require.Equal(t, sip.Termination{By: sip.ByRemote, Code: 200, Q850: 16, Text: "Normal call clearing"}, ended(t, l))
	require.ErrorIs(t, l.Answer(t.Context()), sip.ErrEnded)
	require.NoError(t, l.Hangup(t.Context()), "hanging up an ended leg is nothing")
}

func TestInboundCallIsEndedByUs(t *testing.T) {
	for name, code := range map[string]int{"accepted": 200, "dialog is gone": 481, "refused": 500} {
		t.Run("BYE "+name, func(t *testing.T) {
			h := start(t)
			p := newPeer(t, h)
			l := p.establish(p.newCall())
			hung := async(func() error { return l.Hangup(t.Context()) })
			bye := p.request(sipmsg.BYE)
			require.Equal(t, p.addr().String(), bye.Recipient.HostPort())
			p.reply(bye, code, "Whatever", "")
			require.NoError(t, result(t, hung))
			require.Equal(t, sip.Termination{By: sip.ByLocal, Code: 200, Text: "hung up"}, ended(t, l))
		})
	}
	t.Run("BYE unanswered", func(t *testing.T) {
		h := start(t, func(o *sip.Options) { o.ByeTimeout = 50 * time.Millisecond })
		p := newPeer(t, h)
		l := p.establish(p.newCall())
		require.NoError(t, l.Hangup(t.Context()))
		p.request(sipmsg.BYE)
		require.Equal(t, sip.ByLocal, ended(t, l).By)
	})
	t.Run("BYE is sent although the caller's context has ended", func(t *testing.T) {
		h := start(t)
		p := newPeer(t, h)
		l := p.establish(p.newCall())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, l.Hangup(ctx), context.Canceled)
		p.reply(p.request(sipmsg.BYE), 200, "OK", "")
		require.Equal(t, sip.ByLocal, ended(t, l).By)
	})
}

// establish brings a call to the point where both sides talk.
func (p *peer) establish(c *call) *sip.Leg {
	p.t.Helper()
	c.invite(offer("sendrecv"))
	l := p.host.leg(p.t)
	answered := async(func() error { return l.Answer(p.t.Context()) })
	c.ack(p.response(200), "")
	require.NoError(p.t, result(p.t, answered))
	return l
}

func TestByeCrossesBye(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	c := p.newCall()
	l := p.establish(c)
	hung := async(func() error { return l.Hangup(t.Context()) })
	bye := p.request(sipmsg.BYE)
	c.next("BYE", "")
	p.response(200)
	p.reply(bye, 481, "Gone", "")
	require.NoError(t, result(t, hung))
	require.Equal(t, sip.ByLocal, ended(t, l).By)
}

func TestInboundCallIsRejected(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	c := p.newCall()
	c.invite(offer("sendrecv"))
	l := h.leg(t)
	require.ErrorIs(t, l.Reject(t.Context(), 200, "OK"), sip.ErrInvalid)
	require.ErrorIs(t, l.Reject(t.Context(), 486, "Busy\r\nX: y"), sip.ErrInvalid)
	require.NoError(t, l.Reject(t.Context(), 486, "Busy Here"))
	c.ack(p.response(486), "")
	require.Equal(t, sip.Termination{By: sip.ByLocal, Code: 486, Text: "Busy Here"}, ended(t, l))
	require.ErrorIs(t, l.Reject(t.Context(), 486, "Busy Here"), sip.ErrEnded)
}

func TestHangupBeforeAnswerRefuses(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	c := p.newCall()
	c.invite(offer("sendrecv"))
	l := h.leg(t)
	require.NoError(t, l.Hangup(t.Context()))
	c.ack(p.response(480), "")
	require.Equal(t, 480, ended(t, l).Code)
}

func TestHandlerThatReturnsOrPanicsEndsItsLegOnly(t *testing.T) {
	for name, handler := range map[string]func(context.Context, *sip.Leg){
		"returns": func(context.Context, *sip.Leg) {},
		"panics":  func(context.Context, *sip.Leg) { panic("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, func(o *sip.Options) { o.Handler = handler })
			p := newPeer(t, h)
			c := p.newCall()
			c.invite(offer("sendrecv"))
			c.ack(p.response(500), "")
			p.options(200)
		})
	}
	t.Run("without a handler every call is refused", func(t *testing.T) {
		h := start(t, func(o *sip.Options) { o.Handler = nil })
		p := newPeer(t, h)
		c := p.newCall()
		c.invite(offer("sendrecv"))
		c.ack(p.response(404), "")
	})
}

// options asks for the server's abilities and wants the given status.
func (p *peer) options(code int) *sipmsg.Response {
	p.t.Helper()
	c := p.newCall()
	c.next("OPTIONS", "")
	for {
		if res, ok := p.read().(*sipmsg.Response); ok && res.CSeq().MethodName == sipmsg.OPTIONS {
			require.Equal(p.t, code, res.StatusCode)
			return res
		}
	}
}

func TestCallerCancels(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	c := p.newCall()
	c.invite(offer("sendrecv"))
	l := h.leg(t)
	require.NoError(t, l.Ring(t.Context()))
	p.response(180)
	p.send(c.request("CANCEL", c.branch, "", `Reason: SIP;cause=200;text="Call completed elsewhere"`))
	p.response(200)
	c.ack(p.response(487), "")
	require.Equal(t, sip.Termination{By: sip.ByRemote, Code: 487, Text: "Call completed elsewhere"}, ended(t, l))
	require.ErrorIs(t, l.Answer(t.Context()), sip.ErrEnded)
	require.ErrorIs(t, l.Ring(t.Context()), sip.ErrEnded)
}

func TestCancelThatCrossesTheAnswerChangesNothing(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	c := p.newCall()
	c.invite(offer("sendrecv"))
	l := h.leg(t)
	answered := async(func() error { return l.Answer(t.Context()) })
	res := p.response(200)
	p.send(c.request("CANCEL", c.branch, ""))
	c.ok(sipmsg.CANCEL)
	c.ack(res, "")
	require.NoError(t, result(t, answered))
	c.next("BYE", "")
	p.response(200)
	require.Equal(t, 200, ended(t, l).Code)
}

func TestUnknownCancelAndByeGet481(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	c := p.newCall()
	p.send(c.request("CANCEL", c.branch, ""))
	p.response(481)
	c.to += ";tag=nobody"
	c.next("BYE", "")
	p.response(481)
	c.next("INVITE", offer("sendrecv"))
	p.response(481)
}

func TestByeOfAStrangerIsRefused(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	c := p.newCall()
	l := p.establish(c)
	stranger := *c
	stranger.from = "<sip:mallory@127.0.0.1>;tag=guess"
	stranger.next("BYE", "")
	p.response(481)
	require.Zero(t, l.End())
}

func TestAnswerIsRepeatedUntilACK(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	c := p.newCall()
	c.invite(offer("sendrecv"))
	l := h.leg(t)
	answered := async(func() error { return l.Answer(t.Context()) })
	first := p.response(200)
	require.Equal(t, first.String(), p.response(200).String())
	p.response(200)
	c.ack(first, "")
	require.NoError(t, result(t, answered))
}

func TestCallWithoutACKIsHungUp(t *testing.T) {
	h := start(t, func(o *sip.Options) { o.ACKTimeout = 120 * time.Millisecond })
	p := newPeer(t, h)
	c := p.newCall()
	c.invite(offer("sendrecv"))
	l := h.leg(t)
	answered := async(func() error { return l.Answer(t.Context()) })
	p.response(200)
	p.reply(p.request(sipmsg.BYE), 200, "OK", "")
	require.ErrorIs(t, result(t, answered), sip.ErrNoACK)
	end := ended(t, l)
	require.Equal(t, sip.BySystem, end.By)
	require.Equal(t, 408, end.Code)
}

func TestByeBeforeACKEndsTheCall(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	c := p.newCall()
	c.invite(offer("sendrecv"))
	l := h.leg(t)
	answered := async(func() error { return l.Answer(t.Context()) })
	c.learn(p.response(200))
	c.next("BYE", "")
	c.ok(sipmsg.BYE)
	require.NoError(t, result(t, answered), "the caller was answered, and left")
	require.Equal(t, sip.ByRemote, ended(t, l).By)
}

func TestByeOfAnEarlyDialogEndsTheInvite(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	c := p.newCall()
	c.invite(offer("sendrecv"))
	l := h.leg(t)
	require.NoError(t, l.Ring(t.Context()))
	c.learn(p.response(180))
	c.next("BYE", "")
	p.response(200)
	p.response(487)
	require.Equal(t, sip.ByRemote, ended(t, l).By)
}

func TestInviteWithoutOfferGetsOne(t *testing.T) {
	invite := func(t *testing.T) (*peer, *call, *sip.Leg, <-chan error, *sipmsg.Response) {
		t.Helper()
		h := start(t)
		p := newPeer(t, h)
		c := p.newCall()
		c.invite("")
		l := h.leg(t)
		answered := async(func() error { return l.Answer(t.Context()) })
		res := p.response(200)
		require.Contains(t, string(res.Body()), "PCMU/8000")
		return p, c, l, answered, res
	}
	t.Run("answered in the ACK", func(t *testing.T) {
		_, c, l, answered, res := invite(t)
		c.ack(res, offer("sendrecv"))
		require.NoError(t, result(t, answered))
		require.False(t, l.Held())
	})
	t.Run("an ACK without an answer ends the call", func(t *testing.T) {
		p, c, l, answered, res := invite(t)
		c.ack(res, "")
		p.reply(p.request(sipmsg.BYE), 200, "OK", "")
		require.Error(t, result(t, answered))
		require.Equal(t, sip.BySystem, ended(t, l).By)
	})
}

func TestHoldAndResume(t *testing.T) {
	for _, method := range []string{"INVITE", "UPDATE"} {
		t.Run(method, func(t *testing.T) {
			h := start(t)
			p := newPeer(t, h)
			c := p.newCall()
			l := p.establish(c)
			modify := func(body string) *sipmsg.Response {
				c.next(method, body)
				res := p.response(200)
				if method == "INVITE" {
					c.ack(res, "")
				}
				return res
			}
			require.Contains(t, string(modify(offer("sendonly")).Body()), "a=recvonly")
			require.True(t, l.Held())
			require.Contains(t, string(modify(offer("inactive")).Body()), "a=inactive")
			require.True(t, l.Held())
			require.NotContains(t, string(modify(offer("sendrecv")).Body()), "a=inactive")
			require.False(t, l.Held())
			c.next("BYE", "")
			p.response(200)
			ended(t, l)
		})
	}
	t.Run("a re-INVITE without an offer is answered in the ACK", func(t *testing.T) {
		h := start(t)
		p := newPeer(t, h)
		c := p.newCall()
		l := p.establish(c)
		c.next("INVITE", "")
		res := p.response(200)
		require.Contains(t, string(res.Body()), "m=audio ")
		c.ack(res, offer("inactive"))
		require.Eventually(t, l.Held, patience, time.Millisecond)
	})
	t.Run("an offer without a common codec leaves the call as it is", func(t *testing.T) {
		h := start(t)
		p := newPeer(t, h)
		c := p.newCall()
		l := p.establish(c)
		c.next("INVITE", crlf("v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 4 RTP/AVP 18\n"))
		p.response(488)
		c.next("BYE", "")
		p.response(200)
		require.Equal(t, sip.ByRemote, ended(t, l).By)
	})
	t.Run("a request that is overtaken by a later one is refused", func(t *testing.T) {
		h := start(t)
		p := newPeer(t, h)
		c := p.newCall()
		p.establish(c)
		c.next("INFO", "")
		p.response(200)
		c.seq = 0
		c.next("UPDATE", "")
		p.response(500)
	})
}

func TestReinviteMovesTheRemoteTarget(t *testing.T) {
	h := start(t)
	p, moved := newPeer(t, h), newPeer(t, h)
	c := p.newCall()
	l := p.establish(c)
	c.p = moved
	c.next("INVITE", offer("sendrecv"))
	c.ack(moved.response(200), "")
	hung := async(func() error { return l.Hangup(t.Context()) })
	moved.reply(moved.request(sipmsg.BYE), 200, "OK", "")
	require.NoError(t, result(t, hung))
}

func TestByeFollowsTheRecordRoute(t *testing.T) {
	h := start(t)
	p, proxy := newPeer(t, h), newPeer(t, h)
	c := p.newCall()
	c.invite(offer("sendrecv"), "Record-Route: <sip:"+proxy.addr().String()+";lr>, <sip:192.0.2.7;lr>")
	l := h.leg(t)
	answered := async(func() error { return l.Answer(t.Context()) })
	res := p.response(200)
	require.Len(t, res.GetHeaders("Record-Route"), 2)
	c.ack(res, "")
	require.NoError(t, result(t, answered))
	hung := async(func() error { return l.Hangup(t.Context()) })
	bye := proxy.request(sipmsg.BYE)
	require.Equal(t, p.addr().String(), bye.Recipient.HostPort(), "the Request-URI is the caller's Contact")
	routes := bye.GetHeaders("Route")
	require.Len(t, routes, 2)
	require.Contains(t, routes[1].Value(), "192.0.2.7")
	proxy.reply(bye, 200, "OK", "")
	require.NoError(t, result(t, hung))
}

func TestInviteThatCannotBeServedIsRefused(t *testing.T) {
	video := crlf("v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 4 RTP/AVP 96\na=rtpmap:96 VP8/90000\n")
	tests := map[string]struct {
		code    int
		change  func(*call)
		body    string
		headers []string
		want    string // header of the response
	}{
		"unknown extension":   {code: 420, headers: []string{"Require: 100rel, timer"}, want: "Unsupported: 100rel, timer"},
		"hops used up":        {code: 483, headers: []string{"Max-Forwards: 0"}},
		"other body":          {code: 415, body: "hello", headers: []string{"Content-Type: text/plain"}, want: "Accept: application/sdp"},
		"compressed body":     {code: 415, body: "hello", headers: []string{sdpType, "Content-Encoding: gzip"}, want: "Accept-Encoding: identity"},
		"no audio":            {code: 488, body: video},
		"not a description":   {code: 488, body: "hello"},
		"unknown dialog":      {code: 481, change: func(c *call) { c.to += ";tag=nobody" }},
		"unknown URI scheme":  {code: 416, change: func(c *call) { c.target = "isbn:2983792873" }},
		"no From tag":         {code: 400, change: func(c *call) { c.from = "<sip:alice@127.0.0.1>" }},
		"two Call-IDs":        {code: 400, headers: []string{"Call-ID: another"}},
		"other method's CSeq": {code: 400, headers: []string{"CSeq: 9 BYE"}},
	}
	h := start(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, h)
			c := p.newCall()
			if tt.change != nil {
				tt.change(c)
			}
			body := tt.body
			if body == "" {
				body = offer("sendrecv")
			}
			c.invite(body, tt.headers...)
			res := p.response(tt.code)
			require.Contains(t, res.String(), tt.want)
			c.ack(res, "")
		})
	}
	require.Empty(t, h.legs)
}

func TestMergedRequestIsRefused(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	c := p.newCall()
	c.invite(offer("sendrecv"))
	l := h.leg(t)
	p.send(c.request("INVITE", newBranch(), offer("sendrecv")))
	p.response(482)
	require.NoError(t, l.Hangup(t.Context()))
	p.response(480)
	require.Empty(t, h.legs)
}

func TestRepeatedInviteIsServedOnce(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	c := p.newCall()
	for range 3 {
		c.invite(offer("sendrecv"))
	}
	l := h.leg(t)
	require.NoError(t, l.Reject(t.Context(), 486, "Busy Here"))
	p.response(486)
	c.invite(offer("sendrecv"))
	c.ack(p.response(486), "")
	p.options(200)
	require.Empty(t, h.legs)
}

func TestCallsBeyondCapacityGet503(t *testing.T) {
	h := start(t, func(o *sip.Options) { o.MaxCalls = 1 })
	p := newPeer(t, h)
	first := p.newCall()
	first.invite(offer("sendrecv"))
	l := h.leg(t)
	require.InDelta(t, 1, h.counter(t, "operatord_sip_dialogs"), 0)

	second := p.newCall()
	second.invite(offer("sendrecv"))
	res := p.response(503)
	require.NotEmpty(t, res.GetHeaders("Retry-After"))
	second.ack(res, "")
	_, err := h.Dial(t.Context(), sip.DialOptions{To: p.uri()})
	require.ErrorIs(t, err, sip.ErrCapacity)

	require.NoError(t, l.Hangup(t.Context()))
	p.response(480)
	third := p.newCall()
	third.invite(offer("sendrecv"))
	require.NoError(t, h.leg(t).Hangup(t.Context()))
	p.response(480)
	require.Zero(t, h.counter(t, "operatord_sip_dialogs"))
}

func TestOtherRequests(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	t.Run("OPTIONS tells what we can do", func(t *testing.T) {
		res := p.options(200)
		require.Contains(t, res.GetHeader("Allow").Value(), "INVITE")
		require.Equal(t, "application/sdp", res.GetHeader("Accept").Value())
		require.Equal(t, "operatord-test", res.GetHeader("Server").Value())
	})
	t.Run("methods we do not serve get 405", func(t *testing.T) {
		for _, method := range []string{"MESSAGE", "REGISTER", "SUBSCRIBE", "NONSENSE"} {
			c := p.newCall()
			c.next(method, "")
			require.Contains(t, p.response(405).GetHeader("Allow").Value(), "BYE")
		}
		require.InDelta(t, 4, h.counter(t, "operatord_sip_requests_total", "class", "4xx"), 0)
		require.InDelta(t, 1, h.counter(t, "operatord_sip_requests_total", "method", "other"), 0)
	})
	t.Run("digits in INFO are accepted", func(*testing.T) {
		c := p.newCall()
		p.establish(c)
		c.next("INFO", "Signal=5\r\nDuration=160\r\n", "Content-Type: application/dtmf-relay")
		p.response(200)
		c.next("BYE", "")
		p.response(200)
	})
}

func TestStopRefusesCallsAndHangsUpOpenOnes(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	open := p.establish(p.newCall())
	ringing := p.newCall()
	ringing.invite(offer("sendrecv"))
	early := h.leg(t)

	stopped := async(func() error { return h.Stop(t.Context()) })
	res, bye := (*sipmsg.Response)(nil), (*sipmsg.Request)(nil)
	for res == nil || bye == nil {
		switch m := p.read().(type) {
		case *sipmsg.Response:
			if m.StatusCode == sipmsg.StatusServiceUnavailable {
				res = m
			}
		case *sipmsg.Request:
			bye = m
		}
	}
	require.NotEmpty(t, res.GetHeaders("Retry-After"))
	late := p.newCall()
	late.invite(offer("sendrecv"))
	late.final(sipmsg.INVITE, 503)
	p.reply(bye, 200, "OK", "")
	require.NoError(t, result(t, stopped))
	require.Equal(t, sip.BySystem, ended(t, open).By)
	require.Equal(t, sip.Termination{By: sip.BySystem, Code: 503, Text: "Service Unavailable"}, ended(t, early))
	require.NoError(t, h.Stop(t.Context()), "stopping twice is nothing")
	_, err := h.Dial(t.Context(), sip.DialOptions{To: p.uri()})
	require.ErrorIs(t, err, sip.ErrStopped)
}

func TestStopDoesNotOutlastItsContext(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	p.establish(p.newCall())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, h.Stop(ctx), context.DeadlineExceeded)
}

func TestNewChecksItsOptions(t *testing.T) {
	_, err := sip.New(sip.Options{MaxCalls: 1})
	require.ErrorIs(t, err, sip.ErrInvalid)
	_, err = sip.New(sip.Options{UDP: "127.0.0.1:0"})
	require.ErrorIs(t, err, sip.ErrInvalid)
	s, err := sip.New(sip.Options{UDP: "127.0.0.1:0", MaxCalls: 1})
	require.NoError(t, err)
	require.NoError(t, s.Stop(t.Context()), "stopping before the start is nothing")
	require.ErrorIs(t, s.Start(t.Context()), sip.ErrStopped)
}

func TestEmptyAllowListMeansNobody(t *testing.T) {
	h := start(t, func(o *sip.Options) { o.Allow = nil })
	p := newPeer(t, h)
	c := p.newCall()
	c.invite(offer("sendrecv"))
	require.Eventually(t, func() bool { return h.dropped(t, "address") > 0 }, patience, time.Millisecond)
	require.Empty(t, h.legs)
	require.Equal(t, netip.MustParseAddr("127.0.0.1"), p.addr().Addr())
}
