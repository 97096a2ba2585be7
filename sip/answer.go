package sip

import (
	"context"
	"errors"
	"fmt"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/operatord/operatord/media"
)

// Ring tells the caller of an inbound leg that it is ringing (180). It may be called again.
func (l *Leg) Ring(context.Context) error {
	if err := l.pending(); err != nil {
		return err
	}
	res := l.server.response(l.request, sipmsg.StatusRinging, "Ringing", l.dialog.localTag)
	l.server.withContact(res, l.dialog.transport)
	if err := l.invite.Respond(res); err != nil {
		return fmt.Errorf("send 180: %w", err)
	}
	return nil
}

// Reject refuses an inbound leg with a final response from 300 to 699, and ends it.
func (l *Leg) Reject(_ context.Context, code int, reason string) error {
	if code < 300 || code > 699 {
		return fmt.Errorf("%w status %d", ErrInvalid, code)
	}
	reason, err := clean("reason", reason)
	if err != nil {
		return err
	}
	return l.refuse(Termination{By: ByLocal, Code: code, Text: reason})
}

// Answer accepts an inbound leg: it opens the audio, sends 200 with a session description, and returns when the
// caller's ACK has arrived, or a BYE: a caller who hangs up at once was answered all the same. It returns ErrEnded if the
// caller left before the 200, and ErrNoACK, having hung up, if no ACK came in Options.ACKTimeout. If ctx ends while Answer
// waits, the leg is hung up and ctx's error returned.
func (l *Leg) Answer(ctx context.Context) error {
	body, err := l.accept()
	if err != nil {
		return err
	}
	res := l.server.response(l.request, sipmsg.StatusOK, "OK", l.dialog.localTag)
	l.server.withContact(res, l.dialog.transport)
	withSDP(res, body)

	defer l.settle()
	ack, err := l.respondUntilACK(ctx, l.invite, l.request, res)
	if err == nil && l.answer == nil {
		err = l.readAnswer(ack.Body())
	}
	if err == nil {
		err = l.confirm()
	}
	if errors.Is(err, ErrEnded) && l.leftAfterAnswer() {
		return nil
	}
	if err != nil {
		return l.fail(ctx, err)
	}
	return nil
}

// leftAfterAnswer reports whether the caller hung up a leg that was answered.
func (l *Leg) leftAfterAnswer() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == stateAnswered && l.ending && l.term.By == ByRemote
}

// confirm moves an answered leg to confirmed.
func (l *Leg) confirm() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending {
		return ErrEnded
	}
	l.state = stateConfirmed
	return nil
}

// accept moves the leg from ringing to answered, with its audio open if the INVITE had an offer, and returns the
// session description for the 200.
func (l *Leg) accept() ([]byte, error) {
	if err := l.pending(); err != nil {
		return nil, err
	}
	finished, err := l.negotiate()
	if err != nil {
		return nil, err
	}
	defer finished()
	body := l.answer
	if body == nil {
		offer, err := l.negotiator.Offer(media.SendRecv)
		if err != nil {
			return nil, fmt.Errorf("make offer: %w", err)
		}
		body = offer
	} else if err := l.apply(l.agreed); err != nil {
		return nil, fmt.Errorf("start audio: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending {
		return nil, ErrEnded
	}
	if l.state != stateRinging {
		return nil, ErrState
	}
	l.state = stateAnswered
	return body, nil
}

// pending returns nil for an inbound leg that waits for its final response.
func (l *Leg) pending() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ending:
		return ErrEnded
	case !l.inbound || l.state != stateRinging:
		return ErrState
	}
	return nil
}

// negotiate begins an offer/answer exchange, of which a leg has one at a time, and returns the function that ends it.
// It waits a little for one that is about to end: an ACK and the re-INVITE after it may be served in either order.
func (l *Leg) negotiate() (finished func(), err error) {
	patience := time.NewTimer(sipmsg.T2)
	defer patience.Stop()
	select {
	case l.negotiation <- struct{}{}:
		return func() { <-l.negotiation }, nil
	case <-l.done:
		return nil, ErrEnded
	case <-patience.C:
		return nil, ErrState
	}
}

// apply starts or changes the audio as agreed. It is for a caller of negotiate.
func (l *Leg) apply(n media.Negotiated) error {
	if err := l.session.Update(n); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hold = !n.Direction.Sends()
	return nil
}

// readAnswer applies the session description that answers our offer.
func (l *Leg) readAnswer(body []byte) error {
	finished, err := l.negotiate()
	if err != nil {
		return err
	}
	defer finished()
	return l.applyAnswer(body)
}

// applyAnswer is readAnswer for a caller of negotiate.
func (l *Leg) applyAnswer(body []byte) error {
	agreed, err := l.negotiator.ParseAnswer(body)
	if err != nil {
		return fmt.Errorf("read the peer's answer: %w", err)
	}
	return l.apply(agreed)
}

// fail ends a leg whose answer came to nothing, and returns why.
func (l *Leg) fail(ctx context.Context, err error) error {
	if errors.Is(err, ErrEnded) {
		return err
	}
	l.settle()
	t := Termination{By: BySystem, Code: sipmsg.StatusOK, Text: err.Error()}
	switch {
	case errors.Is(err, ErrNoACK):
		t.Code = sipmsg.StatusRequestTimeout
	case ctx.Err() != nil:
		t.By = ByLocal
	}
	_ = l.hangup(ctx, t, t) // the leg ends by itself if ctx has ended
	return err
}

// respondUntilACK sends a 2xx response to an INVITE, repeats it until the ACK arrives, and returns that (RFC 3261
// section 13.3.1.4). Unlike other responses, a 2xx is repeated over TCP as well, because the ACK is end to end.
func (l *Leg) respondUntilACK(ctx context.Context, tx sipmsg.ServerTransaction, req *sipmsg.Request,
	res *sipmsg.Response,
) (*sipmsg.Request, error) {
	seq := req.CSeq().SeqNo
	acks := l.expectACK(seq)
	defer l.forgetACK(seq)
	l.server.send(tx, req, res)

	giveUp := time.NewTimer(l.server.opt.ACKTimeout)
	defer giveUp.Stop()
	interval := sipmsg.T1
	repeat := time.NewTimer(interval)
	defer repeat.Stop()
	for {
		select {
		case ack := <-acks:
			return ack, nil
		case ack := <-tx.Acks(): // of a peer that reuses the branch of the INVITE
			return ack, nil
		case <-repeat.C:
			if err := tx.Respond(res); err != nil {
				l.log.Debug("answer was not repeated", "err", err)
			}
			interval = min(2*interval, sipmsg.T2)
			repeat.Reset(interval)
		case <-giveUp.C:
			return nil, ErrNoACK
		case <-l.done:
			return nil, ErrEnded
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
