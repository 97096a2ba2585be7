package media

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/pion/rtp"
)

// ReceiverOptions configures a Receiver.
type ReceiverOptions struct {
	Codec              Codec
	ReceivePayloadType uint8         // payload type of arriving audio; zero means Codec.PayloadType
	DTMFPayloadType    uint8         // payload type of telephone-event, 0 for none
	MinDepth           time.Duration // least audio the jitter buffer holds before playing; zero means DefaultMinDepth
	MaxDepth           time.Duration // most it may hold on to in the long run; zero means DefaultMaxDepth
}

// Bounds of the jitter buffer's depth if the options leave them open.
const (
	DefaultMinDepth = 40 * time.Millisecond
	DefaultMaxDepth = 120 * time.Millisecond
)

// payloadTypeCN is comfort noise at 8 kHz (RFC 3389), which some peers send without having negotiated it.
const payloadTypeCN = 13

// maxPayload bounds what is kept of a packet; no codec needs more in a datagram of an ordinary network.
const maxPayload = 1500

// Receiver turns the RTP packets of one stream into frames. Push and Stats may be called from any goroutine, ReadFrame
// from one.
type Receiver struct {
	options ReceiverOptions

	mu      sync.Mutex // guards the fields up to decoder
	buffer  *jitterBuffer
	source  source
	jitter  jitterMeter
	dtmf    dtmfDetector
	digits  []byte // that ReadFrame has not returned yet; at most maxDigits
	stats   Stats
	changed bool // the source has changed since the last frame

	decoder decoder // and what follows belongs to ReadFrame
	payload []byte  // of the packet being decoded
	pcm     []int16 // decoded but not returned
	kind    FrameKind
	made    int // samples made up since the last received one
	loud    int // frames since the last one was skipped although it was not quiet
}

const maxDigits = 32

// NewReceiver returns a receiver for the codec.
func NewReceiver(o ReceiverOptions) (*Receiver, error) {
	if o.MinDepth == 0 {
		o.MinDepth = DefaultMinDepth
	}
	if o.MaxDepth == 0 {
		o.MaxDepth = max(DefaultMaxDepth, o.MinDepth)
	}
	if o.MinDepth < 0 || o.MaxDepth < o.MinDepth || o.MaxDepth > time.Second {
		return nil, fmt.Errorf("jitter buffer depth from %v to %v: out of range", o.MinDepth, o.MaxDepth)
	}
	if o.ReceivePayloadType == 0 {
		o.ReceivePayloadType = o.Codec.PayloadType
	}
	d, err := newDecoder(o.Codec)
	if err != nil {
		return nil, err
	}
	return &Receiver{
		options: o,
		buffer:  newJitterBuffer(o.Codec.ClockRate, samplesIn(o.MinDepth), samplesIn(o.MaxDepth)),
		jitter:  jitterMeter{clockRate: o.Codec.ClockRate},
		dtmf:    dtmfDetector{clockRate: uint32(o.Codec.ClockRate)},
		stats:   Stats{Codec: o.Codec.Name},
		decoder: d,
		made:    concealLimit,
	}, nil
}

// Push takes a packet that arrived at the given time. It keeps nothing of p and waits for nothing but a short lock.
func (r *Receiver) Push(p *rtp.Packet, arrival time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.accepts(p.PayloadType) || len(p.Payload) > maxPayload {
		r.stats.PacketsMalformed++
		return
	}
	switch r.source.admit(p) {
	case sourceRejected:
		r.stats.PacketsForeign++
		return
	case sourceChanged:
		r.restart()
		r.buffer.reset()
	case sourceKnown:
	}
	r.stats.PacketsReceived++
	r.stats.LastPacket = arrival
	if !r.isAudio(p.PayloadType) {
		r.pushEvent(p)
		return
	}
	samples := r.decoder.samples(p.Payload)
	switch {
	case samples > 0:
		r.jitter.arrived(p.Timestamp, arrival)
	case len(p.Payload) > 0: // an empty one keeps a NAT binding alive
		r.stats.PacketsMalformed++
	}
	if r.buffer.push(p.SequenceNumber, p.Timestamp, samples, p.Payload) {
		r.restart()
	}
}

// accepts reports whether a payload type belongs to the stream. options do not change.
func (r *Receiver) accepts(payloadType uint8) bool {
	switch {
	case r.isAudio(payloadType):
		return true
	case payloadType == payloadTypeCN:
		return r.options.Codec.ClockRate == plcRate
	default:
		return r.options.DTMFPayloadType != 0 && payloadType == r.options.DTMFPayloadType
	}
}

func (r *Receiver) isAudio(payloadType uint8) bool {
	return payloadType == r.options.ReceivePayloadType || payloadType == r.options.Codec.PayloadType
}

// restart forgets what belongs to a stream that has been replaced by another.
func (r *Receiver) restart() {
	r.jitter = jitterMeter{clockRate: r.options.Codec.ClockRate}
	r.dtmf = dtmfDetector{clockRate: r.dtmf.clockRate}
	r.changed = true
}

// pushEvent takes a packet without audio, which shares the sequence numbers of the audio.
func (r *Receiver) pushEvent(p *rtp.Packet) {
	if r.buffer.push(p.SequenceNumber, p.Timestamp, 0, nil) {
		r.restart()
	}
	if p.PayloadType != r.options.DTMFPayloadType {
		return
	}
	if digit := r.dtmf.push(p.Timestamp, p.Marker, p.Payload); digit != 0 && len(r.digits) < maxDigits {
		r.digits = append(r.digits, digit)
	}
}

// ReadFrame implements Stream.
func (r *Receiver) ReadFrame(dst []int16) FrameInfo {
	dst = dst[:FrameSamples]
	if r.begin() {
		r.resetDecoder()
	}
	kind := r.kind
	if len(r.pcm) == 0 {
		kind = Silent
	}
	for len(r.pcm) < FrameSamples {
		kind = max(kind, r.decodeNext())
	}
	copy(dst, r.pcm)
	r.consume(FrameSamples)
	if excess := r.excess(); excess > 0 && r.mayBeSkipped(dst) {
		kind = max(kind, r.skip(dst))
	}
	return r.finish(kind)
}

// begin reports whether the source has changed since the last frame.
func (r *Receiver) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed := r.changed
	r.changed = false
	return changed
}

// resetDecoder forgets the audio of an earlier source.
func (r *Receiver) resetDecoder() {
	d, err := newDecoder(r.options.Codec)
	if err != nil {
		return // the old one will do
	}
	r.mu.Lock()
	r.decoder = d
	r.mu.Unlock()
	r.made = concealLimit
}

// decodeNext appends at least one sample to pcm and returns where it came from.
func (r *Receiver) decodeNext() FrameKind {
	st, hasPayload := r.pull()
	switch st.action {
	case actionPlay:
		var err error
		before := len(r.pcm)
		if r.pcm, err = r.decoder.decode(r.pcm, r.payload); err == nil && len(r.pcm) > before {
			r.made = 0
			r.kind = Received
			return r.kind
		}
		r.undecodable()
		return r.conceal(st.samples, nil)
	case actionLost:
		if hasPayload {
			return r.conceal(st.samples, r.payload)
		}
		return r.conceal(st.samples, nil)
	case actionGap:
		r.pcm = appendSilence(r.pcm, st.samples)
		r.kind = Silent
		return r.kind
	default:
		return r.conceal(FrameSamples, nil)
	}
}

// pull takes the next step and copies the payload that goes with it.
func (r *Receiver) pull() (st step, hasPayload bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	st = r.buffer.pull(r.jitter.samples())
	if st.slot == nil {
		return st, false
	}
	r.payload = append(r.payload[:0], st.slot.payload...)
	return st, len(r.payload) > 0
}

func (r *Receiver) undecodable() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.PacketsMalformed++
}

// conceal appends n made-up samples.
func (r *Receiver) conceal(n int, next []byte) FrameKind {
	r.kind = Silent
	if r.made < concealLimit || next != nil {
		r.kind = Concealed
	}
	r.made = min(r.made+n, concealLimit)
	r.pcm = r.decoder.conceal(r.pcm, n, next)
	return r.kind
}

func (r *Receiver) consume(n int) { r.pcm = r.pcm[:copy(r.pcm, r.pcm[n:])] }

func (r *Receiver) excess() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buffer.excess(len(r.pcm), r.jitter.samples())
}

// quietLevel is the mean amplitude below which a frame is taken for a pause (-42 dBov).
const quietLevel = 256

// skipEvery is how many frames must lie between two skips in speech.
const skipEvery = 3

// mayBeSkipped reports whether a frame may be shortened away: a pause always, speech now and then.
func (r *Receiver) mayBeSkipped(frame []int16) bool {
	r.loud++
	sum := 0
	for _, v := range frame {
		sum += max(int(v), -int(v))
	}
	if sum < quietLevel*len(frame) || r.loud > skipEvery {
		r.loud = 0
		return true
	}
	return false
}

// skip blends frame into the one behind it, so that one of them is gone.
func (r *Receiver) skip(frame []int16) FrameKind {
	kind := Silent
	for len(r.pcm) < FrameSamples {
		kind = max(kind, r.decodeNext())
	}
	for i := range frame {
		a, b := int(frame[i]), int(r.pcm[i])
		frame[i] = int16(a + (b-a)*i/FrameSamples)
	}
	r.consume(FrameSamples)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.SkippedFrames++
	r.buffer.skipped(FrameSamples)
	return kind
}

// finish counts the frame and adds the digit that is due.
func (r *Receiver) finish(kind FrameKind) FrameInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	info := FrameInfo{Kind: kind}
	if kind == Concealed {
		r.stats.ConcealedFrames++
	}
	if len(r.digits) > 0 {
		info.Digit = r.digits[0]
		r.digits = r.digits[:copy(r.digits, r.digits[1:])]
	}
	return info
}

// Stats returns what was counted since the receiver was made.
func (r *Receiver) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.PacketsLost, s.PacketsLate = r.buffer.lost, r.buffer.late
	s.PacketsDuplicate, s.PacketsDiscarded = r.buffer.duplicate, r.buffer.discarded
	s.JitterMS = 1000 * r.jitter.seconds()
	s.DepthMS = float64(r.buffer.depth()) * 1000 / SampleRate
	return s
}

func samplesIn(d time.Duration) int { return int(d * SampleRate / time.Second) }

// jitterMeter estimates the interarrival jitter (RFC 3550 section 6.4.1 and appendix A.8).
type jitterMeter struct {
	clockRate int
	arrival   time.Time // of the last packet
	timestamp uint32    // of the last packet
	estimate  float64   // in timestamp units
}

func (j *jitterMeter) arrived(timestamp uint32, at time.Time) {
	first := j.arrival.IsZero()
	elapsed := at.Sub(j.arrival).Seconds() * float64(j.clockRate)
	change := math.Abs(elapsed - float64(int32(timestamp-j.timestamp)))
	j.arrival, j.timestamp = at, timestamp
	if !first && change < float64(j.clockRate) { // more is a jump of the sender's clock
		j.estimate += (change - j.estimate) / 16
	}
}

func (j *jitterMeter) seconds() float64 { return j.estimate / float64(j.clockRate) }

func (j *jitterMeter) samples() int { return int(j.seconds() * SampleRate) }

// source follows the synchronisation source of a stream. Another source replaces it when two of its packets arrive in a
// row, so that one stray packet does no harm (RFC 3550 appendix A.1).
type source struct {
	known     bool
	ssrc      uint32
	candidate uint32
	pending   bool
}

type sourceVerdict uint8

const (
	sourceKnown sourceVerdict = iota
	sourceChanged
	sourceRejected
)

func (s *source) admit(p *rtp.Packet) sourceVerdict {
	switch {
	case !s.known:
		*s = source{known: true, ssrc: p.SSRC}
		return sourceKnown
	case p.SSRC == s.ssrc:
		s.pending = false
		return sourceKnown
	case s.pending && s.candidate == p.SSRC:
		*s = source{known: true, ssrc: p.SSRC}
		return sourceChanged
	default:
		s.candidate, s.pending = p.SSRC, true
		return sourceRejected
	}
}
