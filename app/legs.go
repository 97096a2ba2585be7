package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/operatord/operatord/call"
	"github.com/operatord/operatord/config"
	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/sip"
	"github.com/operatord/operatord/webrtc"
)

// leg is what SIP and WebRTC legs have in common.
type leg interface {
	Ring(context.Context) error
	Answer(context.Context) error
	Reject(ctx context.Context, code int, reason string) error
	Hangup(context.Context) error
	Stream() media.Stream
	Done() <-chan struct{}
}

// legOf makes a leg of either kind what a call needs.
type legOf struct {
	leg
	end func() call.LegEnd
}

// End implements call.Leg.
func (l legOf) End() call.LegEnd { return l.end() }

// Reject implements call.Leg: it maps the daemon's errors to SIP status codes, in the one place where that is done.
func (l legOf) Reject(ctx context.Context, err error) error {
	code, reason := 500, "Internal Server Error"
	switch {
	case errors.Is(err, conversation.ErrNotFound):
		code, reason = 404, "Not Found"
	case errors.Is(err, conversation.ErrUnavailable), errors.Is(err, call.ErrShutdown):
		code, reason = 503, "Service Unavailable"
	}
	return l.leg.Reject(ctx, code, reason)
}

func sipLeg(l *sip.Leg) call.Leg {
	return legOf{leg: l, end: func() call.LegEnd {
		t := l.End()
		return legEnd(string(t.By), t.Code, t.Q850, t.Text)
	}}
}

func browserLeg(l *webrtc.Leg) call.Leg {
	return legOf{leg: l, end: func() call.LegEnd {
		t := l.End()
		return legEnd(string(t.By), t.Code, t.Q850, t.Text)
	}}
}

// legEnd translates the end of a leg; sip and webrtc name the parties alike.
func legEnd(by string, code, q850 int, text string) call.LegEnd {
	end := call.LegEnd{By: conversation.PartySystem, SIPCode: code, Q850Cause: q850, Text: text}
	switch by {
	case string(sip.ByLocal):
		end.By = conversation.PartyOperator
	case string(sip.ByRemote):
		end.By = conversation.PartyRemote
		end.Cancelled = code == 487 // RFC 3261 section 9: the answer to an INVITE that was cancelled
	}
	return end
}

func (a *App) startSIP(ctx context.Context) error {
	ports, err := media.NewPortPool(a.cfg.Media.PortMin, a.cfg.Media.PortMax)
	if err != nil {
		return fmt.Errorf("media.port_min: %w", err)
	}
	codecs := make([]media.Codec, 0, len(a.cfg.Media.Codecs))
	for _, name := range a.cfg.Media.Codecs {
		if c, known := media.CodecNamed(name); known {
			codecs = append(codecs, c)
		}
	}
	a.sip, err = sip.New(sip.Options{
		UDP: a.cfg.SIP.UDP, TCP: a.cfg.SIP.TCP, AdvertisedHost: a.cfg.SIP.AdvertiseHost, Allow: a.cfg.SIP.Allow,
		MaxCalls: a.cfg.SIP.MaxCalls, UserAgent: "operatord/" + a.opts.Version,
		Media: sip.MediaOptions{Ports: ports, Codecs: codecs}, Logger: a.log, Registerer: a.metrics,
		Handler: func(ctx context.Context, l *sip.Leg) {
			a.calls.Serve(context.WithoutCancel(ctx), sipLeg(l), call.Inbound{
				Channel: conversation.ChannelSIP, From: number(l.From()), To: number(l.RequestURI()), SIPCallID: l.SIPCallID(),
			})
		},
	})
	if err != nil {
		return fmt.Errorf("sip: %w", err)
	}
	if err := a.sip.Start(ctx); err != nil {
		return fmt.Errorf("sip: %w", err)
	}
	a.life.onStop("sip", a.sip.Stop)
	for _, addr := range a.sip.Addrs() {
		a.bound("sip_"+addr.Network(), addr)
	}
	return nil
}

// number returns what identifies one side of a call: the user of its URI, or the URI of a side without one.
func number(id sip.Identity) string { return cmp.Or(id.User, id.URI) }

// Limits of browser calls.
const (
	browserAnswerTimeout     = 10 * time.Second
	browserConnectTimeout    = 15 * time.Second
	browserDisconnectTimeout = 10 * time.Second
)

func (a *App) startWebRTC(ctx context.Context) error {
	if !a.cfg.WebRTC.Enabled {
		return nil
	}
	address, err := netip.ParseAddrPort(strings.Replace(a.cfg.WebRTC.UDP, "localhost:", "127.0.0.1:", 1))
	if err != nil {
		return fmt.Errorf("webrtc.udp: %w", err)
	}
	a.webrtc, err = webrtc.New(webrtc.Options{
		Path: "/whip", UDPAddr: address, NATAddresses: a.cfg.WebRTC.PublicAddresses, MaxSessions: a.cfg.WebRTC.MaxSessions,
		AnswerTimeout: browserAnswerTimeout, ConnectTimeout: browserConnectTimeout, DisconnectTimeout: browserDisconnectTimeout,
		Logger: a.log, Registerer: a.metrics,
		Handler: func(ctx context.Context, l *webrtc.Leg) {
			a.calls.Serve(context.WithoutCancel(ctx), browserLeg(l), call.Inbound{
				Channel: conversation.ChannelWebRTC, From: cmp.Or(l.From(), "browser"), To: cmp.Or(l.To(), "operator"),
			})
		},
	})
	if err != nil {
		return fmt.Errorf("webrtc: %w", err)
	}
	if err := a.webrtc.Start(ctx); err != nil {
		return fmt.Errorf("webrtc: %w", err)
	}
	a.life.onStop("webrtc", a.webrtc.Stop)
	a.mu.Lock()
	a.addrs["webrtc_udp"] = a.webrtc.Addr().String()
	a.mu.Unlock()
	return nil
}

// dial places the SIP leg of an outbound call.
func (a *App) dial(ctx context.Context, r call.Request, ringing func()) (call.Leg, error) {
	opts, err := a.target(r)
	if err != nil {
		return nil, err
	}
	opts.RingTimeout, opts.OnRinging = a.cfg.Call.RingTimeout, ringing
	l, err := a.sip.Dial(ctx, opts)
	if err == nil {
		return sipLeg(l), nil
	}
	setup := &call.SetupError{Err: err, Timeout: errors.Is(err, sip.ErrRingTimeout)}
	if status, refused := errors.AsType[*sip.StatusError](err); refused {
		setup.End = call.LegEnd{
			By: conversation.PartyRemote, SIPCode: status.Code, Q850Cause: status.Q850, Text: status.Reason,
		}
	}
	return nil, setup
}

// target turns a request into what SIP needs: the URI, and the credentials and calling number of the trunk. It returns an
// error matching conversation.ErrInvalid for a trunk that does not exist or a number without one.
func (a *App) target(r call.Request) (sip.DialOptions, error) {
	isURI := strings.HasPrefix(r.To, "sip:")
	if r.Trunk == "" {
		if !isURI {
			return sip.DialOptions{}, fmt.Errorf("%w call: to must be a SIP URI (sip:user@host) when no trunk is named, is %q", conversation.ErrInvalid, r.To)
		}
		return sip.DialOptions{To: r.To, From: r.From}, nil
	}
	i := slices.IndexFunc(a.cfg.SIP.Trunks, func(t config.Trunk) bool { return t.Name == r.Trunk })
	if i < 0 {
		return sip.DialOptions{}, fmt.Errorf("%w call: there is no trunk %q", conversation.ErrInvalid, r.Trunk)
	}
	trunk := a.cfg.SIP.Trunks[i]
	opts := sip.DialOptions{
		To: r.To, From: cmp.Or(r.From, trunk.From), Username: trunk.Username, Password: trunk.Password, Transport: trunk.Transport,
	}
	if !isURI {
		opts.To = "sip:" + r.To + "@" + trunk.Host
	}
	return opts, nil
}
