package media

import (
	"time"

	"github.com/pion/rtp"
)

// ReceiverOptions configures a Receiver.
type ReceiverOptions struct {
	Codec              Codec
	ReceivePayloadType uint8         // payload type of arriving audio; zero means Codec.PayloadType
	DTMFPayloadType    uint8         // payload type of telephone-event, 0 for none
	MinDepth           time.Duration // least audio the jitter buffer holds before playing; zero means DefaultMinDepth
	MaxDepth           time.Duration // most it may hold on to in the long run; zero means DefaultMaxDepth
}

// Bounds of the jitter buffer's depth if the options leave them open.
const (
	DefaultMinDepth = 40 * time.Millisecond
	DefaultMaxDepth = 120 * time.Millisecond
)

// Receiver turns the RTP packets of one stream into frames. Push and Stats may be called from any goroutine, ReadFrame
// from one.
type Receiver struct{}

// NewReceiver returns a receiver for the codec.
func NewReceiver(o ReceiverOptions) (*Receiver, error) { return &Receiver{}, nil }

// Push takes a packet that arrived at the given time. It never blocks for long and keeps nothing of p.
func (r *Receiver) Push(p *rtp.Packet, arrival time.Time) {}

// ReadFrame implements Stream.
func (r *Receiver) ReadFrame(dst []int16) FrameInfo { clear(dst[:FrameSamples]); return FrameInfo{} }

// Stats returns what was counted since the receiver was made.
func (r *Receiver) Stats() Stats { return Stats{} }
