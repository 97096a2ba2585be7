package sip_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/sip"
)

// dialled is what Dial returned.
type dialled struct {
	leg *sip.Leg
	err error
}

// dial calls the peer from the server.
func (p *peer) dial(ctx context.Context, change ...func(*sip.DialOptions)) <-chan dialled {
	o := sip.DialOptions{To: p.uri()}
	for _, f := range change {
		f(&o)
	}
	return async(func() dialled {
		l, err := p.host.Dial(ctx, o)
		return dialled{l, err}
	})
}

// pickUp answers an INVITE and waits for the ACK.
func (p *peer) pickUp(inv *sipmsg.Request, headers ...string) *sipmsg.Request {
	p.t.Helper()
	p.reply(inv, 200, "OK", offer("sendrecv"), headers...)
	return p.request(sipmsg.ACK)
}

// hangUp sends the BYE of a call that the server placed.
func (p *peer) hangUp(inv *sipmsg.Request, headers ...string) {
	p.t.Helper()
	c := p.callOf(inv)
	c.next("BYE", "", headers...)
	p.response(200)
}

// callOf returns the dialog of an INVITE of the server, as seen from the peer that answered it.
func (p *peer) callOf(inv *sipmsg.Request) *call {
	return &call{
		p: p, id: inv.CallID().Value(), seq: 100, target: inv.Contact().Address.String(),
		from: inv.To().Value() + ";tag=bob", to: inv.From().Value(), branch: newBranch(),
	}
}

func TestOutboundCallIsAnsweredAndEndedByThePeer(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	var rang atomic.Int32
	call := p.dial(t.Context(), func(o *sip.DialOptions) {
		o.From, o.DisplayName = "+15550100", `Front "Desk"`
		o.Headers = map[string]string{"X-Campaign": "7"}
		o.OnRinging = func() { rang.Add(1) }
	})
	inv := p.request(sipmsg.INVITE)
	require.Equal(t, "+15550100", inv.From().Address.User)
	require.Equal(t, "Front Desk", inv.From().DisplayName)
	require.Equal(t, "7", inv.GetHeader("X-Campaign").Value())
	require.Equal(t, "operatord-test", inv.GetHeader("User-Agent").Value())
	require.True(t, inv.Via().Params.Has("rport"))
	require.Equal(t, int(h.udp().Port()), inv.Via().Port, "requests leave from the listening socket")
	require.Contains(t, string(inv.Body()), "PCMU/8000")
	for range 12 {
		p.reply(inv, 180, "Ringing", "")
	}
	require.Eventually(t, func() bool { return rang.Load() > 0 }, patience, time.Millisecond)
	ack := p.pickUp(inv)
	require.Equal(t, uint32(1), ack.CSeq().SeqNo)
	require.Equal(t, "bob", ack.To().Params.GetOr("tag", ""))

	d := result(t, call)
	require.NoError(t, d.err)
	require.False(t, d.leg.Inbound())
	require.Equal(t, int32(1), rang.Load())
	require.Equal(t, inv.CallID().Value(), d.leg.SIPCallID())
	require.Equal(t, p.addr(), d.leg.Remote())
	require.Equal(t, "bob", d.leg.To().User)
	require.ErrorIs(t, d.leg.Answer(t.Context()), sip.ErrState)
	p.hangUp(inv)
	require.Equal(t, sip.Termination{By: sip.ByRemote, Code: 200, Text: "hung up"}, ended(t, d.leg))
}

func TestOutboundCallIsEndedByUs(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	call := p.dial(t.Context())
	p.pickUp(p.request(sipmsg.INVITE))
	l := result(t, call).leg
	hung := async(func() error { return l.Hangup(t.Context()) })
	bye := p.request(sipmsg.BYE)
	require.Equal(t, uint32(2), bye.CSeq().SeqNo)
	p.reply(bye, 200, "OK", "")
	require.NoError(t, result(t, hung))
	require.Equal(t, sip.ByLocal, ended(t, l).By)
}

func TestOutboundCallIsRefused(t *testing.T) {
	tests := map[string]struct {
		code    int
		headers []string
		want    sip.StatusError
	}{
		"busy":     {486, []string{`Reason: Q.850;cause=17;text="User busy"`}, sip.StatusError{Code: 486, Reason: "No", Q850: 17}},
		"away":     {480, nil, sip.StatusError{Code: 480, Reason: "No"}},
		"declined": {603, []string{"Reason: SIP;cause=603, Q.850;cause=21"}, sip.StatusError{Code: 603, Reason: "No", Q850: 21}},
		"overload": {503, []string{"Retry-After: 30 (maintenance);duration=5"}, sip.StatusError{Code: 503, Reason: "No", RetryAfter: 30 * time.Second}},
		"moved":    {302, nil, sip.StatusError{Code: 302, Reason: "No"}},
		"guarded":  {401, []string{`WWW-Authenticate: Digest realm="r", nonce="n"`}, sip.StatusError{Code: 401, Reason: "No"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			p := newPeer(t, h)
			call := p.dial(t.Context())
			p.reply(p.request(sipmsg.INVITE), tt.code, "No", "", tt.headers...)
			p.request(sipmsg.ACK)
			var refused *sip.StatusError
			require.ErrorAs(t, result(t, call).err, &refused)
			require.Equal(t, tt.want, *refused)
			require.Zero(t, h.counter(t, "operatord_sip_dialogs"))
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	quick := func(o *sip.DialOptions) { o.RingTimeout = 50 * time.Millisecond }
	t.Run("the call is cancelled after the ring timeout", func(t *testing.T) {
		h := start(t)
		p := newPeer(t, h)
		call := p.dial(t.Context(), quick)
		inv := p.request(sipmsg.INVITE)
		p.reply(inv, 180, "Ringing", "")
		cancel := p.request(sipmsg.CANCEL)
		require.Equal(t, inv.Via().Params.GetOr("branch", ""), cancel.Via().Params.GetOr("branch", "?"))
		p.reply(cancel, 200, "OK", "")
		p.reply(inv, 487, "Request Terminated", "")
		p.request(sipmsg.ACK)
		require.ErrorIs(t, result(t, call).err, sip.ErrRingTimeout)
		require.Eventually(t, func() bool { return h.counter(t, "operatord_sip_dialogs") == 0 }, patience, time.Millisecond)
	})
	t.Run("CANCEL waits for a provisional response", func(t *testing.T) {
		h := start(t)
		p := newPeer(t, h)
		call := p.dial(t.Context(), quick)
		inv := p.request(sipmsg.INVITE)
		require.ErrorIs(t, result(t, call).err, sip.ErrRingTimeout)
		require.Equal(t, sipmsg.INVITE, p.request(sipmsg.INVITE).Method, "only the INVITE is repeated")
		p.reply(inv, 180, "Ringing", "")
		p.reply(p.request(sipmsg.CANCEL), 200, "OK", "")
		p.reply(inv, 487, "Request Terminated", "")
		p.request(sipmsg.ACK)
	})
	t.Run("an answer that crosses the CANCEL is hung up", func(t *testing.T) {
		h := start(t)
		p := newPeer(t, h)
		call := p.dial(t.Context(), quick)
		inv := p.request(sipmsg.INVITE)
		p.reply(inv, 180, "Ringing", "")
		cancel := p.request(sipmsg.CANCEL)
		p.pickUp(inv)
		p.reply(cancel, 481, "Too Late", "")
		p.reply(p.request(sipmsg.BYE), 200, "OK", "")
		require.ErrorIs(t, result(t, call).err, sip.ErrRingTimeout)
	})
	t.Run("ending the context cancels", func(t *testing.T) {
		h := start(t)
		p := newPeer(t, h)
		ctx, cancel := context.WithCancel(t.Context())
		call := p.dial(ctx)
		inv := p.request(sipmsg.INVITE)
		p.reply(inv, 183, "Session Progress", offer("sendrecv"))
		cancel()
		p.reply(p.request(sipmsg.CANCEL), 200, "OK", "")
		p.reply(inv, 487, "Request Terminated", "")
		p.request(sipmsg.ACK)
		require.ErrorIs(t, result(t, call).err, context.Canceled)
	})
	t.Run("stopping cancels", func(t *testing.T) {
		h := start(t)
		p := newPeer(t, h)
		call := p.dial(t.Context())
		inv := p.request(sipmsg.INVITE)
		p.reply(inv, 180, "Ringing", "")
		require.Eventually(t, func() bool { return h.counter(t, "operatord_sip_dialogs") == 1 }, patience, time.Millisecond)
		stopped := async(func() error { return h.Stop(t.Context()) })
		p.reply(p.request(sipmsg.CANCEL), 200, "OK", "")
		p.reply(inv, 487, "Request Terminated", "")
		require.ErrorIs(t, result(t, call).err, sip.ErrStopped)
		require.NoError(t, result(t, stopped))
	})
	t.Run("a peer that says nothing at all is given up", func(t *testing.T) {
		h := start(t)
		p := newPeer(t, h)
		call := p.dial(t.Context())
		require.ErrorIs(t, result(t, call).err, sipmsg.ErrTransactionTimeout)
	})
}

func TestRepeatedAnswerIsAcknowledgedAgain(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	call := p.dial(t.Context())
	inv := p.request(sipmsg.INVITE)
	p.pickUp(inv)
	require.NoError(t, result(t, call).err)
	p.pickUp(inv)
	p.hangUp(inv)
}

func TestSecondBranchOfAForkedCallIsHungUp(t *testing.T) {
	h := start(t)
	p, other := newPeer(t, h), newPeer(t, h)
	call := p.dial(t.Context())
	inv := p.request(sipmsg.INVITE)
	p.pickUp(inv)
	d := result(t, call)
	require.NoError(t, d.err)

	fork := sipmsg.NewResponseFromRequest(inv, 200, "OK", nil)
	fork.To().Params.Add("tag", "carol")
	fork.AppendHeader(sipmsg.NewHeader("Contact", "<"+other.uri()+">"))
	p.send(fork.String())
	require.Equal(t, "carol", other.request(sipmsg.ACK).To().Params.GetOr("tag", ""))
	bye := other.request(sipmsg.BYE)
	require.Equal(t, "carol", bye.To().Params.GetOr("tag", ""))
	other.reply(bye, 200, "OK", "")
	require.Zero(t, d.leg.End(), "the first branch goes on")
	p.hangUp(inv)
}

func TestAnswerWithoutCommonCodecIsHungUp(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	call := p.dial(t.Context())
	inv := p.request(sipmsg.INVITE)
	p.reply(inv, 200, "OK", crlf("v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 4 RTP/AVP 18\n"))
	p.request(sipmsg.ACK)
	p.reply(p.request(sipmsg.BYE), 200, "OK", "")
	require.Error(t, result(t, call).err)
}

func TestAnswerThatLacksItsHeadersDoesNoHarm(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	call := p.dial(t.Context())
	inv := p.request(sipmsg.INVITE)
	p.send(crlf("SIP/2.0 200 OK\n" + inv.Via().String() + "\n" + inv.CSeq().String() + "\nContent-Length: 0\n\n"))
	p.request(sipmsg.ACK)
	p.reply(p.request(sipmsg.BYE), 481, "Who?", "")
	require.Error(t, result(t, call).err, "there is no session description")
}

func TestDigestChallengesAreAnswered(t *testing.T) {
	for name, tt := range map[string]struct {
		code       int
		ask, reply string
	}{
		"trunk": {401, "WWW-Authenticate", "Authorization"},
		"proxy": {407, "Proxy-Authenticate", "Proxy-Authorization"},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			p := newPeer(t, h)
			call := p.dial(t.Context(), func(o *sip.DialOptions) { o.Username, o.Password = "op", "secret" })
			challenge := tt.ask + `: Digest realm="trunk", nonce="abc", qop="auth", algorithm=md5`
			first := p.request(sipmsg.INVITE)
			require.Nil(t, first.GetHeader(tt.reply))
			p.reply(first, tt.code, "Who?", "", challenge)
			p.request(sipmsg.ACK)
			second := p.request(sipmsg.INVITE)
			for second.CSeq().SeqNo == first.CSeq().SeqNo { // repeated
				second = p.request(sipmsg.INVITE)
			}
			require.NotEqual(t, first.Via().Params.GetOr("branch", ""), second.Via().Params.GetOr("branch", ""))
			checkDigest(t, second, tt.reply)
			p.reply(second, 200, "OK", offer("sendrecv"))
			require.Equal(t, second.CSeq().SeqNo, p.request(sipmsg.ACK).CSeq().SeqNo)
			l := result(t, call).leg

			hung := async(func() error { return l.Hangup(t.Context()) })
			p.reply(p.request(sipmsg.BYE), tt.code, "Who?", "", challenge)
			bye := p.request(sipmsg.BYE)
			for bye.GetHeader(tt.reply) == nil { // repeated
				bye = p.request(sipmsg.BYE)
			}
			checkDigest(t, bye, tt.reply)
			p.reply(bye, 200, "OK", "")
			require.NoError(t, result(t, hung))
		})
	}
	t.Run("a wrong password is refused, not tried for ever", func(t *testing.T) {
		h := start(t)
		p := newPeer(t, h)
		call := p.dial(t.Context(), func(o *sip.DialOptions) { o.Username, o.Password = "op", "wrong" })
		for range 3 {
			p.reply(p.request(sipmsg.INVITE), 401, "No", "", `WWW-Authenticate: Digest realm="trunk", nonce="abc"`)
			p.request(sipmsg.ACK)
		}
		var refused *sip.StatusError
		require.ErrorAs(t, result(t, call).err, &refused)
		require.Equal(t, 401, refused.Code)
	})
}

// checkDigest verifies the credentials of a request for the challenge of TestDigestChallengesAreAnswered.
func checkDigest(t *testing.T, req *sipmsg.Request, header string) {
	t.Helper()
	creds, err := digest.ParseCredentials(req.GetHeader(header).Value())
	require.NoError(t, err)
	require.Equal(t, "op", creds.Username)
	require.Equal(t, req.Recipient.String(), creds.URI)
	want, err := digest.Digest(
		&digest.Challenge{Realm: "trunk", Nonce: "abc", QOP: []string{"auth"}, Algorithm: "MD5"},
		digest.Options{Method: req.Method.String(), URI: creds.URI, Username: "op", Password: "secret", Cnonce: creds.Cnonce, Count: creds.Nc})
	require.NoError(t, err)
	require.Equal(t, want.Response, creds.Response)
}

func TestOutboundCallGoesThroughTheTrunkHost(t *testing.T) {
	h := start(t, func(o *sip.Options) { o.Allow = nil })
	p := newPeer(t, h)
	call := p.dial(t.Context(), func(o *sip.DialOptions) {
		o.To, o.OutboundProxy = "sip:+15550199@example.invalid;user=phone", p.addr().String()
	})
	inv := p.request(sipmsg.INVITE)
	require.Equal(t, "sip:+15550199@example.invalid;user=phone", inv.Recipient.String())
	p.pickUp(inv)
	d := result(t, call)
	require.NoError(t, d.err)

	t.Run("who may talk to us about this call, but not call us", func(*testing.T) {
		c := p.newCall()
		c.invite(offer("sendrecv"))
		c.ack(p.response(403), "")
	})
	p.hangUp(inv)
	ended(t, d.leg)
	t.Run("and not even talk when it is over", func(t *testing.T) {
		p.newCall().next("OPTIONS", "")
		require.Eventually(t, func() bool { return h.dropped(t, "address") > 0 }, patience, time.Millisecond)
	})
}

func TestDialRefusesWhatCannotBeSent(t *testing.T) {
	h := start(t, func(o *sip.Options) { o.TCP = "" })
	tests := map[string]sip.DialOptions{
		"no destination":      {},
		"not a SIP URI":       {To: "tel:+15550100"},
		"line break in To":    {To: "sip:bob@127.0.0.1\r\nX: y"},
		"brackets in To":      {To: "<sip:bob@127.0.0.1>"},
		"line break in From":  {To: "sip:bob@127.0.0.1", From: "alice\r\nX: y"},
		"parameters in From":  {To: "sip:bob@127.0.0.1", From: "alice;x=y"},
		"line break in name":  {To: "sip:bob@127.0.0.1", DisplayName: "a\nb"},
		"line break in value": {To: "sip:bob@127.0.0.1", Headers: map[string]string{"X-A": "a\r\nVia: b"}},
		"line break in field": {To: "sip:bob@127.0.0.1", Headers: map[string]string{"X-A: a\r\nX-B": "b"}},
		"header of ours":      {To: "sip:bob@127.0.0.1", Headers: map[string]string{"CONTACT": "<sip:x>"}},
		"bad trunk port":      {To: "sip:bob@127.0.0.1", OutboundProxy: "127.0.0.1:99999"},
	}
	for name, o := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := h.Dial(t.Context(), o)
			require.ErrorIs(t, err, sip.ErrInvalid)
		})
	}
	_, err := h.Dial(t.Context(), sip.DialOptions{To: "sip:bob@127.0.0.1", Transport: "tcp"})
	require.ErrorIs(t, err, sip.ErrTransport)
	_, err = h.Dial(t.Context(), sip.DialOptions{To: "sips:bob@127.0.0.1"})
	require.ErrorIs(t, err, sip.ErrTransport, "not in the clear")
	_, err = h.Dial(t.Context(), sip.DialOptions{To: "sip:bob@host.invalid"})
	require.ErrorContains(t, err, "resolve host.invalid")
	require.Zero(t, h.counter(t, "operatord_sip_dialogs"))
}

func TestStatusErrorReadsAsOneLine(t *testing.T) {
	err := &sip.StatusError{Code: 486, Reason: "Busy Here", Q850: 17}
	require.Equal(t, "refused with 486 Busy Here (Q.850 cause 17)", err.Error())
	require.NotContains(t, (&sip.StatusError{Code: 480, Reason: "x"}).Error(), "Q.850")
}
