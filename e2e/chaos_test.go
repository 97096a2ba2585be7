package e2e

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver of the daemon's database, to get in its way

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/softphone"
)

// The tests of this file break what the daemon stands on and check that calls do not notice. Each has a daemon process of
// its own, so that they run side by side.

// chaos starts a daemon process for a test that runs beside the others.
func chaos(t *testing.T, settings string) (p *process, dir string) {
	t.Helper()
	t.Parallel()
	dir = t.TempDir()
	writeConfig(t, dir, "data_dir: data\nwebrtc: {enabled: false}\n"+settings)
	return startProcess(t, dir), dir
}

// greeted are settings with which the daemon says something on every call, and recognises nothing.
func greeted(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("asr: {enabled: false}\nprofiles: [{name: greet, greeting: %q, greeting_channel: 1}]\nroutes: [{to: '*', profile: greet}]\n",
		loadSample(t, "happy-renewal").wav(t))
}

// phoneCall is a call by a softphone that goes on beside the test.
type phoneCall struct {
	result softphone.Result
	err    error
	done   sync.WaitGroup
}

// phone calls the daemon and says a sample for a while.
func (d *daemon) phone(from, sample string, talk time.Duration) *phoneCall {
	d.t.Helper()
	call := &phoneCall{}
	wav := loadSample(d.t, sample).wav(d.t)
	call.done.Go(func() {
		call.result, call.err = softphone.Call(context.Background(), softphone.CallOptions{
			Target: "sip:" + d.addrs["sip_udp"], To: "1001", From: from, Talk: softphone.Talk{WAV: wav, Pause: -1, Duration: talk},
		})
	})
	d.t.Cleanup(call.done.Wait)
	return call
}

// requireUndisturbed waits for the end of a call and fails unless audio came from the daemon all the time.
func (c *phoneCall) requireUndisturbed(t *testing.T, talk time.Duration) {
	t.Helper()
	c.done.Wait()
	require.NoError(t, c.err)
	require.True(t, c.result.Answered)
	require.InDelta(t, talk.Seconds(), c.result.Duration.Seconds(), 2)
	frames := talk.Seconds() * 50
	require.Greater(t, float64(c.result.Stats.PacketsReceived), 0.95*frames, "the daemon stopped sending")
	require.Less(t, float64(c.result.Stats.PacketsLost), 0.02*frames)
}

func (w *watcher) started(number string) conversation.ID {
	w.t.Helper()
	return w.await(20*time.Second, "the start of "+number, func(ev conversation.Event) bool {
		return ev.Conversation != nil && ev.Conversation.From == number && ev.Conversation.Status == conversation.InProgress
	}).ConversationID
}

// requireStored fails unless the whole history of a conversation, its analysis included, is in the database.
func requireStored(t *testing.T, d *daemon, id conversation.ID) []conversation.Event {
	t.Helper()
	w := d.watch()
	w.analysis(id)
	events := w.of(id)
	requireNoGaps(t, events)
	return events
}

// limitFiles sets how large files of the daemon may become: a disk that is full, and that is freed again.
func (p *process) limitFiles(bytes uint64) {
	p.t.Helper()
	limit := unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}
	require.NoError(p.t, unix.Prlimit(p.command.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil))
}

func TestFullDisk(t *testing.T) {
	p, dir := chaos(t, greeted(t))
	w := p.watch()
	const talk = 9 * time.Second
	call := p.phone("full", "balance-enquiry", talk)
	id := w.started("full")
	rest(2 * time.Second)
	p.limitFiles(1)
	degraded := w.await(10*time.Second, "that the recording broke off", func(ev conversation.Event) bool {
		return ev.ConversationID == id && ev.Type == conversation.EventConversationDegraded
	})
	require.Contains(t, degraded.Notice.Message, "recording broke off")
	call.requireUndisturbed(t, talk)
	end := w.ended(10*time.Second, "full")
	require.Equal(t, conversation.Completed, end.Status)
	require.Equal(t, conversation.CauseNormal, end.Cause)
	require.NotNil(t, end.Recording)
	require.InDelta(t, 2000, end.Recording.DurationMS, 2000)

	p.limitFiles(unix.RLIM_INFINITY)
	requireStored(t, p.daemon, id)
	checkRecording(t, p.daemon, end, float64(end.Recording.DurationMS)/1000)
	p.requireQuietLog(dir, 12)
	require.Equal(t, 0, p.stop())
}

func TestDatabaseLockedByAnotherProgram(t *testing.T) {
	p, dir := chaos(t, greeted(t))
	w := p.watch()
	const talk = 16 * time.Second
	call := p.phone("locked", "balance-enquiry", talk)
	id := w.started("locked")
	database, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "data", "operatord.db")+"?_txlock=exclusive&_busy_timeout=10000")
	require.NoError(t, err)
	defer database.Close()
	tx, err := database.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	meanwhile := p.phone("meanwhile", "balance-enquiry", 3*time.Second)
	meanwhile.requireUndisturbed(t, 3*time.Second)
	other := w.ended(5*time.Second, "meanwhile")
	require.Equal(t, conversation.Completed, other.Status, "watchers are told before the database is")
	call.requireUndisturbed(t, talk)
	rest(4 * time.Second) // with the call 20 s: more than one attempt to store
	require.NoError(t, tx.Rollback())
	requireStored(t, p.daemon, other.ID)
	requireStored(t, p.daemon, id)
	p.requireQuietLog(dir, 12)
	require.Equal(t, 0, p.stop())
}

// TestCallerWhoNeverStopsTalking has one caller talk for a minute without a pause that would end a turn.
func TestCallerWhoNeverStopsTalking(t *testing.T) {
	p, _ := chaos(t, "asr: {end_of_speech: 2s}\n")
	w := p.watch()
	c := newCrowd(t, p.daemon, withoutPauses(speech(t, "angry-cancellation", 0)))
	calls := c.place(1, 1)
	c.talk(calls)
	rest(20 * time.Second)
	// Each decoding worker takes its memory when it first needs it; after that there is no more.
	early := costOf(t, p.command.Process.Pid)
	rest(35 * time.Second)
	late := costOf(t, p.command.Process.Pid)
	c.hangUp(calls)
	end := w.ended(30*time.Second, calls[0].tag)
	require.Equal(t, conversation.Completed, end.Status)
	require.Less(t, late.rss-early.rss, int64(64<<20), "memory grows while somebody talks")
	finals, spoken := 0, int64(0)
	for _, ev := range w.of(end.ID) {
		if ev.Type == conversation.EventUtteranceFinal {
			finals++
			spoken += ev.Utterance.EndMS - ev.Utterance.StartMS
			require.LessOrEqual(t, ev.Utterance.EndMS-ev.Utterance.StartMS, int64(21_000), "a turn that was never cut")
		}
	}
	require.Greater(t, finals, 2)
	require.Greater(t, spoken, int64(40_000), "speech is missing")
	requireNoGaps(t, w.of(end.ID))
}

// withoutPauses leaves out the quiet frames of speech in PCMU.
func withoutPauses(speech []byte) []byte {
	var loud []byte
	for ; len(speech) >= crowdFrame; speech = speech[crowdFrame:] {
		sum := 0
		for _, b := range speech[:crowdFrame] {
			sum += int(^b & 0x70) // the segment: the logarithm of the level
		}
		if sum > crowdFrame*0x20 {
			loud = append(loud, speech[:crowdFrame]...)
		}
	}
	return loud
}

// TestRudeRTP has a caller change its stream all the time, while another sends rubbish to the same port.
func TestRudeRTP(t *testing.T) {
	p, dir := chaos(t, greeted(t))
	w := p.watch()
	c := newCrowd(t, p.daemon, speech(t, "angry-cancellation", 0))
	calls := c.place(2, 10)
	rude, polite := calls[0], calls[1]
	stranger, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(rude.media))
	require.NoError(t, err)
	defer stranger.Close()
	c.talk([]*crowdCall{polite})
	for i := range 200 { // four seconds
		if i%25 == 0 {
			binary.BigEndian.PutUint32(rude.header[8:], rand.Uint32())
			binary.BigEndian.PutUint16(rude.header[2:], uint16(rand.Uint32()))
		}
		c.say(rude)
		for range 50 {
			_, _ = stranger.Write(rubbish())
		}
		until(rude.invited.Add(time.Duration(i) * 20 * time.Millisecond))
	}
	c.hangUp(calls)
	for _, call := range calls {
		end := w.ended(10*time.Second, call.tag)
		require.Equal(t, conversation.Completed, end.Status)
		require.Equal(t, conversation.CauseNormal, end.Cause)
		requireNoGaps(t, w.of(end.ID))
	}
	packets, _ := c.heard.reset()
	require.Greater(t, packets, 2*150, "the daemon stopped sending")
	p.requireQuietLog(dir, 8)
	require.Equal(t, 0, p.stop())
}

// rubbish returns a datagram of any length that may look like RTP at its beginning.
func rubbish() []byte {
	b := make([]byte, rand.IntN(400))
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	if len(b) > 2 && rand.IntN(2) == 0 {
		b[0], b[1] = 0x80|b[0]&0x1f, 0
	}
	return b
}

func TestManyCallsHangUpAtOnce(t *testing.T) {
	p, dir := chaos(t, greeted(t)+"log: {level: warn}\n")
	w := p.watch()
	c := newCrowd(t, p.daemon, speech(t, "angry-cancellation", 0))
	const n = 200
	calls := c.place(n, 100)
	c.talk(calls)
	rest(2 * time.Second)
	c.hangUp(calls)
	for _, call := range calls {
		require.Equal(t, http.StatusOK, call.code)
		end := w.ended(30*time.Second, call.tag)
		require.Equal(t, conversation.Completed, end.Status)
		require.Equal(t, conversation.PartyRemote, end.EndedBy)
	}
	require.Zero(t, p.metric("operatord_calls_active"))
	require.Eventually(t, func() bool { return p.metric("operatord_sip_dialogs") == 0 }, 10*time.Second, 50*time.Millisecond)
	p.requireQuietLog(dir, 0)
	require.Equal(t, 0, p.stop())
}

func TestTerminationDuringCalls(t *testing.T) {
	p, dir := chaos(t, greeted(t)+"call: {drain_timeout: 2s}\n")
	w := p.watch()
	c := newCrowd(t, p.daemon, speech(t, "angry-cancellation", 0))
	calls := c.place(20, 100)
	c.talk(calls)
	id := w.started(calls[0].tag)
	rest(time.Second)
	asked := time.Now()
	require.NoError(t, p.command.Process.Signal(syscall.SIGTERM))
	refused := false
	for !refused && time.Since(asked) < time.Second {
		late := c.place(1, 1)[0]
		refused = late.code == http.StatusServiceUnavailable
	}
	require.True(t, refused, "a call that comes during a shutdown is refused")
	c.awaitEnd(calls)
	require.Equal(t, 0, p.exitStatus())
	require.Less(t, time.Since(asked), 12*time.Second)

	again := startProcess(t, dir)
	var stored conversation.Conversation
	again.get("/api/v1/conversations/"+string(id), &stored)
	require.Equal(t, conversation.Completed, stored.Status)
	require.Equal(t, conversation.CauseShutdown, stored.Cause)
	require.NotNil(t, stored.Recording)
	requireStored(t, again.daemon, id)
	require.Equal(t, 0, again.stop())
}

// TestSlowReaders has a client of the event stream that never reads and a webhook receiver that never answers.
func TestSlowReaders(t *testing.T) {
	var asked atomic.Int32
	release := make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		<-release
	}))
	defer receiver.Close()
	defer close(release)
	p, dir := chaos(t, greeted(t)+fmt.Sprintf("log: {level: warn}\nwebhooks: [{name: hangs, url: %q, secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}]\n", receiver.URL))
	w := p.watch()
	slow := p.openEventsAndReadNothing()
	opened := time.Now()
	require.True(t, established(t, p.addrs["http"], slow.LocalAddr().String()))

	c := newCrowd(t, p.daemon, speech(t, "angry-cancellation", 0))
	const rounds, n = 5, 100
	for range rounds {
		c.hangUp(c.place(n, 1000))
	}
	require.Eventually(t, func() bool { return w.count(conversation.EventCompleted) == rounds*n }, 30*time.Second, 50*time.Millisecond,
		"those who read get everything")
	require.Eventually(t, func() bool { return asked.Load() > 0 }, 10*time.Second, 50*time.Millisecond)

	// Who does not read does not answer pings either. The kernel's table tells when the daemon has closed its end; the client would
	// learn of that only behind everything that was sent before.
	require.Eventually(t, func() bool { return !established(t, p.addrs["http"], slow.LocalAddr().String()) }, time.Until(opened.Add(pingPatience)), 200*time.Millisecond,
		"who does not read is kept")
	t.Logf("cut off after %s", time.Since(opened).Round(time.Second))
	p.requireQuietLog(dir, 10)
	require.Equal(t, 0, p.stop())
}

// pingPatience is how long the daemon may keep a client that does not answer pings: an interval, the time for the answer and for the
// farewell, 35 s as measured, with some reserve for a busy machine.
const pingPatience = 56 * time.Second

// openEventsAndReadNothing opens the event stream as a client that does not read.
func (d *daemon) openEventsAndReadNothing() net.Conn {
	d.t.Helper()
	conn, err := net.Dial("tcp", d.addrs["http"])
	require.NoError(d.t, err)
	d.t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "GET /api/v1/events?after=0 HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", d.addrs["http"])
	require.NoError(d.t, err)
	return conn
}

// established reports whether the TCP connection from local to remote, both IPv4 loopback addresses, is open at the local end.
func established(t *testing.T, local, remote string) bool {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	require.NoError(t, err)
	end := func(address string) string {
		a, err := netip.ParseAddrPort(address)
		require.NoError(t, err)
		ip := a.Addr().As4()
		return fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], a.Port())
	}
	const open = " 01 " // TCP_ESTABLISHED
	return strings.Contains(string(table), end(local)+" "+end(remote)+open)
}

func (w *watcher) count(kind conversation.EventType) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ev := range w.events {
		if ev.Type == kind {
			n++
		}
	}
	return n
}

// stop terminates the daemon and returns its exit status.
func (p *process) stop() int {
	p.t.Helper()
	require.NoError(p.t, p.command.Process.Signal(syscall.SIGTERM))
	return p.exitStatus()
}

// exitStatus waits for the end of the daemon.
func (p *process) exitStatus() int {
	_ = p.command.Wait() // the status says what there is to say
	return p.command.ProcessState.ExitCode()
}

// requireQuietLog fails if the daemon wrote more than so many warnings and errors: a real problem must not drown.
func (p *process) requireQuietLog(dir string, limit int) {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "operatord.log"))
	require.NoError(p.t, err)
	var loud []string
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") || !strings.HasPrefix(line, "time=") {
			loud = append(loud, line)
		}
	}
	p.t.Logf("what the daemon warned of:\n%s", strings.Join(loud, ""))
	require.LessOrEqual(p.t, len(loud), limit)
	require.NotContains(p.t, string(text), "panic")
}
