package media

import "encoding/binary"

// dtmfDetector turns telephone-event packets (RFC 4733) into digits, one for each event. An event is sent many times
// with the same timestamp; the marker bit, which not every sender sets, is not relied upon.
type dtmfDetector struct {
	clockRate uint32
	seen      bool
	event     byte
	timestamp uint32
	duration  uint32 // of the event so far, in timestamp units
	ended     bool
}

const dtmfDigits = "0123456789*#ABCD" // by event code, RFC 4733 table 3

// push takes a packet and returns the digit that begins with it, 0 if none does.
func (d *dtmfDetector) push(timestamp uint32, marker bool, payload []byte) byte {
	if len(payload) < 4 || int(payload[0]) >= len(dtmfDigits) {
		return 0
	}
	event, ended := payload[0], payload[1]&0x80 != 0
	duration := uint32(binary.BigEndian.Uint16(payload[2:]))
	known := d.seen && d.continues(event, timestamp, marker)
	if d.seen && !known && d.stale(timestamp) {
		return 0
	}
	if known {
		if timestamp == d.timestamp {
			duration = max(duration, d.duration)
			ended = ended || d.ended
		}
	}
	*d = dtmfDetector{clockRate: d.clockRate, seen: true, event: event, timestamp: timestamp, duration: duration, ended: ended}
	if known {
		return 0
	}
	return dtmfDigits[event]
}

// continues reports whether a packet belongs to the event at hand: it has the same timestamp, or it is the next segment
// of a long event (RFC 4733 section 2.5.1.3), or comes from a sender that wrongly counts the timestamp up.
func (d *dtmfDetector) continues(event byte, timestamp uint32, marker bool) bool {
	if timestamp == d.timestamp {
		return true
	}
	slack := d.clockRate / 50
	return event == d.event && !d.ended && !marker && timestamp-d.timestamp <= d.duration+slack
}

// stale reports whether a packet is a late one of an earlier event. A timestamp more than five seconds back is a new
// beginning.
func (d *dtmfDetector) stale(timestamp uint32) bool {
	return d.timestamp-timestamp < 5*d.clockRate
}
