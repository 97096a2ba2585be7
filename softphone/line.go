package softphone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/media/wav"
	"github.com/operatord/operatord/sip"
)

// speechLevel is the level in dBFS above which a frame counts as Heard.Active: well above line noise and G.711's
// idle pattern, well below quiet speech.
const speechLevel = -50

// Heard is an account of the audio that arrived.
type Heard struct {
	Duration time.Duration // all of it
	Active   time.Duration // the part in which something was to be heard
	LevelDB  float64       // mean level of the active part in dBFS; negative infinity if it is empty
}

// meter measures what is heard.
type meter struct {
	frames, active int
	energy         float64 // mean square of each active frame, summed; full scale is 1
}

func (m *meter) add(frame []int16) {
	var sum float64
	for _, s := range frame {
		v := float64(s) / -math.MinInt16
		sum += v * v
	}
	m.frames++
	if mean := sum / float64(len(frame)); decibel(mean) > speechLevel {
		m.active++
		m.energy += mean
	}
}

func (m *meter) heard() Heard {
	return Heard{
		Duration: time.Duration(m.frames) * media.FrameDuration,
		Active:   time.Duration(m.active) * media.FrameDuration,
		LevelDB:  decibel(m.energy / float64(max(1, m.active))),
	}
}

func decibel(power float64) float64 { return 10 * math.Log10(power) }

// line is the audio side of a phone for one call.
type line struct {
	plan     Talk
	player   *wav.Player   // nil when there is nothing (more) to say
	recorder *wav.Recorder // nil when nothing is recorded
	meter    meter
	said     time.Duration // until the end of the audio; valid once player is nil

	saying, hearing [media.FrameSamples]int16
}

// openLine opens the files of a talk. close closes them.
func openLine(plan Talk) (*line, error) {
	l := &line{plan: plan}
	var err error
	if plan.WAV != "" {
		if l.player, err = wav.Open(plan.WAV, plan.Channel); err != nil {
			return nil, fmt.Errorf("open audio: %w", err)
		}
	}
	if plan.Record == "" {
		return l, nil
	}
	if l.recorder, err = wav.NewRecorder(wav.RecorderOptions{Path: plan.Record}); err == nil {
		err = l.recorder.Start()
	}
	if err != nil {
		l.recorder = nil
		return nil, errors.Join(fmt.Errorf("record: %w", err), l.close())
	}
	return l, nil
}

func (l *line) close() error {
	var err error
	if l.player != nil {
		err = l.player.Close()
	}
	if l.recorder != nil {
		err = errors.Join(err, l.recorder.Close())
	}
	return err
}

// leg is what a line needs of a call.
type leg interface {
	SIPCallID() string
	Stream() media.Stream
	Hangup(ctx context.Context) error
	Done() <-chan struct{}
	End() sip.Termination
}

// talk carries an answered call to its end and completes the result. It returns ctx's error if that ended the call.
func (l *line) talk(ctx context.Context, leg leg, result *Result) error {
	start := time.Now()
	err := l.converse(ctx, leg, start)
	result.Duration = time.Since(start)

	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	hangup := leg.Hangup(bye)
	end := leg.End()
	result.Answered, result.SIPCallID = true, leg.SIPCallID()
	result.EndedBy, result.SIPCode, result.Q850, result.Reason = end.By, end.Code, end.Q850, end.Text
	result.Stats, result.Heard = leg.Stream().Stats(), l.meter.heard()
	if hangup != nil {
		hangup = fmt.Errorf("hang up: %w", hangup)
	}
	return errors.Join(err, hangup)
}

// converse says and hears one frame each media.FrameDuration until either side ends the call. It follows the clock and
// not its ticks: a machine that is late catches up, so that the audio stays in real time.
func (l *line) converse(ctx context.Context, leg leg, start time.Time) error {
	tick := time.NewTicker(media.FrameDuration)
	defer tick.Stop()
	stream := leg.Stream()
	for frames := 0; ; {
		select {
		case <-leg.Done():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		for ; time.Duration(frames)*media.FrameDuration < time.Since(start); frames++ {
			at := time.Duration(frames) * media.FrameDuration
			if err := l.step(stream, at); err != nil {
				return err
			}
			if l.over(at) {
				return nil
			}
		}
	}
}

// step exchanges one frame.
func (l *line) step(stream media.Stream, at time.Duration) error {
	stream.ReadFrame(l.hearing[:])
	l.meter.add(l.hearing[:])
	if err := l.nextFrame(at); err != nil {
		return err
	}
	if l.recorder != nil {
		l.recorder.Write(l.saying[:], l.hearing[:])
	}
	// A packet that cannot be sent is one that is lost; the end of the leg shows in Done.
	_ = stream.WriteFrame(l.saying[:])
	return nil
}

// nextFrame puts the next frame to say, silence behind the end of the audio, into saying.
func (l *line) nextFrame(at time.Duration) error {
	if l.player == nil {
		return nil
	}
	n, err := l.player.ReadFrame(l.saying[:])
	if err == nil && n > 0 {
		return nil
	}
	clear(l.saying[:])
	l.said = at
	closing := l.player.Close()
	l.player = nil
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read audio: %w", errors.Join(err, closing))
	}
	return closing
}

// over reports whether the phone is to hang up at this time of the call.
func (l *line) over(at time.Duration) bool {
	if l.plan.Duration > 0 && at >= l.plan.Duration {
		return true
	}
	return l.plan.WAV != "" && l.plan.Pause >= 0 && l.player == nil && at >= l.said+l.plan.Pause
}
