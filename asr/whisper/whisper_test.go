package whisper_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/operatord/operatord/asr"
	"github.com/operatord/operatord/asr/asrtest"
	"github.com/operatord/operatord/asr/wer"
	"github.com/operatord/operatord/asr/whisper"
)

const (
	modelFile = "../../weights/ggml-micro.en.bin"
	vadFile   = "../../weights/silero-v6.2.0-ggml.bin"
	callsDir  = "../../samples/calls"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func load(tb testing.TB, change func(*whisper.Options)) *whisper.Engine {
	tb.Helper()
	opts := whisper.Options{ModelPath: modelFile, VADPath: vadFile}
	if change != nil {
		change(&opts)
	}
	e, err := whisper.Load(opts)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, e.Close()) })
	return e
}

func newDecoder(tb testing.TB, e *whisper.Engine) asr.Decoder {
	tb.Helper()
	d, err := e.NewDecoder()
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, d.Close()) })
	return d
}

func calls(tb testing.TB) []asrtest.Call {
	tb.Helper()
	all, err := asrtest.LoadCalls(callsDir)
	require.NoError(tb, err)
	require.Len(tb, all, 6)
	return all
}

// speech returns the audio of a turn with a little around it.
func speech(call asrtest.Call, turn asrtest.Turn) []int16 {
	const around = 0.3
	pcm := call.Channel(turn.Role)
	from, to := (turn.Start-around)*asr.SampleRate, (turn.End+around)*asr.SampleRate
	return pcm[max(0, int(from)):min(len(pcm), int(to))]
}

func TestDecodeTurns(t *testing.T) {
	d := newDecoder(t, load(t, nil))
	call := calls(t)[1] // balance-enquiry
	for _, best := range []bool{false, true} {
		var counts wer.Counts
		for _, turn := range call.Turns[:5] {
			r, err := d.Decode(t.Context(), speech(call, turn), asr.Params{Best: best})
			require.NoError(t, err)
			require.Less(t, r.NoSpeech, 0.5)
			require.Greater(t, r.Confidence(), 0.4)
			counts = counts.Add(wer.Compare(turn.Text, r.Text()))
		}
		require.Less(t, counts.Rate(), 0.10, "measured: 0 %%")
	}
}

func TestDecodersWorkAtOnce(t *testing.T) {
	e := load(t, nil)
	call := calls(t)[1]
	pcm := speech(call, call.Turns[2])
	want, err := newDecoder(t, e).Decode(t.Context(), pcm, asr.Params{})
	require.NoError(t, err)
	require.NotEmpty(t, want.Words)
	var wg sync.WaitGroup
	for range 3 {
		d := newDecoder(t, e)
		wg.Go(func() {
			for range 2 {
				got, err := d.Decode(t.Context(), pcm, asr.Params{})
				if err != nil || got.Text() != want.Text() {
					t.Errorf("got %q, %v, want %q", got.Text(), err, want.Text())
				}
			}
		})
	}
	wg.Wait()
}

func TestDecodeOddLengths(t *testing.T) {
	d := newDecoder(t, load(t, nil))
	for _, samples := range []int{0, 1, 200, 1599, 24 * asr.SampleRate} {
		for _, p := range []asr.Params{{}, {Best: true}} {
			r, err := d.Decode(t.Context(), make([]int16, samples), p)
			require.NoError(t, err)
			require.LessOrEqual(t, len(r.Words), 2, "the model may invent a word; the detector lets no silence through")
		}
	}
	_, err := d.Decode(t.Context(), make([]int16, 31*asr.SampleRate), asr.Params{})
	require.ErrorContains(t, err, "30 s")
}

func TestDecodeEndsWithItsContext(t *testing.T) {
	d := newDecoder(t, load(t, nil))
	call := calls(t)[0]
	pcm := call.Agent[:20*asr.SampleRate]
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(20*time.Millisecond, cancel)
	defer timer.Stop()
	_, err := d.Decode(ctx, pcm, asr.Params{Best: true, FullContext: true})
	require.ErrorIs(t, err, context.Canceled)

	_, err = d.Decode(ctx, pcm[:asr.SampleRate], asr.Params{})
	require.ErrorIs(t, err, context.Canceled, "a context that has ended")

	r, err := d.Decode(t.Context(), speech(call, call.Turns[0]), asr.Params{})
	require.NoError(t, err, "the decoder is good for the next")
	require.NotEmpty(t, r.Words)
}

func TestVAD(t *testing.T) {
	e := load(t, nil)
	vad, err := e.NewVAD()
	require.NoError(t, err)
	call := calls(t)[0]
	turn := call.Turns[0]
	probability := func(from, to float64) (sum float64) {
		n := 0
		pcm := call.Channel(turn.Role)[int(from*asr.SampleRate):int(to*asr.SampleRate)]
		for ; len(pcm) >= asr.WindowSamples; pcm = pcm[asr.WindowSamples:] {
			p, err := vad.Speech(pcm[:asr.WindowSamples])
			require.NoError(t, err)
			sum += float64(p)
			n++
		}
		return sum / float64(n)
	}
	require.Less(t, probability(0, turn.Start-0.2), 0.1)
	require.Greater(t, probability(turn.Start, turn.End), 0.7)
	vad.Reset()
	_, err = vad.Speech(make([]int16, 100))
	require.Error(t, err)
	require.NoError(t, vad.Close())
	require.NoError(t, vad.Close())
	vad.Reset()
	_, err = vad.Speech(make([]int16, asr.WindowSamples))
	require.ErrorIs(t, err, whisper.ErrClosed)
}

func TestLoadRefusesWhatIsNotAModel(t *testing.T) {
	model, err := os.ReadFile(modelFile)
	require.NoError(t, err)
	vad, err := os.ReadFile(vadFile)
	require.NoError(t, err)
	damaged := func(data []byte, at int, value byte) []byte {
		c := append([]byte(nil), data...)
		c[at] = value
		return c
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"empty": {}, "text": []byte(strings.Repeat("not a model ", 1000)), "only the magic": model[:4], "half a header": model[:20],
		"in the vocabulary": model[:200_000], "in the tensors": model[:len(model)/2], "one byte short": model[:len(model)-1],
		"one byte long": append(append([]byte(nil), model...), 0), "wrong magic": damaged(model, 0, 'X'),
		"huge vocabulary": damaged(model, 7, 0x7f), "another width": damaged(model, 12, 193), "no layers": damaged(model, 20, 0),
	} {
		t.Run("speech model: "+name, func(t *testing.T) {
			path := filepath.Join(dir, "model.bin")
			require.NoError(t, os.WriteFile(path, data, 0o600))
			_, err := whisper.Load(whisper.Options{ModelPath: path, VADPath: vadFile})
			require.ErrorIs(t, err, whisper.ErrModel)
		})
	}
	for name, data := range map[string][]byte{"empty": {}, "truncated": vad[:len(vad)-100], "speech model": model[:100_000]} {
		t.Run("detector: "+name, func(t *testing.T) {
			path := filepath.Join(dir, "vad.bin")
			require.NoError(t, os.WriteFile(path, data, 0o600))
			_, err := whisper.Load(whisper.Options{ModelPath: modelFile, VADPath: path})
			require.ErrorIs(t, err, whisper.ErrModel)
		})
	}
	t.Run("missing", func(t *testing.T) {
		_, err := whisper.Load(whisper.Options{ModelPath: filepath.Join(dir, "none"), VADPath: vadFile})
		require.ErrorIs(t, err, os.ErrNotExist)
	})
	t.Run("a folder", func(t *testing.T) {
		_, err := whisper.Load(whisper.Options{ModelPath: dir, VADPath: vadFile})
		require.ErrorIs(t, err, whisper.ErrModel)
	})
	t.Run("a language the model does not know", func(t *testing.T) {
		_, err := whisper.Load(whisper.Options{ModelPath: modelFile, VADPath: vadFile, Language: "de"})
		require.ErrorContains(t, err, "only English")
	})
}

func TestEngineOutlivesClose(t *testing.T) {
	e, err := whisper.Load(whisper.Options{ModelPath: modelFile, VADPath: vadFile})
	require.NoError(t, err)
	require.Equal(t, "whisper micro.en", e.Model())
	d, err := e.NewDecoder()
	require.NoError(t, err)
	require.NoError(t, e.Close())
	require.NoError(t, e.Close())
	_, err = e.NewDecoder()
	require.ErrorIs(t, err, whisper.ErrClosed)
	_, err = d.Decode(t.Context(), make([]int16, asr.SampleRate), asr.Params{})
	require.NoError(t, err, "decoders keep the model until they are closed")
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	_, err = d.Decode(t.Context(), nil, asr.Params{})
	require.ErrorIs(t, err, whisper.ErrClosed)
}
