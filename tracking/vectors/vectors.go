package vectors

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
)

// Key names a text: the first half of its SHA-256.
type Key [16]byte

// KeyOf returns the key of a text.
func KeyOf(text string) Key {
	sum := sha256.Sum256([]byte(text))
	return Key(sum[:len(Key{})])
}

// Table keeps vectors by the name of their encoder and the key of their text. It is bounded: old vectors may go.
type Table interface {
	// Vectors returns those of the keys that are there.
	Vectors(ctx context.Context, encoder string, keys []Key) (map[Key][]float32, error)
	// SaveVectors adds vectors; those that are there already stay as they are.
	SaveVectors(ctx context.Context, encoder string, vectors map[Key][]float32) error
}

const (
	scaleBytes  = 4
	numberBytes = 2
)

// Pack returns the stored form of a vector: the largest magnitude as a float32, then every number as a 16-bit share of it,
// little-endian. Against float32 it is half as large, and the dot product of two unit vectors is off by less than 0.0001.
func Pack(v []float32) []byte {
	var largest float32
	for _, x := range v {
		largest = max(largest, float32(math.Abs(float64(x))))
	}
	packed := binary.LittleEndian.AppendUint32(make([]byte, 0, scaleBytes+numberBytes*len(v)), math.Float32bits(largest))
	for _, x := range v {
		var share float64
		if largest > 0 {
			share = math.Round(float64(x) / float64(largest) * math.MaxInt16)
		}
		packed = binary.LittleEndian.AppendUint16(packed, uint16(int16(share)))
	}
	return packed
}

// Unpack is the inverse of Pack.
func Unpack(packed []byte) ([]float32, error) {
	if len(packed) < scaleBytes || len(packed)%numberBytes != 0 {
		return nil, errors.New("unpack vector: damaged")
	}
	largest := math.Float32frombits(binary.LittleEndian.Uint32(packed))
	if math.IsNaN(float64(largest)) || math.IsInf(float64(largest), 0) {
		return nil, errors.New("unpack vector: not a number")
	}
	v := make([]float32, (len(packed)-scaleBytes)/numberBytes)
	for i := range v {
		share := int16(binary.LittleEndian.Uint16(packed[scaleBytes+numberBytes*i:]))
		v[i] = float32(share) / math.MaxInt16 * largest
	}
	return v, nil
}
