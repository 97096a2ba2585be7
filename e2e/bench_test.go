package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
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

// BenchmarkStart measures how soon a daemon listens, how soon its models are loaded, and what it then holds in memory.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	writeConfig(b, dir, "data_dir: data\nlog: {level: warn}")
	for b.Loop() {
		started := time.Now()
		p := startProcess(b, dir)
		ready := time.Since(started)
		rest(benchSettle)
		idle := costOf(b, p.command.Process.Pid)
		rest(benchMeasure)
		after := costOf(b, p.command.Process.Pid)
		b.ReportMetric(float64(p.listening.Sub(started).Milliseconds()), "ms-to-listening")
		b.ReportMetric(float64(ready.Milliseconds()), "ms-to-ready")
		b.ReportMetric(float64(after.rss)/1e6, "MB-idle")
		b.ReportMetric(100*after.cores(idle), "%core-idle")
		require.Zero(b, p.stop())
	}
}

// BenchmarkListening measures one call that is listened to: how long after the last word of an utterance its final event
// leaves, and what the call costs beside the same call with nobody speaking.
func BenchmarkListening(b *testing.B) {
	for b.Loop() {
		dir := b.TempDir()
		writeConfig(b, dir, "data_dir: data\nlog: {level: warn}\nwebrtc: {enabled: false}")
		p := startProcess(b, dir)
		pid := p.command.Process.Pid
		w := p.watch()
		silent := newCrowd(b, p.daemon, speech(b, "silent-call", 0))
		quiet := silent.place(1, 1)
		silent.talk(quiet)
		rest(benchSettle)
		before := costOf(b, pid)
		rest(benchMeasure)
		after := costOf(b, pid)
		silent.hangUp(quiet)
		b.ReportMetric(100*after.cores(before), "%core-silent")

		c := newCrowd(b, p.daemon, speech(b, "angry-cancellation", 0))
		calls := c.place(1, 1)
		before = costOf(b, pid)
		c.talk(calls)
		rest(50 * time.Second)
		after = costOf(b, pid)
		c.hangUp(calls)
		end := w.await(30*time.Second, "the end of the call", func(ev conversation.Event) bool {
			return ev.Conversation != nil && ev.Conversation.SIPCallID == calls[0].id && ev.Conversation.Status.Terminal()
		}).Conversation
		b.ReportMetric(100*after.cores(before), "%core-speaking")
		b.ReportMetric(float64(after.rss)/1e6, "MB")
		var late []time.Duration
		for _, ev := range w.of(end.ID) {
			if ev.Type == conversation.EventUtteranceFinal && ev.OffsetMS < 49_000 {
				late = append(late, time.Duration(ev.OffsetMS-ev.Utterance.EndMS)*time.Millisecond)
			}
		}
		require.NotEmpty(b, late)
		b.ReportMetric(float64(len(late)), "finals")
		b.ReportMetric(percentile(late, 0.5).Seconds(), "s-final-p50")
		b.ReportMetric(percentile(late, 0.95).Seconds(), "s-final-p95")
	}
}

// BenchmarkSetup measures how many calls are set up and ended in a second, each stored and analysed, and how long an INVITE
// waits for its 200.
func BenchmarkSetup(b *testing.B) {
	dir := b.TempDir()
	writeConfig(b, dir, "data_dir: data\nlog: {level: warn}\nwebrtc: {enabled: false}\nasr: {enabled: false}\ncall: {record: false}")
	b.Setenv("OPERATORD_SIP_MAX_CALLS", "5000")
	p := startProcess(b, dir)
	c := newCrowd(b, p.daemon, speech(b, "silent-call", 0))
	for _, rate := range []float64{100, 300, 600} {
		b.Run(fmt.Sprintf("%.0f calls per s", rate), func(b *testing.B) {
			for b.Loop() {
				start := time.Now()
				calls := c.place(int(3*rate), rate)
				took := time.Since(start)
				c.hangUp(calls)
				setups, refused := make([]time.Duration, len(calls)), 0
				for i, call := range calls {
					if setups[i] = call.setup; call.code != http.StatusOK {
						refused++
					}
				}
				b.ReportMetric(float64(len(calls))/took.Seconds(), "calls/s")
				b.ReportMetric(float64(percentile(setups, 0.5).Microseconds())/1000, "ms-setup-p50")
				b.ReportMetric(float64(percentile(setups, 0.95).Microseconds())/1000, "ms-setup-p95")
				b.ReportMetric(float64(refused), "refused")
			}
		})
	}
}

// rest lets a measured process run.
func rest(d time.Duration) { <-time.After(d) }
