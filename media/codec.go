package media

import "strings"

// Names of the codecs, as registered for session descriptions.
const (
	NamePCMU = "PCMU"
	NamePCMA = "PCMA"
	NameOpus = "opus"
)

// Codec is an audio encoding with the parameters that a session description gives it (RFC 8866 section 6.6).
type Codec struct {
	Name        string // encoding name
	PayloadType uint8
	ClockRate   int    // RTP timestamp units per second; 48000 for opus, whatever it carries (RFC 7587 section 4.1)
	Channels    int    // as in the rtpmap attribute: 2 for opus, whatever it carries
	Fmtp        string // format parameters, empty if there are none
}

// Codecs returns the codecs that can be used, best first, with the payload types for an offer.
func Codecs() []Codec {
	return []Codec{
		{Name: NameOpus, PayloadType: 111, ClockRate: 48000, Channels: 2, Fmtp: "minptime=10;useinbandfec=1"},
		{Name: NamePCMU, PayloadType: 0, ClockRate: 8000, Channels: 1},
		{Name: NamePCMA, PayloadType: 8, ClockRate: 8000, Channels: 1},
	}
}

// CodecNamed returns the codec of Codecs with the given name, which is not case-sensitive.
func CodecNamed(name string) (Codec, bool) {
	for _, c := range Codecs() {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	return Codec{}, false
}

// Same reports whether c and d are the same encoding, whatever their payload types and parameters.
func (c Codec) Same(d Codec) bool {
	return strings.EqualFold(c.Name, d.Name) && c.ClockRate == d.ClockRate && c.Channels == d.Channels
}
