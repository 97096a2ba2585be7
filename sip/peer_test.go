package sip_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// peer is a SIP user agent written out by hand: every message it sends is the test's decision, and every one it gets
// is the test's to read. It has no transactions.
type peer struct {
	t    testing.TB
	conn net.PacketConn
	host *harness
	seq  int
	buf  []byte
}

func newPeer(tb testing.TB, h *harness) *peer {
	tb.Helper()
	return newPeerAt(tb, h, "127.0.0.1:0")
}

func newPeerAt(tb testing.TB, h *harness, addr string) *peer {
	tb.Helper()
	var lc net.ListenConfig
	conn, err := lc.ListenPacket(tb.Context(), "udp4", addr)
	require.NoError(tb, err)
	tb.Cleanup(func() { conn.Close() })
	return &peer{t: tb, conn: conn, host: h, buf: make([]byte, 65536)}
}

func (p *peer) addr() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (p *peer) uri() string { return fmt.Sprintf("sip:bob@%s", p.addr()) }

// call is what the requests of one dialog of a peer have in common.
type call struct {
	p            *peer
	id, from, to string // Call-ID, and the From and To header values as this peer writes them
	target       string // Request-URI
	branch       string // of the INVITE
	seq          int
}

func (p *peer) newCall() *call {
	p.seq++
	return &call{
		p: p, id: fmt.Sprintf("%s-%d@test", strings.ReplaceAll(p.t.Name(), "/", "-"), p.seq),
		from: fmt.Sprintf(`"Alice" <sip:alice@%s>;tag=a%d`, p.addr(), p.seq),
		to:   fmt.Sprintf("<sip:100@%s>", p.host.udp()), target: fmt.Sprintf("sip:100@%s", p.host.udp()),
		branch: newBranch(), seq: 1,
	}
}

func newBranch() string { return sipmsg.GenerateBranch() }

const sdpType = "Content-Type: application/sdp"

// offer is a session description of a peer that takes PCMU, with the given direction attribute.
func offer(direction string) string {
	return crlf(`v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 40000 RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=` + direction + "\n")
}

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// request writes out a request of the call.
func (c *call) request(method, branch, body string, headers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\n", method, c.target)
	fmt.Fprintf(&b, "Via: SIP/2.0/UDP %s;branch=%s;rport\n", c.p.addr(), branch)
	fmt.Fprintf(&b, "From: %s\nTo: %s\nCall-ID: %s\nCSeq: %d %s\n", c.from, c.to, c.id, c.seq, method)
	if !strings.Contains(strings.Join(headers, "\n"), "Max-Forwards") {
		b.WriteString("Max-Forwards: 70\n")
	}
	fmt.Fprintf(&b, "Contact: <sip:alice@%s>\n", c.p.addr())
	for _, h := range headers {
		b.WriteString(h + "\n")
	}
	if body != "" && !strings.Contains(strings.Join(headers, "\n"), "Content-Type") {
		b.WriteString(sdpType + "\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\n\n", len(body))
	return crlf(b.String()) + body
}

// invite sends the INVITE of the call.
func (c *call) invite(body string, headers ...string) {
	c.p.send(c.request("INVITE", c.branch, body, headers...))
}

// next sends a later request of the dialog with a sequence number and branch of its own.
func (c *call) next(method, body string, headers ...string) {
	c.seq++
	c.p.send(c.request(method, newBranch(), body, headers...))
}

// ack acknowledges a response to the last INVITE: a 2xx with a branch of its own, others with that of the INVITE.
func (c *call) ack(res *sipmsg.Response, body string) {
	c.learn(res)
	branch := c.branch
	if res.IsSuccess() {
		branch = newBranch()
	}
	c.p.send(c.request("ACK", branch, body))
}

// learn takes the To tag and the Contact of a response.
func (c *call) learn(res *sipmsg.Response) {
	c.to = res.To().Value()
	if contact := res.Contact(); contact != nil {
		c.target = contact.Address.String()
	}
}

// ok returns the 200 to a request of this call. Everything else before it is skipped.
func (c *call) ok(method sipmsg.RequestMethod) *sipmsg.Response {
	c.p.t.Helper()
	return c.final(method, 200)
}

// final returns the response with a status to a request of this call. Everything else before it is skipped.
func (c *call) final(method sipmsg.RequestMethod, status int) *sipmsg.Response {
	c.p.t.Helper()
	for {
		res, ok := c.p.read().(*sipmsg.Response)
		if ok && res.StatusCode == status && res.CallID().Value() == c.id && res.CSeq().MethodName == method {
			return res
		}
	}
}

func (p *peer) send(msg string) { p.sendTo(msg, p.host.udp()) }

func (p *peer) sendTo(msg string, to netip.AddrPort) {
	p.t.Helper()
	_, err := p.conn.WriteTo([]byte(msg), net.UDPAddrFromAddrPort(to))
	require.NoError(p.t, err)
}

// read returns the next message.
func (p *peer) read() sipmsg.Message {
	p.t.Helper()
	require.NoError(p.t, p.conn.SetReadDeadline(time.Now().Add(patience)))
	n, from, err := p.conn.ReadFrom(p.buf)
	require.NoError(p.t, err)
	msg, err := sipmsg.ParseMessage(p.buf[:n])
	require.NoError(p.t, err, string(p.buf[:n]))
	msg.SetSource(from.String())
	return msg
}

// response returns the next response with the given code. Other messages before it are skipped.
func (p *peer) response(code int) *sipmsg.Response {
	p.t.Helper()
	for {
		if res, ok := p.read().(*sipmsg.Response); ok {
			if res.StatusCode == code {
				return res
			}
			require.Less(p.t, res.StatusCode, 200, "want %d, got %s", code, res.StartLine())
		}
	}
}

// request returns the next request of the given method. Other messages before it are skipped.
func (p *peer) request(method sipmsg.RequestMethod) *sipmsg.Request {
	p.t.Helper()
	for {
		if req, ok := p.read().(*sipmsg.Request); ok && req.Method == method {
			return req
		}
	}
}

// reply answers a request of the server, with a To tag of our own and a Contact.
func (p *peer) reply(req *sipmsg.Request, code int, reason, body string, headers ...string) {
	p.t.Helper()
	res := sipmsg.NewResponseFromRequest(req, code, reason, nil)
	if to := res.To(); code > 100 && !req.To().Params.Has("tag") {
		to.Params.Add("tag", "bob")
	}
	res.AppendHeader(sipmsg.NewHeader("Contact", "<"+p.uri()+">"))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		res.AppendHeader(sipmsg.NewHeader(name, value))
	}
	if body != "" {
		res.AppendHeader(sipmsg.NewHeader("Content-Type", "application/sdp"))
		res.SetBody([]byte(body))
	}
	p.send(res.String())
}
