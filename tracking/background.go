package tracking

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Background is the second-moment statistics of sentences in which no tracker should fire, in the space of one encoder: the
// mean of v vᵀ over customer turns without content and over a broad bank of sentences. It is immutable.
type Background struct {
	encoder    string
	dimensions int
	turns      int       // sentences behind turnScatter
	bank       int       // sentences behind bankScatter
	turnMean   []float32 // upper triangle, row by row
	bankMean   []float32
	scale      scale
}

//go:embed background.bin
var bundledBackground []byte

// BundledBackground returns the statistics of the bundled encoder, computed as internal/scatter/README.md says.
func BundledBackground() (*Background, error) {
	return ReadBackground(bytes.NewReader(bundledBackground))
}

// Encoder returns the name of the encoder the statistics belong to.
func (b *Background) Encoder() string { return b.encoder }

// Counts returns how many turns and bank sentences the statistics come from.
func (b *Background) Counts() (turns, bank int) { return b.turns, b.bank }

// scaleOf returns the calibration; without a background it is one for cosines alone.
func (b *Background) scaleOf() scale {
	switch {
	case b == nil:
		return cosineScale
	case b.scale.Slope == 0: // made by NewBackground, from sentences without labels
		return mixedScale
	}
	return b.scale
}

// suits returns an error unless b can be used with e.
func (b *Background) suits(e Encoder) error {
	switch {
	case b == nil:
		return nil
	case e == nil:
		return errors.New("background without an encoder")
	case b.encoder != e.Name() || b.dimensions != e.Dimensions():
		return fmt.Errorf("background of encoder %s (%d dimensions) does not suit encoder %s (%d)",
			b.encoder, b.dimensions, e.Name(), e.Dimensions())
	}
	return nil
}

// backgroundBatch is how many texts NewBackground hands to the encoder at once.
const backgroundBatch = 64

// NewBackground computes the statistics of an encoder: turns are sentences of customers in which nothing should fire, bank
// is a few thousand varied sentences of customers. Encoding them takes some minutes of one core.
func NewBackground(ctx context.Context, e Encoder, turns, bank []string) (*Background, error) {
	if len(turns) == 0 || len(bank) == 0 {
		return nil, errors.New("background needs turns and a bank of sentences")
	}
	b := &Background{encoder: e.Name(), dimensions: e.Dimensions(), turns: len(turns), bank: len(bank)}
	for _, part := range []struct {
		texts []string
		mean  *[]float32
	}{{turns, &b.turnMean}, {bank, &b.bankMean}} {
		vectors, err := embedAll(ctx, e, part.texts)
		if err != nil {
			return nil, fmt.Errorf("background: %w", err)
		}
		*part.mean = meanScatter(vectors, b.dimensions)
	}
	return b, nil
}

// embedAll encodes many texts, batch by batch.
func embedAll(ctx context.Context, e Encoder, texts []string) ([][]float32, error) {
	all := make([][]float32, 0, len(texts))
	for batch := range slices.Chunk(texts, backgroundBatch) {
		vectors, err := embed(ctx, e, batch)
		if err != nil {
			return nil, err
		}
		all = append(all, vectors...)
	}
	return all, nil
}

// meanScatter returns the upper triangle of the mean of v vᵀ.
func meanScatter(vectors [][]float32, n int) []float32 {
	sum := make([]float64, triangle(n))
	for _, v := range vectors {
		addOuter(sum, v)
	}
	mean := make([]float32, len(sum))
	for i, s := range sum {
		mean[i] = float32(s / float64(len(vectors)))
	}
	return mean
}

// The kinds of sentences in sentences.tsv.gz: each line is kind, label or nothing, and text.
const (
	SentenceTurn = "turn" // a customer's turn in which nothing should fire
	SentenceBank = "bank" // a customer's sentence about something; those of one label mean the same
)

// sentences are what the statistics of an encoder are computed from; internal/scatter/README.md names sources and licences.
//
//go:embed sentences.tsv.gz
var sentences []byte

// sentence is a line of sentences.
type sentence struct{ label, text string }

// readSentences returns the turns and the bank.
func readSentences() (turns, bank []sentence, err error) {
	z, err := gzip.NewReader(bytes.NewReader(sentences))
	if err != nil {
		return nil, nil, fmt.Errorf("read sentences: %w", err)
	}
	scanner := bufio.NewScanner(z)
	for scanner.Scan() {
		cells := strings.Split(scanner.Text(), "\t")
		if len(cells) != 3 {
			return nil, nil, fmt.Errorf("read sentences: %q is no line of three cells", scanner.Text())
		}
		s := sentence{label: cells[1], text: cells[2]}
		if cells[0] == SentenceTurn {
			turns = append(turns, s)
		} else {
			bank = append(bank, s)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, nil, fmt.Errorf("read sentences: %w", err)
	}
	return turns, bank, nil
}

// addOuter adds the upper triangle of v vᵀ to sum.
func addOuter(sum []float64, v []float32) {
	k := 0
	for i, x := range v {
		for _, y := range v[i:] {
			sum[k] += float64(x) * float64(y)
			k++
		}
	}
}

func triangle(n int) int { return n * (n + 1) / 2 }

// backgroundMagic opens the file form: magic, sizes, calibration, name of the encoder, then the two upper
// triangles as float32, all little-endian.
const backgroundMagic = "OTB2"

const (
	maxEncoderName = 256
	maxDimensions  = 8192
)

type backgroundHeader struct {
	Magic                   [4]byte
	NameLen                 uint32
	Dimensions, Turns, Bank uint32
	Scale                   scale // of zeros where there is none
}

// WriteTo writes the file form of b.
func (b *Background) WriteTo(w io.Writer) (int64, error) {
	var buf bytes.Buffer
	h := backgroundHeader{
		Magic: [4]byte([]byte(backgroundMagic)), NameLen: uint32(len(b.encoder)),
		Dimensions: uint32(b.dimensions), Turns: uint32(b.turns), Bank: uint32(b.bank), Scale: b.scale,
	}
	for _, part := range []any{h, []byte(b.encoder), b.turnMean, b.bankMean} {
		if err := binary.Write(&buf, binary.LittleEndian, part); err != nil {
			return 0, fmt.Errorf("write background: %w", err)
		}
	}
	return buf.WriteTo(w)
}

// ReadBackground reads what WriteTo wrote.
func ReadBackground(r io.Reader) (*Background, error) {
	var h backgroundHeader
	if err := binary.Read(r, binary.LittleEndian, &h); err != nil {
		return nil, fmt.Errorf("read background: %w", err)
	}
	if string(h.Magic[:]) != backgroundMagic || h.NameLen > maxEncoderName || h.Dimensions == 0 || h.Dimensions > maxDimensions {
		return nil, errors.New("read background: not a background file")
	}
	name := make([]byte, h.NameLen)
	n := triangle(int(h.Dimensions))
	b := &Background{
		dimensions: int(h.Dimensions), turns: int(h.Turns), bank: int(h.Bank),
		turnMean: make([]float32, n), bankMean: make([]float32, n), scale: h.Scale,
	}
	for _, part := range []any{name, b.turnMean, b.bankMean} {
		if err := binary.Read(r, binary.LittleEndian, part); err != nil {
			return nil, fmt.Errorf("read background: %w", err)
		}
	}
	b.encoder = string(name)
	if s := b.scale; math.IsNaN(s.Threshold+s.Slope) || math.IsInf(s.Threshold+s.Slope, 0) || s.Slope < 0 {
		return nil, errors.New("read background: calibration out of range")
	}
	for _, x := range append(b.turnMean[:n:n], b.bankMean...) {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return nil, errors.New("read background: not a number")
		}
	}
	return b, nil
}
