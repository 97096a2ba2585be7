package call

import (
	"errors"
	"io"
	"time"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/media"
)

// maxCatchUp is how many frames the loop makes up for at once after it was held up. What is beyond that is left out:
// playing it later would delay everything that follows.
const maxCatchUp = 25

// checkEvery is how often, in frames, the loop looks at the limits of a call: once a second.
const checkEvery = int64(time.Second / media.FrameDuration)

// audio is the clock of a call. Every 20 ms it moves one frame each way: what the caller said goes to the recorder and to
// recognition, what the operator says to the caller, to the recorder and to recognition. Nothing in it waits.
type audio struct {
	call      *Call
	leg       Leg
	plan      Plan
	voice     *prompt    // nil: the operator is silent
	recording *recording // nil: not recorded
	caller    Listener   // nil: not recognised
	agent     Listener

	stream  media.Stream
	started time.Time
	frames  int64 // moved so far; media time is frames × 20 ms
	in, out [media.FrameSamples]int16
}

// run moves frames until the call's context ends.
func (a *audio) run() {
	a.stream, a.started = a.leg.Stream(), time.Now()
	ticker := time.NewTicker(media.FrameDuration)
	defer ticker.Stop()
	for {
		select {
		case <-a.call.ctx.Done():
			return
		case now := <-ticker.C:
			a.catchUp(now)
		}
	}
}

// catchUp moves every frame that is due, so that the call keeps to the clock although a ticker drops ticks.
func (a *audio) catchUp(now time.Time) {
	due := int64(now.Sub(a.started)/media.FrameDuration) - a.frames
	if due > maxCatchUp {
		a.call.registry.metrics.framesLeftOut.Add(float64(due - maxCatchUp))
		a.frames += due - maxCatchUp
		due = maxCatchUp
	}
	for range due {
		a.move()
		a.frames++
		if a.frames%checkEvery == 0 {
			a.check(now)
		}
	}
}

// move moves one frame each way.
func (a *audio) move() {
	info := a.stream.ReadFrame(a.in[:])
	if info.Digit != 0 {
		a.call.publish(conversation.Event{
			Type: conversation.EventDTMF, Notice: &conversation.Notice{Code: "dtmf", Message: string(info.Digit)},
		})
	}
	a.fillOut()
	if err := a.stream.WriteFrame(a.out[:]); err != nil {
		a.call.registry.metrics.writeErrors.Inc()
	}
	a.recording.write(a.in[:], a.out[:])
	if a.caller != nil {
		a.caller.Write(a.in[:])
	}
	if a.agent != nil {
		a.agent.Write(a.out[:])
	}
}

// fillOut puts the operator's next frame into a.out.
func (a *audio) fillOut() {
	if a.voice == nil {
		clear(a.out[:])
		return
	}
	err := a.voice.next(a.out[:])
	if err == nil {
		return
	}
	if !errors.Is(err, io.EOF) {
		a.call.degrade(conversation.Notice{Code: "prompt", Message: "The greeting broke off: " + err.Error()})
	}
	a.voice.close()
	a.voice = nil
	if a.plan.HangupAfterPrompt {
		a.call.cancel(ErrPromptDone)
	}
}

// check ends the call when it has lasted too long or no audio arrives any more, and looks after the recording.
func (a *audio) check(now time.Time) {
	a.recording.check()
	limits := a.call.registry.opts.Limits
	if now.Sub(a.started) >= limits.MaxDuration {
		a.call.cancel(ErrMaxDuration)
		return
	}
	last, timeout := a.stream.Stats().LastPacket, limits.MediaTimeout
	if last.IsZero() {
		last, timeout = a.started, limits.InitialMediaTimeout
	}
	if now.Sub(last) >= timeout {
		a.call.cancel(ErrMediaTimeout)
	}
}
