// Package g711 converts between 16-bit linear samples and the 8-bit companded samples of ITU-T G.711, mu-law (PCMU) and
// A-law (PCMA), both at 8 kHz.
package g711

import "math/bits"

// Law is one of the two companding laws.
type Law uint8

// The laws, named as their RTP encodings.
const (
	PCMU Law = iota // mu-law
	PCMA            // A-law
)

// Append decodes companded samples and appends them to dst.
func (l Law) Append(dst []int16, src []byte) []int16 {
	table := &muLawTable
	if l == PCMA {
		table = &aLawTable
	}
	for _, b := range src {
		dst = append(dst, table[b])
	}
	return dst
}

// AppendEncoded encodes samples and appends them to dst.
func (l Law) AppendEncoded(dst []byte, src []int16) []byte {
	if l == PCMA {
		for _, s := range src {
			dst = append(dst, encodeALaw(s))
		}
		return dst
	}
	for _, s := range src {
		dst = append(dst, encodeMuLaw(s))
	}
	return dst
}

// Decoding tables; they are never written to.
//
//nolint:gochecknoglobals // constants
var (
	muLawTable = table(decodeMuLaw)
	aLawTable  = table(decodeALaw)
)

func table(decode func(byte) int16) (t [256]int16) {
	for i := range t {
		t[i] = decode(byte(i))
	}
	return t
}

// The mu-law characteristic, scaled to 16 bits (G.711 table 2, ITU-T G.191 ulaw).
const (
	muLawBias = 0x84
	muLawClip = 0x7fff - muLawBias
)

func decodeMuLaw(b byte) int16 {
	b = ^b
	v := (int(b&0x0f)<<3 + muLawBias) << (b >> 4 & 7)
	if b&0x80 != 0 {
		return int16(muLawBias - v)
	}
	return int16(v - muLawBias)
}

func encodeMuLaw(s int16) byte {
	v, sign := int(s), byte(0)
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, muLawClip) + muLawBias
	exponent := bits.Len(uint(v)>>7) - 1
	mantissa := byte(v>>(exponent+3)) & 0x0f
	return ^(sign | byte(exponent)<<4 | mantissa)
}

// aLawMask inverts every other bit (G.711 table 1, note 2).
const aLawMask = 0x55

func decodeALaw(b byte) int16 {
	b ^= aLawMask
	exponent, v := b>>4&7, int(b&0x0f)<<4+8
	if exponent > 0 {
		v = (v + 0x100) << (exponent - 1)
	}
	if b&0x80 == 0 {
		return int16(-v)
	}
	return int16(v)
}

func encodeALaw(s int16) byte {
	v, sign := int(s)>>4, byte(0x80)
	if s < 0 {
		v, sign = int(^s)>>4, 0
	}
	if v < 0x10 {
		return (sign | byte(v)) ^ aLawMask
	}
	exponent := bits.Len(uint(v)) - 4
	mantissa := byte(v>>(exponent-1)) & 0x0f
	return (sign | byte(exponent)<<4 | mantissa) ^ aLawMask
}
