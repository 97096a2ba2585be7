package asr

import (
	"errors"
	"time"

	"github.com/operatord/operatord/conversation"
)

// This file is the half of ear that deals with the workers and with who listens.

// partial has the open turn decoded if it is time to.
func (e *ear) partial(t *turn) {
	interval := e.rec.load.partialInterval()
	if interval == 0 {
		return
	}
	if length := time.Duration(len(t.probs)) * windowDuration; length > longPartial {
		interval = interval * length / longPartial
	}
	if len(t.probs)-t.partialEnd < windows(interval) {
		return
	}
	t.partialEnd = len(t.probs)
	if t.partial != nil {
		e.rec.metrics.dropped.Inc()
		if !e.rec.pool.revokeWaiting(t.partial) {
			return // it runs: its text will do
		}
	}
	j := &job{kind: partialKind, pcm: t.heard(), deadline: time.Now().Add(partialLifetime), report: e.inbox.report}
	if e.rec.pool.submit(j) == nil {
		t.partial = j
	}
}

// dropPartial gives up a partial that waits or runs.
func (e *ear) dropPartial(t *turn) {
	if t.partial != nil {
		e.rec.pool.revoke(t.partial)
		t.partial = nil
	}
}

// speculate has the turn decoded as if it had ended, to hide the time that takes behind the rest of the pause.
func (e *ear) speculate(t *turn) {
	if t.speech < minSpeechWindows || !e.rec.load.speculate() {
		return
	}
	e.dropPartial(t)
	j := e.finalJob(t, speculativeKind, false)
	if e.rec.pool.submit(j) == nil {
		t.final = j
	}
}

// unspeculate takes speculation back when the speaker goes on.
func (e *ear) unspeculate(t *turn) {
	if t.final != nil {
		e.rec.pool.revoke(t.final)
	}
	t.final, t.early = nil, nil
}

// decode has the ended turn decoded.
func (e *ear) decode(t *turn, fullContext bool) {
	j := e.finalJob(t, finalKind, fullContext)
	if err := e.rec.pool.submit(j); err != nil {
		e.give(t, err)
		return
	}
	t.final = j
}

func (e *ear) finalJob(t *turn, k kind, fullContext bool) *job {
	return &job{
		kind: k, pcm: t.heard(), deadline: time.Now().Add(finalDeadline), report: e.inbox.report,
		params: Params{Best: e.rec.load.thorough(), FullContext: fullContext},
	}
}

// decoded takes the outcome of a job to the turn that waits for it, if one still does.
func (e *ear) decoded(o outcome) {
	if t := e.open; t != nil {
		switch o.job {
		case t.partial:
			t.partial = nil
			e.provisional(t, o)
			return
		case t.final:
			t.final, t.early = nil, &o
			e.provisional(t, o)
			return
		}
	}
	for _, t := range e.pending {
		if t.final == o.job {
			t.final = nil
			e.settle(t, o)
			return
		}
	}
}

// provisional publishes what the open turn says so far.
func (e *ear) provisional(t *turn, o outcome) {
	switch {
	case errors.Is(o.err, errStale):
		e.rec.metrics.dropped.Inc()
		return
	case o.err != nil:
		return // the final will report what is wrong
	}
	r, v := judge(o.result, t.spoken())
	if v != accepted || len(e.pending) > 0 {
		return
	}
	t.agree(r)
	t.published = true
	u := e.utterance(t, r)
	u.StableChars = t.stableChars()
	e.opts.OnUtterance(u)
}

// settle decides what the final text of an ended turn is.
func (e *ear) settle(t *turn, o outcome) {
	if o.err != nil {
		if !errors.Is(o.err, ErrStopped) {
			e.log.Error("speech was not decoded", "err", o.err)
		}
		e.give(t, o.err)
		return
	}
	r, v := judge(o.result, t.spoken())
	if v == repeating && !t.retried && e.rec.load.speculate() {
		t.retried = true
		e.decode(t, true)
		return
	}
	t.text, t.done = r, true
}

// give gives a turn up.
func (e *ear) give(t *turn, err error) {
	code, message := gapNotice(err)
	t.done = true
	t.gap = conversation.Notice{
		Code: code, Message: message, StartMS: e.ms(t.position(t.first)), EndMS: e.ms(t.position(t.last + 1)),
	}
}

// flush publishes the finals that are ready, in order.
func (e *ear) flush() {
	for len(e.pending) > 0 && e.pending[0].done {
		t := e.pending[0]
		e.pending = e.pending[1:]
		if t.gap.Code != "" {
			e.notice(t.gap)
		}
		if len(t.text.Words) > 0 || t.published {
			e.final(t)
		}
	}
}

// final publishes the final of a turn. Without text it takes back the partials.
func (e *ear) final(t *turn) {
	u := e.utterance(t, t.text)
	latency := time.Since(t.lastAt)
	u.Final, u.LatencyMS, u.Late = true, latency.Milliseconds(), latency > lateAfter
	u.Words = t.timedWords(t.text, e.ms)
	e.rec.metrics.finalLatency.Observe(latency.Seconds())
	e.opts.OnUtterance(u)
}

func (e *ear) utterance(t *turn, r Result) conversation.Utterance {
	return conversation.Utterance{
		ID: t.id, ConversationID: e.opts.ConversationID, Role: e.opts.Role, Model: e.engine.Model(),
		Text: r.Text(), Confidence: r.Confidence(),
		StartMS: e.ms(t.position(t.first)), EndMS: e.ms(t.position(t.last + 1)),
	}
}

// gap reports audio between two positions that was given up.
func (e *ear) gap(from, to int64, code, message string) {
	e.notice(conversation.Notice{Code: code, Message: message, StartMS: e.ms(from), EndMS: e.ms(to)})
}

func (e *ear) notice(n conversation.Notice) {
	e.rec.metrics.gap.Add(float64(n.EndMS-n.StartMS) / 1000)
	if e.opts.OnGap != nil {
		e.opts.OnGap(n)
	}
}

// ms returns the media time of a position in milliseconds.
func (e *ear) ms(position int64) int64 { return (e.opts.Start + duration(position)).Milliseconds() }
