package wav

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-audio/audio"
	gowav "github.com/go-audio/wav"

	"github.com/operatord/operatord/media"
)

// Defaults of RecorderOptions.
const (
	DefaultQueue = 500             // 10 s of audio
	DefaultSync  = 2 * time.Second // a killed process loses at most this much
)

// writeBuffer holds a quarter of a second: a few writes each second, and little memory for each call.
const writeBuffer = 16 << 10

// Layout of a recording.
const (
	channels   = 2
	bitDepth   = 16
	blockAlign = channels * bitDepth / 8
	frameBytes = media.FrameSamples * blockAlign
	pcmFormat  = 1
	headerSize = 44 // "RIFF" size "WAVE", "fmt " with 16 bytes, "data" size
	riffSizeAt = 4
	dataSizeAt = 40
)

// RecorderOptions configures a Recorder.
type RecorderOptions struct {
	Path  string        // file to make; it must not exist
	Queue int           // frames that may wait for the disk; zero means DefaultQueue
	Sync  time.Duration // how much audio may be missing from the header while recording; zero means DefaultSync
}

// Recorder writes a stereo recording: left is the caller, right the agent. Write may be called from one goroutine, all
// other methods from any.
//
// Its goroutine is started by Start and ends with Close. A frame that cannot be written in time is replaced by silence,
// so that everything behind it keeps its time.
type Recorder struct {
	options RecorderOptions
	queue   chan *stereoFrame // of Queue frames, never closed; a frame that finds it full is dropped
	stop    chan struct{}     // closed by Close
	stopped sync.Once
	running sync.WaitGroup
	pool    sync.Pool    // of *stereoFrame
	length  atomic.Int64 // frames in the file, once the goroutine has ended

	offered atomic.Int64  // frames passed to Write
	dropped atomic.Uint64 // of these, not queued or not written

	mu     sync.Mutex // guards err
	err    error
	file   *os.File // and what follows belongs to the goroutine, between Start and its end
	out    *bufio.Writer
	frames int64 // written
	synced int64 // of these, accounted for in the header
}

// stereoFrame is a frame of both sides as it is written.
type stereoFrame struct {
	index int64
	data  [frameBytes]byte
}

// NewRecorder returns a recorder. Nothing is done before Start.
func NewRecorder(o RecorderOptions) (*Recorder, error) {
	if o.Queue == 0 {
		o.Queue = DefaultQueue
	}
	if o.Sync == 0 {
		o.Sync = DefaultSync
	}
	if o.Path == "" || o.Queue < 0 || o.Sync < 0 {
		return nil, errors.New("make recorder: no path, or a negative queue or sync interval")
	}
	return &Recorder{
		options: o,
		queue:   make(chan *stereoFrame, o.Queue),
		stop:    make(chan struct{}),
		pool:    sync.Pool{New: func() any { return new(stereoFrame) }},
	}, nil
}

// Start makes the file and begins to write. It must be called once.
func (r *Recorder) Start() error {
	f, err := os.OpenFile(r.options.Path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return fmt.Errorf("start recording: %w", err)
	}
	if err := writeHeader(f); err != nil {
		return errors.Join(fmt.Errorf("start recording: %w", err), f.Close(), os.Remove(r.options.Path))
	}
	r.file, r.out = f, bufio.NewWriterSize(f, writeBuffer)
	r.running.Go(r.run)
	return nil
}

// writeHeader writes the header of an empty recording.
func writeHeader(f *os.File) error {
	// NewEncoder reserves a minute at the given rate, which is never used: samples do not go through the encoder,
	// because it allocates for each of them.
	e := gowav.NewEncoder(f, 1, bitDepth, channels, pcmFormat)
	e.SampleRate = media.SampleRate
	format := &audio.Format{NumChannels: channels, SampleRate: media.SampleRate}
	if err := e.Write(&audio.IntBuffer{Format: format}); err != nil {
		return fmt.Errorf("write header: %w", err)
	}
	if err := writeSizes(f, 0); err != nil {
		return err
	}
	_, err := f.Seek(headerSize, io.SeekStart)
	return err
}

// writeSizes makes the header say how many bytes of samples there are.
func writeSizes(f io.WriterAt, dataBytes int64) error {
	dataBytes = min(dataBytes, math.MaxUint32-headerSize) // 18 hours
	for _, field := range []struct{ at, size int64 }{{riffSizeAt, headerSize - 8 + dataBytes}, {dataSizeAt, dataBytes}} {
		if _, err := f.WriteAt(binary.LittleEndian.AppendUint32(nil, uint32(field.size)), field.at); err != nil {
			return fmt.Errorf("update header: %w", err)
		}
	}
	return nil
}

// Write queues a frame of both sides, each of media.FrameSamples samples. It keeps nothing of them and never blocks:
// when the queue is full the frame is dropped and counted. A nil side is silence.
func (r *Recorder) Write(caller, agent []int16) {
	frame, _ := r.pool.Get().(*stereoFrame)
	frame.index = r.offered.Add(1) - 1
	frame.fill(caller, agent)
	select {
	case r.queue <- frame:
	default:
		r.dropped.Add(1)
		r.pool.Put(frame)
	}
}

func (f *stereoFrame) fill(caller, agent []int16) {
	if len(caller) < media.FrameSamples || len(agent) < media.FrameSamples {
		var left, right [media.FrameSamples]int16
		copy(left[:], caller)
		copy(right[:], agent)
		caller, agent = left[:], right[:]
	}
	for i, v := range caller[:media.FrameSamples] {
		binary.LittleEndian.PutUint32(f.data[i*blockAlign:], uint32(uint16(v))|uint32(uint16(agent[i]))<<bitDepth)
	}
}

// Dropped returns how many frames were dropped because the disk was too slow or failed.
func (r *Recorder) Dropped() uint64 { return r.dropped.Load() }

// Length returns how much was recorded, once Close has returned.
func (r *Recorder) Length() time.Duration {
	return time.Duration(r.length.Load()) * media.FrameDuration
}

// Err returns the error that stopped the writing, nil while all is well. The recording ends there, and Write goes on to
// accept frames.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Close writes what is queued, completes the header and returns the error of Err, or ErrSlow. It may be called again,
// and before Start.
func (r *Recorder) Close() error {
	r.stopped.Do(func() { close(r.stop) })
	r.running.Wait()
	if err := r.Err(); err != nil {
		return err
	}
	if n := r.Dropped(); n > 0 {
		return fmt.Errorf("%w: %d frames", ErrSlow, n)
	}
	return nil
}

// run writes frames until Close.
func (r *Recorder) run() {
	for {
		select {
		case frame := <-r.queue:
			r.write(frame)
		case <-r.stop:
			r.drain()
			r.finish()
			return
		}
	}
}

func (r *Recorder) drain() {
	for {
		select {
		case frame := <-r.queue:
			r.write(frame)
		default:
			return
		}
	}
}

// write appends a frame, and silence for the dropped ones before it.
func (r *Recorder) write(frame *stereoFrame) {
	defer r.pool.Put(frame)
	if r.Err() != nil {
		r.dropped.Add(1)
		return
	}
	err := r.pad(frame.index)
	if err == nil {
		err = r.append(frame.data[:])
	}
	if err == nil && time.Duration(r.frames-r.synced)*media.FrameDuration >= r.options.Sync {
		err = r.sync()
	}
	r.fail(err)
}

// pad appends silence up to a frame.
func (r *Recorder) pad(index int64) error {
	silence := [frameBytes]byte{}
	for r.frames < index {
		if err := r.append(silence[:]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Recorder) append(data []byte) error {
	if _, err := r.out.Write(data); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	r.frames++
	return nil
}

// sync makes the file complete as far as it goes: first the samples, then the sizes in the header.
func (r *Recorder) sync() error {
	if err := r.out.Flush(); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	r.synced = r.frames
	return writeSizes(r.file, r.frames*int64(frameBytes))
}

// fail keeps the first error.
func (r *Recorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

// finish completes the file, or saves what can be saved of it after an error.
func (r *Recorder) finish() {
	if r.Err() == nil {
		r.fail(errors.Join(r.pad(r.offered.Load()), r.sync(), r.file.Sync()))
	}
	r.fail(r.file.Close())
	r.length.Store(r.frames)
	if r.Err() == nil {
		return
	}
	_ = Repair(r.options.Path) // the first error is the one to report
	r.length.Store(0)
	if info, err := os.Stat(r.options.Path); err == nil {
		r.length.Store(max(0, info.Size()-headerSize) / int64(frameBytes))
	}
}
