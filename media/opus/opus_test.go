package opus_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/media/opus"
)

const frame = 320

func TestSpeechBandSurvives(t *testing.T) {
	packets := encode(t, 50)
	d, err := opus.NewDecoder()
	require.NoError(t, err)
	var pcm []int16
	for _, p := range packets {
		require.Equal(t, frame, opus.Samples(p))
		pcm, err = d.Append(pcm, p)
		require.NoError(t, err)
	}
	require.Len(t, pcm, 50*frame)
	require.InDelta(t, rms(voice(0, 50*frame)), rms(pcm[frame:]), 1000)
}

func TestLostPacketIsReplaced(t *testing.T) {
	packets := encode(t, 30)
	for name, next := range map[string][]byte{"from the next packet": packets[21], "by extrapolation": nil} {
		t.Run(name, func(t *testing.T) {
			d, err := opus.NewDecoder()
			require.NoError(t, err)
			var pcm []int16
			for _, p := range packets[:20] {
				pcm, err = d.Append(pcm, p)
				require.NoError(t, err)
			}
			lost, err := d.AppendLost(nil, frame, next)
			require.NoError(t, err)
			require.Len(t, lost, frame)
			require.Greater(t, rms(lost), rms(pcm[10*frame:])/4)
		})
	}
}

func TestBadInputIsAnError(t *testing.T) {
	d, err := opus.NewDecoder()
	require.NoError(t, err)
	_, err = d.Append(nil, nil)
	require.ErrorIs(t, err, opus.ErrPacket)
	_, err = d.Append(nil, []byte{0xff, 0xff})
	require.ErrorIs(t, err, opus.ErrPacket)
	for _, n := range []int{-1, 0, 7, 1 << 20} {
		_, err = d.AppendLost(nil, n, nil)
		require.Error(t, err, "%d samples", n)
	}
}

func TestSamplesOfPackets(t *testing.T) {
	for name, tc := range map[string]struct {
		packet []byte
		ms     float64
	}{
		"empty":                    {nil, 0},
		"SILK 60 ms":               {[]byte{3 << 3}, 60},
		"hybrid 10 ms":             {[]byte{12 << 3}, 10},
		"CELT 2.5 ms":              {[]byte{16 << 3}, 2.5},
		"CELT 20 ms, two frames":   {[]byte{31<<3 | 1}, 40},
		"code 3, three of 20 ms":   {[]byte{1<<3 | 3, 3}, 60},
		"code 3 without its count": {[]byte{1<<3 | 3}, 0},
		"longer than 120 ms":       {[]byte{3<<3 | 3, 63}, 0},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, int(tc.ms*16), opus.Samples(tc.packet)) })
	}
}

func FuzzDecode(f *testing.F) {
	for _, p := range encode(f, 3) {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		d, err := opus.NewDecoder()
		require.NoError(t, err)
		pcm, err := d.Append(nil, packet)
		if err == nil {
			require.Len(t, pcm, opus.Samples(packet))
		}
		_, _ = d.AppendLost(nil, frame, packet) // must only not crash
	})
}

func encode(tb testing.TB, frames int) (packets [][]byte) {
	tb.Helper()
	e, err := opus.NewEncoder()
	require.NoError(tb, err)
	for i := range frames {
		p, err := e.Append(nil, voice(i*frame, frame))
		require.NoError(tb, err)
		packets = append(packets, p)
	}
	return packets
}

// voice is a 150 Hz tone with harmonics, which the codec takes for speech.
func voice(start, samples int) []int16 {
	out := make([]int16, samples)
	for i := range out {
		phi := 2 * math.Pi * 150 * float64(start+i) / 16000
		out[i] = int16(6000*math.Sin(phi) + 3000*math.Sin(2*phi) + 2000*math.Sin(5*phi))
	}
	return out
}

func rms(s []int16) float64 {
	var sum float64
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(s)))
}
