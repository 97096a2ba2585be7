package media

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"
)

// ErrClosed is returned by the methods of a session that has been closed.
var ErrClosed = errors.New("media session closed")

// SessionOptions configures a Session.
type SessionOptions struct {
	BindIP   netip.Addr    // local address of the socket; must be valid, may be unspecified
	Ports    *PortPool     // where the port comes from; nil means any free even port
	MinDepth time.Duration // see ReceiverOptions
	MaxDepth time.Duration // see ReceiverOptions
	Logger   *slog.Logger  // nil discards
}

// Session is one RTP stream in both directions over a UDP socket of its own. It is a Stream. All methods may be called
// from any goroutine, but ReadFrame and WriteFrame each from one at a time.
type Session struct{}

// NewSession binds a socket. Nothing is received or sent before Start.
func NewSession(o SessionOptions) (*Session, error) { return &Session{}, nil }

// LocalAddr returns the bound address. Its IP is unspecified if the options' BindIP is.
func (s *Session) LocalAddr() netip.AddrPort { return netip.AddrPort{} }

// Start begins to receive and allows to send.
func (s *Session) Start(n Negotiated) error { return nil }

// Update applies a later offer and answer: hold, resume, another address or codec. Before Start it acts as Start.
func (s *Session) Update(n Negotiated) error { return nil }

// ReadFrame implements Stream. It returns silence before Start and after Close.
func (s *Session) ReadFrame(dst []int16) FrameInfo { clear(dst[:FrameSamples]); return FrameInfo{} }

// WriteFrame implements Stream. Before Start, on hold, or while the far end's address is unknown nothing is sent.
func (s *Session) WriteFrame(src []int16) error { return nil }

// Stats implements Stream.
func (s *Session) Stats() Stats { return Stats{} }

// Close closes the socket and waits until the receiving goroutine has ended. It may be called more than once.
func (s *Session) Close() error { return nil }
