package call

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/operatord/operatord/conversation"
)

// flushTimeout bounds how long a call that has ended waits for its last words to be recognised.
const flushTimeout = 20 * time.Second

// hangupTimeout bounds the wait for the peer to confirm a hang-up or a refusal.
const hangupTimeout = 5 * time.Second

// Call is one live call: a conversation, its leg and everything that listens to it. Its life is run, read top to bottom:
// queued, answered, talking, ended. The context of a call ends with one of the causes of this package.
type Call struct {
	registry *Registry
	id       conversation.ID
	log      *slog.Logger
	ctx      context.Context //nolint:containedctx // the context is the call: ending it ends the call
	cancel   context.CancelCauseFunc
	done     chan struct{} // closed when the terminal event has been published

	mu   sync.Mutex
	conv conversation.Conversation
}

// ID returns the identity of the call's conversation.
func (c *Call) ID() conversation.ID { return c.id }

// Conversation returns the state of the conversation now.
func (c *Call) Conversation() conversation.Conversation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conv
}

// Hangup ends the call with a cause. The call ends soon after; wait for Done.
func (c *Call) Hangup(cause error) { c.cancel(cause) }

// Done is closed when the call has ended and its last event is published.
func (c *Call) Done() <-chan struct{} { return c.done }

// inbound runs an inbound call on its leg until it has ended.
func (c *Call) inbound(leg Leg) {
	defer c.end(&leg)
	c.publishStatus()
	plan, err := c.registry.opts.Plan(c.Conversation())
	if err != nil {
		c.reject(leg, err)
		return
	}
	stop := c.endWithLeg(leg)
	defer stop()
	if err := c.answer(leg, plan.AnswerAfter); err != nil {
		c.reject(leg, err)
		return
	}
	c.talk(leg, plan)
}

// answer lets the leg ring for a while, if the plan says so, and answers it.
func (c *Call) answer(leg Leg, after time.Duration) error {
	if after > 0 {
		if err := leg.Ring(c.ctx); err != nil {
			return err
		}
		select {
		case <-time.After(after):
		case <-c.ctx.Done():
			return causeOf(c.ctx)
		}
	}
	return leg.Answer(c.ctx)
}

// outbound places a call and runs it until it has ended.
func (c *Call) outbound(request Request) {
	var leg Leg
	defer c.end(&leg)
	plan, err := c.registry.opts.Plan(c.Conversation())
	if err != nil {
		c.finish(dialEnd(err))
		return
	}
	leg, err = c.registry.opts.Dial(c.ctx, request, func() {
		c.publish(conversation.Event{
			Type:   conversation.EventConversationRinging,
			Notice: &conversation.Notice{Code: "ringing", Message: "The far end is ringing."},
		})
	})
	if err != nil {
		if c.ctx.Err() != nil {
			err = causeOf(c.ctx)
		}
		c.finish(dialEnd(err))
		return
	}
	stop := c.endWithLeg(leg)
	defer stop()
	c.talk(leg, plan)
}

// talk runs an answered call: the audio loop, both listeners and the detector, until one of them or the leg ends it.
func (c *Call) talk(leg Leg, plan Plan) {
	c.change(func(conv *conversation.Conversation) {
		if err := conv.Answer(c.registry.opts.Now()); err != nil {
			c.log.Error("answer", "err", err)
		}
		conv.Profile = plan.Profile
	})
	c.publishStatus()

	answered := c.registry.opts.Now()
	ended, cause := c.attend(leg, plan)
	talked := ended.Sub(answered)
	c.logStatistics(leg, talked, cause)
	c.finishAt(talkEnd(cause, leg.End(), talked), ended)
}

// attend moves the audio of a call until its context ends, hangs up, and closes what it opened, whatever happens: the last
// words are recognised and the recording is saved when it returns. It reports when the talk ended, and why.
func (c *Call) attend(leg Leg, plan Plan) (ended time.Time, cause error) {
	ears := c.listen(plan)
	defer ears.close()
	recording := c.record()
	defer recording.save()
	voice := c.speak(plan)
	defer voice.close()
	(&audio{call: c, leg: leg, plan: plan, voice: voice, recording: recording, caller: ears.caller, agent: ears.agent}).run()
	ended, cause = c.registry.opts.Now(), causeOf(c.ctx)
	c.hangup(leg)
	return ended, cause
}

// endWithLeg ends the call's context when the leg ends. The returned function stops watching and waits for that.
func (c *Call) endWithLeg(leg Leg) (stop func()) {
	var watcher sync.WaitGroup
	stopped := make(chan struct{})
	watcher.Go(func() {
		select {
		case <-leg.Done():
			c.cancel(ErrLegEnded)
		case <-stopped:
		}
	})
	return func() {
		close(stopped)
		watcher.Wait()
	}
}

// reject refuses a leg that could not be answered, and finishes the conversation.
func (c *Call) reject(leg Leg, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), hangupTimeout)
	defer cancel()
	if c.ctx.Err() != nil {
		err = causeOf(c.ctx)
	}
	if rejectErr := leg.Reject(ctx, err); rejectErr != nil && !leg.End().Cancelled {
		c.log.Warn("refuse call", "err", rejectErr)
	}
	c.finish(answerEnd(err, leg.End()))
}

// hangup ends the leg, unless the peer has.
func (c *Call) hangup(leg Leg) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), hangupTimeout)
	defer cancel()
	if err := leg.Hangup(ctx); err != nil {
		c.log.Warn("hang up", "err", err)
	}
}

// end is the call's boundary: a panic anywhere in its own goroutine ends this call, not the daemon.
func (c *Call) end(leg *Leg) {
	if r := recover(); r != nil {
		c.log.Error("call failed", "err", fmt.Sprint(r), "stack", string(debug.Stack()))
		c.cancel(ErrInternal)
		if *leg != nil {
			c.hangup(*leg)
		}
		c.finish(c.panicEnd())
	}
	c.cancel(ErrLegEnded)
	c.registry.remove(c)
	close(c.done)
}

// contain is deferred by the other goroutines of a call, to the same end.
func (c *Call) contain() {
	if r := recover(); r != nil {
		c.log.Error("call failed", "err", fmt.Sprint(r), "stack", string(debug.Stack()))
		c.cancel(ErrInternal)
	}
}

func (c *Call) panicEnd() conversation.End {
	if c.Conversation().Status == conversation.InProgress {
		return talkEnd(ErrInternal, LegEnd{}, c.registry.opts.Now().Sub(*c.Conversation().AnsweredAt))
	}
	return system(conversation.Failed, conversation.CauseInternal, "The daemon failed before the call was answered.")
}

// speak starts the operator's prompt. A call whose prompt cannot be read goes on in silence.
func (c *Call) speak(plan Plan) *prompt {
	if plan.Prompt == "" {
		return nil
	}
	voice, err := startPrompt(c.ctx, plan.Prompt, plan.PromptChannel)
	if err != nil {
		c.log.Error("open prompt", "err", err)
		c.degrade(conversation.Notice{Code: "prompt", Message: "The greeting cannot be played: " + err.Error()})
		return nil
	}
	return voice
}

// degrade notes that a part does not work on this call.
func (c *Call) degrade(notice conversation.Notice) {
	c.change(func(conv *conversation.Conversation) { conv.Degraded = append(conv.Degraded, notice.Message) })
	c.publish(conversation.Event{Type: conversation.EventConversationDegraded, Notice: &notice})
}

// change edits the conversation under its lock.
func (c *Call) change(edit func(*conversation.Conversation)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	edit(&c.conv)
}

func (c *Call) finish(end conversation.End) { c.finishAt(end, c.registry.opts.Now()) }

// finishAt makes the conversation terminal and publishes its last event.
func (c *Call) finishAt(end conversation.End, at time.Time) {
	var err error
	c.change(func(conv *conversation.Conversation) { err = conv.Finish(end, at) })
	if err != nil {
		c.log.Error("finish conversation", "err", err)
		return
	}
	c.registry.metrics.finished(c.Conversation())
	c.publishStatus()
}

// publishStatus announces the status with a snapshot of the conversation.
func (c *Call) publishStatus() {
	conv := c.Conversation()
	c.publish(conversation.Event{Type: conversation.StatusEvent(conv.Status), Conversation: &conv})
}

// publish gives an event the conversation's identity and, once answered, its media time.
func (c *Call) publish(ev conversation.Event) {
	conv := c.Conversation()
	ev.ConversationID, ev.At = conv.ID, c.registry.opts.Now()
	if conv.AnsweredAt != nil {
		ev.OffsetMS = max(0, ev.At.Sub(*conv.AnsweredAt).Milliseconds())
	}
	c.registry.opts.Feed.Publish(ev)
}

// logStatistics writes the one line an operator reads about a call.
func (c *Call) logStatistics(leg Leg, talked time.Duration, cause error) {
	s := leg.Stream().Stats()
	c.log.Info("call ended", "cause", cause.Error(), "duration_ms", talked.Milliseconds(), "codec", s.Codec,
		"received", s.PacketsReceived, "lost", s.PacketsLost, "late", s.PacketsLate, "concealed", s.ConcealedFrames,
		"jitter_ms", s.JitterMS, "sent", s.PacketsSent)
}
