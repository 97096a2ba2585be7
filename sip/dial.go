package sip

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/operatord/operatord/media"
)

// DialOptions says whom to call and how.
type DialOptions struct {
	To            string // SIP URI to call, such as "sip:+15550100@trunk.example.com"
	From          string // our identity: a SIP URI, or a user part at AdvertisedHost
	DisplayName   string
	Username      string            // for digest authentication; empty answers no challenge
	Password      string            //
	OutboundProxy string            // host or host:port that the INVITE is sent to; empty means the host of To
	Transport     string            // "udp" or "tcp"; empty means that of To, else udp
	RingTimeout   time.Duration     // how long the call may ring; zero means 60 s
	OnRinging     func()            // called once, from Dial, at the first 180 or 183; must not block
	Headers       map[string]string // further header fields of the INVITE
}

const (
	defaultRingTimeout = time.Minute
	cancelTimeout      = 32 * time.Second // 64*T1, for the final response to a cancelled INVITE (RFC 3261 section 9.1)
)

// Dial calls o.To and returns the leg when it is answered. It returns ErrRingTimeout if nobody answered, a *StatusError
// if the call was refused, ErrCapacity if the server is full, ErrInvalid for options that cannot be sent, and ctx's
// error when ctx ends; the call is cancelled then. An answer that crosses the cancellation is hung up.
// ctx bounds the dialling only, not the leg.
func (s *Server) Dial(ctx context.Context, o DialOptions) (*Leg, error) {
	if !s.enter() {
		return nil, ErrStopped
	}
	defer s.wg.Done()
	if o.RingTimeout <= 0 {
		o.RingTimeout = defaultRingTimeout
	}
	inv, err := s.newInvite(o)
	if err != nil {
		return nil, err
	}
	l, err := s.newOutboundLeg(inv, o)
	if err != nil {
		return nil, err
	}
	host, port := inv.Recipient.Host, inv.Recipient.Port
	if o.OutboundProxy != "" {
		if host, port, err = hostPort(o.OutboundProxy); err != nil {
			return nil, l.abandon(err)
		}
	}
	if err := s.routeTo(ctx, l, inv, host, port); err != nil {
		return nil, l.abandon(err)
	}
	d := dialing{leg: l, invite: inv, onRinging: o.OnRinging}
	if err := d.run(ctx, o.RingTimeout); err != nil {
		return nil, err
	}
	return l, nil
}

// newInvite builds the INVITE of a call, without its body.
func (s *Server) newInvite(o DialOptions) (*sipmsg.Request, error) {
	to, err := parseURI("destination", o.To)
	if err != nil {
		return nil, err
	}
	if to.Scheme == "sips" {
		return nil, fmt.Errorf("%w: tls, which a sips URI demands", ErrTransport)
	}
	transport := strings.ToLower(o.Transport)
	if transport == "" {
		transport = strings.ToLower(to.UriParams.GetOr("transport", "udp"))
	}
	e, err := s.endpoint(transport)
	if err != nil {
		return nil, err
	}
	from, err := s.fromHeader(o)
	if err != nil {
		return nil, err
	}
	callID, forwards := sipmsg.CallIDHeader(rand.Text()), sipmsg.MaxForwardsHeader(70)
	remote := *to.Clone()
	remote.UriParams = nil

	inv := sipmsg.NewRequest(sipmsg.INVITE, to)
	inv.SetTransport(sipmsg.NetworkToUpper(transport))
	inv.AppendHeader(from)
	inv.AppendHeader(&sipmsg.ToHeader{Address: remote})
	inv.AppendHeader(&callID)
	inv.AppendHeader(&sipmsg.CSeqHeader{SeqNo: 1, MethodName: sipmsg.INVITE})
	inv.AppendHeader(&forwards)
	inv.AppendHeader(sipmsg.HeaderClone(&e.contact))
	inv.AppendHeader(sipmsg.NewHeader("Allow", methods))
	if s.opt.UserAgent != "" {
		inv.AppendHeader(sipmsg.NewHeader("User-Agent", s.opt.UserAgent))
	}
	return inv, addHeaders(inv, o.Headers)
}

// fromHeader returns our identity for a call.
func (s *Server) fromHeader(o DialOptions) (*sipmsg.FromHeader, error) {
	name, err := clean("display name", o.DisplayName)
	if err != nil {
		return nil, err
	}
	address := o.From
	if address == "" {
		address = "operatord"
	}
	if !strings.HasPrefix(address, "sip:") && !strings.HasPrefix(address, "sips:") {
		if strings.ContainsAny(address, "@;?:") {
			return nil, fmt.Errorf("%w caller %q", ErrInvalid, o.From)
		}
		host := s.host
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		address = "sip:" + address + "@" + host
	}
	uri, err := parseURI("caller", address)
	if err != nil {
		return nil, err
	}
	from := &sipmsg.FromHeader{DisplayName: strings.NewReplacer(`"`, "", `\`, "").Replace(name), Address: uri}
	from.Params.Add("tag", newTag())
	return from, nil
}

// addHeaders adds a caller's header fields to an INVITE.
func addHeaders(inv *sipmsg.Request, headers map[string]string) error {
	for name, value := range headers {
		if !isToken(name) || ownHeader(name) {
			return fmt.Errorf("%w header name %q", ErrInvalid, name)
		}
		cleaned, err := clean("header "+name, value)
		if err != nil {
			return err
		}
		inv.AppendHeader(sipmsg.NewHeader(name, cleaned))
	}
	return nil
}

// newOutboundLeg makes and registers the leg of an INVITE, and gives the INVITE its offer.
func (s *Server) newOutboundLeg(inv *sipmsg.Request, o DialOptions) (*Leg, error) {
	if s.draining() {
		return nil, ErrStopped
	}
	l := s.newLeg(newClientDialog(inv), inv)
	l.cancel = func() {}
	l.creds = credentials{username: o.Username, password: o.Password}
	if err := l.openMedia(); err != nil {
		return nil, err
	}
	offer, err := l.negotiator.Offer(media.SendRecv)
	if err != nil {
		_ = l.session.Close() // never started
		return nil, fmt.Errorf("make offer: %w", err)
	}
	withSDP(inv, offer)
	if err := s.admit(l); err != nil {
		_ = l.session.Close() // never started
		return nil, err
	}
	return l, nil
}

// abandon ends a leg whose INVITE came to nothing, and returns why.
func (l *Leg) abandon(err error) error {
	t := Termination{By: BySystem, Code: sipmsg.StatusRequestTimeout, Text: err.Error()}
	if refused, ok := errors.AsType[*StatusError](err); ok {
		t = Termination{By: ByRemote, Code: refused.Code, Q850: refused.Q850, Text: refused.Reason}
	} else if errors.Is(err, ErrRingTimeout) || errors.Is(err, context.Canceled) {
		t.By, t.Code = ByLocal, sipmsg.StatusRequestTerminated
	}
	l.end(t)
	return err
}

// dialing is an INVITE of ours on its way to a final response.
type dialing struct {
	leg         *Leg
	invite      *sipmsg.Request // as last sent
	tx          sipmsg.ClientTransaction
	provisional bool // the peer has answered something: CANCEL may be sent (RFC 3261 section 9.1)
	challenges  int
	onRinging   func()
}

// run sends the INVITE and waits until the call is answered, refused or given up.
func (d *dialing) run(ctx context.Context, ringTimeout time.Duration) error {
	if err := d.send(ctx); err != nil {
		return d.leg.abandon(err)
	}
	ring := time.NewTimer(ringTimeout)
	defer ring.Stop()
	for {
		select {
		case res := <-d.tx.Responses():
			done, err := d.receive(ctx, res)
			if err != nil {
				return d.leg.abandon(err)
			}
			if done {
				return d.answered(ctx, res)
			}
		case <-d.tx.Done():
			d.leg.server.metrics.sent(sipmsg.INVITE, 0)
			return d.leg.abandon(fmt.Errorf("send INVITE: %w", ending(d.tx)))
		case <-ring.C:
			return d.giveUp(ctx, ErrRingTimeout)
		case <-ctx.Done():
			return d.giveUp(ctx, ctx.Err())
		case <-d.leg.server.stopping:
			return d.giveUp(ctx, ErrStopped)
		}
	}
}

// send starts a transaction for the INVITE.
func (d *dialing) send(ctx context.Context) error {
	tx, err := d.leg.server.begin(ctx, d.invite)
	if err != nil {
		return fmt.Errorf("send INVITE: %w", err)
	}
	d.tx, d.provisional = tx, false
	return nil
}

// receive takes one response. It reports true for the answer, and an error for a final refusal. There may be any
// number of provisional responses.
func (d *dialing) receive(ctx context.Context, res *sipmsg.Response) (bool, error) {
	if res.IsProvisional() {
		d.provisional = true
		if d.onRinging != nil && (res.StatusCode == sipmsg.StatusRinging || res.StatusCode == sipmsg.StatusSessionInProgress) {
			d.onRinging()
			d.onRinging = nil
		}
		return false, nil
	}
	d.leg.server.metrics.sent(sipmsg.INVITE, res.StatusCode)
	if res.IsSuccess() {
		return true, nil
	}
	if !isChallenge(res) || d.leg.creds.username == "" || d.challenges == maxChallenges {
		return false, newStatusError(res)
	}
	d.challenges++
	next := d.invite.Clone()
	if err := d.leg.creds.authorize(next, res); err != nil {
		return false, err
	}
	next.CSeq().SeqNo = d.leg.dialog.nextSeq()
	d.invite = next
	return false, d.send(ctx)
}

func newStatusError(res *sipmsg.Response) *StatusError {
	return &StatusError{
		Code: res.StatusCode, Reason: res.Reason,
		Q850: parseReason(res).q850, RetryAfter: retryAfter(res),
	}
}

// answered acknowledges the answer and opens the audio. A call whose answer we cannot use is hung up.
func (d *dialing) answered(ctx context.Context, res *sipmsg.Response) error {
	l := d.leg
	l.settle()
	if err := d.acknowledge(ctx, res); err != nil {
		return l.fail(ctx, err)
	}
	if err := l.readAnswer(res.Body()); err != nil {
		return l.fail(ctx, err)
	}
	if err := l.confirm(); err != nil {
		return err // a BYE has overtaken the answer
	}
	select {
	case <-l.server.stopping: // Stop left this leg to us, or sees that it is confirmed
		return l.fail(ctx, ErrStopped)
	default:
		return nil
	}
}

// acknowledge completes the dialog, sends the ACK of the answer, and sends it again whenever the answer is repeated. The
// answer of another branch of a forked call is acknowledged and hung up (RFC 3261 section 13.2.2.4).
func (d *dialing) acknowledge(ctx context.Context, res *sipmsg.Response) error {
	l, seq := d.leg, d.invite.CSeq().SeqNo
	l.dialog.established(res)
	tag := toTag(res)
	d.tx.OnRetransmission(func(again *sipmsg.Response) {
		if toTag(again) != tag {
			l.server.background(func() { l.dropFork(ctx, d.invite, again) })
			return
		}
		l.server.background(func() {
			if err := l.sendACK(ctx, l.dialog, seq); err != nil {
				l.log.Debug("ACK was not repeated", "err", err)
			}
		})
	})
	return l.sendACK(ctx, l.dialog, seq)
}

func toTag(res *sipmsg.Response) string {
	if to := res.To(); to != nil {
		return to.Params.GetOr("tag", "")
	}
	return "" // a peer can leave out anything
}

// sendACK acknowledges the 2xx response to the INVITE with sequence number seq. It is sent even if ctx has ended: an
// answer without it would be repeated for half a minute.
func (l *Leg) sendACK(ctx context.Context, d *dialog, seq uint32) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resolveTimeout)
	defer cancel()
	ack := d.ack(seq)
	if err := l.server.routeDialog(ctx, l, d, ack); err != nil {
		return err
	}
	if err := l.server.write(ack); err != nil {
		return fmt.Errorf("send ACK: %w", err)
	}
	return nil
}

// dropFork ends the dialog that another branch of our INVITE has opened.
func (l *Leg) dropFork(ctx context.Context, inv *sipmsg.Request, res *sipmsg.Response) {
	fork := newClientDialog(inv)
	fork.established(res)
	if err := l.sendACK(ctx, fork, inv.CSeq().SeqNo); err != nil {
		l.log.Debug("fork was not acknowledged", "err", err)
		return
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.server.opt.ByeTimeout)
	defer cancel()
	bye := fork.request(sipmsg.BYE)
	if err := l.server.routeDialog(bounded, l, fork, bye); err != nil {
		return
	}
	if _, err := l.server.roundTrip(bounded, bye); err != nil {
		l.log.Debug("fork was not hung up", "err", err)
	}
}

// giveUp cancels the call and returns why. The rest of its life, which may be an answer that crosses the CANCEL, goes
// on without the caller.
func (d *dialing) giveUp(ctx context.Context, why error) error {
	code, by := sipmsg.StatusRequestTerminated, ByLocal
	if errors.Is(why, ErrStopped) {
		by = BySystem
	}
	t := Termination{By: by, Code: code, Text: why.Error()}
	d.leg.server.background(func() { d.withdraw(ctx, t) })
	return why
}

// withdraw sends CANCEL as soon as that is allowed, and waits for the final response to the INVITE: a refusal, which
// the transaction acknowledges, or an answer, which must be acknowledged and hung up (RFC 3261 section 9.1).
func (d *dialing) withdraw(ctx context.Context, t Termination) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer cancel()
	defer d.leg.end(t)
	if d.provisional {
		d.cancelInvite(ctx)
	}
	for {
		select {
		case res := <-d.tx.Responses():
			switch {
			case res.IsProvisional():
				if !d.provisional {
					d.provisional = true
					d.cancelInvite(ctx)
				}
				continue
			case res.IsSuccess():
				d.leg.settle()
				if err := d.acknowledge(ctx, res); err != nil {
					d.leg.log.Debug("late answer was not acknowledged", "err", err)
				}
				if d.leg.decide(t) {
					d.leg.bye(ctx)
				}
			}
			d.leg.server.metrics.sent(sipmsg.INVITE, res.StatusCode)
			return
		case <-d.tx.Done():
			d.leg.server.metrics.sent(sipmsg.INVITE, 0)
			return
		case <-ctx.Done():
			d.tx.Terminate()
			return
		}
	}
}

// cancelInvite sends the CANCEL of the INVITE and does not wait for the response, which says nothing about the call.
func (d *dialing) cancelInvite(ctx context.Context) {
	s := d.leg.server
	s.background(func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opt.ByeTimeout)
		defer cancel()
		res, err := s.roundTrip(bounded, newCancel(d.invite))
		if err != nil {
			d.leg.log.Debug("CANCEL got no answer", "err", err)
			s.metrics.sent(sipmsg.CANCEL, 0)
			return
		}
		s.metrics.sent(sipmsg.CANCEL, res.StatusCode)
	})
}

// newCancel returns the CANCEL of an INVITE that was sent (RFC 3261 section 9.1): the same in all that names the
// transaction.
func newCancel(inv *sipmsg.Request) *sipmsg.Request {
	req := sipmsg.NewRequest(sipmsg.CANCEL, inv.Recipient)
	req.AppendHeader(inv.Via().Clone())
	for _, name := range []string{"Route", "From", "To", "Call-ID", "Max-Forwards"} {
		sipmsg.CopyHeaders(name, inv, req)
	}
	req.AppendHeader(&sipmsg.CSeqHeader{SeqNo: inv.CSeq().SeqNo, MethodName: sipmsg.CANCEL})
	req.SetTransport(inv.Transport())
	req.SetDestination(inv.Destination())
	return req
}
