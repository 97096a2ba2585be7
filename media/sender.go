package media

import (
	"time"

	"github.com/pion/rtp"
)

// SenderOptions configures a Sender.
type SenderOptions struct {
	Codec      Codec
	PacketTime time.Duration // a multiple of FrameDuration; zero means FrameDuration
	// Write sends a packet. The packet and its payload are valid until Write returns.
	Write func(p *rtp.Packet) error
}

// Sender encodes frames into one continuous RTP stream. WriteFrame may be called from one goroutine, Stats from any.
type Sender struct{}

// NewSender returns a sender with a random SSRC, sequence number and timestamp.
func NewSender(o SenderOptions) (*Sender, error) { return &Sender{}, nil }

// WriteFrame encodes a frame of FrameSamples samples and sends it when a packet is full. An empty src lets the time of
// a frame pass without sending.
func (s *Sender) WriteFrame(src []int16) error { return nil }

// PacketsSent returns how many packets Write has taken.
func (s *Sender) PacketsSent() uint64 { return 0 }
