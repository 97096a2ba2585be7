package call

import (
	"context"
	"sync"

	"github.com/operatord/operatord/conversation"
)

// utteranceQueue is how many utterances of a call may wait for tracking. When it is full, partials are left out and
// finals make the recognizer wait.
const utteranceQueue = 64

// ears are everything that listens to a call: a listener for each side, and one goroutine that publishes their utterances
// in order and looks for trackers in each.
type ears struct {
	call     *Call
	plan     Plan
	detector Detector
	reactor  Reactor  // nil when matches set nothing off
	caller   Listener // nil when this side is not recognised
	agent    Listener
	// utterances is filled by the listeners and closed by close, after both have ended.
	utterances chan *conversation.Utterance
	done       sync.WaitGroup
}

// listen opens both listeners. A side that cannot be recognised degrades the call; the audio goes on.
func (c *Call) listen(plan Plan) *ears {
	e := &ears{
		call: c, plan: plan, detector: c.registry.opts.Detector(c.ID()),
		utterances: make(chan *conversation.Utterance, utteranceQueue),
	}
	if c.registry.opts.Reactor != nil {
		e.reactor = c.registry.opts.Reactor()
	}
	e.caller, e.agent = e.open(conversation.RoleCaller), e.open(conversation.RoleAgent)
	e.done.Go(e.run)
	return e
}

func (e *ears) open(role conversation.Role) Listener {
	if e.call.registry.opts.Listen == nil {
		return nil
	}
	listener, err := e.call.registry.opts.Listen(Listening{
		Conversation: e.call.ID(), Role: role, OnUtterance: e.hear,
		OnGap: func(n conversation.Notice) {
			e.call.publish(conversation.Event{Type: conversation.EventTranscriptionGap, Notice: &n})
		},
		OnDegraded: func(n conversation.Notice) {
			if role == conversation.RoleCaller { // once for the call, not for each side
				e.call.degrade(n)
			}
		},
	})
	if err != nil {
		e.call.log.Error("listen", "leg", string(role), "err", err)
		e.call.degrade(conversation.Notice{Code: "transcription", Message: "The " + string(role) + " is not transcribed: " + err.Error()})
		return nil
	}
	return listener
}

// hear queues an utterance for run. Finals wait for room: the recognizer has a bounded backlog of its own.
func (e *ears) hear(u conversation.Utterance) {
	if u.Final {
		e.utterances <- &u
		return
	}
	select {
	case e.utterances <- &u:
	default:
		e.call.registry.metrics.partialsLeftOut.Inc()
	}
}

func (e *ears) run() {
	for u := range e.utterances {
		e.take(*u)
	}
}

func (e *ears) take(u conversation.Utterance) {
	defer e.call.contain()
	e.publish(u)
	e.track(u)
}

func (e *ears) publish(u conversation.Utterance) {
	kind := conversation.EventUtterancePartial
	if u.Final {
		kind = conversation.EventUtteranceFinal
	}
	e.call.publish(conversation.Event{Type: kind, Utterance: &u})
}

// track looks for trackers in u. An error leaves what was found without the failing part, and the call goes on.
func (e *ears) track(u conversation.Utterance) {
	matched, withdrawn, err := e.detector.Match(context.WithoutCancel(e.call.ctx), u)
	if err != nil {
		e.call.log.Warn("track", "utterance_id", string(u.ID), "err", err)
	}
	for _, m := range withdrawn {
		e.call.publish(conversation.Event{Type: conversation.EventTrackerWithdrawn, Match: &m})
	}
	for _, m := range matched {
		if e.reactor != nil && !m.Provisional && !u.Late {
			m.Reactions = e.reactor.React(m)
		}
		e.call.publish(conversation.Event{Type: conversation.EventTrackerMatched, Match: &m})
		e.call.react(m)
		if e.plan.Machine != nil && e.plan.Machine(m) {
			e.call.cancel(ErrMachine)
		}
	}
}

// react carries out what a match sets off, save webhooks, which are delivered the match itself.
func (c *Call) react(m conversation.Match) {
	tagged := false
	for _, r := range m.Reactions {
		switch r.Type {
		case conversation.ReactionAlert:
			c.publish(conversation.Event{Type: conversation.EventAlertRaised, Match: &m})
		case conversation.ReactionTag:
			c.change(func(conv *conversation.Conversation) { tagged = conv.Tag(r.Target) || tagged })
		case conversation.ReactionWebhook:
		}
	}
	if tagged {
		conv := c.Conversation()
		c.publish(conversation.Event{Type: conversation.EventConversationTagged, Conversation: &conv})
	}
}

// close lets the listeners finish their last turns, publishes what comes of them, and waits for all that.
func (e *ears) close() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.call.ctx), flushTimeout)
	defer cancel()
	var listeners sync.WaitGroup
	for _, l := range []Listener{e.caller, e.agent} {
		if l == nil {
			continue
		}
		listeners.Go(func() {
			if err := l.Close(ctx); err != nil {
				e.call.log.Warn("finish listening", "err", err)
			}
		})
	}
	listeners.Wait()
	close(e.utterances)
	e.done.Wait()
}
