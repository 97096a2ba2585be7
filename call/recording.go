package call

import (
	"os"
	"path/filepath"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/media/wav"
)

// recording is the recording of one call. It belongs to the call's goroutine. A call whose recording fails goes on, and
// says so once, when it happens.
type recording struct {
	call     *Call
	path     string
	recorder *wav.Recorder
	failed   bool
}

// record starts the recording, if calls are recorded. It returns nil when there is none.
func (c *Call) record() *recording {
	if c.registry.opts.RecordingDir == "" {
		return nil
	}
	r := &recording{call: c, path: filepath.Join(c.registry.opts.RecordingDir, string(c.ID())+".wav")}
	recorder, err := wav.NewRecorder(wav.RecorderOptions{Path: r.path})
	if err == nil {
		err = recorder.Start()
	}
	if err != nil {
		r.fail("This call is not recorded", err)
		return nil
	}
	r.recorder = recorder
	return r
}

// write takes a frame of both sides.
func (r *recording) write(caller, agent []int16) {
	if r != nil && !r.failed {
		r.recorder.Write(caller, agent)
	}
}

// check looks whether the recording still runs.
func (r *recording) check() {
	if r == nil || r.failed {
		return
	}
	if err := r.recorder.Err(); err != nil {
		r.fail("The recording broke off", err)
	}
}

func (r *recording) fail(what string, err error) {
	r.failed = true
	r.call.log.Error("recording failed, the call goes on", "err", err)
	r.call.degrade(conversation.Notice{Code: "recording", Message: what + ": " + err.Error()})
}

// save completes the recording and puts it into the conversation, unless nothing of it reached the disk.
func (r *recording) save() {
	if r == nil {
		return
	}
	if err := r.recorder.Close(); err != nil && !r.failed {
		r.fail("The recording is incomplete", err)
	}
	length := r.recorder.Length()
	if length == 0 {
		_ = os.Remove(r.path) // an empty file is of no use, and does no harm
		return
	}
	saved := &conversation.Recording{File: filepath.Base(r.path), SampleRate: media.SampleRate, DurationMS: length.Milliseconds()}
	r.call.change(func(conv *conversation.Conversation) { conv.Recording = saved })
}
