package media

// jitterSlots bounds the jitter buffer: 1.28 s of 20 ms packets. It divides the sequence number space.
const jitterSlots = 64

// Limits that tell a gap from a restarted stream (RFC 3550 appendix A.1, MAX_DROPOUT and MAX_MISORDER).
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// jitterBuffer puts packets back into order and decides when each is played. Times are in samples at SampleRate, except
// for timestamps. It does not know what is in a packet and is not safe for concurrent use.
//
// While it is filling, nothing is played until there is target of audio, or the oldest packet has waited that long.
// A packet that is missing although later ones have arrived is given up, unless the depth is still below a target that
// has grown: then playing pauses for a frame instead. When there is nothing at all, the buffer fills again, and what
// arrives late then is still played: speech is not cut, the latency grows by the wait, and the receiver brings it down
// again, which it is told to do by excess.
type jitterBuffer struct {
	ticks    int // timestamp units in 1000 samples
	minDepth int
	maxDepth int

	slots    [jitterSlots]jitterSlot
	started  bool   // a packet has arrived
	played   bool   // a packet has been played
	playing  bool   // not filling
	next     uint16 // sequence number to be played next
	newest   uint16 // highest that has arrived
	restart  uint16 // sequence number that would confirm a restarted stream
	restarts bool   // restart is valid

	held     int    // slots that wait to be played
	buffered int    // their playing time
	packet   int    // playing time of the last packet with audio
	waited   int    // how long the oldest packet has waited while filling
	expected uint32 // timestamp of the next packet if it continues the last
	follows  bool   // expected is valid

	late, duplicate, lost, discarded uint64

	boost     int // added to the depth because packets came too late
	calm      int // since boost last changed
	lowest    int // depth seen in the current window
	window    int // length of the current window so far
	overdepth int // what the last window showed to be too much
}

type jitterSlot struct {
	sequence  uint16
	state     slotState
	timestamp uint32
	samples   int // playing time, 0 for a packet without audio
	payload   []byte
}

type slotState uint8

const (
	slotEmpty slotState = iota
	slotHeld
	slotDone
)

// Reaction to packets that come too late, and to depth that is not needed.
const (
	boostStep   = FrameSamples    // for each late packet
	boostDecay  = 10 * SampleRate // without late packets, before a step is taken back
	depthWindow = SampleRate      // over which the least depth must be too much
	depthSlack  = FrameSamples    // too much begins here, above the target
	maxGap      = SampleRate / 5  // silence between timestamps that is played out
)

func newJitterBuffer(clockRate, minDepth, maxDepth int) *jitterBuffer {
	b := &jitterBuffer{ticks: clockRate * 1000 / SampleRate, minDepth: minDepth, maxDepth: maxDepth}
	b.reset()
	return b
}

// reset forgets the stream but not what was counted.
func (b *jitterBuffer) reset() {
	for i := range b.slots {
		b.slots[i].state = slotEmpty
	}
	*b = jitterBuffer{
		ticks: b.ticks, minDepth: b.minDepth, maxDepth: b.maxDepth, slots: b.slots, packet: FrameSamples,
		late: b.late, duplicate: b.duplicate, lost: b.lost, discarded: b.discarded,
	}
}

// push keeps a copy of a packet. A packet with no samples only takes part in the numbering. push reports whether the
// stream has restarted with this packet.
func (b *jitterBuffer) push(sequence uint16, timestamp uint32, samples int, payload []byte) (restarted bool) {
	if !b.started {
		b.started, b.next, b.newest = true, sequence, sequence
	}
	ahead := int(int16(sequence - b.next))
	if ahead < -maxMisorder || ahead > maxDropout {
		if !b.restarts || sequence != b.restart {
			b.restarts, b.restart = true, sequence+1
			b.late++
			return false
		}
		b.reset()
		b.push(sequence, timestamp, samples, payload)
		return true
	}
	b.restarts = false
	if ahead < 0 && !b.makeRoomBefore(sequence) {
		b.tooLate(sequence)
		return false
	}
	b.makeRoomFor(sequence)
	s := b.slot(sequence)
	if s.sequence == sequence && s.state != slotEmpty {
		b.duplicate++
		return false
	}
	*s = jitterSlot{sequence, slotHeld, timestamp, samples, append(s.payload[:0], payload...)}
	b.held++
	b.buffered += samples
	if int16(sequence-b.newest) > 0 {
		b.newest = sequence
	}
	return false
}

func (b *jitterBuffer) slot(sequence uint16) *jitterSlot { return &b.slots[sequence%jitterSlots] }

// has reports whether a packet waits to be played.
func (b *jitterBuffer) has(sequence uint16) bool {
	s := b.slot(sequence)
	return s.state == slotHeld && s.sequence == sequence
}

// makeRoomBefore moves the beginning of a stream back that began with packets out of order.
func (b *jitterBuffer) makeRoomBefore(sequence uint16) bool {
	if b.played || int(b.newest-sequence) >= jitterSlots {
		return false
	}
	b.next = sequence
	return true
}

// tooLate counts a packet whose turn has passed.
func (b *jitterBuffer) tooLate(sequence uint16) {
	if s := b.slot(sequence); s.sequence == sequence && s.state == slotDone {
		b.duplicate++
		return
	}
	b.late++
	if b.lost > 0 {
		b.lost-- // it was given up as lost
	}
	b.deepen()
}

// makeRoomFor gives up the oldest sequence numbers so that the newest fits.
func (b *jitterBuffer) makeRoomFor(sequence uint16) {
	for int(int16(sequence-b.next)) >= jitterSlots {
		if b.held == 0 {
			gap := sequence - b.next
			b.lost += uint64(gap)
			b.next = sequence
			break
		}
		if b.has(b.next) {
			b.discarded++
			b.take()
		} else {
			b.lost++
		}
		b.next++
	}
}

// take marks the next packet as played.
func (b *jitterBuffer) take() {
	s := b.slot(b.next)
	s.state = slotDone
	b.held--
	b.buffered -= s.samples
}

// deepen reacts to a packet that came too late.
func (b *jitterBuffer) deepen() {
	b.calm = 0
	b.boost = min(b.boost+boostStep, b.maxDepth)
}

// target is the depth at which playing begins. jitter is the measured one.
func (b *jitterBuffer) target(jitter int) int {
	least := max(b.minDepth, b.packet+FrameSamples, FrameSamples+3*jitter)
	return min(least+b.boost, max(b.maxDepth, 2*b.packet))
}

// depth is the time until the newest packet has been played, including what will have to be concealed.
func (b *jitterBuffer) depth() int {
	span := int(b.newest-b.next) + 1
	if b.held == 0 {
		return 0
	}
	return b.buffered + (span-b.held)*b.packet
}

// action is what the receiver has to do next.
type action uint8

const (
	actionWait action = iota // nothing to play for a frame
	actionPlay               // decode slot, which lasts samples
	actionLost               // conceal samples; slot is the packet behind it, nil if that has not arrived
	actionGap                // the far end was silent for samples
)

type step struct {
	action  action
	samples int
	slot    *jitterSlot // valid until the next push
}

// pull decides what is played next. It is called when less than a frame of decoded audio is left.
func (b *jitterBuffer) pull(jitter int) step {
	b.passSilent()
	if !b.playing && !b.fill(b.target(jitter)) {
		return step{action: actionWait}
	}
	b.passSilent()
	switch {
	case b.held == 0:
		b.playing, b.waited = false, 0
		return step{action: actionWait}
	case !b.has(b.next) && b.depth()+b.packet <= b.target(jitter):
		return step{action: actionWait} // it may still come: the depth has not adapted to the network yet
	case !b.has(b.next):
		return b.giveUp()
	}
	s := b.slot(b.next)
	if gap := b.gapBefore(s); gap > 0 {
		b.expected = s.timestamp
		return step{action: actionGap, samples: gap}
	}
	b.take()
	b.next++
	b.played = true
	b.packet = s.samples
	b.expected, b.follows = s.timestamp+b.timestampUnits(s.samples), true
	return step{action: actionPlay, samples: s.samples, slot: s}
}

// passSilent passes over packets without audio.
func (b *jitterBuffer) passSilent() {
	for b.held > 0 && b.has(b.next) && b.slot(b.next).samples == 0 {
		b.take()
		b.next++
	}
}

// fill reports whether there is enough to begin. If so, it moves to the first packet there is.
func (b *jitterBuffer) fill(target int) bool {
	if b.held == 0 {
		return false
	}
	if b.depth() < target && b.waited < target {
		b.waited += FrameSamples
		return false
	}
	if b.has(b.next) && b.follows && b.slot(b.next).timestamp == b.expected {
		b.deepen() // nothing was lost and the sender did not pause: we ran dry because packets were slow
	}
	for !b.has(b.next) {
		if b.played {
			b.lost++
		}
		b.next++
	}
	b.playing, b.follows = true, false
	b.lowest, b.window, b.overdepth = jitterSlots*b.packet, 0, 0
	return true
}

// giveUp passes over a packet that is missing.
func (b *jitterBuffer) giveUp() step {
	b.lost++
	b.next++
	b.expected += b.timestampUnits(b.packet)
	st := step{action: actionLost, samples: b.packet}
	if b.has(b.next) {
		st.slot = b.slot(b.next)
	}
	return st
}

// gapBefore returns how much silence the sender left between the last packet and this one. A long gap is a jump of the
// sender's clock, or has passed already while the buffer was empty.
func (b *jitterBuffer) gapBefore(s *jitterSlot) int {
	if !b.follows {
		return 0
	}
	gap := int(int32(s.timestamp-b.expected)) * 1000 / b.ticks
	if gap < FrameSamples/4 || gap > maxGap || b.overdepth > 0 {
		return 0
	}
	return gap
}

func (b *jitterBuffer) timestampUnits(samples int) uint32 { return uint32(samples * b.ticks / 1000) }

// excess is told once per frame how much decoded audio is left, and returns how much of the depth has not been needed
// for a while and can be skipped.
func (b *jitterBuffer) excess(decoded, jitter int) int {
	if b.calm += FrameSamples; b.calm >= boostDecay {
		b.calm = 0
		b.boost = max(0, b.boost-boostStep)
	}
	if !b.playing {
		return 0
	}
	depth, target := b.depth()+decoded, b.target(jitter)
	b.lowest = min(b.lowest, depth)
	if b.window += FrameSamples; b.window >= depthWindow {
		b.overdepth = b.lowest - target
		b.lowest, b.window = depth, 0
	}
	if depth > 2*b.maxDepth {
		b.overdepth = depth - target
	}
	if b.overdepth <= depthSlack {
		b.overdepth = 0
	}
	return b.overdepth
}

// skipped is told that some of the excess was skipped.
func (b *jitterBuffer) skipped(samples int) {
	b.overdepth -= samples
	b.lowest, b.window = max(0, b.lowest-samples), 0
}
