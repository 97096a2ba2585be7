package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/media/g711"
)

// crowd is many callers that cost little: one socket for all their SIP, one for all their RTP, and speech that is encoded
// once. Each call has its own dialog, and on the daemon's side its own RTP port. The callers speak PCMU.
type crowd struct {
	tb      testing.TB
	sip     *net.UDPConn // connected to the daemon
	rtp     *net.UDPConn
	speech  []byte // PCMU, said in a loop
	reading sync.WaitGroup
	talking atomic.Bool
	heard   arrivals // of the socket rtp

	mu    sync.Mutex
	calls map[string]*crowdCall // by Call-ID
}

// crowdCall is one call of a crowd.
type crowdCall struct {
	id, tag  string
	peer     string // To header of the 200
	media    netip.AddrPort
	sent     atomic.Pointer[[]byte] // the last request
	invited  time.Time
	setup    time.Duration
	answered chan struct{} // closed by a final response to the INVITE
	ended    chan struct{} // closed by a BYE of the daemon, or by its answer to ours
	code     int
	position int // in speech
	header   [12]byte
}

const (
	crowdFrame      = 160 // bytes of PCMU in 20 ms
	crowdSlots      = 10  // the calls do not all speak at the same moment
	crowdSetupLimit = 30 * time.Second
	crowdRepeat     = 500 * time.Millisecond // T1 of RFC 3261
)

// newCrowd opens the sockets of callers of d. They are closed with the test.
func newCrowd(tb testing.TB, d *daemon, speech []byte) *crowd {
	tb.Helper()
	to, err := net.ResolveUDPAddr("udp", d.addrs["sip_udp"])
	require.NoError(tb, err)
	c := &crowd{tb: tb, speech: speech, calls: map[string]*crowdCall{}}
	c.sip, err = net.DialUDP("udp", nil, to)
	require.NoError(tb, err)
	c.rtp, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(tb, err)
	require.NoError(tb, c.rtp.SetReadBuffer(8<<20))
	require.NoError(tb, c.sip.SetReadBuffer(4<<20))
	c.reading.Go(c.signal)
	c.reading.Go(func() { c.heard.read(c.rtp) })
	tb.Cleanup(func() {
		c.talking.Store(false)
		_ = c.sip.Close()
		_ = c.rtp.Close()
		c.reading.Wait()
	})
	return c
}

// place calls the daemon n times at a rate in calls per second and returns the calls once all are answered or refused.
func (c *crowd) place(n int, rate float64) []*crowdCall {
	c.tb.Helper()
	calls := make([]*crowdCall, n)
	start := time.Now()
	for i := range calls {
		until(start.Add(time.Duration(float64(i) / rate * float64(time.Second))))
		calls[i] = c.invite(i)
	}
	c.await(calls, "a call was not answered", func(call *crowdCall) <-chan struct{} { return call.answered })
	return calls
}

// await waits for something of each call, and repeats what a call sent last while it has not happened: packets get lost.
func (c *crowd) await(calls []*crowdCall, failure string, happened func(*crowdCall) <-chan struct{}) {
	c.tb.Helper()
	deadline := time.After(crowdSetupLimit)
	repeat := time.NewTicker(crowdRepeat)
	defer repeat.Stop()
	for _, call := range calls {
		for waiting := true; waiting; {
			select {
			case <-happened(call):
				waiting = false
			case <-repeat.C:
				_, _ = c.sip.Write(*call.sent.Load())
			case <-deadline:
				require.FailNow(c.tb, failure, "%s", call.id)
			}
		}
	}
}

// until returns at a moment.
func until(moment time.Time) {
	if wait := time.Until(moment); wait > 0 {
		<-time.After(wait)
	}
}

func (c *crowd) invite(i int) *crowdCall {
	call := &crowdCall{
		id: fmt.Sprintf("crowd-%d-%x", i, rand.Uint64()), tag: fmt.Sprintf("t%d", i), invited: time.Now(),
		answered: make(chan struct{}), ended: make(chan struct{}), position: i * 7919 % max(1, len(c.speech)/crowdFrame) * crowdFrame,
	}
	call.header[0] = 0x80
	binary.BigEndian.PutUint32(call.header[8:], rand.Uint32())
	c.mu.Lock()
	c.calls[call.id] = call
	c.mu.Unlock()
	sdp := fmt.Sprintf("v=0\r\no=crowd 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n",
		c.rtp.LocalAddr().(*net.UDPAddr).Port)
	c.request(call, "INVITE", 1, "", "Contact: <sip:crowd@"+c.sip.LocalAddr().String()+">\r\nContent-Type: application/sdp\r\n", sdp)
	return call
}

// request sends a request of a call. to is empty before the dialog exists.
func (c *crowd) request(call *crowdCall, method string, seq int, to, headers, body string) {
	remote := c.sip.RemoteAddr().String()
	if to == "" {
		to = "To: <sip:1001@" + remote + ">"
	}
	text := fmt.Sprintf("%s sip:1001@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%x\r\nMax-Forwards: 70\r\n"+
		"From: <sip:%s@%s>;tag=%s\r\n%s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n%sContent-Length: %d\r\n\r\n%s",
		method, remote, c.sip.LocalAddr(), rand.Uint64(), call.tag, c.sip.LocalAddr(), call.tag, to, call.id, seq, method, headers, len(body), body)
	message := []byte(text)
	call.sent.Store(&message)
	_, _ = c.sip.Write(message) // await repeats what gets lost
}

// signal reads SIP until the socket is closed.
func (c *crowd) signal() {
	buf := make([]byte, 65536)
	for {
		n, err := c.sip.Read(buf)
		if err != nil {
			return
		}
		c.message(buf[:n])
	}
}

func (c *crowd) message(message []byte) {
	head, body, _ := bytes.Cut(message, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	header := func(name string) string {
		i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(strings.ToLower(l), name+":") })
		if i < 0 {
			return ""
		}
		return lines[i]
	}
	_, id, _ := strings.Cut(header("call-id"), ": ")
	c.mu.Lock()
	call := c.calls[id]
	c.mu.Unlock()
	if call == nil {
		return
	}
	if strings.HasPrefix(lines[0], "BYE ") {
		reply := []string{"SIP/2.0 200 OK"}
		for _, l := range lines[1:] {
			if name, _, _ := strings.Cut(l, ":"); slices.Contains([]string{"via", "from", "to", "call-id", "cseq"}, strings.ToLower(name)) {
				reply = append(reply, l)
			}
		}
		_, _ = c.sip.Write([]byte(strings.Join(append(reply, "Content-Length: 0", "", ""), "\r\n")))
		call.end()
		return
	}
	fields := strings.Fields(lines[0])
	if len(fields) < 2 || fields[0] != "SIP/2.0" {
		return
	}
	code, _ := strconv.Atoi(fields[1])
	switch cseq := header("cseq"); {
	case code < 200:
	case strings.HasSuffix(cseq, "INVITE"):
		c.final(call, code, header("to"), string(body))
	case strings.HasSuffix(cseq, "BYE"):
		call.end()
	}
}

// final takes a final response to an INVITE, which may come more than once.
func (c *crowd) final(call *crowdCall, code int, to, sdp string) {
	c.request(call, "ACK", 1, to, "", "")
	select {
	case <-call.answered:
		return
	default:
	}
	call.setup, call.code, call.peer = time.Since(call.invited), code, to
	if _, rest, ok := strings.Cut(sdp, "m=audio "); ok {
		port, _, _ := strings.Cut(rest, " ")
		n, _ := strconv.ParseUint(port, 10, 16)
		call.media = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(n))
	}
	close(call.answered)
}

// end is called by the one goroutine that reads SIP.
func (call *crowdCall) end() {
	select {
	case <-call.ended:
	default:
		close(call.ended)
	}
}

// talk starts to speak on calls, until hangUp.
func (c *crowd) talk(calls []*crowdCall) {
	c.talking.Store(true)
	c.reading.Go(func() {
		start := time.Now()
		for slot := 0; c.talking.Load(); slot++ {
			until(start.Add(time.Duration(slot) * 20 * time.Millisecond / crowdSlots))
			for i := slot % crowdSlots; i < len(calls); i += crowdSlots {
				c.say(calls[i])
			}
		}
	})
}

// say sends the next frame of a call.
func (c *crowd) say(call *crowdCall) {
	var packet [12 + crowdFrame]byte
	h := &call.header
	binary.BigEndian.PutUint16(h[2:], binary.BigEndian.Uint16(h[2:])+1)
	binary.BigEndian.PutUint32(h[4:], binary.BigEndian.Uint32(h[4:])+crowdFrame)
	copy(packet[:], h[:])
	copy(packet[12:], c.speech[call.position:][:crowdFrame])
	call.position = (call.position + crowdFrame) % (len(c.speech) / crowdFrame * crowdFrame)
	_, _ = c.rtp.WriteToUDPAddrPort(packet[:], call.media) // a lost packet is a lost packet
}

// hangUp ends calls, all at once, and waits for the daemon's answers.
func (c *crowd) hangUp(calls []*crowdCall) {
	c.tb.Helper()
	c.talking.Store(false)
	for _, call := range calls {
		c.request(call, "BYE", 2, call.peer, "", "")
	}
	c.awaitEnd(calls)
}

func (c *crowd) awaitEnd(calls []*crowdCall) {
	c.tb.Helper()
	c.await(calls, "a call did not end", func(call *crowdCall) <-chan struct{} { return call.ended })
}

// arrivals counts the RTP packets of many streams and how far they stray from 20 ms.
type arrivals struct {
	mu       sync.Mutex
	packets  int
	last     map[uint16]time.Time // by port of the sender
	strayed  [256]int             // by millisecond
	measured int
}

func (a *arrivals) read(conn *net.UDPConn) {
	buf := make([]byte, 2048)
	for {
		_, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		a.add(from.Port(), time.Now())
	}
}

func (a *arrivals) add(port uint16, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.packets++
	if a.last == nil {
		a.last = map[uint16]time.Time{}
	}
	if last, ok := a.last[port]; ok {
		stray := math.Abs(float64(at.Sub(last)-20*time.Millisecond)) / float64(time.Millisecond)
		a.strayed[min(int(stray), len(a.strayed)-1)]++
		a.measured++
	}
	a.last[port] = at
}

// reset forgets what was counted and returns it.
func (a *arrivals) reset() (packets int, p99 time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := 0
	for ms, n := range a.strayed {
		if seen += n; a.measured > 0 && seen*100 >= a.measured*99 {
			p99 = time.Duration(ms+1) * time.Millisecond
			break
		}
	}
	packets = a.packets
	a.packets, a.last, a.strayed, a.measured = 0, nil, [256]int{}, 0
	return packets, p99
}

// cost is what a process has used so far.
type cost struct {
	at  time.Time
	cpu time.Duration
	rss int64 // bytes
}

// costOf reads the accounts of the kernel about a process.
func costOf(tb testing.TB, pid int) cost {
	tb.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(tb, err)
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	fields := bytes.Fields(rest)
	ticks := number(tb, fields[11]) + number(tb, fields[12]) // utime and stime in hundredths of a second, fields 14 and 15
	return cost{
		at: time.Now(), cpu: time.Duration(ticks) * 10 * time.Millisecond,
		rss: number(tb, fields[21]) * int64(os.Getpagesize()),
	}
}

func number(tb testing.TB, text []byte) int64 {
	tb.Helper()
	n, err := strconv.ParseInt(string(text), 10, 64)
	require.NoError(tb, err)
	return n
}

// cores returns how many cores were busy on average between two readings.
func (c cost) cores(since cost) float64 {
	return float64(c.cpu-since.cpu) / float64(c.at.Sub(since.at))
}

// ownCPU is the processor time of this process: what the callers cost.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // fails for bad arguments only
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// percentile returns the value below which a share of the durations lies.
func percentile(durations []time.Duration, share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(durations))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// speech returns a channel of a sample call as PCMU.
func speech(tb testing.TB, sample string, channel int) []byte {
	tb.Helper()
	pcm := samplePCM(tb, sample, channel)
	var half []int16 // every other sample is good enough for what only has to cost as much as speech
	for i := 0; i < len(pcm); i += 2 {
		half = append(half, pcm[i])
	}
	return g711.PCMU.AppendEncoded(nil, half)
}
