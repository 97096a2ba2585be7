package sip_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/sip"
)

func TestGarbageIsCountedAndHarmless(t *testing.T) {
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	h := start(t, func(o *sip.Options) { o.Logger = log })
	p := newPeer(t, h)
	for _, junk := range []string{
		"\x16\x03\x01\x02\x00", "GET / HTTP/1.1\r\n\r\n", "INVITE", "SIP/2.0", "\xff\xfe\xfd\xfc\xfb",
	} {
		p.send(junk)
	}
	require.Eventually(t, func() bool { return h.dropped(t, "garbage") == 5 }, patience, time.Millisecond)
	p.send("INVITE sip:x SIP/2.0\r\nsecret number 5550100\r\n\r\n")
	require.Eventually(t, func() bool { return h.dropped(t, "malformed") == 1 }, patience, time.Millisecond)
	p.send("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")
	require.Eventually(t, func() bool { return h.dropped(t, "unmatched") == 1 }, patience, time.Millisecond)
	p.send("\r\n\r\n") // a keep-alive is no garbage
	p.options(200)
	require.InDelta(t, 5, h.dropped(t, "garbage"), 0)
	require.NoError(t, h.Stop(t.Context()))
	require.NotContains(t, logged.String(), "5550100", "packets do not reach the log")
}

func TestPacketsOfStrangersAreDropped(t *testing.T) {
	h := start(t, func(o *sip.Options) { o.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} })
	stranger := newPeerAt(t, h, "127.0.0.2:0")
	c := stranger.newCall()
	c.invite(offer("sendrecv"))
	require.Eventually(t, func() bool { return h.dropped(t, "address") == 1 }, patience, time.Millisecond)

	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	conn, err := dialer.DialContext(t.Context(), "tcp", h.tcp().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	_, err = conn.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, context.DeadlineExceeded)
	require.InDelta(t, 2, h.dropped(t, "address"), 0)
	require.Empty(t, h.legs)
}

// userAgent is a peer built on sipgo's dialogs. It serves from the call of serve on, when its handlers are set.
type userAgent struct {
	client  *sipgo.Client
	server  *sipgo.Server
	contact sipmsg.ContactHeader
	serve   func()
}

func newUserAgent(t *testing.T, network string) *userAgent {
	t.Helper()
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("peer"))
	require.NoError(t, err)
	server, err := sipgo.NewServer(ua)
	require.NoError(t, err)
	client, err := sipgo.NewClient(ua, sipgo.WithClientHostname("127.0.0.1"), sipgo.WithClientNAT())
	require.NoError(t, err)
	u := &userAgent{client: client, server: server}
	var lc net.ListenConfig
	var port int
	var listener io.Closer
	var run func() error
	if network == "udp" {
		conn, err := lc.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
		require.NoError(t, err)
		port, listener, run = conn.LocalAddr().(*net.UDPAddr).Port, conn, func() error { return server.ServeUDP(conn) }
	} else {
		l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		port, listener, run = l.Addr().(*net.TCPAddr).Port, l, func() error { return server.ServeTCP(l) }
	}
	u.contact = sipmsg.ContactHeader{Address: sipmsg.Uri{Scheme: "sip", User: "peer", Host: "127.0.0.1", Port: port}}
	if network == "tcp" {
		u.contact.Address.UriParams.Add("transport", "tcp")
	}
	u.serve = func() {
		done := async(run)
		t.Cleanup(func() {
			_ = ua.Close()
			_ = listener.Close()
			<-done
		})
	}
	return u
}

func TestSipgoCallsUs(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			h := start(t)
			ua := newUserAgent(t, network)
			dialogs := sipgo.NewDialogClientCache(ua.client, ua.contact)
			gone := make(chan error, 1)
			ua.server.OnBye(func(req *sipmsg.Request, tx sipmsg.ServerTransaction) { gone <- dialogs.ReadBye(req, tx) })
			ua.serve()
			call := func() (*sipgo.DialogClientSession, *sip.Leg) {
				to := sipmsg.Uri{Scheme: "sip", User: "100", Host: "127.0.0.1", Port: int(h.udp().Port())}
				if network == "tcp" {
					to.Port = int(h.tcp().Port())
					to.UriParams.Add("transport", "tcp")
				}
				session, err := dialogs.Invite(t.Context(), to, []byte(offer("sendrecv")), sipmsg.NewHeader("Content-Type", "application/sdp"))
				require.NoError(t, err)
				l := h.leg(t)
				require.Equal(t, network, l.Transport())
				require.NoError(t, l.Ring(t.Context()))
				answered := async(func() error { return l.Answer(t.Context()) })
				require.NoError(t, session.WaitAnswer(t.Context(), sipgo.AnswerOptions{}))
				require.NoError(t, session.Ack(t.Context()))
				require.NoError(t, result(t, answered))
				return session, l
			}
			session, l := call()
			require.NoError(t, session.Bye(t.Context()))
			require.Equal(t, sip.ByRemote, ended(t, l).By)

			_, l = call()
			require.NoError(t, l.Hangup(t.Context()))
			require.NoError(t, result(t, gone))
			require.Equal(t, sip.ByLocal, ended(t, l).By)
		})
	}
}

func TestWeCallSipgo(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			h := start(t)
			ua := newUserAgent(t, network)
			dialogs := sipgo.NewDialogServerCache(ua.client, ua.contact)
			sessions, gone := make(chan *sipgo.DialogServerSession, 1), make(chan error, 1)
			ua.server.OnInvite(func(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
				session, err := dialogs.ReadInvite(req, tx)
				if err != nil {
					return
				}
				_ = session.Respond(180, "Ringing", nil)
				_ = session.RespondSDP([]byte(offer("sendrecv")))
				sessions <- session
			})
			ua.server.OnAck(func(req *sipmsg.Request, tx sipmsg.ServerTransaction) { _ = dialogs.ReadAck(req, tx) })
			ua.server.OnBye(func(req *sipmsg.Request, tx sipmsg.ServerTransaction) { gone <- dialogs.ReadBye(req, tx) })
			ua.serve()

			l, err := h.Dial(t.Context(), sip.DialOptions{To: ua.contact.Address.String()})
			require.NoError(t, err)
			result(t, sessions)
			require.NoError(t, l.Hangup(t.Context()))
			require.NoError(t, result(t, gone))

			l, err = h.Dial(t.Context(), sip.DialOptions{To: ua.contact.Address.String()})
			require.NoError(t, err)
			session := result(t, sessions)
			require.NoError(t, session.Bye(t.Context()))
			require.Equal(t, sip.ByRemote, ended(t, l).By)
		})
	}
}

func TestWildcardAddressServesBothWays(t *testing.T) {
	h := start(t, func(o *sip.Options) { o.UDP, o.TCP, o.AdvertisedHost = "0.0.0.0:0", "0.0.0.0:0", "127.0.0.1" })
	p := newPeer(t, h)
	l := p.establish(p.newCall())
	hung := async(func() error { return l.Hangup(t.Context()) })
	p.reply(p.request(sipmsg.BYE), 200, "OK", "")
	require.NoError(t, result(t, hung))

	call := p.dial(t.Context())
	inv := p.request(sipmsg.INVITE)
	require.Equal(t, int(h.udp().Port()), inv.Via().Port)
	p.pickUp(inv)
	require.NoError(t, result(t, call).err)
	p.hangUp(inv)
}

func TestAdvertisedHostIsInViaContactAndDescription(t *testing.T) {
	h := start(t, func(o *sip.Options) { o.AdvertisedHost = "203.0.113.9" })
	p := newPeer(t, h)
	call := p.dial(t.Context())
	inv := p.request(sipmsg.INVITE)
	require.Equal(t, "203.0.113.9", inv.Via().Host)
	require.Equal(t, "203.0.113.9", inv.Contact().Address.Host)
	require.Contains(t, string(inv.Body()), "IN IP4 203.0.113.9")
	p.reply(inv, 486, "Busy Here", "")
	p.request(sipmsg.ACK)
	require.Error(t, result(t, call).err)

	s, err := sip.New(sip.Options{UDP: "127.0.0.1:0", MaxCalls: 1, AdvertisedHost: "sip.example.com"})
	require.NoError(t, err)
	require.ErrorIs(t, s.Start(t.Context()), sip.ErrInvalid, "RTP needs an address")
	require.NoError(t, s.Stop(t.Context()))
}
