package media

import (
	"net/netip"
	"time"

	"github.com/pion/rtp"
)

// Rules of symmetric RTP behind NAT (RFC 4961, RFC 7362 section 4).
const (
	// latchPackets is how many packets in sequence a source other than the signalled one must send before it is trusted.
	latchPackets = 3
	// latchSilence is how long the trusted source must have been silent before its stream may continue from another
	// address, as after a change of a NAT binding.
	latchSilence = 2 * time.Second
)

// latch decides which source address a session listens and sends to. The zero value trusts nobody yet.
type latch struct {
	signalled netip.AddrPort // from the session description, may be invalid
	trusted   netip.AddrPort // source of the stream, invalid until one has been seen
	ssrc      uint32         // of the last packet from trusted
	last      time.Time      // arrival of the last packet from trusted
	candidate candidate
}

// candidate is a source that is not trusted yet.
type candidate struct {
	addr     netip.AddrPort
	ssrc     uint32
	sequence uint16
	packets  int
}

// signal sets the address from a session description. If it is another than before, the trust is gone.
func (l *latch) signal(addr netip.AddrPort) {
	if addr != l.signalled {
		*l = latch{signalled: addr}
	}
}

// remote returns where to send; it is invalid if nobody knows.
func (l *latch) remote() netip.AddrPort {
	if l.trusted.IsValid() {
		return l.trusted
	}
	return l.signalled
}

// admit reports whether a packet of a negotiated payload type comes from the far end. While no source is trusted yet,
// the packets of a candidate are admitted too, so that the first words are not lost.
func (l *latch) admit(from netip.AddrPort, h *rtp.Header, arrival time.Time) bool {
	switch {
	case from == l.trusted, from == l.signalled:
		l.trust(from, h.SSRC, arrival)
		return true
	case !l.trusted.IsValid():
		if l.probe(from, h) {
			l.trust(from, h.SSRC, arrival)
		}
		return true
	case h.SSRC == l.ssrc && arrival.Sub(l.last) > latchSilence:
		if !l.probe(from, h) {
			return false
		}
		l.trust(from, h.SSRC, arrival)
		return true
	default:
		return false
	}
}

func (l *latch) trust(addr netip.AddrPort, ssrc uint32, arrival time.Time) {
	l.trusted, l.ssrc, l.last = addr, ssrc, arrival
	l.candidate = candidate{}
}

// probe reports whether a candidate has sent enough packets with one SSRC in sequence.
func (l *latch) probe(from netip.AddrPort, h *rtp.Header) bool {
	c := &l.candidate
	step := h.SequenceNumber - c.sequence
	if c.addr != from || c.ssrc != h.SSRC || step == 0 || step > maxMisorder {
		*c = candidate{addr: from, ssrc: h.SSRC}
	}
	c.sequence = h.SequenceNumber
	c.packets++
	return c.packets >= latchPackets
}
