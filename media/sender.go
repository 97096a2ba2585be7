package media

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
)

// MaxPacketTime is the longest packet a Sender makes.
const MaxPacketTime = 3 * FrameDuration

// ErrFrameSize is returned for a frame that does not have FrameSamples samples.
var ErrFrameSize = errors.New("frame of the wrong size")

// SenderOptions configures a Sender.
type SenderOptions struct {
	Codec      Codec
	PacketTime time.Duration // a multiple of FrameDuration, at most MaxPacketTime; zero means FrameDuration
	// Write sends a packet. The packet and its payload are valid until Write returns.
	Write func(p *rtp.Packet) error
}

// Sender encodes frames into one continuous RTP stream. WriteFrame may be called from one goroutine, PacketsSent from
// any.
type Sender struct {
	encoder encoder
	write   func(p *rtp.Packet) error
	packet  rtp.Packet
	ticks   uint32  // timestamp units in a frame
	pending []int16 // frames of the packet that is not full yet; its capacity is the packet's size
	sent    atomic.Uint64
}

// NewSender returns a sender with a random SSRC, sequence number and timestamp (RFC 3550 section 5.1).
func NewSender(o SenderOptions) (*Sender, error) {
	if o.PacketTime == 0 {
		o.PacketTime = FrameDuration
	}
	if o.PacketTime < 0 || o.PacketTime > MaxPacketTime || o.PacketTime%FrameDuration != 0 {
		return nil, fmt.Errorf("packet time %v: not 20ms, 40ms or 60ms", o.PacketTime)
	}
	if o.Write == nil {
		return nil, errors.New("make sender: no Write function")
	}
	e, err := newEncoder(o.Codec)
	if err != nil {
		return nil, err
	}
	header := rtp.Header{
		Version:        2,
		Marker:         true,
		PayloadType:    o.Codec.PayloadType,
		SequenceNumber: uint16(rand.Uint32()),
		Timestamp:      rand.Uint32(),
		SSRC:           rand.Uint32(),
	}
	return &Sender{
		encoder: e,
		write:   o.Write,
		packet:  rtp.Packet{Header: header},
		ticks:   uint32(o.Codec.ClockRate * FrameSamples / SampleRate),
		pending: make([]int16, 0, samplesIn(o.PacketTime)),
	}, nil
}

// WriteFrame encodes a frame of FrameSamples samples and sends it when a packet is full. An empty src lets the time of
// a frame pass without sending; the next packet then carries the marker of a talk spurt (RFC 3551 section 4.1).
func (s *Sender) WriteFrame(src []int16) error {
	if len(src) == 0 {
		s.pause()
		return nil
	}
	if len(src) != FrameSamples {
		return fmt.Errorf("%w: %d samples", ErrFrameSize, len(src))
	}
	s.pending = append(s.pending, src...)
	if len(s.pending) < cap(s.pending) {
		return nil
	}
	return s.send()
}

// pause gives up a packet that is not full.
func (s *Sender) pause() {
	s.packet.Timestamp += s.ticks * uint32(1+len(s.pending)/FrameSamples)
	s.packet.Marker = true
	s.pending = s.pending[:0]
}

// send encodes what is pending. The numbering goes on if it fails, as after a loss in the network.
func (s *Sender) send() error {
	payload, err := s.encoder.Append(s.packet.Payload[:0], s.pending)
	s.packet.Payload = payload
	if err == nil {
		err = s.write(&s.packet)
	}
	if err == nil {
		s.sent.Add(1)
	}
	s.packet.SequenceNumber++
	s.packet.Timestamp += s.ticks * uint32(len(s.pending)/FrameSamples)
	s.packet.Marker = false
	s.pending = s.pending[:0]
	return err
}

// PacketsSent returns how many packets Write has taken.
func (s *Sender) PacketsSent() uint64 { return s.sent.Load() }
