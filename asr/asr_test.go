package asr_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/operatord/operatord/asr"
	"github.com/operatord/operatord/asr/asrtest"
	"github.com/operatord/operatord/conversation"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a recognizer that runs, and what a stream of it said.
type bench struct {
	t      *testing.T
	engine *asrtest.Engine
	rec    *asr.Recognizer
	stop   func()

	mu       sync.Mutex
	said     []conversation.Utterance
	gaps     []conversation.Notice
	degraded []conversation.Notice

	hold chan struct{} // if not nil, OnUtterance waits for it
}

// newBench starts a recognizer with the engine and two workers; change may alter its options.
func newBench(t *testing.T, engine *asrtest.Engine, change func(*asr.Options)) *bench {
	t.Helper()
	b := &bench{t: t, engine: engine}
	opts := asr.Options{IDs: &conversation.IDs{}, Engine: engine, Workers: 2}
	if change != nil {
		change(&opts)
	}
	var err error
	b.rec, err = asr.New(opts)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.rec.Run(ctx) }()
	b.stop = func() {
		cancel()
		require.NoError(t, <-ended)
	}
	return b
}

func (b *bench) stream() *asr.Stream {
	b.t.Helper()
	s, err := b.rec.NewStream(asr.StreamOptions{
		ConversationID: "1700000000000000", Role: conversation.RoleCaller,
		OnUtterance: func(u conversation.Utterance) {
			if b.hold != nil {
				<-b.hold
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			b.said = append(b.said, u)
		},
		OnGap: func(n conversation.Notice) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.gaps = append(b.gaps, n)
		},
		OnDegraded: func(n conversation.Notice) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.degraded = append(b.degraded, n)
		},
	})
	require.NoError(b.t, err)
	return s
}

// play writes pcm as fast as it would be spoken and waits until it has been heard.
func play(s *asr.Stream, pcm []int16) {
	write(s, pcm)
	synctest.Wait()
}

// write writes pcm in frames of 20 ms as fast as they would be spoken.
func write(s *asr.Stream, pcm []int16) {
	const frame = asr.SampleRate / 50
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for len(pcm) > 0 {
		<-ticker.C
		n := min(frame, len(pcm))
		s.Write(pcm[:n])
		pcm = pcm[n:]
	}
}

// finals returns the finals so far.
func (b *bench) finals() []conversation.Utterance {
	b.mu.Lock()
	defer b.mu.Unlock()
	var finals []conversation.Utterance
	for _, u := range b.said {
		if u.Final {
			finals = append(finals, u)
		}
	}
	return finals
}

func (b *bench) texts() []string {
	var texts []string
	for _, u := range b.finals() {
		texts = append(texts, u.Text)
	}
	return texts
}

func second(audio time.Duration, _ asr.Params) time.Duration { return audio / 10 }

func TestTurnsBecomeFinals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &asrtest.Engine{Cost: second}, nil)
		s := b.stream()
		play(s, asrtest.Silence(time.Second))
		play(s, b.engine.Say("i want to cancel my contract"))
		play(s, asrtest.Silence(time.Second))
		require.Equal(t, []string{"i want to cancel my contract"}, b.texts(), "published at the endpoint")
		play(s, b.engine.Say("goodbye"))
		require.NoError(t, s.Close(t.Context()))
		require.Equal(t, []string{"i want to cancel my contract", "goodbye"}, b.texts(), "closing ends the open turn")
		b.stop()

		u := b.finals()[0]
		require.Equal(t, conversation.RoleCaller, u.Role)
		require.EqualValues(t, "1700000000000000", u.ConversationID)
		require.Equal(t, "asrtest", u.Model)
		require.InDelta(t, 0.9, u.Confidence, 1e-6)
		require.InDelta(t, 1000, u.StartMS, 40)
		require.InDelta(t, 1000+6*320, u.EndMS, 40)
		require.InDelta(t, 600, u.LatencyMS, 70, "the decode hides behind the end of the pause")
		require.Len(t, u.Words, 6)
		require.InDelta(t, u.StartMS, u.Words[0].StartMS, 1)
		require.InDelta(t, u.EndMS, u.Words[5].EndMS, 1)
		for i, w := range u.Words[1:] {
			require.GreaterOrEqual(t, w.StartMS, u.Words[i].StartMS)
		}
		require.Greater(t, b.finals()[1].ID, u.ID)
		require.Zero(t, b.engine.Open(), "every decoder and detector is closed")
		require.Empty(t, b.gaps)
	})
}

func TestPartialsGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &asrtest.Engine{Cost: second}, nil)
		s := b.stream()
		play(s, asrtest.Silence(time.Second))
		play(s, b.engine.Say("one two three four five six seven eight nine ten"))
		play(s, asrtest.Silence(time.Second))
		require.NoError(t, s.Close(t.Context()))
		b.stop()

		final := b.said[len(b.said)-1]
		require.True(t, final.Final)
		partials := b.said[:len(b.said)-1]
		require.Len(t, partials, 4, "three while he speaks, one when he pauses")
		for i, p := range partials {
			require.False(t, p.Final)
			require.Equal(t, final.ID, p.ID)
			require.True(t, strings.HasPrefix(final.Text, p.Text))
			if i > 0 {
				require.Equal(t, partials[i-1].Text, p.Text[:p.StableChars], "what two hypotheses agree on")
			}
		}
		require.Zero(t, partials[0].StableChars)
		require.True(t, strings.HasPrefix(partials[0].Text, "one two"))
	})
}

func TestSpeechAfterAShortPauseIsTheSameTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &asrtest.Engine{Cost: second}, nil)
		s := b.stream()
		for _, words := range []string{"my number is", "four seven", "nine one"} {
			play(s, b.engine.Say(words))
			play(s, asrtest.Silence(400*time.Millisecond)) // long enough to be decoded early, too short to end the turn
		}
		require.NoError(t, s.Close(t.Context()))
		b.stop()
		require.Equal(t, []string{"my number is four seven nine one"}, b.texts())
	})
}

func TestLongTurnIsCutAtAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &asrtest.Engine{Cost: second}, func(o *asr.Options) { o.MaxTurn = 6 * time.Second })
		s := b.stream()
		var words []string
		for i := range 50 {
			words = append(words, "word"+strconv.Itoa(i))
		}
		pcm := b.engine.Say(strings.Join(words, " "))
		for len(pcm) > 0 { // a breath of 128 ms every 5 words
			n := min(5*samples(asrtest.WordDuration), len(pcm))
			play(s, pcm[:n])
			play(s, asrtest.Silence(128*time.Millisecond))
			pcm = pcm[n:]
		}
		play(s, asrtest.Silence(time.Second))
		require.NoError(t, s.Close(t.Context()))
		b.stop()
		require.Equal(t, strings.Join(words, " "), strings.Join(b.texts(), " "))
		finals := b.finals()
		require.Greater(t, len(finals), 2)
		for _, u := range finals {
			require.Less(t, u.EndMS-u.StartMS, int64(7000))
		}
	})
}

func TestTurnWithoutPauseIsCutAnyway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &asrtest.Engine{}, func(o *asr.Options) { o.MaxTurn = 5 * time.Second })
		s := b.stream()
		play(s, b.engine.Say(strings.Repeat("talk ", 80)))
		require.NoError(t, s.Close(t.Context()))
		b.stop()
		for _, u := range b.finals() {
			require.Less(t, u.EndMS-u.StartMS, int64(10200))
		}
	})
}

func TestNoiseIsNotSpeech(t *testing.T) {
	for name, pcm := range map[string][]int16{
		"silence":      asrtest.Silence(10 * time.Second),
		"a click":      append(make([]int16, 16000), append((&asrtest.Engine{}).Say("x")[:800], make([]int16, 16000)...)...),
		"a short beep": append(make([]int16, 16000), append((&asrtest.Engine{}).Say("x")[:1500], make([]int16, 16000)...)...),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, &asrtest.Engine{Mishear: func(asr.Result, asr.Params) (asr.Result, error) {
					return asr.Result{Words: []asr.Word{{Text: "hello", Confidence: 1}}}, nil
				}}, nil)
				s := b.stream()
				play(s, pcm)
				require.NoError(t, s.Close(t.Context()))
				b.stop()
				require.Empty(t, b.said)
				require.Empty(t, b.gaps)
			})
		})
	}
}

func TestInventedFinalTakesBackThePartials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &asrtest.Engine{Mishear: func(r asr.Result, p asr.Params) (asr.Result, error) {
			if p.Best {
				return asr.Result{}, nil
			}
			return r, nil
		}}, nil)
		s := b.stream()
		play(s, b.engine.Say("one two three four"))
		play(s, asrtest.Silence(time.Second))
		require.NoError(t, s.Close(t.Context()))
		b.stop()
		last := b.said[len(b.said)-1]
		require.Greater(t, len(b.said), 1)
		require.True(t, last.Final)
		require.Empty(t, last.Text)
		require.Equal(t, b.said[0].ID, last.ID)
	})
}

func TestRepetitionIsDecodedOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full int
		b := newBench(t, &asrtest.Engine{Mishear: func(r asr.Result, p asr.Params) (asr.Result, error) {
			if p.FullContext {
				full++
				return r, nil
			}
			r.Words = append(r.Words, r.Words...)
			r.Words = append(r.Words, r.Words...)
			return r, nil
		}}, nil)
		s := b.stream()
		play(s, b.engine.Say("please call me back"))
		play(s, asrtest.Silence(time.Second))
		require.NoError(t, s.Close(t.Context()))
		b.stop()
		require.Equal(t, []string{"please call me back"}, b.texts())
		require.Equal(t, 1, full)
	})
}

func TestWithoutEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &asrtest.Engine{}, func(o *asr.Options) { o.Engine = nil })
		require.ErrorIs(t, b.rec.Ready(), asr.ErrNotReady)
		s := b.stream()
		play(s, b.engine.Say("nobody hears this"))
		require.Len(t, b.degraded, 1)
		require.Equal(t, asr.CodeNotReady, b.degraded[0].Code)
		require.Empty(t, b.gaps)

		require.NoError(t, b.rec.SetEngine(b.engine))
		require.NoError(t, b.rec.Ready())
		require.ErrorIs(t, b.rec.SetEngine(b.engine), conversation.ErrConflict)
		play(s, asrtest.Silence(time.Second))
		play(s, b.engine.Say("but this"))
		require.NoError(t, s.Close(t.Context()))
		b.stop()
		require.Equal(t, []string{"but this"}, b.texts())
		require.Len(t, b.degraded, 1)
		require.Len(t, b.gaps, 1)
		require.InDelta(t, 3*320, b.gaps[0].EndMS, 32)
		require.ErrorIs(t, b.rec.Ready(), asr.ErrStopped)
	})
}

func TestFailuresAreReported(t *testing.T) {
	t.Run("a decode that fails is a gap", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, &asrtest.Engine{Mishear: func(asr.Result, asr.Params) (asr.Result, error) {
				return asr.Result{}, errors.New("boom")
			}}, nil)
			s := b.stream()
			play(s, asrtest.Silence(time.Second))
			play(s, b.engine.Say("one two three"))
			require.NoError(t, s.Close(t.Context()))
			b.stop()
			require.Empty(t, b.said)
			require.Len(t, b.gaps, 1)
			require.Equal(t, asr.CodeFailed, b.gaps[0].Code)
			require.InDelta(t, 1000, b.gaps[0].StartMS, 40)
			require.InDelta(t, 1960, b.gaps[0].EndMS, 40)
		})
	})
	t.Run("a detector that cannot be made degrades the stream", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, &asrtest.Engine{VADErr: errors.New("boom")}, nil)
			s := b.stream()
			play(s, b.engine.Say("one two three"))
			require.NoError(t, s.Close(t.Context()))
			b.stop()
			require.Len(t, b.degraded, 1)
		})
	})
	t.Run("a recognizer that stops gives up what waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, &asrtest.Engine{Cost: func(time.Duration, asr.Params) time.Duration { return time.Minute }}, nil)
			s := b.stream()
			play(s, b.engine.Say("one two three"))
			play(s, asrtest.Silence(time.Second))
			b.stop()
			require.NoError(t, s.Close(t.Context()))
			require.Len(t, b.gaps, 1)
			require.Equal(t, asr.CodeStopped, b.gaps[0].Code)
			_, err := b.rec.NewStream(asr.StreamOptions{OnUtterance: func(conversation.Utterance) {}})
			require.ErrorIs(t, err, asr.ErrStopped)
		})
	})
	t.Run("Close does not wait longer than it may", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, &asrtest.Engine{Cost: func(time.Duration, asr.Params) time.Duration { return time.Minute }}, nil)
			s := b.stream()
			play(s, b.engine.Say("one two three"))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			start := time.Now()
			require.ErrorIs(t, s.Close(ctx), context.DeadlineExceeded)
			require.Equal(t, 2*time.Second, time.Since(start))
			require.Len(t, b.gaps, 1)
			require.NoError(t, s.Close(t.Context()), "closing twice is harmless")
			b.stop()
		})
	})
	t.Run("audio that nobody takes is a gap", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, &asrtest.Engine{}, nil)
			b.hold = make(chan struct{})
			s := b.stream()
			for _, pcm := range [][]int16{b.engine.Say("one two three"), asrtest.Silence(time.Second)} {
				s.Write(pcm)
			}
			synctest.Wait()
			for range 30 {
				s.Write(asrtest.Silence(time.Second))
			}
			close(b.hold)
			synctest.Wait()
			s.Write(b.engine.Say("four five six"))
			require.NoError(t, s.Close(t.Context()))
			b.stop()
			require.Equal(t, []string{"one two three", "four five six"}, b.texts())
			require.Len(t, b.gaps, 1)
			require.Equal(t, asr.CodeOverflow, b.gaps[0].Code)
			require.InDelta(t, 20000, b.gaps[0].EndMS-b.gaps[0].StartMS, 100)
			require.InDelta(t, 31960, b.finals()[1].StartMS, 100, "media time goes on")
		})
	})
	t.Run("a backlog beyond its bound is a gap", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, &asrtest.Engine{Cost: func(time.Duration, asr.Params) time.Duration { return time.Minute }},
				func(o *asr.Options) { o.Workers, o.MaxBacklog = 1, 5*time.Second })
			s := b.stream()
			for range 6 {
				play(s, b.engine.Say("one two three"))
				play(s, asrtest.Silence(time.Second))
			}
			require.NoError(t, s.Close(t.Context()))
			b.stop()
			require.Len(t, b.gaps, 2)
			require.Len(t, b.finals(), 4)
			require.Equal(t, asr.CodeBacklog, b.gaps[0].Code)
			require.True(t, b.finals()[3].Late)
		})
	})
}

func TestUnderLoadFinalsComeAndPartialsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		b := newBench(t, &asrtest.Engine{Cost: func(audio time.Duration, _ asr.Params) time.Duration { return audio / 3 }},
			func(o *asr.Options) { o.Metrics = registry })
		var wg sync.WaitGroup
		var streams []*asr.Stream
		for range 8 { // 8 x 0.75 x 1/3 is as much as two workers can do
			s := b.stream()
			streams = append(streams, s)
			wg.Go(func() {
				for range 8 {
					write(s, b.engine.Say("one two three four five six"))
					write(s, asrtest.Silence(700*time.Millisecond))
				}
			})
		}
		wg.Wait()
		for _, s := range streams {
			require.NoError(t, s.Close(t.Context()))
		}
		b.stop()
		require.Len(t, b.finals(), 64, "no final is lost")
		require.Empty(t, b.gaps)
		for _, u := range b.finals() {
			require.Equal(t, "one two three four five six", u.Text)
			require.Less(t, u.LatencyMS, int64(10_000))
		}
		require.Less(t, len(b.said)-64, 8*8*2, "partials make room")
		n, err := testutil.GatherAndCount(registry, "operatord_asr_decode_seconds", "operatord_asr_final_latency_seconds",
			"operatord_asr_dropped_partials_total", "operatord_asr_utilisation", "operatord_asr_queue_depth")
		require.NoError(t, err)
		require.Greater(t, n, 4)
	})
}

func TestPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &asrtest.Engine{Cost: func(time.Duration, asr.Params) time.Duration { return 3 * time.Second }}, nil)
		s := b.stream()
		require.Zero(t, s.Pending())
		s.Write(b.engine.Say("one two three four"))
		s.Write(asrtest.Silence(2 * time.Second))
		synctest.Wait()
		require.Greater(t, s.Pending(), time.Second)
		<-time.After(4 * time.Second)
		synctest.Wait()
		require.Zero(t, s.Pending())
		require.NoError(t, s.Close(t.Context()))
		b.stop()
	})
}

func TestOptions(t *testing.T) {
	_, err := asr.New(asr.Options{Endpoint: time.Minute, MaxTurn: time.Hour, Workers: -1})
	require.ErrorIs(t, err, conversation.ErrInvalid)
	for _, name := range []string{"IDs", "Endpoint", "MaxTurn", "Workers"} {
		require.ErrorContains(t, err, name)
	}
	registry := prometheus.NewRegistry()
	opts := asr.Options{IDs: &conversation.IDs{}, Metrics: registry}
	r, err := asr.New(opts)
	require.NoError(t, err)
	_, err = r.NewStream(asr.StreamOptions{})
	require.ErrorIs(t, err, conversation.ErrInvalid)
	_, err = asr.New(opts)
	require.ErrorContains(t, err, "register metrics")
}

func samples(d time.Duration) int { return int(d * asr.SampleRate / time.Second) }
