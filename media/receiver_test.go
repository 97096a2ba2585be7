package media_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/media"
)

const frameMS = 20

// link is a simulated one-way network between a Sender and a Receiver. Time is virtual: a frame is sent and one is read
// every 20 ms.
type link struct {
	t        testing.TB
	receiver *media.Receiver
	sender   *media.Sender
	sent     int                                   // packets
	deliver  func(i int, p *rtp.Packet) []transfer // what becomes of packet i; nil: arrives at once
	flying   []transfer
	now      time.Duration
	pcm      []int16           // read
	frames   []media.FrameInfo // read
	depths   []float64         // after each frame
	spoken   int               // samples sent
	epoch    time.Time
	rewrite  func(p *rtp.Packet) // changes the header before sending
}

type transfer struct {
	at     time.Duration
	packet *rtp.Packet
}

func newLink(tb testing.TB, name string) *link {
	tb.Helper()
	c, ok := media.CodecNamed(name)
	require.True(tb, ok)
	l := &link{t: tb, epoch: time.Unix(1e9, 0)}
	var err error
	l.receiver, err = media.NewReceiver(media.ReceiverOptions{Codec: c, DTMFPayloadType: 101})
	require.NoError(tb, err)
	l.sender, err = media.NewSender(media.SenderOptions{Codec: c, Write: l.write})
	require.NoError(tb, err)
	return l
}

func (l *link) write(p *rtp.Packet) error {
	p = p.Clone()
	if l.rewrite != nil {
		l.rewrite(p)
	}
	transfers := []transfer{{l.now, p}}
	if l.deliver != nil {
		transfers = l.deliver(l.sent, p)
	}
	l.sent++
	l.flying = append(l.flying, transfers...)
	slices.SortStableFunc(l.flying, func(a, b transfer) int { return int(a.at - b.at) })
	return nil
}

// run lets time pass. talk says whether frame i is sent.
func (l *link) run(frames int, talk func(i int) bool) {
	l.t.Helper()
	for i := range frames {
		var frame []int16
		if talk == nil || talk(i) {
			frame = tone(200, l.spoken, media.FrameSamples)
			l.spoken += len(frame)
		}
		require.NoError(l.t, l.sender.WriteFrame(frame))
		l.step()
	}
}

// step delivers what has arrived and reads one frame.
func (l *link) step() {
	l.t.Helper()
	for len(l.flying) > 0 && l.flying[0].at <= l.now {
		l.receiver.Push(l.flying[0].packet, l.epoch.Add(l.flying[0].at))
		l.flying = l.flying[1:]
	}
	dst := make([]int16, media.FrameSamples)
	l.frames = append(l.frames, l.receiver.ReadFrame(dst))
	l.pcm = append(l.pcm, dst...)
	l.depths = append(l.depths, l.receiver.Stats().DepthMS)
	l.now += media.FrameDuration
}

func (l *link) count(kind media.FrameKind) (n int) {
	for _, f := range l.frames {
		if f.Kind == kind {
			n++
		}
	}
	return n
}

func after(l *link, d time.Duration, p *rtp.Packet) []transfer { return []transfer{{l.now + d, p}} }

func TestSpeechArrivesWhole(t *testing.T) {
	for _, name := range []string{media.NamePCMU, media.NamePCMA, media.NameOpus} {
		t.Run(name, func(t *testing.T) {
			l := newLink(t, name)
			l.run(100, nil)
			stats := l.receiver.Stats()
			require.EqualValues(t, 100, stats.PacketsReceived)
			require.Zero(t, stats.PacketsLost+stats.PacketsLate+stats.ConcealedFrames+stats.SkippedFrames)
			require.Equal(t, l.epoch.Add(99*media.FrameDuration), stats.LastPacket)
			require.InDelta(t, 0, stats.JitterMS, 0.01)
			require.LessOrEqual(t, l.count(media.Silent), 2, "latency")
			require.InDelta(t, 5657, rms(l.pcm[10*media.FrameSamples:]), 300)
			require.Less(t, longestSilence(l.pcm[10*media.FrameSamples:]), 40)
		})
	}
}

func TestSequenceNumbersWrap(t *testing.T) {
	l := newLink(t, media.NamePCMU)
	l.rewrite = func(p *rtp.Packet) {
		p.SequenceNumber, p.Timestamp = uint16(65530+l.sent), uint32(1<<32-800+160*l.sent)
	}
	l.run(50, nil)
	require.Zero(t, l.receiver.Stats().PacketsLost)
	require.Zero(t, l.count(media.Concealed))
}

func TestReorderedPacketsAreSorted(t *testing.T) {
	l := newLink(t, media.NamePCMU)
	l.deliver = func(i int, p *rtp.Packet) []transfer {
		if i%4 == 2 {
			return after(l, 21*time.Millisecond, p)
		}
		return after(l, 0, p)
	}
	l.run(100, nil)
	l.step() // the last delayed packet arrives
	stats := l.receiver.Stats()
	require.Zero(t, stats.PacketsLost+stats.PacketsDuplicate)
	require.LessOrEqual(t, stats.ConcealedFrames, uint64(3), "until the depth has adapted")
	require.Greater(t, stats.JitterMS, 1.0)
}

func TestDuplicatesAreDropped(t *testing.T) {
	l := newLink(t, media.NamePCMU)
	l.deliver = func(_ int, p *rtp.Packet) []transfer {
		return []transfer{{l.now, p}, {l.now, p}, {l.now + 70*time.Millisecond, p}}
	}
	l.run(100, nil)
	stats := l.receiver.Stats()
	require.InDelta(t, 200, stats.PacketsDuplicate, 4)
	require.Zero(t, stats.PacketsLost+stats.PacketsLate+stats.ConcealedFrames)
}

func TestSingleLossIsConcealed(t *testing.T) {
	for _, name := range []string{media.NamePCMU, media.NameOpus} {
		t.Run(name, func(t *testing.T) {
			l := newLink(t, name)
			l.deliver = func(i int, p *rtp.Packet) []transfer {
				if i%10 == 5 {
					return nil
				}
				return after(l, 0, p)
			}
			l.run(103, nil)
			stats := l.receiver.Stats()
			require.EqualValues(t, 10, stats.PacketsLost)
			require.EqualValues(t, 10, stats.ConcealedFrames)
			require.InDelta(t, 5657, rms(l.pcm[10*media.FrameSamples:]), 600)
			require.Less(t, longestSilence(l.pcm[10*media.FrameSamples:]), 80)
		})
	}
}

func TestLongLossFadesToSilence(t *testing.T) {
	for _, name := range []string{media.NamePCMU, media.NameOpus} {
		t.Run(name, func(t *testing.T) {
			l := newLink(t, name)
			l.deliver = func(i int, p *rtp.Packet) []transfer {
				if i >= 50 && i < 70 {
					return nil
				}
				return after(l, 0, p)
			}
			l.run(100, nil)
			require.EqualValues(t, 20, l.receiver.Stats().PacketsLost)
			require.Equal(t, 3, l.count(media.Concealed))
			silent := slices.IndexFunc(l.frames[10:], func(f media.FrameInfo) bool { return f.Kind == media.Silent }) + 10
			require.Less(t, rms(l.pcm[(silent+1)*media.FrameSamples:(silent+5)*media.FrameSamples]), 100.0)
			require.InDelta(t, 5657, rms(l.pcm[len(l.pcm)-10*media.FrameSamples:]), 300)
		})
	}
}

func TestLatePacketIsCountedAndTheBufferDeepens(t *testing.T) {
	l := newLink(t, media.NamePCMU)
	l.deliver = func(i int, p *rtp.Packet) []transfer {
		if i%10 == 5 && i < 60 {
			return after(l, 90*time.Millisecond, p)
		}
		return after(l, 0, p)
	}
	l.run(100, nil)
	stats := l.receiver.Stats()
	require.Zero(t, stats.PacketsLost, "none of them is lost")
	require.NotZero(t, stats.PacketsLate)
	require.Less(t, stats.PacketsLate, uint64(6), "the last ones are in time")
}

func TestAStallDelaysSpeechAndTheBacklogDrains(t *testing.T) {
	l := newLink(t, media.NamePCMU)
	l.deliver = func(i int, p *rtp.Packet) []transfer {
		if i >= 50 && i < 75 { // half a second held up, then all at once
			return []transfer{{75 * media.FrameDuration, p}}
		}
		return after(l, 0, p)
	}
	l.run(400, nil)
	stats := l.receiver.Stats()
	require.Zero(t, stats.PacketsLost+stats.PacketsLate+stats.PacketsDiscarded, "no speech is cut")
	require.NotZero(t, stats.SkippedFrames)
	require.Greater(t, slices.Max(l.depths), 400.0)
	require.LessOrEqual(t, slices.Max(l.depths[300:]), 140.0)
}

func TestABurstBeyondTheBufferKeepsTheNewest(t *testing.T) {
	l := newLink(t, media.NamePCMU)
	l.deliver = func(_ int, p *rtp.Packet) []transfer { return []transfer{{max(l.now, 200*media.FrameDuration), p}} }
	l.run(600, nil)
	require.NotZero(t, l.receiver.Stats().PacketsDiscarded)
	require.LessOrEqual(t, slices.Max(l.depths), 64.0*frameMS)
	require.LessOrEqual(t, slices.Max(l.depths[590:]), 140.0)
}

func TestSilenceSuppressionIsNotLoss(t *testing.T) {
	for _, name := range []string{media.NamePCMU, media.NameOpus} {
		t.Run(name, func(t *testing.T) {
			l := newLink(t, name)
			l.run(500, func(i int) bool { return i/50%2 == 0 })
			stats := l.receiver.Stats()
			require.Zero(t, stats.PacketsLost+stats.PacketsLate)
			require.LessOrEqual(t, stats.ConcealedFrames, uint64(15), "only the ends of the talk spurts")
			require.InDelta(t, 250, l.count(media.Received), 5)
			require.LessOrEqual(t, slices.Max(l.depths), 80.0)
		})
	}
}

func TestShortPauseKeepsItsLength(t *testing.T) {
	l := newLink(t, media.NamePCMU)
	l.run(60, func(i int) bool { return i != 30 })
	require.Zero(t, l.receiver.Stats().PacketsLost)
	require.Zero(t, l.count(media.Concealed))
	require.InDelta(t, media.FrameSamples, longestSilence(l.pcm[10*media.FrameSamples:]), 60)
}

func TestClocksThatDifferDoNotBuildUpLatency(t *testing.T) {
	for name, every := range map[string]int{"fast sender": 50, "slow sender": -50} { // two percent
		t.Run(name, func(t *testing.T) {
			l := newLink(t, media.NamePCMU)
			for i := range 1000 {
				if every > 0 && i%every == 0 {
					require.NoError(t, l.sender.WriteFrame(tone(200, l.spoken, media.FrameSamples)))
					l.spoken += media.FrameSamples
				}
				if every < 0 && i%-every == 0 {
					l.step()
					continue
				}
				l.run(1, nil)
			}
			require.Zero(t, l.receiver.Stats().PacketsLost)
			require.LessOrEqual(t, slices.Max(l.depths), 160.0)
			require.Less(t, float64(l.count(media.Silent)), 30.0)
		})
	}
}

func TestAnotherSourceTakesOver(t *testing.T) {
	l := newLink(t, media.NamePCMU)
	l.rewrite = func(p *rtp.Packet) {
		if l.sent >= 50 {
			p.SSRC, p.SequenceNumber, p.Timestamp = 99, p.SequenceNumber+30000, p.Timestamp+1<<30
		}
		if l.sent == 30 {
			p.SSRC = 7 // a stray packet
		}
	}
	l.run(100, nil)
	stats := l.receiver.Stats()
	require.EqualValues(t, 2, stats.PacketsForeign, "the stray one and the first of the new source")
	require.EqualValues(t, 98, stats.PacketsReceived)
	require.InDelta(t, 5657, rms(l.pcm[70*media.FrameSamples:]), 300)
	require.LessOrEqual(t, slices.Max(l.depths), 80.0)
}

func TestAStreamThatRestartsItsNumberingGoesOn(t *testing.T) {
	for name, jump := range map[string]uint16{"far ahead": 20000, "far back": 40000, "a little back": 65000} {
		t.Run(name, func(t *testing.T) {
			l := newLink(t, media.NamePCMU)
			l.rewrite = func(p *rtp.Packet) {
				if l.sent >= 50 {
					p.SequenceNumber += jump
				}
			}
			l.run(100, nil)
			require.Equal(t, media.Received, l.frames[99].Kind)
			require.Zero(t, l.receiver.Stats().PacketsLost)
			require.GreaterOrEqual(t, l.count(media.Received), 90)
		})
	}
}

func TestLongPacketsPlayWithoutGaps(t *testing.T) {
	for _, name := range []string{media.NamePCMU, media.NameOpus} {
		t.Run(name, func(t *testing.T) {
			l := newLink(t, name)
			c, _ := media.CodecNamed(name)
			var err error
			l.sender, err = media.NewSender(media.SenderOptions{Codec: c, PacketTime: media.MaxPacketTime, Write: l.write})
			require.NoError(t, err)
			l.run(150, nil)
			require.EqualValues(t, 50, l.sender.PacketsSent())
			require.Zero(t, l.count(media.Concealed))
			require.Less(t, longestSilence(l.pcm[10*media.FrameSamples:]), 40)
		})
	}
}

func TestWhatIsNotTheStreamIsCountedAndDropped(t *testing.T) {
	l := newLink(t, media.NameOpus)
	l.run(20, nil)
	for _, p := range []*rtp.Packet{
		{Header: rtp.Header{PayloadType: 77}, Payload: []byte{1}},
		{Header: rtp.Header{PayloadType: 13}, Payload: []byte{1}}, // comfort noise is for 8 kHz
		{Header: rtp.Header{PayloadType: 111}, Payload: make([]byte, 1501)},
	} {
		l.receiver.Push(p, l.epoch)
	}
	stats := l.receiver.Stats()
	require.EqualValues(t, 3, stats.PacketsMalformed)
	require.EqualValues(t, 20, stats.PacketsReceived)

	l.rewrite = func(p *rtp.Packet) { p.Payload = []byte{0xff, 0xff, 1, 2} }
	l.run(20, nil)
	require.EqualValues(t, 23, l.receiver.Stats().PacketsMalformed)
}

func TestDigitsArePassedOnOnce(t *testing.T) {
	l := newLink(t, media.NamePCMU)
	l.run(20, nil)
	var last *rtp.Packet
	l.rewrite = func(p *rtp.Packet) { last = p }
	l.run(1, nil)
	for i := range uint16(10) {
		p := &rtp.Packet{Header: last.Header, Payload: []byte{5, 10, byte(i * 160 >> 8), byte(i * 160)}}
		p.PayloadType = 101
		p.SequenceNumber += i + 1
		l.receiver.Push(p, l.epoch)
	}
	l.rewrite = func(p *rtp.Packet) { p.SequenceNumber += 10 }
	l.run(30, nil)
	var digits []byte
	for _, f := range l.frames {
		if f.Digit != 0 {
			digits = append(digits, f.Digit)
		}
	}
	require.Equal(t, "5", string(digits))
	require.Zero(t, l.receiver.Stats().PacketsLost, "events share the numbering")
}

func TestReceiverRefusesBadOptions(t *testing.T) {
	pcmu, _ := media.CodecNamed(media.NamePCMU)
	for name, o := range map[string]media.ReceiverOptions{
		"no codec":      {},
		"unknown codec": {Codec: media.Codec{Name: "G729", ClockRate: 8000}},
		"depths":        {Codec: pcmu, MinDepth: 100 * time.Millisecond, MaxDepth: 50 * time.Millisecond},
		"too deep":      {Codec: pcmu, MaxDepth: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := media.NewReceiver(o)
			require.Error(t, err)
		})
	}
}

// FuzzReceiver pushes packets with arbitrary numbering and lengths between reads. Whatever comes, the receiver must not
// crash or hold more than its buffer.
func FuzzReceiver(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 0xff, 6, 7, 0xff}, false)
	f.Add([]byte{1, 1, 200, 9, 0xff, 0xff, 80, 3, 0, 7}, true)
	f.Fuzz(func(t *testing.T, script []byte, isOpus bool) {
		name := media.NamePCMU
		if isOpus {
			name = media.NameOpus
		}
		c, _ := media.CodecNamed(name)
		r, err := media.NewReceiver(media.ReceiverOptions{Codec: c, DTMFPayloadType: 101})
		require.NoError(t, err)
		dst := make([]int16, media.FrameSamples)
		at, sequence := time.Unix(0, 0), uint16(65000)
		for i, op := range script {
			if op == 0xff {
				at = at.Add(media.FrameDuration)
				r.ReadFrame(dst)
				require.LessOrEqual(t, r.Stats().DepthMS, 64*190.0)
				continue
			}
			sequence += uint16(int8(op)) * uint16(1+i%7*i%50)
			p := rtp.Packet{Payload: script[i:min(len(script), i+int(op))]}
			p.PayloadType, p.SequenceNumber, p.Timestamp = c.PayloadType, sequence, uint32(sequence)*160
			p.SSRC = uint32(op) / 100
			if op%11 == 3 {
				p.PayloadType = 101
			}
			r.Push(&p, at)
		}
		r.ReadFrame(dst)
	})
}

// The payload type of PCMU is 0, which is also what says that there are no telephone events.
func TestPCMUIsHeardWithoutTelephoneEvents(t *testing.T) {
	l := newLink(t, media.NamePCMU)
	var err error
	pcmu, _ := media.CodecNamed(media.NamePCMU)
	l.receiver, err = media.NewReceiver(media.ReceiverOptions{Codec: pcmu})
	require.NoError(t, err)
	l.run(50, nil)
	require.Equal(t, media.Received, l.frames[len(l.frames)-1].Kind)
	require.Zero(t, l.frames[len(l.frames)-1].Digit)
}

func BenchmarkFrame(b *testing.B) {
	for _, name := range []string{media.NamePCMU, media.NamePCMA, media.NameOpus} {
		b.Run("receive/"+name, func(b *testing.B) {
			c, _ := media.CodecNamed(name)
			r, err := media.NewReceiver(media.ReceiverOptions{Codec: c})
			require.NoError(b, err)
			var p *rtp.Packet
			s, err := media.NewSender(media.SenderOptions{Codec: c, Write: func(q *rtp.Packet) error { p = q.Clone(); return nil }})
			require.NoError(b, err)
			require.NoError(b, s.WriteFrame(tone(200, 0, media.FrameSamples)))
			dst, at := make([]int16, media.FrameSamples), time.Now()
			b.ReportAllocs()
			for b.Loop() {
				p.SequenceNumber++
				p.Timestamp += uint32(c.ClockRate / 50)
				at = at.Add(media.FrameDuration)
				r.Push(p, at)
				r.ReadFrame(dst)
			}
		})
		b.Run("send/"+name, func(b *testing.B) {
			c, _ := media.CodecNamed(name)
			s, err := media.NewSender(media.SenderOptions{Codec: c, Write: func(*rtp.Packet) error { return nil }})
			require.NoError(b, err)
			frame := tone(200, 0, media.FrameSamples)
			b.ReportAllocs()
			for b.Loop() {
				_ = s.WriteFrame(frame)
			}
		})
	}
}
