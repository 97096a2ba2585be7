// Package opus decodes and encodes Opus (RFC 6716) at 16 kHz mono through libopus. It is the only part of media that
// needs cgo.
package opus

import (
	"errors"
	"fmt"

	"github.com/hraban/opus"
)

const (
	sampleRate     = 16000
	maxSamples     = sampleRate * 120 / 1000 // longest packet, RFC 6716 section 3.2.5
	maxPacketBytes = 1275                    // longest frame, RFC 6716 section 3.2.1
)

// ErrPacket is returned for a packet that libopus cannot decode.
var ErrPacket = errors.New("undecodable opus packet")

// Decoder decodes one stream. It is not safe for concurrent use.
type Decoder struct {
	decoder *opus.Decoder
	pcm     []int16 // scratch: libopus takes the capacity for the length
}

// NewDecoder returns a decoder with no history.
func NewDecoder() (*Decoder, error) {
	d, err := opus.NewDecoder(sampleRate, 1)
	if err != nil {
		return nil, fmt.Errorf("make opus decoder: %w", err)
	}
	return &Decoder{decoder: d, pcm: make([]int16, maxSamples)}, nil
}

// Append decodes a packet of any bandwidth and channel count and appends its samples to dst.
func (d *Decoder) Append(dst []int16, packet []byte) ([]int16, error) {
	if len(packet) == 0 {
		return dst, ErrPacket
	}
	n, err := d.decoder.Decode(packet, d.pcm)
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrPacket, err)
	}
	return append(dst, d.pcm[:n]...), nil
}

// AppendLost appends a replacement for a lost packet of the given number of samples. If the packet behind the lost one
// has arrived, next is its payload and the replacement is taken from the redundancy in it (in-band FEC, RFC 6716
// section 2.1.7) where the sender put some; otherwise next is nil and the decoder extrapolates.
func (d *Decoder) AppendLost(dst []int16, samples int, next []byte) ([]int16, error) {
	const step = sampleRate / 400 // libopus conceals multiples of 2.5 ms
	if samples <= 0 || samples > maxSamples || samples%step != 0 {
		return dst, fmt.Errorf("conceal %d samples: not a packet's length", samples)
	}
	pcm := d.pcm[:samples:samples]
	var err error
	if len(next) > 0 {
		err = d.decoder.DecodeFEC(next, pcm)
	} else {
		err = d.decoder.DecodePLC(pcm)
	}
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrPacket, err)
	}
	return append(dst, pcm...), nil
}

// Samples returns the playing time of a packet in samples at 16 kHz, 0 if it is not a valid packet (RFC 6716 section 3.1).
func Samples(packet []byte) int {
	if len(packet) == 0 {
		return 0
	}
	frames := 1
	switch packet[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(packet) < 2 {
			return 0
		}
		frames = int(packet[1] & 0x3f)
	}
	if n := frames * frameSamples(packet[0]>>3); n <= maxSamples {
		return n
	}
	return 0
}

// frameSamples returns the length of a frame of a configuration (RFC 6716 table 2) in samples at 16 kHz.
func frameSamples(config byte) int {
	const perMS = sampleRate / 1000
	switch {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		return []int{10, 20, 40, 60}[config&3] * perMS
	case config < 16: // hybrid: 10, 20 ms
		return []int{10, 20}[config&1] * perMS
	default: // CELT: 2.5, 5, 10, 20 ms
		return perMS * 5 / 2 << (config & 3)
	}
}

// Encoder encodes one stream for speech, with in-band FEC. It is not safe for concurrent use.
type Encoder struct {
	encoder *opus.Encoder
	packet  []byte
}

// Encoder settings: wideband speech at a rate where it is transparent to listeners and leaves room for the redundancy.
const (
	bitRate     = 28000
	complexity  = 5
	lossPercent = 10
)

// NewEncoder returns an encoder with no history.
func NewEncoder() (*Encoder, error) {
	e, err := opus.NewEncoder(sampleRate, 1, opus.AppVoIP)
	if err != nil {
		return nil, fmt.Errorf("make opus encoder: %w", err)
	}
	err = errors.Join(e.SetBitrate(bitRate), e.SetComplexity(complexity), e.SetInBandFEC(true), e.SetPacketLossPerc(lossPercent))
	if err != nil {
		return nil, fmt.Errorf("configure opus encoder: %w", err)
	}
	return &Encoder{encoder: e, packet: make([]byte, maxPacketBytes)}, nil
}

// Append encodes 10, 20, 40 or 60 ms of samples as one packet and appends it to dst.
func (e *Encoder) Append(dst []byte, pcm []int16) ([]byte, error) {
	n, err := e.encoder.Encode(pcm, e.packet)
	if err != nil {
		return dst, fmt.Errorf("encode opus: %w", err)
	}
	return append(dst, e.packet[:n]...), nil
}
