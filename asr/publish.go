package asr

import (
	"errors"
	"time"

	"github.com/operatord/operatord/conversation"
)

// This file is the half of ear that deals with the workers and with who listens.

// stretch returns the interval between the partials of a turn with so much speech not yet decided. It does not multiply
// durations, which overflow after a few seconds.
func stretch(interval, spoken time.Duration) time.Duration {
	return time.Duration(float64(interval) * max(1, spoken.Seconds()/longPartial.Seconds()))
}

// partial has the open turn decoded if it is time to.
func (e *ear) partial(t *turn) {
	interval := e.rec.load.partialInterval()
	if interval == 0 {
		return
	}
	if len(t.probs)-t.partialEnd < windows(stretch(interval, t.tail.spoken())) {
		return
	}
	t.partialEnd = len(t.probs)
	if t.partial != nil {
		e.rec.metrics.dropped.Inc()
		if !e.rec.pool.revokeWaiting(t.partial) {
			return // it runs: its text will do
		}
	}
	j := &job{kind: partialKind, pcm: t.audio(&t.tail), deadline: time.Now().Add(partialLifetime), report: e.inbox.report}
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

// speculate has the tail of the turn decoded as if it had ended, to hide the time that takes behind the rest of the pause.
func (e *ear) speculate(t *turn) {
	if t.tail.speech < minSpeechWindows || !e.rec.load.speculate() {
		return
	}
	e.dropPartial(t)
	guess := t.tail
	if e.decode(t, &guess, speculativeKind); guess.err == nil {
		t.guess = &guess
	}
}

// unspeculate takes speculation back.
func (e *ear) unspeculate(t *turn) {
	if t.guess != nil && t.guess.job != nil {
		e.rec.pool.revoke(t.guess.job)
	}
	t.guess = nil
}

// decode has a part of the turn decoded.
func (e *ear) decode(t *turn, p *part, k kind) {
	j := &job{
		kind: k, pcm: t.audio(p), deadline: time.Now().Add(finalDeadline), report: e.inbox.report,
		params: Params{Best: e.rec.load.thorough(), FullContext: p.retried},
	}
	if err := e.rec.pool.submit(j); err != nil {
		p.err, p.decided = err, true
		return
	}
	p.job = j
}

// decoded takes the outcome of a job to the turn that waits for it, if one still does.
func (e *ear) decoded(o outcome) {
	if t := e.open; t != nil {
		if o.job == t.partial {
			t.partial = nil
			e.provisional(t, o)
			return
		}
		if p := t.find(o.job); p != nil {
			e.settle(t, p, o)
			if p == t.guess && p.decided {
				e.publish(t, p.text)
			}
			return
		}
	}
	for _, t := range e.pending {
		if p := t.find(o.job); p != nil {
			e.settle(t, p, o)
			return
		}
	}
}

// provisional publishes what the open turn says so far, unless it is hardly credible or nobody could decode it; the final will tell.
func (e *ear) provisional(t *turn, o outcome) {
	if errors.Is(o.err, errStale) {
		e.rec.metrics.dropped.Inc()
	}
	if o.err != nil {
		return
	}
	if r, v := judge(o.result, t.tail.spoken()); v == accepted {
		e.publish(t, r)
	}
}

// publish sends a partial with the given text behind that of the parts. It sends none before the final of the turn before.
func (e *ear) publish(t *turn, tail Result) {
	r := t.text(tail)
	if len(r.Words) == 0 || len(e.pending) > 0 || !t.decided() {
		return
	}
	t.agree(r)
	t.published = true
	u := e.utterance(t, r)
	u.StableChars = t.stableChars()
	e.opts.OnUtterance(u)
}

// settle decides what the text of a part is, or has it decoded once more.
func (e *ear) settle(t *turn, p *part, o outcome) {
	p.job = nil
	if o.err != nil {
		if !errors.Is(o.err, ErrStopped) {
			e.log.Error("speech was not decoded", "err", o.err)
		}
		p.err, p.decided = o.err, true
		return
	}
	r, v := judge(o.result, p.spoken())
	if v == repeating && !p.retried && e.rec.load.speculate() {
		p.retried = true
		e.decode(t, p, finalKind)
		return
	}
	p.text, p.decided = r, true
}

// flush publishes the finals that are ready, in order.
func (e *ear) flush() {
	for len(e.pending) > 0 && e.pending[0].decided() {
		t := e.pending[0]
		e.pending = e.pending[1:]
		for _, p := range t.parts {
			if p.err != nil {
				code, message := gapNotice(p.err)
				e.gap(t.position(p.first), t.position(p.last+1), code, message)
			}
		}
		if r := t.text(Result{}); len(r.Words) > 0 || t.published {
			e.final(t, r)
		}
	}
}

// final publishes the final of a turn. Without text it takes back the partials.
func (e *ear) final(t *turn, r Result) {
	u := e.utterance(t, r)
	latency := time.Since(t.lastAt)
	u.Final, u.LatencyMS, u.Late = true, latency.Milliseconds(), latency > lateAfter
	u.Words = t.timedWords(e.ms)
	e.rec.metrics.finalLatency.Observe(latency.Seconds())
	e.opts.OnUtterance(u)
}

func (e *ear) utterance(t *turn, r Result) conversation.Utterance {
	return conversation.Utterance{
		ID: t.id, ConversationID: e.opts.ConversationID, Role: e.opts.Role, Model: e.engine.Model(),
		Text: r.Text(), Confidence: r.Confidence(), StartMS: e.ms(t.begin()), EndMS: e.ms(t.end()),
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
