package sip

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/operatord/operatord/media"
)

// Options configures a Server.
type Options struct {
	// UDP and TCP are listen addresses such as "0.0.0.0:5060"; port 0 takes any free port, and an empty string turns
	// the transport off. At least one is needed.
	UDP, TCP string
	// AdvertisedHost is the address or name that peers reach us under, for Via and Contact. Empty means the address
	// that we listen on or, when that is unspecified, the one the machine would use to reach the internet.
	AdvertisedHost string
	// Allow lists the addresses that may talk to us. An empty list means nobody; addresses that we call ourselves are
	// let in for as long as the call lasts, but cannot call us.
	Allow []netip.Prefix
	// MaxCalls bounds the open legs of both directions. Further INVITEs get 503. It must be positive.
	MaxCalls int
	// Handler is called on its own goroutine for each INVITE that passed the checks. It answers or rejects the leg; a
	// leg that it leaves unanswered is refused, and one that it leaves open is hung up. ctx is cancelled when the leg
	// ends. nil refuses every call.
	Handler func(ctx context.Context, leg *Leg)
	// UserAgent goes into the User-Agent and Server headers. Empty leaves them out.
	UserAgent string
	// Media says where the audio of the legs comes in.
	Media MediaOptions
	// ACKTimeout is how long an answer waits for its ACK. Zero means 64*T1, 32 s (RFC 3261 section 13.3.1.4).
	ACKTimeout time.Duration
	// ByeTimeout is how long a leg waits for the answer to its BYE before it ends anyway. Zero means 5 s.
	ByeTimeout time.Duration

	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil keeps the metrics private
}

// MediaOptions configures the RTP side of the legs.
type MediaOptions struct {
	BindIP       netip.Addr      // local address of the RTP sockets; the zero value means 0.0.0.0
	AdvertisedIP netip.Addr      // address that peers send RTP to; the zero value means AdvertisedHost, as an address
	Ports        *media.PortPool // nil means any free port
	Codecs       []media.Codec   // best first; empty means media.Codecs
}

// Defaults of Options, and bounds that need no setting.
const (
	defaultACKTimeout = 32 * time.Second // 64*T1
	defaultByeTimeout = 5 * time.Second
	retryAfterBusy    = 10 // seconds, in a 503 for lack of capacity
	resolveTimeout    = 5 * time.Second
	udpReadBuffer     = 4 << 20 // bytes; the kernel's default overflows near 1000 calls per second
)

// legKey names a dialog: our tag is random, so that the pair is unique whatever the peer chooses.
type legKey struct{ callID, localTag string }

// Server is a SIP user agent. All methods are safe for concurrent use.
type Server struct {
	opt     Options
	log     *slog.Logger
	metrics *metrics
	ua      *sipgo.UserAgent
	srv     *sipgo.Server

	// Set by Start before anything is served.
	host    string // advertised
	udp     *net.UDPConn
	tcp     *tcpListener
	clients map[string]*endpoint // by transport

	stopOnce sync.Once
	stopping chan struct{} // closed when Stop begins; ends pending calls of Dial
	stopped  chan struct{} // closed when Stop has ended
	stopErr  error         // valid after stopped

	sending sync.RWMutex  // held for reading while a request is sent, for writing while the transports are closed
	closing chan struct{} // closed when the transports are

	mu      sync.Mutex
	phase   phase
	legs    map[legKey]*Leg
	invites map[string]struct{} // open INVITEs of peers, to detect merged requests
	peers   map[netip.Addr]int  // addresses we call, by number of legs
	wg      sync.WaitGroup      // request handlers, call handlers and calls being cancelled; Add only through enter
	serving sync.WaitGroup      // the listeners
}

// endpoint is one transport as peers see it.
type endpoint struct {
	client  *sipgo.Client
	contact sipmsg.ContactHeader
	local   sipmsg.Addr // socket that requests leave from, empty for any
}

type phase uint8

const (
	phaseNew phase = iota
	phaseRunning
	phaseDraining // refuses calls, still serves the open ones
	phaseClosed
)

// New checks o and returns a server that is not started.
func New(o Options) (*Server, error) {
	if o.UDP == "" && o.TCP == "" {
		return nil, fmt.Errorf("%w options: no listen address", ErrInvalid)
	}
	if o.MaxCalls <= 0 {
		return nil, fmt.Errorf("%w options: MaxCalls must be positive", ErrInvalid)
	}
	if o.ACKTimeout == 0 {
		o.ACKTimeout = defaultACKTimeout
	}
	if o.ByeTimeout == 0 {
		o.ByeTimeout = defaultByeTimeout
	}
	if !o.Media.BindIP.IsValid() {
		o.Media.BindIP = netip.IPv4Unspecified()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	s := &Server{
		opt: o, log: o.Logger, metrics: m,
		stopping: make(chan struct{}), stopped: make(chan struct{}), closing: make(chan struct{}),
		legs: map[legKey]*Leg{}, invites: map[string]struct{}{}, peers: map[netip.Addr]int{},
		clients: map[string]*endpoint{},
	}
	if err := s.newUserAgent(); err != nil {
		return nil, err
	}
	return s, nil
}

// newUserAgent makes the library's layers, none of which does anything before Start.
func (s *Server) newUserAgent() error {
	library := slog.New(&libraryLog{next: s.log.Handler(), malformed: func() { s.metrics.drop(dropMalformed) }})
	ua, err := sipgo.NewUA(
		sipgo.WithUserAgent(s.opt.UserAgent),
		sipgo.WithUserAgentTransportLayerOptions(
			sipmsg.WithTransportLayerLogger(library),
			sipmsg.WithTransportLayerReadFilter(s.filter),
		),
		sipgo.WithUserAgentTransactionLayerOptions(
			sipmsg.WithTransactionLayerLogger(library),
			sipmsg.WithTransactionLayerUnhandledResponseHandler(func(*sipmsg.Response) { s.metrics.drop(dropUnmatched) }),
		),
	)
	if err != nil {
		return fmt.Errorf("create user agent: %w", err)
	}
	srv, err := sipgo.NewServer(ua, sipgo.WithServerLogger(library))
	if err != nil {
		return fmt.Errorf("create server: %w", err)
	}
	s.ua, s.srv = ua, srv
	return nil
}

// Start binds the listen addresses and begins to serve. Calls outlive ctx; they end with Stop.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != phaseNew {
		return ErrStopped
	}
	if err := s.listen(ctx); err != nil {
		s.closeSockets()
		return err
	}
	s.route(context.WithoutCancel(ctx))
	s.phase = phaseRunning
	if s.udp != nil {
		conn := &udpConn{UDPConn: s.udp, ready: make(chan struct{})}
		conn.read = sync.OnceFunc(func() { close(conn.ready) })
		s.serving.Go(func() { s.serve("udp", s.srv.ServeUDP(conn)) })
		<-conn.ready
	}
	if s.tcp != nil {
		s.serving.Go(func() { s.serve("tcp", s.srv.ServeTCP(s.tcp)) })
	}
	return nil
}

// serve reports a listener that ended although nobody stopped it.
func (s *Server) serve(transport string, err error) {
	select {
	case <-s.stopping:
	default:
		s.log.Error("listener ended", "transport", transport, "err", err)
	}
}

// route says which method serves which request.
func (s *Server) route(calls context.Context) {
	s.srv.OnInvite(s.guard(func(req *sipmsg.Request, tx sipmsg.ServerTransaction) { s.onInvite(calls, req, tx) }))
	s.srv.OnAck(s.guard(s.onACK))
	s.srv.OnBye(s.guard(s.onBye))
	s.srv.OnCancel(s.guard(s.onCancel))
	s.srv.OnOptions(s.guard(s.onOptions))
	s.srv.OnInfo(s.guard(s.onInfo))
	s.srv.OnUpdate(s.guard(s.onUpdate))
	s.srv.OnNoRoute(s.guard(s.onOther))
}

// guard wraps a request handler: it lets Stop wait for it, refuses malformed requests, and keeps a panic in it from
// ending the daemon.
func (s *Server) guard(h sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
		if !s.enter() {
			closeConnection(tx)
			return
		}
		defer s.wg.Done()
		defer func() {
			if p := recover(); p != nil {
				s.log.Error("panic in a SIP request handler", "method", methodLabel(req.Method), "panic", p,
					"stack", string(debug.Stack()))
				s.respond(tx, req, sipmsg.StatusInternalServerError, "Server Internal Error")
			}
		}()
		if problem := checkRequest(req); problem != "" {
			s.respond(tx, req, sipmsg.StatusBadRequest, problem)
			return
		}
		h(req, tx)
	}
}

// closeConnection closes the connection of a request that came too late. The library opens one for it when the
// listener it came through is closed already, and keeps it. Closing a UDP listener's connection does nothing.
func closeConnection(tx sipmsg.ServerTransaction) {
	if t, ok := tx.(*sipmsg.ServerTx); ok {
		_ = t.Connection().Close() // may be closed already
	}
}

// enter admits a goroutine that Stop waits for. The caller calls wg.Done if it reports true.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != phaseRunning && s.phase != phaseDraining {
		return false
	}
	s.wg.Add(1)
	return true
}

// background runs f on a goroutine that Stop waits for, or at once when the server is closed.
func (s *Server) background(f func()) {
	if !s.enter() {
		f()
		return
	}
	go func() {
		defer s.wg.Done()
		f()
	}()
}

// Addrs returns the bound addresses: *net.UDPAddr or *net.TCPAddr.
func (s *Server) Addrs() []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	var addrs []net.Addr
	if s.udp != nil {
		addrs = append(addrs, s.udp.LocalAddr())
	}
	if s.tcp != nil {
		addrs = append(addrs, s.tcp.Addr())
	}
	return addrs
}

// Stop refuses new calls with 503, hangs up the open ones, and returns when every goroutine has ended, or with ctx's
// error when ctx ends first; the transports are closed in either case. It may be called more than once, and before Start.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		defer close(s.stopped)
		s.stopErr = s.stop(ctx)
	})
	select {
	case <-s.stopped:
		return s.stopErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Server) stop(ctx context.Context) error {
	s.mu.Lock()
	wasRunning := s.phase == phaseRunning
	s.phase = phaseDraining
	legs := make([]*Leg, 0, len(s.legs))
	for _, l := range s.legs {
		legs = append(legs, l)
	}
	s.mu.Unlock()
	close(s.stopping)
	if !wasRunning {
		s.closeAll()
		return nil
	}

	var hangups sync.WaitGroup
	for _, l := range legs {
		if !l.inbound && l.early() {
			continue // Dial cancels it
		}
		hangups.Go(func() { _ = l.shutdown(ctx) }) // the leg ends whatever comes of it
	}
	hangups.Wait()
	err := waitContext(ctx, &s.wg)
	s.closeAll()
	s.serving.Wait()
	if err != nil {
		return fmt.Errorf("wait for calls: %w", err)
	}
	return nil
}

// closeAll ends the library's layers. Nothing is admitted any more.
func (s *Server) closeAll() {
	s.mu.Lock()
	s.phase = phaseClosed
	s.mu.Unlock()
	close(s.closing)
	s.sending.Lock()
	defer s.sending.Unlock()
	_ = s.ua.Close() // closes connections that may be closed already
	s.closeSockets()
}

// waitContext waits for wg, but not longer than ctx.
func waitContext(ctx context.Context, wg *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() { // ends with the last member of wg, each of which has a deadline of its own
		defer close(done)
		wg.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// admit registers a leg unless the server is full or stopping.
func (s *Server) admit(l *Leg) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != phaseRunning {
		return ErrStopped
	}
	if len(s.legs) >= s.opt.MaxCalls {
		return ErrCapacity
	}
	s.legs[legKey{l.dialog.callID, l.dialog.localTag}] = l
	s.metrics.dialogs.Set(float64(len(s.legs)))
	return nil
}

// full reports whether admit would refuse a leg.
func (s *Server) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase != phaseRunning || len(s.legs) >= s.opt.MaxCalls
}

// forget removes a leg that has ended.
func (s *Server) forget(l *Leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.legs, legKey{l.dialog.callID, l.dialog.localTag})
	s.metrics.dialogs.Set(float64(len(s.legs)))
	for _, a := range l.peers {
		if s.peers[a]--; s.peers[a] <= 0 {
			delete(s.peers, a)
		}
	}
	l.peers = nil
}

// welcome lets packets from a in until l has ended.
func (s *Server) welcome(l *Leg, a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.legs[legKey{l.dialog.callID, l.dialog.localTag}]; !open {
		return
	}
	if slices.Contains(l.peers, a) {
		return
	}
	l.peers = append(l.peers, a)
	s.peers[a]++
}

// legOf returns the leg that an in-dialog request belongs to, nil if there is none.
func (s *Server) legOf(req *sipmsg.Request) *Leg {
	tag, _ := req.To().Params.Get("tag")
	peer, _ := req.From().Params.Get("tag")
	s.mu.Lock()
	l := s.legs[legKey{req.CallID().Value(), tag}]
	s.mu.Unlock()
	if l == nil || !l.dialog.isPeer(peer) {
		return nil
	}
	return l
}
