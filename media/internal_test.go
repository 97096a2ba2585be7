package media

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"
)

type dtmfPacket struct {
	timestamp uint32
	marker    bool
	event     byte
	ended     bool
	duration  uint16
}

func (p dtmfPacket) payload() []byte {
	end := byte(10)
	if p.ended {
		end |= 0x80
	}
	return []byte{p.event, end, byte(p.duration >> 8), byte(p.duration)}
}

func TestDTMFDetector(t *testing.T) {
	for name, tc := range map[string]struct {
		packets []dtmfPacket
		want    string
	}{
		"one event":                             {[]dtmfPacket{{1000, true, 1, false, 160}, {1000, false, 1, false, 320}, {1000, false, 1, true, 480}, {1000, false, 1, true, 480}}, "1"},
		"no marker":                             {[]dtmfPacket{{1000, false, 1, false, 160}, {1000, false, 1, true, 480}}, "1"},
		"only its end arrived":                  {[]dtmfPacket{{1000, false, 11, true, 480}}, "#"},
		"the same digit twice":                  {[]dtmfPacket{{1000, true, 2, true, 400}, {2000, true, 2, true, 400}}, "22"},
		"twice without markers":                 {[]dtmfPacket{{1000, false, 2, true, 400}, {1400, false, 2, true, 400}}, "22"},
		"twice, first end lost":                 {[]dtmfPacket{{1000, false, 2, false, 160}, {3000, false, 2, false, 160}}, "22"},
		"two digits back to back":               {[]dtmfPacket{{1000, true, 2, false, 400}, {1400, false, 3, false, 160}}, "23"},
		"late packet of an earlier event":       {[]dtmfPacket{{1000, true, 2, true, 400}, {2000, true, 3, false, 160}, {1000, false, 2, true, 400}, {2000, false, 3, true, 400}}, "23"},
		"long event in segments":                {[]dtmfPacket{{1000, true, 4, false, 0xffff}, {1000 + 0xffff, false, 4, false, 160}, {1000 + 0xffff, false, 4, true, 480}}, "4"},
		"sender that counts the time up":        {[]dtmfPacket{{1000, true, 4, false, 160}, {1160, false, 4, false, 320}, {1320, false, 4, true, 480}}, "4"},
		"numbering starts again":                {[]dtmfPacket{{1 << 31, true, 4, true, 160}, {5000, true, 5, true, 160}}, "45"},
		"timestamps wrap":                       {[]dtmfPacket{{0xffffff00, true, 4, true, 160}, {0x200, true, 5, true, 160}}, "45"},
		"letters, star":                         {[]dtmfPacket{{1, true, 10, true, 1}, {9001, true, 12, true, 1}, {19001, true, 15, true, 1}}, "*AD"},
		"flash and other events are not digits": {[]dtmfPacket{{1000, true, 16, true, 160}, {2000, true, 255, true, 1}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := dtmfDetector{clockRate: 8000}
			var got []byte
			for _, p := range tc.packets {
				if digit := d.push(p.timestamp, p.marker, p.payload()); digit != 0 {
					got = append(got, digit)
				}
			}
			require.Equal(t, tc.want, string(got))
		})
	}
	d := dtmfDetector{clockRate: 8000}
	require.Zero(t, d.push(0, true, []byte{1, 2, 3}), "short payload")
}

func TestLatch(t *testing.T) {
	signalled, nat, other := addr("10.0.0.5:4000"), addr("192.0.2.1:5000"), addr("203.0.113.9:6000")
	type packet struct {
		from     netip.AddrPort
		ssrc     uint32
		sequence uint16
		at       time.Duration
		admitted bool
	}
	for name, tc := range map[string]struct {
		packets []packet
		remote  netip.AddrPort
	}{
		"nothing yet":            {nil, signalled},
		"signalled at once":      {[]packet{{signalled, 1, 1, 0, true}, {other, 1, 2, 0, false}}, signalled},
		"three packets convince": {[]packet{{nat, 1, 1, 0, true}, {nat, 1, 2, 0, true}, {nat, 1, 3, 0, true}, {other, 2, 4, 0, false}}, nat},
		"two do not":             {[]packet{{nat, 1, 1, 0, true}, {nat, 1, 2, 0, true}}, signalled},
		"nor with other SSRCs":   {[]packet{{nat, 1, 1, 0, true}, {nat, 2, 2, 0, true}, {nat, 3, 3, 0, true}}, signalled},
		"nor out of sequence":    {[]packet{{nat, 1, 1, 0, true}, {nat, 1, 9000, 0, true}, {nat, 1, 2, 0, true}}, signalled},
		"signalled wins over a guess": {[]packet{
			{other, 1, 1, 0, true}, {other, 1, 2, 0, true}, {other, 1, 3, 0, true}, {signalled, 2, 1, 0, true}, {other, 1, 4, 0, false},
		}, signalled},
		"same stream from a new address after silence": {[]packet{
			{signalled, 1, 1, 0, true},
			{nat, 1, 2, time.Second, false},
			{nat, 1, 200, 3 * time.Second, false},
			{nat, 1, 201, 3 * time.Second, false},
			{nat, 1, 202, 3 * time.Second, true},
		}, nat},
		"another stream never": {[]packet{
			{signalled, 1, 1, 0, true},
			{other, 2, 1, 9 * time.Second, false},
			{other, 2, 2, 9 * time.Second, false},
			{other, 2, 3, 9 * time.Second, false},
		}, signalled},
	} {
		t.Run(name, func(t *testing.T) {
			var l latch
			l.signal(signalled)
			for i, p := range tc.packets {
				h := rtp.Header{SSRC: p.ssrc, SequenceNumber: p.sequence}
				require.Equal(t, p.admitted, l.admit(p.from, &h, time.Unix(1000, 0).Add(p.at)), "packet %d", i)
			}
			require.Equal(t, tc.remote, l.remote())
			l.signal(signalled)
			require.Equal(t, tc.remote, l.remote(), "the same description changes nothing")
			l.signal(other)
			require.Equal(t, other, l.remote())
		})
	}
}

func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestPortPool(t *testing.T) {
	for _, bad := range [][2]int{{-1, 5}, {5, 5}, {10, 8}, {60000, 70000}, {0, 1}} {
		_, err := NewPortPool(bad[0], bad[1])
		require.Error(t, err, "%v", bad)
	}
	loopback := netip.MustParseAddr("127.0.0.1")
	p, err := NewPortPool(39001, 39007) // 39002, 39004, 39006
	require.NoError(t, err)
	var seen []uint16
	for range 4 {
		conn, err := p.listen(loopback)
		require.NoError(t, err)
		seen = append(seen, localAddr(conn).Port())
		require.NoError(t, conn.Close())
	}
	require.Equal(t, seen[0], seen[3], "a port is used again only after all others")
	require.ElementsMatch(t, []uint16{39002, 39004, 39006}, seen[:3])

	for range 3 {
		conn, err := p.listen(loopback)
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
	}
	_, err = p.listen(loopback)
	require.ErrorIs(t, err, ErrNoPort)
}

func TestConcealmentContinuesTheWaveform(t *testing.T) {
	var c concealer
	period := 50 // 160 Hz
	signal := func(start, n int) []int16 {
		out := make([]int16, n)
		for i := range out {
			out[i] = int16(100 * ((start + i) % period))
		}
		return out
	}
	c.received(signal(0, 480))
	filled := make([]int16, 80)
	c.fill(filled)
	require.Equal(t, signal(480, 80), filled, "the first 10 ms are the signal itself")

	rest := make([]int16, plcEnd)
	c.fill(rest)
	require.Zero(t, rest[len(rest)-1], "and nothing is left at the end")

	back := signal(1000, 160)
	c.received(back)
	require.Equal(t, signal(1000, 160)[plcCrossfade:], back[plcCrossfade:])
}

// FuzzDatagram checks that no datagram crashes a session, and that each is counted or ignored.
func FuzzDatagram(f *testing.F) {
	f.Add([]byte{0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 1, 0xff, 0xff})
	f.Add([]byte{0x90, 101, 0, 1, 0, 0, 0, 160, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x10, 1, 0, 0, 5, 0x8a, 1, 0x40})
	f.Add([]byte{0xa1, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 3})
	f.Add([]byte{0x80, 200, 0, 6})
	pcmu, _ := CodecNamed(NamePCMU)
	f.Fuzz(func(t *testing.T, datagram []byte) {
		s := Session{}
		require.NoError(t, s.rebuild(Negotiated{Codec: pcmu, DTMFPayloadType: 101}))
		s.arrived(new(rtp.Packet), datagram, addr("192.0.2.1:5000"), time.Unix(1000, 0))
		stats := s.stats()
		if isRTCP(datagram) {
			require.Zero(t, stats.PacketsReceived+stats.PacketsMalformed)
			return
		}
		require.NotZero(t, stats.PacketsReceived+stats.PacketsMalformed)
		s.receiver.ReadFrame(make([]int16, FrameSamples))
	})
}
