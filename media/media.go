package media

import "time"

// The one PCM format inside the daemon: mono, signed 16-bit samples.
const (
	SampleRate    = 16000                                                       // samples per second
	FrameDuration = 20 * time.Millisecond                                       // playing time of a frame
	FrameSamples  = int(SampleRate * int64(FrameDuration) / int64(time.Second)) // samples in a frame
)

// Stream is the audio of one leg in both directions. The reader owns the clock: it calls ReadFrame and WriteFrame once
// per FrameDuration, from one goroutine. Stats may be called from any goroutine.
type Stream interface {
	// ReadFrame fills dst[:FrameSamples] with the next frame from the far end. It never blocks and always fills dst.
	ReadFrame(dst []int16) FrameInfo
	// WriteFrame sends src, a frame of FrameSamples samples, to the far end. It keeps nothing of src. An empty src
	// lets the time of one frame pass without sending anything.
	WriteFrame(src []int16) error
	// Stats returns what was counted since the stream began.
	Stats() Stats
}

// FrameInfo says where a frame came from.
type FrameInfo struct {
	Kind  FrameKind
	Digit byte // the DTMF digit that began here ('0' to '9', '*', '#', 'A' to 'D'), 0 if none
}

// FrameKind says how a frame was made. Of the kinds of its parts, a frame has the greatest.
type FrameKind uint8

const (
	// Silent is a frame for which the far end sent nothing (not started, on hold, silence suppression, a long loss).
	Silent FrameKind = iota
	// Received is a frame decoded from packets that arrived.
	Received
	// Concealed is a frame that is made, wholly or partly, from what came before a loss.
	Concealed
)

// String returns the kind's name.
func (k FrameKind) String() string {
	switch k {
	case Received:
		return "received"
	case Concealed:
		return "concealed"
	default:
		return "silent"
	}
}

// Stats counts what happened on a stream. A packet is counted in exactly one of PacketsLate, PacketsDuplicate,
// PacketsMalformed and PacketsForeign if it was dropped for that reason. PacketsReceived counts the packets of the
// stream that were understood, late and duplicate ones included.
type Stats struct {
	Codec            string
	PacketsReceived  uint64
	PacketsLost      uint64  // sequence numbers that never arrived
	PacketsLate      uint64  // arrived after their playout time had passed
	PacketsDuplicate uint64  // arrived a second time
	PacketsDiscarded uint64  // arrived in a burst that was too long to hold
	PacketsMalformed uint64  // not RTP, of another version, or of a payload type that was not negotiated
	PacketsForeign   uint64  // from a source other than the one the session has latched onto
	ConcealedFrames  uint64  // frames returned as Concealed
	SkippedFrames    uint64  // frames of audio left out to bring the latency of a backlog down
	JitterMS         float64 // interarrival jitter, RFC 3550 section 6.4.1
	DepthMS          float64 // audio that waits in the jitter buffer now
	PacketsSent      uint64
	LastPacket       time.Time // arrival of the newest packet of the stream; zero before the first
}
