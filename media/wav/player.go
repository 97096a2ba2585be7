package wav

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	gowav "github.com/go-audio/wav"

	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/media/resample"
)

// Format tags of PCM (RFC 2361), plain and with an extended header.
const formatExtensible = 0xfffe

// readBuffer is how much of a file is read at once.
const readBuffer = 8 << 10

// maxFormat bounds the format chunk; the extended one has 40 bytes.
const maxFormat = 256

// Player reads one channel of a WAV file as frames of media.FrameSamples samples. It is not safe for concurrent use.
type Player struct {
	file      *os.File
	in        *bufio.Reader
	channel   int
	blocks    []byte              // scratch: media.FrameSamples samples of every channel
	resampler *resample.Resampler // nil if the file has our rate
	raw       []int16             // scratch: samples at the file's rate
	pcm       []int16             // converted but not returned
	ended     bool
}

// Open opens a 16-bit PCM file of any usual rate and selects a channel, counted from 0.
func Open(path string, channel int) (*Player, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open WAV file: %w", err)
	}
	p, err := newPlayer(f, channel)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open WAV file %s: %w", path, err), f.Close())
	}
	return p, nil
}

func newPlayer(f *os.File, channel int) (*Player, error) {
	format, data, err := layout(f)
	if err != nil {
		return nil, err
	}
	d := gowav.NewDecoder(bytes.NewReader(format))
	d.ReadInfo()
	if d.Err() != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, d.Err())
	}
	if d.WavAudioFormat != pcmFormat && d.WavAudioFormat != formatExtensible || d.BitDepth != bitDepth {
		return nil, fmt.Errorf("%w: format %d with %d bits, want 16-bit PCM", ErrFormat, d.WavAudioFormat, d.BitDepth)
	}
	if channel < 0 || channel >= int(d.NumChans) {
		return nil, fmt.Errorf("%w: no channel %d of %d", ErrFormat, channel, d.NumChans)
	}
	p := &Player{
		file:    f,
		in:      bufio.NewReaderSize(data, readBuffer),
		channel: channel,
		blocks:  make([]byte, media.FrameSamples*int(d.NumChans)*bitDepth/8),
	}
	if d.SampleRate == media.SampleRate {
		return p, nil
	}
	if p.resampler, err = resample.New(int(d.SampleRate), media.SampleRate); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return p, nil
}

// layout finds the samples of a file, and returns what comes before them reduced to a RIFF header and the format chunk.
// Other chunks are not shown to the parser, which trusts the sizes in them.
func layout(f io.ReadSeeker) (format []byte, data io.Reader, err error) {
	format = make([]byte, 12, 12+8+maxFormat)
	if _, err := io.ReadFull(f, format); err != nil || string(format[:4]) != "RIFF" || string(format[8:]) != "WAVE" {
		return nil, nil, fmt.Errorf("%w: not a RIFF WAVE file", ErrFormat)
	}
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(f, chunk[:]); err != nil {
			return nil, nil, fmt.Errorf("%w: no samples", ErrFormat)
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch id := string(chunk[:4]); {
		case id == "data" && len(format) > 12:
			return format, io.LimitReader(f, size), nil
		case id == "fmt " && len(format) == 12 && size >= 16 && size <= maxFormat:
			body := make([]byte, size)
			if _, err := io.ReadFull(f, body); err != nil {
				return nil, nil, fmt.Errorf("%w: no format", ErrFormat)
			}
			format = append(append(format, chunk[:]...), body...)
		default:
			if _, err := f.Seek(size+size%2, io.SeekCurrent); err != nil {
				return nil, nil, fmt.Errorf("%w: %w", ErrFormat, err)
			}
		}
	}
}

// ReadFrame fills dst[:media.FrameSamples]. It returns how many samples come from the file, the rest being silence,
// and io.EOF with n = 0 at the end.
func (p *Player) ReadFrame(dst []int16) (n int, err error) {
	dst = dst[:media.FrameSamples]
	for len(p.pcm) < len(dst) && !p.ended {
		if err := p.fill(); err != nil {
			clear(dst)
			return 0, err
		}
	}
	n = copy(dst, p.pcm)
	clear(dst[n:])
	p.pcm = p.pcm[:copy(p.pcm, p.pcm[n:])]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// fill converts some more samples.
func (p *Player) fill() error {
	n, err := io.ReadFull(p.in, p.blocks)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		p.ended = true
	} else if err != nil {
		return fmt.Errorf("read WAV file: %w", err)
	}
	p.raw = p.raw[:0]
	size := len(p.blocks) / media.FrameSamples
	for at := p.channel * bitDepth / 8; at+bitDepth/8 <= n/size*size; at += size {
		p.raw = append(p.raw, int16(binary.LittleEndian.Uint16(p.blocks[at:])))
	}
	if p.resampler != nil {
		p.pcm = p.resampler.Append(p.pcm, p.raw)
		return nil
	}
	p.pcm = append(p.pcm, p.raw...)
	return nil
}

// Close closes the file.
func (p *Player) Close() error { return p.file.Close() }
