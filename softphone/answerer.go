package softphone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/sip"
)

// AnswererOptions say how an Answerer behaves to every call.
type AnswererOptions struct {
	Talk
	// BindIP is the address that is listened on for SIP, over UDP and TCP, and for RTP; the zero value is 127.0.0.1.
	BindIP netip.Addr
	// RingFor is how long a call rings before it is decided.
	RingFor time.Duration
	// RejectCode refuses every call with a SIP status; 0 answers.
	RejectCode int
	// MaxCalls bounds the calls at once; 0 is 10. With Talk.Record it must be 1.
	MaxCalls int
	// Codecs are accepted, best first; empty accepts G.711 (PCMU, PCMA).
	Codecs []media.Codec
	// OnCall is called with the result of each call that was answered; nil is not called.
	OnCall func(Result)

	Logger *slog.Logger // nil logs nothing
}

// Answerer is a phone that takes calls.
type Answerer struct {
	opts   AnswererOptions
	server *sip.Server
	log    *slog.Logger
}

// NewAnswerer returns a phone that takes calls once it is started.
func NewAnswerer(o AnswererOptions) (*Answerer, error) {
	if !o.BindIP.IsValid() {
		o.BindIP = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if o.MaxCalls == 0 {
		o.MaxCalls = 10
	}
	if o.Record != "" && o.MaxCalls != 1 {
		return nil, errors.New("answerer: a record file is for one call at a time")
	}
	a := &Answerer{opts: o, log: o.Logger}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	listen := netip.AddrPortFrom(o.BindIP, 0).String()
	var err error
	a.server, err = sip.New(sip.Options{
		UDP: listen, TCP: listen, MaxCalls: o.MaxCalls, Handler: a.take, UserAgent: "operatord-softphone", Logger: o.Logger,
		Allow: []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)},
		Media: sip.MediaOptions{BindIP: o.BindIP, Codecs: codecs(o.Codecs)},
	})
	if err != nil {
		return nil, fmt.Errorf("make answerer: %w", err)
	}
	return a, nil
}

// Start begins to take calls.
func (a *Answerer) Start(ctx context.Context) error {
	if err := a.server.Start(ctx); err != nil {
		return fmt.Errorf("start answerer: %w", err)
	}
	return nil
}

// Stop ends every call and returns when nothing of the phone is left.
func (a *Answerer) Stop(ctx context.Context) error { return stop(ctx, a.server) }

// URI returns the SIP URI under which the phone is called over "udp" or "tcp". It is valid after Start.
func (a *Answerer) URI(user, transport string) string {
	for _, addr := range a.server.Addrs() {
		if addr.Network() == transport {
			return fmt.Sprintf("sip:%s@%s;transport=%s", user, addr, transport)
		}
	}
	return ""
}

// Addrs returns the bound addresses, as sip.Server.Addrs does.
func (a *Answerer) Addrs() []net.Addr { return a.server.Addrs() }

// take handles one call.
func (a *Answerer) take(ctx context.Context, leg *sip.Leg) {
	if err := a.serve(ctx, leg); err != nil {
		a.log.Warn("call failed", "sip_call_id", leg.SIPCallID(), "err", err)
	}
}

func (a *Answerer) serve(ctx context.Context, leg *sip.Leg) error {
	start := time.Now()
	if err := a.ring(ctx, leg); err != nil {
		return err
	}
	if code := a.opts.RejectCode; code != 0 {
		return leg.Reject(ctx, code, "Refused")
	}
	line, err := openLine(a.opts.Talk)
	if err != nil {
		return errors.Join(err, leg.Reject(ctx, 500, "Audio File Unavailable"))
	}
	result := Result{AnsweredAfter: time.Since(start)}
	err = leg.Answer(ctx)
	if err == nil {
		err = a.talk(ctx, line, leg, &result)
	}
	return errors.Join(err, line.close())
}

// talk carries an answered call to its end. The end of the leg ends ctx as well, and is no error.
func (a *Answerer) talk(ctx context.Context, line *line, leg *sip.Leg, result *Result) error {
	err := line.talk(context.WithoutCancel(ctx), leg, result)
	if a.opts.OnCall != nil {
		a.opts.OnCall(*result)
	}
	return err
}

// ring lets the call ring for the time it is to ring.
func (a *Answerer) ring(ctx context.Context, leg *sip.Leg) error {
	if a.opts.RingFor <= 0 {
		return nil
	}
	if err := leg.Ring(ctx); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	wait := time.NewTimer(a.opts.RingFor)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-leg.Done():
		return fmt.Errorf("ring: %w", sip.ErrEnded)
	}
}
