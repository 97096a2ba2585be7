package webrtc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	pion "github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/operatord/operatord/media"
)

// Options are the parts and limits of a Server.
type Options struct {
	// Handler is called on a goroutine of its own for each offer that could be accepted. It answers or rejects the leg;
	// a leg that it leaves undecided is refused, and one that it leaves open is hung up. ctx has the values of the HTTP
	// request and is cancelled when the leg has ended.
	Handler func(ctx context.Context, leg *Leg)
	// Path is the endpoint's URL path, such as "/whip"; sessions live below it.
	Path string
	// UDPAddr is where the media of all legs arrives. Port 0 takes any free one. On a loopback address only browsers on
	// the same machine can call.
	UDPAddr netip.AddrPort
	// NATAddresses are announced beside the local addresses: the public side of a one-to-one NAT.
	NATAddresses []netip.Addr
	// MaxSessions bounds the legs that are open at once.
	MaxSessions int
	// AnswerTimeout bounds how long a browser waits for Handler's decision.
	AnswerTimeout time.Duration
	// ConnectTimeout bounds ICE and DTLS after the answer.
	ConnectTimeout time.Duration
	// DisconnectTimeout is how long a leg may be without any sign of life from the browser before it ends.
	DisconnectTimeout time.Duration

	Logger     *slog.Logger          // nil logs nothing
	Registerer prometheus.Registerer // nil exports no metrics
}

// Server answers WHIP requests. It is an http.Handler for Options.Path and everything below it, and safe for concurrent use.
type Server struct {
	opts    Options
	routes  *http.ServeMux
	log     *slog.Logger
	metrics *metrics
	// running counts the goroutines of legs and handlers; Stop waits for them.
	running sync.WaitGroup

	mu       sync.Mutex
	state    serverState
	udp      ice.UDPMux
	addr     netip.AddrPort
	api      *pion.API
	sessions map[string]*Leg // by session ID; nil while its offer is being read
}

type serverState uint8

const (
	serverNew serverState = iota
	serverStarted
	serverStopped
)

// New returns a server, or every problem of opts at once. It starts nothing.
func New(opts Options) (*Server, error) {
	if err := opts.problems(); err != nil {
		return nil, fmt.Errorf("webrtc options: %w", err)
	}
	s := &Server{opts: opts, log: opts.Logger, sessions: make(map[string]*Leg)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.opts.Path = path.Clean("/" + opts.Path)
	var err error
	if s.metrics, err = newMetrics(opts.Registerer); err != nil {
		return nil, err
	}
	s.routes = s.newRoutes()
	return s, nil
}

func (o Options) problems() error {
	var problems []error
	for _, p := range []struct {
		wrong bool
		text  string
	}{
		{o.Handler == nil, "handler: required"},
		{path.Clean("/"+o.Path) == "/", "path: required"},
		{!o.UDPAddr.IsValid(), "udp_addr: required"},
		{o.MaxSessions < 1, "max_sessions: below 1"},
		{o.AnswerTimeout <= 0, "answer_timeout: not positive"},
		{o.ConnectTimeout <= 0, "connect_timeout: not positive"},
		{o.DisconnectTimeout <= 0, "disconnect_timeout: not positive"},
	} {
		if p.wrong {
			problems = append(problems, errors.New(p.text))
		}
	}
	for i, a := range o.NATAddresses {
		if !a.IsValid() || a.IsUnspecified() {
			problems = append(problems, fmt.Errorf("nat_addresses[%d]: not an address", i))
		}
	}
	return errors.Join(problems...)
}

// Start binds the UDP port. Offers are refused before it and after Stop.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != serverNew {
		return ErrStopped
	}
	var listen net.ListenConfig
	conn, err := listen.ListenPacket(ctx, "udp", s.opts.UDPAddr.String())
	if err != nil {
		return fmt.Errorf("listen for media: %w", err)
	}
	logs := logFactory{s.log}
	udp := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn, Logger: logs.NewLogger("mux")})
	api, err := newAPI(s.opts, udp, logs)
	if err != nil {
		return errors.Join(err, udp.Close())
	}
	s.udp, s.api, s.state = udp, api, serverStarted
	s.addr = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return nil
}

// Addr returns the bound UDP address, which is not valid before Start.
func (s *Server) Addr() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Stop refuses new offers, ends every leg and returns when all their goroutines have ended or ctx is done. It may be
// called more than once and before Start.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.state = serverStopped
	var open []*Leg
	for _, leg := range s.sessions {
		if leg != nil {
			open = append(open, leg)
		}
	}
	udp := s.udp
	s.mu.Unlock()
	for _, leg := range open {
		leg.finish(Termination{By: BySystem, Code: codeStopping, Text: "the daemon is stopping"})
	}
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = fmt.Errorf("wait for webrtc legs to end: %w", ctx.Err())
	}
	if udp != nil {
		err = errors.Join(err, udp.Close())
	}
	return err
}

// newAPI builds the pion engine that all peer connections share: our codecs, RTCP reports, one UDP port and deadlines.
func newAPI(opts Options, udp ice.UDPMux, logs logFactory) (*pion.API, error) {
	engine := new(pion.MediaEngine)
	if err := registerCodecs(engine); err != nil {
		return nil, err
	}
	interceptors := new(interceptor.Registry)
	if err := pion.ConfigureRTCPReports(interceptors); err != nil {
		return nil, fmt.Errorf("configure RTCP reports: %w", err)
	}
	settings := pion.SettingEngine{LoggerFactory: logs}
	settings.SetICEUDPMux(udp)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetIncludeLoopbackCandidate(opts.UDPAddr.Addr().IsLoopback())
	// ICE first calls a silent peer disconnected and, after the second time, failed; together they are the option.
	half := opts.DisconnectTimeout / 2
	settings.SetICETimeouts(half, half, min(2*time.Second, half/2))
	settings.SetDTLSConnectContextMaker(func() (context.Context, func()) {
		return context.WithTimeout(context.Background(), opts.ConnectTimeout)
	})
	if err := announce(&settings, opts.NATAddresses); err != nil {
		return nil, err
	}
	return pion.NewAPI(pion.WithMediaEngine(engine), pion.WithInterceptorRegistry(interceptors),
		pion.WithSettingEngine(settings)), nil
}

// announce adds public addresses to the candidates without hiding the local ones, which browsers in the same network use.
func announce(settings *pion.SettingEngine, addresses []netip.Addr) error {
	if len(addresses) == 0 {
		return nil
	}
	rule := pion.ICEAddressRewriteRule{AsCandidateType: pion.ICECandidateTypeHost, Mode: pion.ICEAddressRewriteAppend}
	for _, a := range addresses {
		rule.External = append(rule.External, a.String())
	}
	if err := settings.SetICEAddressRewriteRules(rule); err != nil {
		return fmt.Errorf("announce NAT addresses: %w", err)
	}
	return nil
}

const mimeTelephoneEvent = "audio/telephone-event"

// registerCodecs offers Opus, and telephone events at both clock rates in use: Chrome sends them at Opus's 48000, Firefox
// at 8000.
func registerCodecs(engine *pion.MediaEngine) error {
	opus, _ := media.CodecNamed(media.NameOpus)
	for _, c := range []pion.RTPCodecParameters{
		{PayloadType: pion.PayloadType(opus.PayloadType), RTPCodecCapability: opusCapability()},
		{PayloadType: 110, RTPCodecCapability: pion.RTPCodecCapability{MimeType: mimeTelephoneEvent, ClockRate: 48000}},
		{PayloadType: 126, RTPCodecCapability: pion.RTPCodecCapability{MimeType: mimeTelephoneEvent, ClockRate: 8000}},
	} {
		if err := engine.RegisterCodec(c, pion.RTPCodecTypeAudio); err != nil {
			return fmt.Errorf("register codec %s: %w", c.MimeType, err)
		}
	}
	return nil
}

func opusCapability() pion.RTPCodecCapability {
	opus, _ := media.CodecNamed(media.NameOpus)
	return pion.RTPCodecCapability{
		MimeType: pion.MimeTypeOpus, ClockRate: uint32(opus.ClockRate), Channels: uint16(opus.Channels), SDPFmtpLine: opus.Fmtp,
	}
}
