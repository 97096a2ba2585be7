package sip

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	maxTCPConns     = 1024             // accepted connections; each costs a goroutine and a read buffer of 32 KiB
	tcpWriteTimeout = 10 * time.Second // a peer that does not read must not hold a transaction
	maxUDPMessage   = 65507            // bytes, the largest UDP payload
)

// Two variables of the library must be set before it is used, and never later, because it reads them without a lock.
//
// It refuses to send a UDP message larger than UDPMTUSize less 200 bytes, and has no fallback to TCP. A response that
// went through a few proxies exceeds the default of 1500 easily, and a fragmented answer beats none.
//
// What it does not write to the logger it is given goes to its default logger: warnings about its own reference counts.
func init() { //nolint:gochecknoinits // the only moment before every use: servers and clients of one process share them
	sipmsg.UDPMTUSize = maxUDPMessage + 200
	sipmsg.SetDefaultLogger(slog.New(slog.DiscardHandler))
}

// listen binds the sockets and sets what depends on their addresses.
func (s *Server) listen(ctx context.Context) error {
	var lc net.ListenConfig
	if s.opt.UDP != "" {
		conn, err := lc.ListenPacket(ctx, "udp", s.opt.UDP)
		if err != nil {
			return fmt.Errorf("listen on udp: %w", err)
		}
		s.udp = conn.(*net.UDPConn)
		if err := s.udp.SetReadBuffer(udpReadBuffer); err != nil {
			s.log.Warn("udp read buffer stays at the kernel's default", "err", err)
		}
	}
	if s.opt.TCP != "" {
		l, err := lc.Listen(ctx, "tcp", s.opt.TCP)
		if err != nil {
			return fmt.Errorf("listen on tcp: %w", err)
		}
		s.tcp = &tcpListener{
			Listener: l, admit: s.admitConn, overload: func() { s.metrics.drop(dropOverload) },
			slots: make(chan struct{}, maxTCPConns),
		}
	}
	s.host = s.advertisedHost(ctx)
	if err := s.setMediaIP(); err != nil {
		return err
	}
	return s.newEndpoints()
}

// newEndpoints makes one client for each transport, with the Via and Contact of its listener.
func (s *Server) newEndpoints() error {
	add := func(transport string, port int, local sipmsg.Addr) error {
		c, err := sipgo.NewClient(s.ua, sipgo.WithClientHostname(s.host), sipgo.WithClientPort(port),
			sipgo.WithClientNAT(), sipgo.WithClientLogger(slog.New(slog.DiscardHandler)))
		if err != nil {
			return fmt.Errorf("create %s client: %w", transport, err)
		}
		contact := sipmsg.ContactHeader{Address: sipmsg.Uri{Scheme: "sip", User: "operatord", Host: s.host, Port: port}}
		if transport != "udp" {
			contact.Address.UriParams.Add("transport", transport)
		}
		s.clients[transport] = &endpoint{client: c, contact: contact, local: local}
		return nil
	}
	if s.udp != nil {
		a := s.udp.LocalAddr().(*net.UDPAddr)
		if err := add("udp", a.Port, sipmsg.Addr{IP: a.IP, Port: a.Port}); err != nil {
			return err
		}
	}
	if s.tcp != nil {
		return add("tcp", s.tcp.Addr().(*net.TCPAddr).Port, sipmsg.Addr{})
	}
	return nil
}

func (s *Server) closeSockets() {
	if s.udp != nil {
		_ = s.udp.Close() // may be closed already
	}
	if s.tcp != nil {
		_ = s.tcp.Close()
	}
}

// advertisedHost returns the host for Via and Contact.
func (s *Server) advertisedHost(ctx context.Context) string {
	if s.opt.AdvertisedHost != "" {
		return s.opt.AdvertisedHost
	}
	var bound netip.AddrPort
	if s.udp != nil {
		bound = s.udp.LocalAddr().(*net.UDPAddr).AddrPort()
	} else {
		bound = s.tcp.Addr().(*net.TCPAddr).AddrPort()
	}
	if ip := bound.Addr().Unmap(); !ip.IsUnspecified() {
		return ip.String()
	}
	return routedIP(ctx).String()
}

// setMediaIP decides which address the session descriptions give.
func (s *Server) setMediaIP() error {
	m := &s.opt.Media
	if m.AdvertisedIP.IsValid() {
		return nil
	}
	if ip, err := netip.ParseAddr(s.host); err == nil {
		m.AdvertisedIP = ip
		return nil
	}
	if !m.BindIP.IsUnspecified() {
		m.AdvertisedIP = m.BindIP
		return nil
	}
	return fmt.Errorf("%w options: the advertised host is a name, so Media.AdvertisedIP is needed", ErrInvalid)
}

// routedIP returns the local address of the default route, or loopback on a machine without a network. No packet is sent.
func routedIP(ctx context.Context) netip.Addr {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp4", "192.0.2.1:9") // TEST-NET-1, RFC 5737
	if err != nil {
		return netip.MustParseAddr("127.0.0.1")
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}

// allowed reports whether the configuration lets a talk to us.
func (s *Server) allowed(a netip.Addr) bool {
	return slices.ContainsFunc(s.opt.Allow, func(p netip.Prefix) bool { return p.Contains(a) })
}

// knows reports whether a may talk to us: it is allowed, or part of a call that we placed.
func (s *Server) knows(a netip.Addr) bool {
	if s.allowed(a) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peers[a] > 0
}

// filter drops datagrams before they cost anything. Over TCP it sees pieces of messages from connections that
// admitConn let in or that we opened, and passes them on. It never returns an error, which would end the listener.
func (s *Server) filter(from sipmsg.TransportReadProps, data []byte) ([]byte, error) {
	addr, ok := from.RemoteAddr.(*net.UDPAddr)
	if !ok {
		return data, nil
	}
	switch {
	case !s.knows(addr.AddrPort().Addr().Unmap()):
		s.metrics.drop(dropAddress)
	case !looksLikeSIP(data):
		s.metrics.drop(dropGarbage)
	default:
		return data, nil
	}
	return nil, nil
}

// looksLikeSIP reports whether a datagram is a keep-alive (RFC 5626 section 3.5.1) or its first line is that of a SIP
// message (RFC 3261 section 7).
func looksLikeSIP(data []byte) bool {
	if len(data) <= 4 && len(bytes.Trim(data, "\r\n")) == 0 {
		return true
	}
	line, _, ok := bytes.Cut(data, []byte("\r\n"))
	if !ok {
		return false
	}
	return bytes.HasPrefix(line, []byte("SIP/2.0 ")) || bytes.HasSuffix(line, []byte(" SIP/2.0"))
}

// admitConn decides on an incoming TCP connection.
func (s *Server) admitConn(from netip.Addr) bool {
	if s.knows(from) {
		return true
	}
	s.metrics.drop(dropAddress)
	return false
}

// udpConn tells when the library has begun to read it. Only from then on are requests sent from this socket; an earlier
// one would try to bind the port again.
type udpConn struct {
	*net.UDPConn
	ready chan struct{} // closed by read
	read  func()
}

// ReadFrom implements net.PacketConn.
func (c *udpConn) ReadFrom(b []byte) (int, net.Addr, error) {
	c.read()
	return c.UDPConn.ReadFrom(b)
}

// tcpListener accepts connections of admitted peers only, and a bounded number of them.
type tcpListener struct {
	net.Listener
	admit    func(netip.Addr) bool
	overload func()
	slots    chan struct{} // capacity is the number of connections; a full channel refuses one more
}

// Accept returns the next admitted connection. Others are closed at once.
func (l *tcpListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, ok := conn.RemoteAddr().(*net.TCPAddr)
		if !ok || !l.admit(from.AddrPort().Addr().Unmap()) {
			_ = conn.Close()
			continue
		}
		select {
		case l.slots <- struct{}{}:
			return &tcpConn{Conn: conn, release: sync.OnceFunc(func() { <-l.slots })}, nil
		default:
			l.overload()
			_ = conn.Close()
		}
	}
}

// tcpConn gives back its slot when it is closed, and bounds every write.
type tcpConn struct {
	net.Conn
	release func()
}

// Write implements net.Conn.
func (c *tcpConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(tcpWriteTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// Close implements net.Conn.
func (c *tcpConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// libraryLog is the log of the SIP library: everything goes to debug level, without the packets that it dumps, since
// those carry numbers and, worse, whatever a scanner sends us. Packets that its parser refused are counted.
type libraryLog struct {
	next      slog.Handler
	malformed func()
}

// Enabled implements slog.Handler. Errors are always wanted, for the count.
func (h *libraryLog) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError || h.next.Enabled(ctx, slog.LevelDebug)
}

// Handle implements slog.Handler.
func (h *libraryLog) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "failed to parse" {
		h.malformed()
	}
	if !h.next.Enabled(ctx, slog.LevelDebug) {
		return nil
	}
	out := slog.NewRecord(r.Time, slog.LevelDebug, "sip library: "+strings.ToLower(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "data" {
			out.AddAttrs(a)
		}
		return true
	})
	return h.next.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (h *libraryLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &libraryLog{next: h.next.WithAttrs(attrs), malformed: h.malformed}
}

// WithGroup implements slog.Handler.
func (h *libraryLog) WithGroup(name string) slog.Handler {
	return &libraryLog{next: h.next.WithGroup(name), malformed: h.malformed}
}
