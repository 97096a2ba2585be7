package sdp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"time"

	pion "github.com/pion/sdp/v3"

	"github.com/operatord/operatord/media"
)

// Payload types of telephone-event in our offers. The event must have the clock rate of the codec (RFC 4733 section 2.1).
const (
	eventName         = "telephone-event"
	eventFmtp         = "0-15"
	eventNarrow uint8 = 101
	eventWide   uint8 = 110
)

// Options describes our side.
type Options struct {
	Addr   netip.AddrPort // address and port at which we receive, as the far end must see it
	Codecs []media.Codec  // the codecs we accept, best first; empty means media.Codecs
}

// Negotiator holds our side of the offer/answer exchanges of one dialog. It is not safe for concurrent use.
type Negotiator struct {
	addr    netip.AddrPort
	codecs  []media.Codec
	session uint64
	version uint64
	offered media.Direction
	last    []byte // our last description, with version 0
}

// NewNegotiator returns a negotiator with a new session identifier.
func NewNegotiator(o Options) (*Negotiator, error) {
	if !o.Addr.IsValid() || o.Addr.Addr().IsUnspecified() || o.Addr.Port() == 0 {
		return nil, fmt.Errorf("describe a session at %v: not an address that a far end can send to", o.Addr)
	}
	if len(o.Codecs) == 0 {
		o.Codecs = media.Codecs()
	}
	for _, c := range o.Codecs {
		if known, ok := media.CodecNamed(c.Name); !ok || !known.Same(c) {
			return nil, fmt.Errorf("describe a session with codec %s/%d: %w", c.Name, c.ClockRate, media.ErrCodec)
		}
	}
	// Peers have refused session identifiers that do not fit into 32 bits.
	return &Negotiator{addr: o.Addr, codecs: o.Codecs, session: uint64(rand.Int32N(1<<31-1)) + 1}, nil
}

// Offer returns an offer with the given direction of our side.
func (n *Negotiator) Offer(d media.Direction) ([]byte, error) {
	n.offered = d
	formats := slices.Clone(n.codecs)
	for _, pt := range []uint8{eventNarrow, eventWide} {
		if rate := eventRate(pt); n.uses(rate) {
			formats = append(formats, event(pt, rate))
		}
	}
	return n.marshal([]*pion.MediaDescription{n.audio(plainProfile(), formats, d, media.FrameDuration)})
}

// Answer returns the answer to an offer and what it agrees on. Streams other than the first audio stream that can be
// used are refused. The direction mirrors the offered one (RFC 3264 section 6.1).
func (n *Negotiator) Answer(offer []byte) ([]byte, media.Negotiated, error) {
	remote, err := parse(offer)
	if err != nil {
		return nil, media.Negotiated{}, err
	}
	stream, codec, err := n.choose(remote)
	if err != nil {
		return nil, media.Negotiated{}, err
	}
	sends, receives := stream.direction.Receives(), stream.direction.Sends()
	agreed := media.Negotiated{
		Remote:             stream.addr,
		Codec:              codec,
		ReceivePayloadType: codec.PayloadType,
		PacketTime:         stream.packetTime(),
		Direction:          media.NewDirection(sends, receives),
	}
	formats := []media.Codec{n.ours(codec)}
	if ev, ok := stream.event(codec.ClockRate); ok {
		agreed.DTMFPayloadType = ev.PayloadType
		formats = append(formats, event(ev.PayloadType, ev.ClockRate))
	}
	sections := make([]*pion.MediaDescription, 0, len(remote))
	for i := range remote {
		section := refusal(&remote[i])
		if &remote[i] == stream {
			section = n.audio(stream.protos, formats, agreed.Direction, agreed.PacketTime)
		}
		sections = append(sections, section)
	}
	body, err := n.marshal(sections)
	return body, agreed, err
}

// ParseAnswer returns what the far end's answer to our last offer agrees on.
func (n *Negotiator) ParseAnswer(answer []byte) (media.Negotiated, error) {
	remote, err := parse(answer)
	if err != nil {
		return media.Negotiated{}, err
	}
	if len(remote) == 0 || !remote[0].usable() {
		return media.Negotiated{}, fmt.Errorf("%w: the answer refuses the audio stream", ErrUnsupported)
	}
	stream := &remote[0]
	for _, f := range stream.formats {
		mine, ok := n.find(f)
		if !ok {
			continue
		}
		f.Name, f.Channels = mine.Name, mine.Channels
		agreed := media.Negotiated{
			Remote:             stream.addr,
			Codec:              f,
			ReceivePayloadType: mine.PayloadType,
			PacketTime:         stream.packetTime(),
			Direction: media.NewDirection(
				n.offered.Sends() && stream.direction.Receives(),
				n.offered.Receives() && stream.direction.Sends()),
		}
		if _, ok := stream.event(f.ClockRate); ok {
			agreed.DTMFPayloadType = eventPayloadType(f.ClockRate)
		}
		return agreed, nil
	}
	return media.Negotiated{}, fmt.Errorf("%w in the answer: %s", ErrNoCodec, stream.names())
}

// choose returns the first usable audio stream that has one of our codecs, and the best of those.
func (n *Negotiator) choose(remote []section) (*section, media.Codec, error) {
	err := fmt.Errorf("%w: no audio over plain RTP", ErrUnsupported)
	for i := range remote {
		stream := &remote[i]
		if !stream.usable() {
			continue
		}
		for _, c := range n.codecs {
			for _, f := range stream.formats {
				if matches(f, c) {
					f.Name, f.Channels = c.Name, c.Channels
					return stream, f, nil
				}
			}
		}
		err = fmt.Errorf("%w among those offered: %s", ErrNoCodec, stream.names())
	}
	return nil, media.Codec{}, err
}

// find returns our codec that is the same as c.
func (n *Negotiator) find(c media.Codec) (media.Codec, bool) {
	for _, mine := range n.codecs {
		if matches(c, mine) {
			return mine, true
		}
	}
	return media.Codec{}, false
}

// ours returns a negotiated codec with the format parameters that describe us.
func (n *Negotiator) ours(c media.Codec) media.Codec {
	if mine, ok := n.find(c); ok {
		c.Fmtp = mine.Fmtp
	}
	return c
}

func (n *Negotiator) uses(clockRate int) bool {
	return slices.ContainsFunc(n.codecs, func(c media.Codec) bool { return c.ClockRate == clockRate })
}

func eventRate(payloadType uint8) int {
	if payloadType == eventWide {
		return 48000
	}
	return 8000
}

func eventPayloadType(clockRate int) uint8 {
	if clockRate == eventRate(eventWide) {
		return eventWide
	}
	return eventNarrow
}

func event(payloadType uint8, clockRate int) media.Codec {
	return media.Codec{Name: eventName, PayloadType: payloadType, ClockRate: clockRate, Channels: 1, Fmtp: eventFmtp}
}

// audio describes our stream.
func (n *Negotiator) audio(
	protos []string, formats []media.Codec, d media.Direction, packetTime time.Duration,
) *pion.MediaDescription {
	m := &pion.MediaDescription{MediaName: pion.MediaName{
		Media:  "audio",
		Port:   pion.RangedPort{Value: int(n.addr.Port())},
		Protos: protos,
	}}
	for _, c := range formats {
		channels := uint16(c.Channels)
		if channels == 1 {
			channels = 0 // left out
		}
		m.WithCodec(c.PayloadType, c.Name, uint32(c.ClockRate), channels, c.Fmtp)
	}
	return m.WithValueAttribute("ptime", strconv.FormatInt(packetTime.Milliseconds(), 10)).
		WithPropertyAttribute(d.String())
}

// refusal describes a stream that we do not take part in (RFC 3264 section 6).
func refusal(s *section) *pion.MediaDescription {
	return &pion.MediaDescription{MediaName: pion.MediaName{Media: s.media, Protos: s.protos, Formats: s.rawFormats}}
}

// marshal completes a description. Its version goes up if it differs from the last one (RFC 3264 section 8).
func (n *Negotiator) marshal(sections []*pion.MediaDescription) ([]byte, error) {
	family := "IP4"
	if n.addr.Addr().Is6() {
		family = "IP6"
	}
	host := n.addr.Addr().WithZone("").String()
	d := pion.SessionDescription{
		Origin: pion.Origin{
			Username: "-", SessionID: n.session, NetworkType: "IN", AddressType: family, UnicastAddress: host,
		},
		SessionName: "operatord",
		ConnectionInformation: &pion.ConnectionInformation{
			NetworkType: "IN", AddressType: family, Address: &pion.Address{Address: host},
		},
		TimeDescriptions:  []pion.TimeDescription{{}},
		MediaDescriptions: sections,
	}
	body, err := d.Marshal()
	if err != nil {
		return nil, fmt.Errorf("marshal session description: %w", err)
	}
	if !bytes.Equal(body, n.last) {
		n.last = body
		n.version++
	}
	d.Origin.SessionVersion = n.version
	return d.Marshal()
}
