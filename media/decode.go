package media

import (
	"errors"
	"fmt"
	"strings"

	"github.com/operatord/operatord/media/g711"
	"github.com/operatord/operatord/media/opus"
	"github.com/operatord/operatord/media/resample"
)

// ErrCodec is returned for a codec that is not one of Codecs.
var ErrCodec = errors.New("unsupported codec")

// decoder turns payloads into samples at SampleRate. All append to dst and return it.
type decoder interface {
	// samples returns the playing time of a payload in samples at SampleRate, 0 if the payload is not valid.
	samples(payload []byte) int
	decode(dst []int16, payload []byte) ([]int16, error)
	// conceal replaces n lost samples. next is the payload behind the lost one, nil if it has not arrived.
	conceal(dst []int16, n int, next []byte) []int16
}

func newDecoder(c Codec) (decoder, error) {
	switch strings.ToLower(c.Name) {
	case "pcmu":
		return newG711Decoder(g711.PCMU)
	case "pcma":
		return newG711Decoder(g711.PCMA)
	case "opus":
		d, err := opus.NewDecoder()
		return &opusDecoder{decoder: d}, err
	}
	return nil, fmt.Errorf("%w: %s", ErrCodec, c.Name)
}

// g711Ratio is how many samples leave for each that a G.711 payload holds.
const g711Ratio = SampleRate / plcRate

type g711Decoder struct {
	law       g711.Law
	pcm       []int16 // scratch at 8 kHz
	concealer concealer
	resampler *resample.Resampler
}

func newG711Decoder(law g711.Law) (*g711Decoder, error) {
	r, err := resample.New(plcRate, SampleRate)
	if err != nil {
		return nil, fmt.Errorf("make G.711 decoder: %w", err)
	}
	return &g711Decoder{law: law, resampler: r}, nil
}

func (d *g711Decoder) samples(payload []byte) int { return len(payload) * g711Ratio }

func (d *g711Decoder) decode(dst []int16, payload []byte) ([]int16, error) {
	d.pcm = d.law.Append(d.pcm[:0], payload)
	d.concealer.received(d.pcm)
	return d.resampler.Append(dst, d.pcm), nil
}

func (d *g711Decoder) conceal(dst []int16, n int, _ []byte) []int16 {
	n /= g711Ratio
	if cap(d.pcm) < n {
		d.pcm = make([]int16, n)
	}
	d.pcm = d.pcm[:n]
	d.concealer.fill(d.pcm)
	return d.resampler.Append(dst, d.pcm)
}

type opusDecoder struct {
	decoder   *opus.Decoder
	concealed int // samples extrapolated since the last real one
}

func (d *opusDecoder) samples(payload []byte) int { return opus.Samples(payload) }

func (d *opusDecoder) decode(dst []int16, payload []byte) ([]int16, error) {
	dst, err := d.decoder.Append(dst, payload)
	if err == nil {
		d.concealed = 0
	}
	return dst, err
}

func (d *opusDecoder) conceal(dst []int16, n int, next []byte) []int16 {
	if d.concealed >= concealLimit && next == nil {
		return appendSilence(dst, n)
	}
	d.concealed += n
	out, err := d.decoder.AppendLost(dst, n, next)
	if err != nil {
		return appendSilence(dst, n)
	}
	return out
}

func appendSilence(dst []int16, n int) []int16 {
	for range n {
		dst = append(dst, 0)
	}
	return dst
}
