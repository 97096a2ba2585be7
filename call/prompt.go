package call

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/media/wav"
)

// promptAhead is how many frames of a prompt are read in advance: half a second.
const promptAhead = 25

// prompt plays a WAV file. A goroutine reads the file ahead, so that the audio loop never waits for the disk.
type prompt struct {
	// frames holds up to promptAhead frames read in advance. The reading goroutine closes it at the end of the file.
	frames chan []int16
	// free holds the frames to fill again. There are promptAhead frames in all, so that no send ever blocks.
	free chan []int16
	stop context.CancelFunc
	done sync.WaitGroup
	err  error // why reading ended early; read only after frames is closed
}

// startPrompt opens the file and starts reading. Stop must be called in any case.
func startPrompt(ctx context.Context, file string, channel int) (*prompt, error) {
	player, err := wav.Open(file, channel)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	p := &prompt{frames: make(chan []int16, promptAhead), free: make(chan []int16, promptAhead), stop: stop}
	for range cap(p.free) {
		p.free <- make([]int16, media.FrameSamples)
	}
	p.done.Go(func() { p.read(ctx, player) })
	return p, nil
}

func (p *prompt) read(ctx context.Context, player *wav.Player) {
	defer close(p.frames)
	defer func() { _ = player.Close() }() // opened for reading: nothing is lost
	for {
		select {
		case <-ctx.Done():
			return
		case frame := <-p.free:
			if _, err := player.ReadFrame(frame); err != nil {
				if !errors.Is(err, io.EOF) {
					p.err = err
				}
				return
			}
			p.frames <- frame
		}
	}
}

// next copies the next frame into dst, or silence while the disk is late. It returns io.EOF behind the last frame, or
// what ended the reading. It never blocks.
func (p *prompt) next(dst []int16) error {
	select {
	case frame, more := <-p.frames:
		if !more {
			clear(dst)
			if p.err != nil {
				return p.err
			}
			return io.EOF
		}
		copy(dst, frame)
		p.free <- frame
	default:
		clear(dst)
	}
	return nil
}

// close stops the reading, waits for it and lets go of the frames; next must not be called any more. It may be called
// again, and on a nil prompt.
func (p *prompt) close() {
	if p == nil {
		return
	}
	p.stop()
	p.done.Wait()
	p.frames, p.free = nil, nil
}
