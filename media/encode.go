package media

import (
	"fmt"
	"strings"

	"github.com/operatord/operatord/media/g711"
	"github.com/operatord/operatord/media/opus"
	"github.com/operatord/operatord/media/resample"
)

// encoder turns samples at SampleRate into payloads.
type encoder interface {
	// Append encodes a packet's worth of samples and appends the payload to dst.
	Append(dst []byte, pcm []int16) ([]byte, error)
}

func newEncoder(c Codec) (encoder, error) {
	switch strings.ToLower(c.Name) {
	case "pcmu":
		return newG711Encoder(g711.PCMU)
	case "pcma":
		return newG711Encoder(g711.PCMA)
	case "opus":
		return opus.NewEncoder()
	}
	return nil, fmt.Errorf("%w: %s", ErrCodec, c.Name)
}

type g711Encoder struct {
	law       g711.Law
	resampler *resample.Resampler
	pcm       []int16 // scratch at 8 kHz
}

func newG711Encoder(law g711.Law) (*g711Encoder, error) {
	r, err := resample.New(SampleRate, plcRate)
	if err != nil {
		return nil, fmt.Errorf("make G.711 encoder: %w", err)
	}
	return &g711Encoder{law: law, resampler: r}, nil
}

// Append implements encoder.
func (e *g711Encoder) Append(dst []byte, pcm []int16) ([]byte, error) {
	e.pcm = e.resampler.Append(e.pcm[:0], pcm)
	return e.law.AppendEncoded(dst, e.pcm), nil
}
