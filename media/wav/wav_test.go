package wav_test

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-audio/audio"
	gowav "github.com/go-audio/wav"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/media/wav"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func frame(v int16) []int16 {
	f := make([]int16, media.FrameSamples)
	for i := range f {
		f[i] = v
	}
	return f
}

func start(t *testing.T, o wav.RecorderOptions) *wav.Recorder {
	t.Helper()
	r, err := wav.NewRecorder(o)
	require.NoError(t, err)
	require.NoError(t, r.Start())
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func readAll(t *testing.T, path string, channel int) (pcm []int16) {
	t.Helper()
	p, err := wav.Open(path, channel)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	dst := make([]int16, media.FrameSamples)
	for {
		n, err := p.ReadFrame(dst)
		if errors.Is(err, io.EOF) {
			require.Zero(t, n)
			return pcm
		}
		require.NoError(t, err)
		pcm = append(pcm, dst[:n]...)
	}
}

func TestRecordingHasBothSidesApart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "call.wav")
	r := start(t, wav.RecorderOptions{Path: path})
	for i := range 100 {
		r.Write(frame(int16(i)), frame(int16(-i)))
	}
	r.Write(nil, frame(7))
	require.NoError(t, r.Close())
	require.NoError(t, r.Close(), "again")

	caller, agent := readAll(t, path, 0), readAll(t, path, 1)
	require.Len(t, caller, 101*media.FrameSamples)
	require.Equal(t, int16(42), caller[42*media.FrameSamples])
	require.Equal(t, int16(-42), agent[43*media.FrameSamples-1])
	require.Equal(t, int16(0), caller[100*media.FrameSamples])
	require.Equal(t, int16(7), agent[100*media.FrameSamples])

	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	d := gowav.NewDecoder(f)
	require.True(t, d.IsValidFile())
	length, err := d.Duration()
	require.NoError(t, err)
	require.InDelta(t, 2020*time.Millisecond, length, float64(time.Millisecond))
}

func TestRecordingIsPlayableWhileItGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "call.wav")
	r := start(t, wav.RecorderOptions{Path: path, Sync: media.FrameDuration})
	for range 50 {
		r.Write(frame(1), frame(2))
	}
	require.Eventually(t, func() bool { return len(readAll(t, path, 1)) == 50*media.FrameSamples },
		10*time.Second, time.Millisecond)
}

func TestRepairSavesARecordingThatWasCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "call.wav")
	r := start(t, wav.RecorderOptions{Path: path})
	for range 50 {
		r.Write(frame(1), frame(2))
	}
	require.NoError(t, r.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)

	binary.LittleEndian.PutUint32(whole[4:], 36) // as at the last update of the header
	binary.LittleEndian.PutUint32(whole[40:], 0)
	cut := append(whole, 1, 2, 3) // a sample that was not written to its end
	require.NoError(t, os.WriteFile(path, cut, 0o600))
	require.Empty(t, readAll(t, path, 0))

	require.NoError(t, wav.Repair(path))
	require.NoError(t, wav.Repair(path), "again")
	require.Len(t, readAll(t, path, 0), 50*media.FrameSamples)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, 44+50*media.FrameSamples*4, info.Size())
}

func TestRepairLeavesOtherFilesAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other")
	require.ErrorIs(t, wav.Repair(path), os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("short"), 0o600))
	require.ErrorIs(t, wav.Repair(path), wav.ErrFormat)
	require.NoError(t, os.WriteFile(path, make([]byte, 100), 0o600))
	require.ErrorIs(t, wav.Repair(path), wav.ErrFormat)
}

func TestRecorderRefusesBadOptionsAndExistingFiles(t *testing.T) {
	_, err := wav.NewRecorder(wav.RecorderOptions{})
	require.Error(t, err)
	path := filepath.Join(t.TempDir(), "call.wav")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	r, err := wav.NewRecorder(wav.RecorderOptions{Path: path})
	require.NoError(t, err)
	require.ErrorIs(t, r.Start(), os.ErrExist)
	require.NoError(t, r.Close())
}

func TestSlowDiskDropsFramesButKeepsTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "call.wav")
	r, err := wav.NewRecorder(wav.RecorderOptions{Path: path, Queue: 4})
	require.NoError(t, err)
	for i := range 10 {
		r.Write(frame(int16(i+1)), nil) // nothing takes them off the queue before Start
	}
	require.EqualValues(t, 6, r.Dropped())
	require.NoError(t, r.Start())
	require.ErrorIs(t, r.Close(), wav.ErrSlow)
	caller := readAll(t, path, 0)
	require.Len(t, caller, 10*media.FrameSamples)
	require.Equal(t, int16(4), caller[3*media.FrameSamples])
	require.Equal(t, int16(0), caller[9*media.FrameSamples])
}

func TestRecorderThatCannotStartIsHarmless(t *testing.T) {
	r, err := wav.NewRecorder(wav.RecorderOptions{Path: filepath.Join(t.TempDir(), "missing", "call.wav")})
	require.NoError(t, err)
	require.Error(t, r.Start())
	r.Write(frame(1), frame(2))
	require.NoError(t, r.Close())
}

func TestPlayerConvertsEveryUsualFile(t *testing.T) {
	for name, tc := range map[string]struct{ rate, channels, channel int }{
		"8 kHz mono":       {8000, 1, 0},
		"8 kHz stereo":     {8000, 2, 1},
		"16 kHz mono":      {16000, 1, 0},
		"44.1 kHz stereo":  {44100, 2, 0},
		"48 kHz mono":      {48000, 1, 0},
		"48 kHz 3 channel": {48000, 3, 2},
	} {
		t.Run(name, func(t *testing.T) {
			path := tone(t, tc.rate, tc.channels, tc.channel)
			pcm := readAll(t, path, tc.channel)
			require.InDelta(t, media.SampleRate, len(pcm), 2)
			require.InDelta(t, 7071, rms(pcm[1000:15000]), 50)
			if tc.channels > 1 {
				require.Less(t, rms(readAll(t, path, (tc.channel+1)%tc.channels)), 1.0)
			}
		})
	}
}

func TestPlayerRefusesWhatItCannotPlay(t *testing.T) {
	_, err := wav.Open(filepath.Join(t.TempDir(), "missing"), 0)
	require.ErrorIs(t, err, os.ErrNotExist)
	path := tone(t, 8000, 2, 0)
	for _, channel := range []int{-1, 2} {
		_, err = wav.Open(path, channel)
		require.ErrorIs(t, err, wav.ErrFormat)
	}
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, change := range map[string]func(b []byte) []byte{
		"empty":        func([]byte) []byte { return nil },
		"not RIFF":     func(b []byte) []byte { b[0] = 'X'; return b },
		"cut off":      func(b []byte) []byte { return b[:30] },
		"mu-law":       func(b []byte) []byte { b[20] = 7; return b },
		"8 bits":       func(b []byte) []byte { b[34] = 8; return b },
		"no channels":  func(b []byte) []byte { b[22] = 0; return b },
		"rate zero":    func(b []byte) []byte { clear(b[24:28]); return b },
		"no data":      func(b []byte) []byte { copy(b[36:], "junk"); return b },
		"huge format":  func(b []byte) []byte { b[19] = 0xff; return b },
		"small format": func(b []byte) []byte { b[16] = 2; return b },
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, change(append([]byte(nil), good...)), 0o600))
			_, err := wav.Open(path, 0)
			require.ErrorIs(t, err, wav.ErrFormat)
		})
	}
}

func FuzzPlayer(f *testing.F) {
	good, err := os.ReadFile(tone(f, 8000, 1, 0))
	require.NoError(f, err)
	f.Add(good[:600])
	f.Add(append(append([]byte(nil), good[:36]...), "LIST\xff\xff\xff\x7fINFO"...))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "f.wav")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		p, err := wav.Open(path, 0)
		if err != nil {
			return
		}
		defer func() { _ = p.Close() }()
		dst := make([]int16, media.FrameSamples)
		for range 100 {
			if _, err := p.ReadFrame(dst); err != nil {
				return
			}
		}
	})
}

func BenchmarkRecorderWrite(b *testing.B) {
	r, err := wav.NewRecorder(wav.RecorderOptions{Path: filepath.Join(b.TempDir(), "b.wav")})
	require.NoError(b, err)
	require.NoError(b, r.Start())
	caller, agent := frame(1), frame(2)
	b.ReportAllocs()
	for b.Loop() {
		r.Write(caller, agent)
	}
	b.StopTimer()
	_ = r.Close() // drops are expected at this speed
}

// tone makes a file with one second of 440 Hz on one channel.
func tone(tb testing.TB, rate, channels, channel int) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "tone.wav")
	f, err := os.Create(path)
	require.NoError(tb, err)
	e := gowav.NewEncoder(f, rate, 16, channels, 1)
	data := make([]int, rate*channels)
	for i := range rate {
		data[i*channels+channel] = int(10000 * math.Sin(2*math.Pi*440*float64(i)/float64(rate)))
	}
	require.NoError(tb, e.Write(&audio.IntBuffer{
		Format: &audio.Format{NumChannels: channels, SampleRate: rate}, Data: data, SourceBitDepth: 16,
	}))
	require.NoError(tb, e.Close())
	require.NoError(tb, f.Close())
	return path
}

func rms(s []int16) float64 {
	var sum float64
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(s)))
}
