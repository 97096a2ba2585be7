package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/emiago/sipgo"
	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// credentials answer the challenges of a trunk (RFC 3261 section 22). The zero value answers none.
type credentials struct{ username, password string }

const connectTimeout = 10 * time.Second // to open a TCP connection

// maxChallenges bounds the attempts at one request: a second challenge can be a stale nonce, a third is a refusal.
const maxChallenges = 2

// do sends an in-dialog request and returns its final response. A challenge is answered with the leg's credentials.
func (s *Server) do(ctx context.Context, l *Leg, req *sipmsg.Request) (*sipmsg.Response, error) {
	if err := s.routeDialog(ctx, l, l.dialog, req); err != nil {
		return nil, err
	}
	for challenges := 0; ; challenges++ {
		res, err := s.roundTrip(ctx, req)
		if err != nil {
			s.metrics.sent(req.Method, 0)
			return nil, fmt.Errorf("send %s: %w", req.Method, err)
		}
		s.metrics.sent(req.Method, res.StatusCode)
		if !isChallenge(res) || l.creds.username == "" || challenges == maxChallenges {
			return res, nil
		}
		req = req.Clone()
		if err := l.creds.authorize(req, res); err != nil {
			return nil, err
		}
		req.CSeq().SeqNo = l.dialog.nextSeq()
	}
}

// roundTrip sends a routed request other than INVITE and returns its final response.
func (s *Server) roundTrip(ctx context.Context, req *sipmsg.Request) (*sipmsg.Response, error) {
	tx, err := s.begin(ctx, req)
	if err != nil {
		return nil, err
	}
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
		case <-tx.Done():
			return nil, ending(tx)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// ending returns why a transaction has ended without a final response. The library may not have set its error yet.
func ending(tx sipmsg.ClientTransaction) error {
	if err := tx.Err(); err != nil {
		return err
	}
	return sipmsg.ErrTransactionTerminated
}

// begin starts a client transaction for a routed request. The request must not be changed afterwards.
func (s *Server) begin(ctx context.Context, req *sipmsg.Request) (sipmsg.ClientTransaction, error) {
	e, err := s.endpoint(req.Transport())
	if err != nil {
		return nil, err
	}
	s.sending.RLock()
	defer s.sending.RUnlock()
	if s.closed() {
		return nil, ErrStopped
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout) // for the connection only
	defer cancel()
	if sipmsg.IsReliable(req.Transport()) {
		go func() { // ends with this function
			select {
			case <-s.closing:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return e.client.TransactionRequest(ctx, req, e.prepare)
}

// write sends a routed ACK, which has no transaction.
func (s *Server) write(req *sipmsg.Request) error {
	e, err := s.endpoint(req.Transport())
	if err != nil {
		return err
	}
	s.sending.RLock()
	defer s.sending.RUnlock()
	if s.closed() {
		return ErrStopped
	}
	return e.client.WriteRequest(req, e.prepare)
}

// closed reports whether the transports are closed. Nothing may be sent then: the library would open new ones, which
// nobody closes.
func (s *Server) closed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// prepare completes a request: it leaves from our listening socket, which is where NATs and peers expect us, and has
// a Via of its own, unless it is a CANCEL, and a Content-Length, which TCP needs.
func (e *endpoint) prepare(c *sipgo.Client, req *sipmsg.Request) error {
	req.Laddr = e.local
	if req.Body() == nil {
		req.SetBody(nil)
	}
	if req.IsCancel() {
		return nil
	}
	req.RemoveHeader("Via")
	return sipgo.ClientRequestAddVia(c, req)
}

func (s *Server) endpoint(transport string) (*endpoint, error) {
	if e := s.clients[sipmsg.NetworkToLower(transport)]; e != nil {
		return e, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrTransport, sipmsg.NetworkToLower(transport))
}

// routeDialog sets where an in-dialog request goes: to the first route, else to the peer's Contact (RFC 3261 section
// 12.2.1.1), unless that cannot be reached from here while the address its messages come from can.
func (s *Server) routeDialog(ctx context.Context, l *Leg, d *dialog, req *sipmsg.Request) error {
	host, port, source := d.nextHop()
	if source.IsValid() && (behindNAT(host, source.Addr()) || s.connected(d.transport, source)) {
		host, port = source.Addr().String(), int(source.Port())
	}
	return s.routeTo(ctx, l, req, host, port)
}

// routeTo resolves host and makes it the destination of req. Its packets are let in until l has ended.
func (s *Server) routeTo(ctx context.Context, l *Leg, req *sipmsg.Request, host string, port int) error {
	hop, err := resolve(ctx, sipmsg.NetworkToLower(req.Transport()), host, port)
	if err != nil {
		return fmt.Errorf("resolve %s: %w", host, err)
	}
	s.welcome(l, hop.Addr())
	req.SetDestination(hop.String())
	return nil
}

// behindNAT reports whether a Contact host is a private address given by a peer that talks to us from a public one.
func behindNAT(host string, source netip.Addr) bool {
	contact, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	private := func(a netip.Addr) bool {
		return a.IsPrivate() || a.IsLoopback() || a.IsUnspecified() || a.IsLinkLocalUnicast()
	}
	return private(contact) && (!private(source) || contact.IsUnspecified())
}

// connected reports whether the connection that the peer's messages come from is still open. UDP has none.
func (s *Server) connected(transport string, source netip.AddrPort) bool {
	if transport == "udp" {
		return false
	}
	conn, err := s.ua.TransportLayer().GetConnection(transport, source.String())
	if err != nil {
		return false
	}
	_, _ = conn.TryClose() // gives back the reference that GetConnection took
	return true
}

// resolve returns the address of a next hop (RFC 3263): a literal as it is, a name without port by its SRV record or
// else with the default port, IPv4 first.
func resolve(ctx context.Context, transport, host string, port int) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(a.Unmap(), portOr5060(port)), nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	if port == 0 {
		if _, records, err := net.DefaultResolver.LookupSRV(ctx, "sip", transport, host); err == nil && len(records) > 0 {
			host, port = records[0].Target, int(records[0].Port)
		}
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	best := addrs[0].Unmap()
	for _, a := range addrs {
		if a = a.Unmap(); a.Is4() {
			best = a
			break
		}
	}
	return netip.AddrPortFrom(best, portOr5060(port)), nil
}

func portOr5060(port int) uint16 {
	if port <= 0 || port > 65535 {
		return 5060
	}
	return uint16(port)
}

func isChallenge(res *sipmsg.Response) bool {
	return res.StatusCode == sipmsg.StatusUnauthorized || res.StatusCode == sipmsg.StatusProxyAuthRequired
}

// authorize adds the answer to a challenge to req.
func (c credentials) authorize(req *sipmsg.Request, res *sipmsg.Response) error {
	ask, reply := "WWW-Authenticate", "Authorization"
	if res.StatusCode == sipmsg.StatusProxyAuthRequired {
		ask, reply = "Proxy-Authenticate", "Proxy-Authorization"
	}
	challenge, err := digest.ParseChallenge(headerValue(res, ask))
	if err != nil {
		return fmt.Errorf("parse %s: %w", ask, err)
	}
	challenge.Algorithm = sipmsg.ASCIIToUpper(challenge.Algorithm) // some peers write "md5"
	answer, err := digest.Digest(challenge, digest.Options{
		Method: req.Method.String(), URI: req.Recipient.String(), Username: c.username, Password: c.password,
	})
	if err != nil {
		return fmt.Errorf("answer %s: %w", ask, err)
	}
	req.RemoveHeader(reply)
	req.AppendHeader(sipmsg.NewHeader(reply, answer.String()))
	return nil
}

// hostPort splits a next hop given as host or host:port. Port 0 means that none was given.
func hostPort(s string) (host string, port int, err error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.String(), 0, nil
	}
	host, digits, err := net.SplitHostPort(s)
	if err != nil {
		return s, 0, nil //nolint:nilerr // a host without a port
	}
	port, err = strconv.Atoi(digits)
	if err != nil || port < 1 || port > 65535 || host == "" {
		return "", 0, fmt.Errorf("%w next hop %q", ErrInvalid, s)
	}
	return host, port, nil
}
