package e2e

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/media/wav"
)

// samplePCM returns a channel of a sample call as frames at media.SampleRate, one after the other.
func samplePCM(tb testing.TB, sample string, channel int) []int16 {
	tb.Helper()
	player, err := wav.Open(loadSample(tb, sample).wav(tb), channel)
	require.NoError(tb, err)
	defer player.Close()
	var pcm []int16
	frame := make([]int16, media.FrameSamples)
	for {
		_, err := player.ReadFrame(frame)
		if errors.Is(err, io.EOF) {
			return pcm
		}
		require.NoError(tb, err)
		pcm = append(pcm, frame...)
	}
}

// benchCalls returns how many calls the benchmarks of many calls place: BENCH_CALLS or a default that a small
// machine carries while it does other things too.
func benchCalls() int {
	if n, err := strconv.Atoi(os.Getenv("BENCH_CALLS")); err == nil && n > 0 {
		return n
	}
	return 200
}

// benchSettle is how long calls last before they are measured, and benchMeasure how long they are measured.
const (
	benchSettle  = 3 * time.Second
	benchMeasure = 10 * time.Second
)

// BenchmarkCalls measures what calls cost the daemon while they last: G.711, both directions decoded and recorded, a
// greeting played, and without recognition. The baseline is the same daemon without calls.
func BenchmarkCalls(b *testing.B) {
	for b.Loop() {
		benchmarkCalls(b, benchCalls(), "asr: {enabled: false}")
	}
}

func benchmarkCalls(b *testing.B, n int, settings string) {
	b.Helper()
	dir := b.TempDir()
	greeting := loadSample(b, "angry-cancellation").wav(b)
	writeConfig(b, dir, fmt.Sprintf("data_dir: data\nlog: {level: warn}\nwebrtc: {enabled: false}\ncall: {drain_timeout: 1s}\n"+
		"profiles: [{name: greet, greeting: %q, greeting_channel: 1}]\nroutes: [{to: '*', profile: greet}]\n%s", greeting, settings))
	b.Setenv("OPERATORD_SIP_MAX_CALLS", strconv.Itoa(n+10))
	p := startProcess(b, dir)
	pid := p.command.Process.Pid
	rest(benchSettle)
	idle := costOf(b, pid)
	c := newCrowd(b, p.daemon, speech(b, "angry-cancellation", 0))
	calls := c.place(n, 100)
	c.talk(calls)
	rest(benchSettle)
	c.heard.reset()
	own, before := ownCPU(), costOf(b, pid)
	rest(benchMeasure)
	after := costOf(b, pid)
	callers := ownCPU() - own
	packets, p99 := c.heard.reset()
	require.Positive(b, packets)
	setups := make([]time.Duration, n)
	for i, call := range calls {
		require.Equal(b, 200, call.code)
		setups[i] = call.setup
	}
	skipped := p.metric("operatord_call_frames_left_out_total")
	c.hangUp(calls)

	b.ReportMetric(100*after.cores(before)/float64(n), "%core/call")
	b.ReportMetric(100*after.cores(before), "%core")
	b.ReportMetric(100*callers.Seconds()/after.at.Sub(before.at).Seconds(), "%core-callers")
	b.ReportMetric(float64(after.rss-idle.rss)/float64(n)/1000, "kB/call")
	b.ReportMetric(float64(idle.rss)/1e6, "MB-idle")
	b.ReportMetric(100*float64(packets)/(after.at.Sub(before.at).Seconds()*50*float64(n)), "%frames-sent")
	b.ReportMetric(float64(p99.Milliseconds()), "ms-jitter-p99")
	b.ReportMetric(skipped, "frames-skipped")
	b.ReportMetric(float64(percentile(setups, 0.95).Microseconds())/1000, "ms-setup-p95")
}

// rest lets a measured process run.
func rest(d time.Duration) { <-time.After(d) }
