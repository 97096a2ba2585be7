package g711_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/media/g711"
)

// The values are the ends and the middle of the characteristics in G.711 tables 1 and 2, scaled to 16 bits.
func TestDecodeMatchesTheCharacteristic(t *testing.T) {
	for name, tc := range map[string]struct {
		law  g711.Law
		code byte
		want int16
	}{
		"mu-law positive zero":     {g711.PCMU, 0xff, 0},
		"mu-law negative zero":     {g711.PCMU, 0x7f, 0},
		"mu-law first step":        {g711.PCMU, 0xfe, 8},
		"mu-law largest":           {g711.PCMU, 0x80, 32124},
		"mu-law smallest":          {g711.PCMU, 0x00, -32124},
		"A-law first positive":     {g711.PCMA, 0xd5, 8},
		"A-law first negative":     {g711.PCMA, 0x55, -8},
		"A-law largest":            {g711.PCMA, 0xaa, 32256},
		"A-law smallest":           {g711.PCMA, 0x2a, -32256},
		"A-law end of first chord": {g711.PCMA, 0xca, 504},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, []int16{tc.want}, tc.law.Append(nil, []byte{tc.code}))
		})
	}
}

func TestEveryCodeSurvivesDecodingAndEncoding(t *testing.T) {
	for code := range 256 {
		for _, law := range []g711.Law{g711.PCMU, g711.PCMA} {
			if law == g711.PCMU && code == 0x7f {
				continue // negative zero becomes positive zero
			}
			got := law.AppendEncoded(nil, law.Append(nil, []byte{byte(code)}))
			require.Equal(t, []byte{byte(code)}, got, "law %d", law)
		}
	}
}

// Half a step is at most a thirty-second of the sample, plus the bias of mu-law.
func TestEncodingErrorIsBoundedForEverySample(t *testing.T) {
	for _, law := range []g711.Law{g711.PCMU, g711.PCMA} {
		for s := math.MinInt16; s <= math.MaxInt16; s++ {
			decoded := law.Append(nil, law.AppendEncoded(nil, []int16{int16(s)}))[0]
			limit := math.Max(16, math.Abs(float64(s))/32+8)
			if math.Abs(float64(int(decoded)-s)) > limit {
				t.Fatalf("law %d: %d became %d", law, s, decoded)
			}
		}
	}
}
