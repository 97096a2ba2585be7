package encoder_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/tracking/encoder"
)

const bundled = "../../weights/all-MiniLM-L6-v2.q8_0.gguf"

func open(tb testing.TB, contexts int) *encoder.Encoder {
	tb.Helper()
	e, err := encoder.Open(bundled, encoder.Options{Contexts: contexts})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, e.Close()) })
	return e
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestBundledModel(t *testing.T) {
	e := open(t, 2)
	require.Equal(t, "all-MiniLM-L6-v2", e.Name())
	require.Equal(t, 384, e.Dimensions())

	t.Run("the check pairs of the model's notes come out", func(t *testing.T) {
		v, err := e.Embed(t.Context(), []string{"I want to cancel my account", "please close my account", "what is the weather"})
		require.NoError(t, err)
		require.Len(t, v, 3)
		require.InDelta(t, 1, dot(v[0], v[0]), 1e-4)
		require.InDelta(t, 0.654, dot(v[0], v[1]), 0.01)
		require.InDelta(t, -0.023, dot(v[0], v[2]), 0.01)
	})
	t.Run("a text has the same vector alone and in a batch", func(t *testing.T) {
		var texts []string
		for i := range 40 { // more than one native batch, of unequal lengths
			texts = append(texts, strings.Repeat("the price went up ", i%9)+fmt.Sprintf("in month %d", i))
		}
		together, err := e.Embed(t.Context(), texts)
		require.NoError(t, err)
		require.Len(t, together, len(texts))
		for i, text := range texts {
			alone, err := e.Embed(t.Context(), []string{text})
			require.NoError(t, err)
			require.Greater(t, dot(alone[0], together[i]), 0.999, text)
		}
	})
	t.Run("no texts give no vectors", func(t *testing.T) {
		v, err := e.Embed(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, v)
	})
	t.Run("callers share the contexts", func(t *testing.T) {
		want, err := e.Embed(t.Context(), []string{"I want my money back"})
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 5 {
					got, err := e.Embed(t.Context(), []string{"good morning", "I want my money back"})
					if err != nil || dot(got[1], want[0]) < 0.999 {
						t.Errorf("got %v, %v", got, err)
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestAnyTextHasAVector(t *testing.T) {
	e := open(t, 1)
	for name, text := range map[string]string{
		"empty":            "",
		"blank":            " \t\n ",
		"zero bytes":       "\x00\x00\x00",
		"not UTF-8":        "\xff\xfe cancel \xc3\x28 my \xf0\x90 contract \xed\xa0\x80",
		"huge":             strings.Repeat("I want to cancel my contract. ", 20_000),
		"huge word":        strings.Repeat("x", 1<<20),
		"huge punctuation": strings.Repeat("!?", 1<<19),
		"other scripts":    "我想取消我的合同 я хочу отменить договор أريد إلغاء العقد",
		"emoji":            strings.Repeat("👩‍👩‍👧‍👦", 3000),
		"special tokens":   "[CLS] [SEP] [PAD] [MASK] <s> </s>",
		"combining marks":  strings.Repeat("e\u0301\u0302\u0303", 2000),
		"cut inside rune":  strings.Repeat("a", 4095) + "é",
	} {
		t.Run(name, func(t *testing.T) {
			v, err := e.Embed(t.Context(), []string{text, "good morning"})
			require.NoError(t, err)
			require.InDelta(t, 1, dot(v[0], v[0]), 1e-4)
			plain, err := e.Embed(t.Context(), []string{"good morning"})
			require.NoError(t, err)
			require.Greater(t, dot(v[1], plain[0]), 0.999, "a neighbour in the batch keeps its vector")
		})
	}
}

func FuzzEmbed(f *testing.F) {
	e := open(f, 1)
	for _, seed := range []string{"", "I can't", "\xff\x00", "ﷺ 👍🏽 \u202e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := e.Embed(t.Context(), []string{text})
		require.NoError(t, err)
		require.InDelta(t, 1, dot(v[0], v[0]), 1e-3)
	})
}

func TestOpenRefusesWhatIsNoEncoder(t *testing.T) {
	model, err := os.ReadFile(bundled)
	require.NoError(t, err)
	speech := bytes.Replace(model[:1<<20], []byte("\x04\x00\x00\x00\x00\x00\x00\x00bert"), []byte("\x04\x00\x00\x00\x00\x00\x00\x00gpt2"), 1)
	header := bytes.Clone(model)
	for i := 400; i < 4000; i += 7 {
		header[i] ^= 0x55
	}
	for name, content := range map[string][]byte{
		"empty":                  nil,
		"text":                   []byte(strings.Repeat("not a model\n", 10_000)),
		"magic only":             append([]byte("GGUF"), make([]byte, 1<<20)...),
		"old version":            append([]byte("GGUF\x01\x00\x00\x00"), make([]byte, 1<<20)...),
		"endless key":            append([]byte("GGUF\x03\x00\x00\x00"), bytes.Repeat([]byte{0xff}, 1<<20)...),
		"another kind of model":  speech,
		"cut in the metadata":    model[:100_000],
		"cut in the vocabulary":  model[:600_000],
		"cut in the weights":     model[:len(model)/2],
		"without its last bytes": model[:len(model)-100],
		"damaged metadata":       header,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "model.gguf")
			require.NoError(t, os.WriteFile(path, content, 0o600))
			_, err := encoder.Open(path, encoder.Options{})
			_, typed := errors.AsType[*encoder.LoadError](err)
			require.True(t, typed, "got %v", err)
		})
	}
	t.Run("missing", func(t *testing.T) {
		_, err := encoder.Open(filepath.Join(t.TempDir(), "none.gguf"), encoder.Options{})
		_, typed := errors.AsType[*encoder.LoadError](err)
		require.True(t, typed)
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
	t.Run("a folder", func(t *testing.T) {
		_, err := encoder.Open(t.TempDir(), encoder.Options{})
		_, typed := errors.AsType[*encoder.LoadError](err)
		require.True(t, typed)
	})
	t.Run("too many contexts", func(t *testing.T) {
		_, err := encoder.Open(bundled, encoder.Options{Contexts: 1000})
		require.Error(t, err)
	})
}

func TestEmbedEndsWithItsContext(t *testing.T) {
	e := open(t, 1)
	cause := errors.New("hung up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err := e.Embed(ctx, []string{"hello"})
	require.ErrorIs(t, err, cause)
}

func TestEmbedGivesUpWaiting(t *testing.T) {
	e := open(t, 1)
	// A long set keeps the only context busy most of the time; the short-lived caller must return in any case.
	long, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = e.Embed(long, make([]string, 100_000)) })
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	_, err := e.Embed(ctx, []string{"hello"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	stop()
	wg.Wait()
}

func TestClose(t *testing.T) {
	e, err := encoder.Open(bundled, encoder.Options{Contexts: 2})
	require.NoError(t, err)
	var wg sync.WaitGroup
	started := make(chan struct{}, 4) // one signal per caller; never full
	for range 4 {
		wg.Go(func() {
			started <- struct{}{}
			for {
				if _, err := e.Embed(t.Context(), []string{"one", "two", "three"}); err != nil {
					if !errors.Is(err, encoder.ErrClosed) {
						t.Errorf("got %v", err)
					}
					return
				}
			}
		})
	}
	for range 4 {
		<-started
	}
	require.NoError(t, e.Close())
	wg.Wait()
	require.NoError(t, e.Close(), "closing twice is fine")
	_, err = e.Embed(t.Context(), []string{"late"})
	require.ErrorIs(t, err, encoder.ErrClosed)
}

func BenchmarkEmbed(b *testing.B) {
	e := open(b, 1)
	turn := "i would really like to cancel my subscription because the price went up again"
	for name, texts := range map[string][]string{
		"one turn":      {turn},
		"four windows":  {turn, turn[:30], turn[10:50], turn[40:]},
		"sixteen turns": strings.Split(strings.Repeat(turn+"\n", 16), "\n")[:16],
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := e.Embed(b.Context(), texts)
				require.NoError(b, err)
			}
		})
	}
}
