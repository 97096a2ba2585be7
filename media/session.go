package media

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"
)

// ErrClosed is returned by the methods of a session that has been closed.
var ErrClosed = errors.New("media session closed")

// SessionOptions configures a Session.
type SessionOptions struct {
	BindIP   netip.Addr    // local address of the socket; must be valid, may be unspecified
	Ports    *PortPool     // where the port comes from; nil means any free port
	MinDepth time.Duration // see ReceiverOptions
	MaxDepth time.Duration // see ReceiverOptions
	Logger   *slog.Logger  // nil discards
}

// socketBuffer holds the packets of more than a second while the process is not scheduled.
const socketBuffer = 256 << 10

// Session is one RTP stream in both directions over a UDP socket of its own. It is a Stream. All methods may be called
// from any goroutine, but ReadFrame and WriteFrame each from one at a time.
//
// It sends to the address of the session description until packets arrive from another (symmetric RTP, RFC 4961), and
// then to their source, which is trusted from there on; see latch. RTCP on the same port is ignored.
type Session struct {
	options SessionOptions
	conn    *net.UDPConn
	local   netip.AddrPort
	done    sync.WaitGroup // the receiving goroutine

	mu         sync.Mutex // guards what follows
	closed     bool
	negotiated Negotiated
	receiver   *Receiver // nil before Start
	sender     *Sender   // nil before Start
	latch      latch
	malformed  uint64
	foreign    uint64
	retired    Stats // of the receivers and senders of earlier codecs

	out []byte // of the packet being sent; belongs to WriteFrame
}

// NewSession binds a socket. Nothing is received or sent before Start.
func NewSession(o SessionOptions) (*Session, error) {
	if !o.BindIP.IsValid() {
		return nil, errors.New("make media session: no local address")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	conn, err := o.Ports.listen(o.BindIP)
	if err != nil {
		return nil, fmt.Errorf("make media session: %w", err)
	}
	if err := conn.SetReadBuffer(socketBuffer); err != nil {
		o.Logger.Warn("small RTP receive buffer", "err", err)
	}
	return &Session{options: o, conn: conn, local: localAddr(conn)}, nil
}

// LocalAddr returns the bound address. Its IP is unspecified if the options' BindIP is.
func (s *Session) LocalAddr() netip.AddrPort { return s.local }

// Start begins to receive and allows to send. It is the same as Update.
func (s *Session) Start(n Negotiated) error { return s.Update(n) }

// Update applies the outcome of an offer and its answer: the first, or a later one that holds, resumes, or changes the
// address or the codec.
func (s *Session) Update(n Negotiated) error {
	if n.Remote.IsValid() {
		n.Remote = unmapped(n.Remote)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	first := s.receiver == nil
	if first || !sameFormat(n, s.negotiated) {
		if err := s.rebuild(n); err != nil {
			return err
		}
	}
	s.negotiated = n
	s.latch.signal(n.Remote)
	if first {
		s.done.Go(s.receive)
	}
	return nil
}

// sameFormat reports whether the same packets go over the wire.
func sameFormat(a, b Negotiated) bool {
	a.Remote, b.Remote = netip.AddrPort{}, netip.AddrPort{}
	a.Direction, b.Direction = SendRecv, SendRecv
	return a == b
}

// rebuild makes the receiver and the sender for a format. The caller holds mu.
func (s *Session) rebuild(n Negotiated) error {
	receiver, err := NewReceiver(ReceiverOptions{
		Codec:              n.Codec,
		ReceivePayloadType: n.ReceivePayloadType,
		DTMFPayloadType:    n.DTMFPayloadType,
		MinDepth:           s.options.MinDepth,
		MaxDepth:           s.options.MaxDepth,
	})
	if err != nil {
		return fmt.Errorf("start media session: %w", err)
	}
	sender, err := NewSender(SenderOptions{Codec: n.Codec, PacketTime: n.PacketTime, Write: s.writePacket})
	if err != nil {
		return fmt.Errorf("start media session: %w", err)
	}
	if s.receiver != nil {
		s.retired = s.stats()
	}
	s.receiver, s.sender = receiver, sender
	s.malformed, s.foreign = 0, 0
	return nil
}

// maxReadErrors is how many reads in a row may fail before the socket is given up. Single errors are reports of the
// network about packets that we sent.
const maxReadErrors = 100

// receive reads packets until the socket is closed.
func (s *Session) receive() {
	buf := make([]byte, 2048)
	var p rtp.Packet
	for failures := 0; failures < maxReadErrors; {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			failures++
			continue
		}
		failures = 0
		s.arrived(&p, buf[:n], unmapped(from), time.Now())
	}
	s.options.Logger.Error("RTP socket given up")
}

// arrived takes one datagram. p is scratch.
func (s *Session) arrived(p *rtp.Packet, datagram []byte, from netip.AddrPort, at time.Time) {
	if isRTCP(datagram) {
		return
	}
	err := p.Unmarshal(datagram)
	s.mu.Lock()
	receiver := s.receiver
	if err != nil || p.Version != 2 || !receiver.accepts(p.PayloadType) {
		s.malformed++
		receiver = nil
	} else if !s.latch.admit(from, &p.Header, at) {
		s.foreign++
		receiver = nil
	}
	s.mu.Unlock()
	if receiver != nil {
		receiver.Push(p, at)
	}
}

// isRTCP tells RTCP packet types from RTP payload types (RFC 5761 section 4).
func isRTCP(datagram []byte) bool {
	return len(datagram) >= 2 && datagram[0]>>6 == 2 && datagram[1] >= 192 && datagram[1] <= 223
}

// ReadFrame implements Stream. It returns silence before Start and after Close.
func (s *Session) ReadFrame(dst []int16) FrameInfo {
	s.mu.Lock()
	receiver := s.receiver
	if s.closed {
		receiver = nil
	}
	s.mu.Unlock()
	if receiver == nil {
		clear(dst[:FrameSamples])
		return FrameInfo{}
	}
	return receiver.ReadFrame(dst)
}

// WriteFrame implements Stream. Nothing is sent before Start, on hold, or while the far end's address is unknown.
func (s *Session) WriteFrame(src []int16) error {
	s.mu.Lock()
	sender, closed := s.sender, s.closed
	if !s.negotiated.Direction.Sends() || !sendable(s.latch.remote()) {
		src = nil
	}
	s.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if sender == nil {
		return nil
	}
	return sender.WriteFrame(src)
}

// writePacket is the sender's Write.
func (s *Session) writePacket(p *rtp.Packet) error {
	s.mu.Lock()
	remote := s.latch.remote()
	s.mu.Unlock()
	size := p.MarshalSize()
	if cap(s.out) < size {
		s.out = make([]byte, size)
	}
	n, err := p.MarshalTo(s.out[:size])
	if err != nil {
		return fmt.Errorf("marshal RTP packet: %w", err)
	}
	if _, err := s.conn.WriteToUDPAddrPort(s.out[:n], remote); err != nil {
		if errors.Is(err, net.ErrClosed) {
			return ErrClosed
		}
		return fmt.Errorf("send RTP packet: %w", err)
	}
	return nil
}

func sendable(addr netip.AddrPort) bool {
	return addr.IsValid() && addr.Port() != 0 && !addr.Addr().IsUnspecified()
}

// Stats implements Stream.
func (s *Session) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats()
}

// stats adds up all receivers and senders there were. The caller holds mu.
func (s *Session) stats() Stats {
	if s.receiver == nil {
		return Stats{}
	}
	now, past := s.receiver.Stats(), s.retired
	now.PacketsReceived += past.PacketsReceived
	now.PacketsLost += past.PacketsLost
	now.PacketsLate += past.PacketsLate
	now.PacketsDuplicate += past.PacketsDuplicate
	now.PacketsDiscarded += past.PacketsDiscarded
	now.PacketsMalformed += past.PacketsMalformed + s.malformed
	now.PacketsForeign += past.PacketsForeign + s.foreign
	now.ConcealedFrames += past.ConcealedFrames
	now.SkippedFrames += past.SkippedFrames
	now.PacketsSent = past.PacketsSent + s.sender.PacketsSent()
	if now.LastPacket.IsZero() {
		now.LastPacket = past.LastPacket
	}
	return now
}

// Close closes the socket and waits until the receiving goroutine has ended. It may be called more than once.
func (s *Session) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	var err error
	if !closed {
		err = s.conn.Close()
	}
	s.done.Wait()
	if err != nil {
		return fmt.Errorf("close media session: %w", err)
	}
	return nil
}
