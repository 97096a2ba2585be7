package whisper_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/operatord/operatord/asr"
	"github.com/operatord/operatord/asr/asrtest"
	"github.com/operatord/operatord/asr/wer"
	"github.com/operatord/operatord/conversation"
)

// heard is what a stream said of one side of a call.
type heard struct {
	finals   []conversation.Utterance
	partials int
	gaps     []conversation.Notice
}

func (h heard) text() string {
	var texts []string
	for _, u := range h.finals {
		texts = append(texts, u.Text)
	}
	return strings.Join(texts, " ")
}

// transcribe streams pcm through rec, pace times as fast as it was spoken; 0 is as fast as it is taken.
func transcribe(tb testing.TB, rec *asr.Recognizer, pcm []int16, pace float64) (h heard) {
	tb.Helper()
	s, err := rec.NewStream(asr.StreamOptions{
		OnUtterance: func(u conversation.Utterance) {
			if !u.Final {
				h.partials++
			} else {
				h.finals = append(h.finals, u)
			}
		},
		OnGap: func(n conversation.Notice) { h.gaps = append(h.gaps, n) },
	})
	require.NoError(tb, err)
	const frame = asr.SampleRate / 50
	tick := 2 * time.Millisecond
	if pace > 0 {
		tick = time.Duration(20 * float64(time.Millisecond) / pace)
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for len(pcm) > 0 {
		if pace == 0 && s.Pending() > 8*time.Second {
			<-ticker.C
			continue
		}
		if pace > 0 {
			<-ticker.C
		}
		n := min(frame, len(pcm))
		s.Write(pcm[:n])
		pcm = pcm[n:]
	}
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	require.NoError(tb, s.Close(ctx))
	return h
}

// recognizer returns a running recognizer over the bundled models; it stops with the test.
func recognizer(tb testing.TB, change func(*asr.Options)) *asr.Recognizer {
	tb.Helper()
	opts := asr.Options{IDs: &conversation.IDs{}, Engine: load(tb, nil)}
	if change != nil {
		change(&opts)
	}
	rec, err := asr.New(opts)
	require.NoError(tb, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	ended := make(chan error, 1)
	go func() { ended <- rec.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		require.NoError(tb, <-ended)
	})
	return rec
}

// TestCalls streams both sides of every sample call, faster than real time, and bounds the word error rate of the finals by
// what was measured (in parentheses) and a margin for the luck of a few words: under load finals are searched less thoroughly.
func TestCalls(t *testing.T) {
	rec := recognizer(t, func(o *asr.Options) { o.PartialInterval = time.Minute })
	limits := map[string]float64{
		"angry-cancellation": 0.20, // (0.10)
		"balance-enquiry":    0.08, // (0.01)
		"escalation-request": 0.20, // (0.10)
		"happy-renewal":      0.22, // (0.12)
		"voicemail-greeting": 0.22, // (0.12)
		"silent-call":        0,    // not one invented word
	}
	var all wer.Counts
	for _, call := range calls(t) {
		t.Run(call.Name, func(t *testing.T) {
			var counts wer.Counts
			for _, role := range []string{"caller", "agent"} {
				h := transcribe(t, rec, call.Channel(role), 0)
				require.Empty(t, h.gaps)
				counts = counts.Add(wer.Compare(call.Text(role), h.text()))
			}
			t.Logf("%.1f %% %+v", 100*counts.Rate(), counts)
			require.LessOrEqual(t, counts.Rate(), limits[call.Name])
			all = all.Add(counts)
		})
	}
	t.Logf("all: %.1f %% %+v", 100*all.Rate(), all)
	require.LessOrEqual(t, all.Rate(), 0.15, "measured: 9 to 11 %%")
}

// BenchmarkCalls streams calls in real time and reports the word error rate, the latency of finals and what decoding costs.
func BenchmarkCalls(b *testing.B) {
	b.Run("one", func(b *testing.B) { benchmarkCalls(b, calls(b)[:1]) })
	b.Run("six at once", func(b *testing.B) { benchmarkCalls(b, calls(b)) })
}

func benchmarkCalls(b *testing.B, calls []asrtest.Call) {
	b.Helper()
	for b.Loop() {
		rec := recognizer(b, nil)
		var (
			start     = cpu(b)
			wg        sync.WaitGroup
			mu        sync.Mutex
			counts    wer.Counts
			latencies []int64
			audio     float64
			partials  int
		)
		for _, call := range calls {
			for _, role := range []string{"caller", "agent"} {
				wg.Go(func() {
					h := transcribe(b, rec, call.Channel(role), 1)
					mu.Lock()
					defer mu.Unlock()
					c := wer.Compare(call.Text(role), h.text())
					b.Logf("%s, %s: %.1f %% of %d words wrong, %d finals, %d partials", call.Name, role, 100*c.Rate(), c.Words,
						len(h.finals), h.partials)
					counts = counts.Add(c)
					partials += h.partials
					audio += float64(len(call.Channel(role))) / asr.SampleRate
					for _, u := range h.finals {
						latencies = append(latencies, u.LatencyMS)
					}
				})
			}
		}
		wg.Wait()
		slices.Sort(latencies)
		b.ReportMetric(100*counts.Rate(), "WER%")
		b.ReportMetric(float64(latencies[len(latencies)/2]), "p50-final-ms")
		b.ReportMetric(float64(latencies[len(latencies)*95/100]), "p95-final-ms")
		b.ReportMetric(float64(latencies[len(latencies)-1]), "max-final-ms")
		b.ReportMetric((cpu(b)-start).Seconds()/audio, "RTF") // processor time per second of one side
		b.ReportMetric(float64(partials), "partials")
	}
}

// cpu returns the processor time this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
