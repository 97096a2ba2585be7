// Package softphone is the far end of a call: a small SIP user agent that plays a WAV file in real time as RTP and keeps
// account of what it hears. [Call] places one call and reports how it went; an [Answerer] takes calls and does the same.
// The demo and the end-to-end tests use it as the customer's telephone, over real sockets and with the real SIP and RTP of
// the daemon, but it shares no state with the daemon and takes no part in its work.
package softphone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/sip"
)

// stopTimeout bounds the end of a phone: the last BYE and the closing of its sockets.
const stopTimeout = 10 * time.Second

// Talk is what a phone does once the call is answered.
type Talk struct {
	// WAV is the file whose channel is said; empty says nothing.
	WAV string
	// Channel is the channel of WAV: 0 is the first (left), 1 the second (right).
	Channel int
	// Pause is how long the phone listens after the end of WAV before it hangs up; negative leaves that to the other side.
	Pause time.Duration
	// Duration hangs up this long after the answer, wherever WAV is; 0 has no such limit.
	Duration time.Duration
	// Record is the path of a stereo WAV file for what was said (left) and heard (right); empty records nothing. The
	// file must not exist.
	Record string
}

// CallOptions say whom to call, how, and what to say.
type CallOptions struct {
	Talk
	// Target is where the INVITE goes, such as "sip:127.0.0.1:5060". Its user part is the number called unless To is set.
	Target string
	// From is the calling number or SIP URI; empty is "softphone".
	From string
	// To is the number called; it becomes the user part of Target.
	To string
	// Transport is "udp" or "tcp"; empty is "udp".
	Transport string
	// RingTimeout is how long the phone waits for an answer before it gives up; 0 is a minute.
	RingTimeout time.Duration
	// Codecs are offered, best first; empty offers G.711 (PCMU, PCMA).
	Codecs []media.Codec
	// Username and Password answer a challenge.
	Username, Password string
	// OnAnswer is called when the call is answered, with its SIP Call-ID; nil is not called. It must not block.
	OnAnswer func(sipCallID string)

	Logger *slog.Logger // nil logs nothing
}

// Result is how a call went, as the phone saw it.
type Result struct {
	SIPCallID     string        // empty if the call was not answered
	Answered      bool          //
	AnsweredAfter time.Duration // from the INVITE to the answer
	Duration      time.Duration // from the answer to the end
	EndedBy       sip.Party     // ByLocal is the phone
	SIPCode       int           // the final response that refused the call; 200 for an answered one
	Q850          int           // the ISDN cause the other side gave, 0 if none
	Reason        string        // one line for people
	Stats         media.Stats   // of the phone's RTP
	Heard         Heard         //
}

// Call places one call and returns when it is over. A call that was refused, or not answered in time, is a Result with
// its SIP code and not an error. The error is for calls that could not be placed at all or whose audio failed, and for
// ctx; when ctx ends the call is cancelled or hung up.
func Call(ctx context.Context, o CallOptions) (result Result, err error) {
	dial, err := o.dialOptions()
	if err != nil {
		return Result{}, err
	}
	ip, err := localIP(ctx, dial.To)
	if err != nil {
		return Result{}, err
	}
	line, err := openLine(o.Talk)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, line.close()) }()
	server, err := sip.New(o.serverOptions(ip))
	if err != nil {
		return Result{}, fmt.Errorf("make phone: %w", err)
	}
	if err := server.Start(ctx); err != nil {
		return Result{}, fmt.Errorf("start phone: %w", err)
	}
	defer func() { err = errors.Join(err, stop(ctx, server)) }()

	start := time.Now()
	leg, err := server.Dial(ctx, dial)
	if err != nil {
		return refused(err)
	}
	result.AnsweredAfter = time.Since(start)
	if o.OnAnswer != nil {
		o.OnAnswer(leg.SIPCallID())
	}
	err = line.talk(ctx, leg, &result)
	return result, err
}

// refused returns the result of a call that was not answered, or the error that is not an outcome of a call.
func refused(err error) (Result, error) {
	if status, ok := errors.AsType[*sip.StatusError](err); ok {
		return Result{EndedBy: sip.ByRemote, SIPCode: status.Code, Q850: status.Q850, Reason: status.Reason}, nil
	}
	if errors.Is(err, sip.ErrRingTimeout) {
		return Result{EndedBy: sip.ByLocal, SIPCode: 487, Reason: err.Error()}, nil
	}
	return Result{}, fmt.Errorf("place call: %w", err)
}

func (o CallOptions) dialOptions() (sip.DialOptions, error) {
	target := o.Target
	if o.To != "" {
		scheme, rest, found := strings.Cut(o.Target, ":")
		if !found {
			return sip.DialOptions{}, fmt.Errorf("target %q: not a SIP URI", o.Target)
		}
		if _, host, hasUser := strings.Cut(rest, "@"); hasUser {
			rest = host
		}
		target = scheme + ":" + o.To + "@" + rest
	}
	d := sip.DialOptions{
		To: target, From: o.From, Transport: o.transport(), RingTimeout: o.RingTimeout,
		Username: o.Username, Password: o.Password,
	}
	if d.From == "" {
		d.From = "softphone"
	}
	return d, nil
}

func (o CallOptions) transport() string {
	if o.Transport == "" {
		return "udp"
	}
	return o.Transport
}

func (o CallOptions) serverOptions(ip netip.Addr) sip.Options {
	listen := netip.AddrPortFrom(ip, 0).String()
	opts := sip.Options{
		MaxCalls: 1, UserAgent: "operatord-softphone", Logger: o.Logger,
		Media: sip.MediaOptions{BindIP: ip, Codecs: codecs(o.Codecs)},
	}
	if o.transport() == "tcp" {
		opts.TCP = listen
	} else {
		opts.UDP = listen
	}
	return opts
}

// codecs returns wanted, or G.711.
func codecs(wanted []media.Codec) []media.Codec {
	if len(wanted) > 0 {
		return wanted
	}
	pcmu, _ := media.CodecNamed(media.NamePCMU)
	pcma, _ := media.CodecNamed(media.NamePCMA)
	return []media.Codec{pcmu, pcma}
}

// localIP returns the address of this machine from which a SIP URI's host is reached.
func localIP(ctx context.Context, uri string) (netip.Addr, error) {
	_, host, _ := strings.Cut(uri, ":")
	if _, after, hasUser := strings.Cut(host, "@"); hasUser {
		host = after
	}
	host, _, _ = strings.Cut(host, ";")
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), "5060")
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", host) // sends nothing; it asks the kernel for the route
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find the way to %q: %w", uri, err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

// stop stops a phone even if ctx has ended.
func stop(ctx context.Context, server *sip.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := server.Stop(ctx); err != nil {
		return fmt.Errorf("stop phone: %w", err)
	}
	return nil
}
