package wav

import (
	"errors"
	"time"
)

// ErrClosed is returned by the methods of a recorder or player that has been closed.
var ErrClosed = errors.New("wav file closed")

// RecorderOptions configures a Recorder.
type RecorderOptions struct {
	Path  string        // file to make; it must not exist
	Queue int           // frames that may wait for the disk; zero means DefaultQueue
	Sync  time.Duration // how much audio may be missing from the header while recording; zero means DefaultSync
}

// Recorder writes a stereo recording: left is the caller, right the agent.
type Recorder struct{}

// NewRecorder returns a recorder. Nothing is done before Start.
func NewRecorder(o RecorderOptions) (*Recorder, error) { return &Recorder{}, nil }

// Start makes the file and begins to write.
func (r *Recorder) Start() error { return nil }

// Write queues a frame of both sides, each of media.FrameSamples samples. It keeps nothing of them and never blocks:
// when the queue is full the frame is dropped and counted. A nil side is silence.
func (r *Recorder) Write(caller, agent []int16) {}

// Dropped returns how many frames were dropped because the disk was too slow or failed.
func (r *Recorder) Dropped() uint64 { return 0 }

// Err returns the error that stopped the writing, nil while all is well.
func (r *Recorder) Err() error { return nil }

// Close writes what is queued, completes the header and returns the first error there was. It may be called again.
func (r *Recorder) Close() error { return nil }

// Repair corrects the sizes in the header of a recording that was not closed.
func Repair(path string) error { return nil }
