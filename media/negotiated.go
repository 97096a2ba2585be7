package media

import (
	"net/netip"
	"time"
)

// Direction is the direction of a media stream as one side sees it (RFC 3264 section 5.1).
type Direction uint8

// The zero value is SendRecv, as in a session description without a direction attribute.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// String returns the session description attribute.
func (d Direction) String() string {
	switch d {
	case SendOnly:
		return "sendonly"
	case RecvOnly:
		return "recvonly"
	case Inactive:
		return "inactive"
	default:
		return "sendrecv"
	}
}

// Sends reports whether this side sends.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives reports whether this side receives.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// NewDirection returns the direction of a side that sends or receives or not.
func NewDirection(sends, receives bool) Direction {
	switch {
	case sends && receives:
		return SendRecv
	case sends:
		return SendOnly
	case receives:
		return RecvOnly
	default:
		return Inactive
	}
}

// Negotiated is the outcome of an offer and its answer, as this side sees it.
type Negotiated struct {
	// Remote is where the far end wants to receive. It is invalid if the far end gave a host name or no address (old
	// style hold); nothing is sent then before a packet from the far end has shown its address.
	Remote netip.AddrPort
	// Codec is what both sides use; its PayloadType is what we send.
	Codec Codec
	// ReceivePayloadType is the payload type that the far end sends with. It differs from Codec.PayloadType only if the
	// far end answered our offer with a number of its own. Zero means the same.
	ReceivePayloadType uint8
	// DTMFPayloadType is the payload type of telephone-event (RFC 4733), 0 if it was not negotiated.
	DTMFPayloadType uint8
	// PacketTime is the playing time of the packets we send, a multiple of FrameDuration. Zero means FrameDuration.
	PacketTime time.Duration
	// Direction is ours: SendOnly means that the far end wants to hear us and sends nothing.
	Direction Direction
}
