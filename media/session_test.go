package media_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/media"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func newSession(tb testing.TB) *media.Session {
	tb.Helper()
	s, err := media.NewSession(media.SessionOptions{BindIP: loopback})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

// connect starts two sessions that talk to each other.
func connect(tb testing.TB, name string) (a, b *media.Session, n media.Negotiated) {
	tb.Helper()
	c, ok := media.CodecNamed(name)
	require.True(tb, ok)
	a, b = newSession(tb), newSession(tb)
	n = media.Negotiated{Codec: c, DTMFPayloadType: 101}
	n.Remote = a.LocalAddr()
	require.NoError(tb, b.Start(n))
	n.Remote = b.LocalAddr()
	require.NoError(tb, a.Start(n))
	return a, b, n
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 10*time.Second, time.Millisecond)
}

// talk sends n frames and waits until they have arrived.
func talk(t *testing.T, from, to media.Stream, n int) {
	t.Helper()
	before := to.Stats().PacketsReceived
	for i := range n {
		require.NoError(t, from.WriteFrame(tone(200, i*media.FrameSamples, media.FrameSamples)))
	}
	eventually(t, func() bool { return to.Stats().PacketsReceived == before+uint64(n) })
}

func TestSessionsTalkToEachOther(t *testing.T) {
	for _, name := range []string{media.NamePCMU, media.NameOpus} {
		t.Run(name, func(t *testing.T) {
			a, b, _ := connect(t, name)
			require.Zero(t, a.LocalAddr().Port()%2, "an even port")
			talk(t, a, b, 20)
			talk(t, b, a, 20)
			frame, pcm := make([]int16, media.FrameSamples), []int16(nil)
			for range 20 {
				b.ReadFrame(frame)
				pcm = append(pcm, frame...)
			}
			require.Greater(t, rms(pcm[4*media.FrameSamples:]), 4000.0)
			require.EqualValues(t, 20, a.Stats().PacketsSent)
			require.Equal(t, name, a.Stats().Codec)
			require.WithinDuration(t, time.Now(), a.Stats().LastPacket, time.Minute)
		})
	}
}

func TestSessionBeforeStartAndAfterClose(t *testing.T) {
	s := newSession(t)
	frame := tone(200, 0, media.FrameSamples)
	require.NoError(t, s.WriteFrame(frame))
	require.Equal(t, media.FrameInfo{}, s.ReadFrame(frame))
	require.Equal(t, make([]int16, media.FrameSamples), frame)
	require.Equal(t, media.Stats{}, s.Stats())
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.WriteFrame(frame), media.ErrClosed)
	require.ErrorIs(t, s.Start(media.Negotiated{}), media.ErrClosed)
}

func TestSessionRefusesBadOptions(t *testing.T) {
	_, err := media.NewSession(media.SessionOptions{})
	require.Error(t, err)
	_, err = media.NewSession(media.SessionOptions{BindIP: netip.MustParseAddr("203.0.113.1")})
	require.ErrorIs(t, err, media.ErrNoPort)
	s := newSession(t)
	require.ErrorIs(t, s.Start(media.Negotiated{Codec: media.Codec{Name: "G729", ClockRate: 8000}}), media.ErrCodec)
	pcmu, _ := media.CodecNamed(media.NamePCMU)
	require.Error(t, s.Start(media.Negotiated{Codec: pcmu, PacketTime: 30 * time.Millisecond}))
}

func TestHoldStopsSendingAndResumeGoesOn(t *testing.T) {
	a, b, n := connect(t, media.NamePCMU)
	talk(t, a, b, 5)
	n.Direction = media.RecvOnly
	require.NoError(t, a.Update(n))
	for range 5 {
		require.NoError(t, a.WriteFrame(tone(200, 0, media.FrameSamples)))
	}
	require.EqualValues(t, 5, a.Stats().PacketsSent)
	n.Direction = media.SendRecv
	require.NoError(t, a.Update(n))
	talk(t, a, b, 5)
	require.EqualValues(t, 10, a.Stats().PacketsSent)
	require.Zero(t, b.Stats().PacketsLost, "the numbering has no hole")
}

func TestCodecChangeKeepsCounting(t *testing.T) {
	a, b, n := connect(t, media.NamePCMU)
	talk(t, a, b, 5)
	n.Codec, _ = media.CodecNamed(media.NameOpus)
	require.NoError(t, a.Update(n))
	n.Remote = a.LocalAddr()
	require.NoError(t, b.Update(n))
	talk(t, a, b, 5)
	require.EqualValues(t, 10, b.Stats().PacketsReceived)
	require.EqualValues(t, 10, a.Stats().PacketsSent)
	require.Equal(t, media.NameOpus, b.Stats().Codec)
}

// peer is a bare socket that sends what it is told to.
type peer struct {
	t    *testing.T
	conn *net.UDPConn
	to   netip.AddrPort
	next rtp.Packet
}

func newPeer(t *testing.T, to netip.AddrPort) *peer {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return &peer{t, conn, to, rtp.Packet{
		Header: rtp.Header{Version: 2, SSRC: uint32(conn.LocalAddr().(*net.UDPAddr).Port)}, Payload: make([]byte, 160),
	}}
}

func (p *peer) addr() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (p *peer) raw(b []byte) {
	p.t.Helper()
	_, err := p.conn.WriteToUDPAddrPort(b, p.to)
	require.NoError(p.t, err)
}

func (p *peer) send(n int) {
	p.t.Helper()
	for range n {
		b, err := p.next.Marshal()
		require.NoError(p.t, err)
		p.raw(b)
		p.next.SequenceNumber++
		p.next.Timestamp += 160
	}
}

// hears reports whether a packet arrives at the peer.
func (p *peer) hears() bool {
	_ = p.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, _, err := p.conn.ReadFromUDPAddrPort(make([]byte, 2000))
	return err == nil
}

func TestSessionFollowsThePeerBehindNAT(t *testing.T) {
	s := newSession(t)
	pcmu, _ := media.CodecNamed(media.NamePCMU)
	require.NoError(t, s.Start(media.Negotiated{Codec: pcmu, Remote: netip.MustParseAddrPort("127.0.0.9:40000")}))
	behind, stranger := newPeer(t, s.LocalAddr()), newPeer(t, s.LocalAddr())
	behind.send(3)
	eventually(t, func() bool { return s.Stats().PacketsReceived == 3 })
	stranger.send(10)
	eventually(t, func() bool { return s.Stats().PacketsForeign == 10 })
	require.NoError(t, s.WriteFrame(tone(200, 0, media.FrameSamples)))
	require.True(t, behind.hears())
	require.EqualValues(t, 3, s.Stats().PacketsReceived)
}

func TestSessionWithoutAnAddressSendsOnceItKnowsOne(t *testing.T) {
	s := newSession(t)
	pcmu, _ := media.CodecNamed(media.NamePCMU)
	require.NoError(t, s.Start(media.Negotiated{Codec: pcmu}))
	require.NoError(t, s.WriteFrame(tone(200, 0, media.FrameSamples)))
	require.Zero(t, s.Stats().PacketsSent)
	p := newPeer(t, s.LocalAddr())
	p.send(3)
	eventually(t, func() bool { return s.Stats().PacketsReceived == 3 })
	require.NoError(t, s.WriteFrame(tone(200, 0, media.FrameSamples)))
	require.True(t, p.hears())
}

func TestGarbageIsCountedAndRTCPIgnored(t *testing.T) {
	s := newSession(t)
	p := newPeer(t, s.LocalAddr())
	pcmu, _ := media.CodecNamed(media.NamePCMU)
	require.NoError(t, s.Start(media.Negotiated{Codec: pcmu, Remote: p.addr()}))
	p.raw([]byte{})
	p.raw([]byte("INVITE sip:x SIP/2.0\r\n\r\n"))
	p.raw([]byte{0x80, 200, 0, 6, 0, 0, 0, 1})       // RTCP sender report
	p.raw(append([]byte{0x40}, make([]byte, 20)...)) // version 1
	p.raw(append([]byte{0x8f}, make([]byte, 20)...)) // more contributors than there is room for
	p.raw(append([]byte{0x80, 99}, make([]byte, 20)...))
	p.send(1)
	eventually(t, func() bool { return s.Stats().PacketsReceived == 1 })
	require.EqualValues(t, 5, s.Stats().PacketsMalformed)
}

func TestSessionMayBeUsedFromEverywhereAtOnce(t *testing.T) {
	a, b, n := connect(t, media.NamePCMU)
	var wg sync.WaitGroup
	frame := tone(200, 0, media.FrameSamples)
	for _, work := range []func(){
		func() { _ = a.WriteFrame(frame) },
		func() { b.ReadFrame(make([]int16, media.FrameSamples)) },
		func() { b.Stats() },
		func() { a.Stats() },
		func() { _ = a.Update(n) },
	} {
		wg.Go(func() {
			for range 200 {
				work()
			}
		})
	}
	wg.Go(func() { _ = b.Close() })
	wg.Wait()
}

func BenchmarkSession(b *testing.B) {
	from, to, _ := connect(b, media.NamePCMU)
	frame := tone(200, 0, media.FrameSamples)
	b.ReportAllocs()
	for b.Loop() {
		_ = from.WriteFrame(frame)
		to.ReadFrame(frame)
	}
}
