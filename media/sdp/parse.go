package sdp

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	pion "github.com/pion/sdp/v3"

	"github.com/operatord/operatord/media"
)

// maxSections bounds the streams of a description that is accepted.
const maxSections = 32

// section is one stream of a far end's description.
type section struct {
	media      string
	protos     []string
	rawFormats []string
	port       uint16
	formats    []media.Codec  // of an audio stream, in the far end's order, telephone-event among them
	addr       netip.AddrPort // invalid if the far end gave none that can be sent to
	direction  media.Direction
	ptime      time.Duration // 0: not given
	maxptime   time.Duration // 0: not given
}

// usable reports whether the section is an audio stream over plain RTP that is not refused.
func (s *section) usable() bool {
	profile := strings.Join(s.protos, "/")
	return s.media == "audio" && s.port != 0 && (profile == "RTP/AVP" || profile == "RTP/AVPF")
}

func plainProfile() []string { return []string{"RTP", "AVP"} }

// event returns the telephone-event of a clock rate.
func (s *section) event(clockRate int) (media.Codec, bool) {
	for _, f := range s.formats {
		if strings.EqualFold(f.Name, eventName) && f.ClockRate == clockRate && f.PayloadType != 0 {
			return f, true
		}
	}
	return media.Codec{}, false
}

// packetTime is the wanted packet time as far as we can keep to it.
func (s *section) packetTime() time.Duration {
	wanted := s.ptime
	if s.maxptime > 0 && (wanted == 0 || wanted > s.maxptime) {
		wanted = min(s.maxptime, media.FrameDuration)
	}
	wanted -= wanted % media.FrameDuration
	return min(max(wanted, media.FrameDuration), media.MaxPacketTime)
}

// names lists the formats for an error message.
func (s *section) names() string {
	names := make([]string, 0, len(s.formats))
	for _, f := range s.formats {
		names = append(names, fmt.Sprintf("%s/%d", f.Name, f.ClockRate))
	}
	return strings.Join(names, ", ")
}

// matches compares a far end's format with a codec of ours. Some write opus without its channels.
func matches(theirs, ours media.Codec) bool {
	if strings.EqualFold(ours.Name, media.NameOpus) {
		theirs.Channels = ours.Channels
	}
	return theirs.Same(ours)
}

// parse reads a description as far as it concerns us.
func parse(body []byte) ([]section, error) {
	canonical, sections, err := canonicalise(string(body))
	if err != nil {
		return nil, err
	}
	var d pion.SessionDescription
	if err := d.UnmarshalString(canonical); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(d.MediaDescriptions) != len(sections) {
		return nil, fmt.Errorf("%w: %d streams", ErrMalformed, len(d.MediaDescriptions))
	}
	for i, m := range d.MediaDescriptions {
		sections[i].read(&d, m)
	}
	return sections, nil
}

// canonicalise reduces a description to the lines that we read, in the order and the spelling that the parser insists
// on. Peers in the field leave lines out, put them into another order, use stream types that the parser does not know
// (fax) and session identifiers that do not fit into 64 bits.
func canonicalise(body string) (string, []section, error) {
	var sections []section
	var session, connection, streams strings.Builder
	attributes := &session
	sawVersion := false
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n")
		if strings.ContainsRune(line, '\r') {
			return "", nil, fmt.Errorf("%w: stray carriage return", ErrMalformed)
		}
		if len(line) < 2 || line[1] != '=' {
			continue
		}
		switch line[0] {
		case 'v':
			sawVersion = true
		case 'm':
			s, err := newSection(line[2:])
			if err != nil {
				return "", nil, err
			}
			sections = append(sections, s)
			attributes = &streams
			fmt.Fprintf(attributes, "m=%s\r\n", s.forParser())
		case 'c':
			if len(sections) == 0 {
				connection.Reset()
				connection.WriteString(line + "\r\n")
				continue
			}
			attributes.WriteString(line + "\r\n")
		case 'a':
			attributes.WriteString(line + "\r\n")
		}
	}
	if !sawVersion || len(sections) > maxSections {
		return "", nil, fmt.Errorf("%w: no version or too many streams", ErrMalformed)
	}
	head := "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\n"
	return head + connection.String() + "t=0 0\r\n" + session.String() + streams.String(), sections, nil
}

// newSection reads the value of an m= line.
func newSection(line string) (section, error) {
	fields := strings.Fields(line)
	if len(fields) < 3 {
		return section{}, fmt.Errorf("%w: stream %q", ErrMalformed, line)
	}
	number, _, _ := strings.Cut(fields[1], "/")
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return section{}, fmt.Errorf("%w: port %q", ErrMalformed, fields[1])
	}
	return section{
		media:      fields[0],
		port:       uint16(port),
		protos:     strings.Split(fields[2], "/"),
		rawFormats: fields[3:],
	}, nil
}

// forParser returns an m= value that the parser accepts in place of one that we are going to refuse.
func (s *section) forParser() string {
	if !s.usable() {
		return "audio 0 RTP/AVP 0"
	}
	return fmt.Sprintf("audio %d %s %s", s.port, strings.Join(s.protos, "/"), strings.Join(s.rawFormats, " "))
}

// read fills in what the parser found.
func (s *section) read(d *pion.SessionDescription, m *pion.MediaDescription) {
	if !s.usable() {
		return
	}
	s.direction = direction(d.Attributes, media.SendRecv)
	s.direction = direction(m.Attributes, s.direction)
	s.ptime, s.maxptime = milliseconds(m, "ptime"), milliseconds(m, "maxptime")
	s.readAddress(d, m)
	s.readFormats(m)
}

// readAddress finds where to send. The address 0.0.0.0 is an old way to say that the far end does not want to receive
// (RFC 3264 section 8.4). A host name is not looked up: the far end's packets will show its address.
func (s *section) readAddress(d *pion.SessionDescription, m *pion.MediaDescription) {
	c := m.ConnectionInformation
	if c == nil {
		c = d.ConnectionInformation
	}
	if c == nil || c.Address == nil {
		return
	}
	host, _, _ := strings.Cut(c.Address.Address, "/")
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil || ip.IsMulticast():
	case ip.IsUnspecified():
		s.direction = media.NewDirection(s.direction.Sends(), false)
	default:
		s.addr = netip.AddrPortFrom(ip.Unmap().WithZone(""), s.port)
	}
}

// readFormats resolves the payload types. Static ones need no rtpmap attribute (RFC 3551 section 6).
func (s *section) readFormats(m *pion.MediaDescription) {
	known := map[uint8]media.Codec{}
	for _, c := range media.Codecs() {
		if c.PayloadType < 96 {
			known[c.PayloadType] = c
		}
	}
	for _, a := range m.Attributes {
		if a.Key == "rtpmap" {
			if c, ok := rtpmap(a.Value); ok {
				known[c.PayloadType] = c
			}
		}
	}
	for _, raw := range s.rawFormats {
		pt, err := strconv.ParseUint(raw, 10, 7)
		if err != nil {
			continue
		}
		if c, ok := known[uint8(pt)]; ok {
			c.Fmtp = fmtp(m, raw)
			s.formats = append(s.formats, c)
		}
	}
}

// rtpmap reads the value of an rtpmap attribute (RFC 8866 section 6.6).
func rtpmap(value string) (media.Codec, bool) {
	number, encoding, ok := strings.Cut(value, " ")
	parts := strings.Split(strings.TrimSpace(encoding), "/")
	pt, err := strconv.ParseUint(number, 10, 7)
	if !ok || err != nil || len(parts) < 2 {
		return media.Codec{}, false
	}
	rate, err := strconv.ParseUint(parts[1], 10, 31)
	if err != nil {
		return media.Codec{}, false
	}
	channels := uint64(1)
	if len(parts) > 2 {
		if channels, err = strconv.ParseUint(parts[2], 10, 8); err != nil {
			return media.Codec{}, false
		}
	}
	return media.Codec{
		Name: parts[0], PayloadType: uint8(pt), ClockRate: int(rate), Channels: int(channels),
	}, true
}

func fmtp(m *pion.MediaDescription, payloadType string) string {
	for _, a := range m.Attributes {
		if a.Key != "fmtp" {
			continue
		}
		if number, parameters, ok := strings.Cut(a.Value, " "); ok && number == payloadType {
			return strings.TrimSpace(parameters)
		}
	}
	return ""
}

func direction(attributes []pion.Attribute, otherwise media.Direction) media.Direction {
	for _, a := range attributes {
		for _, d := range []media.Direction{media.SendRecv, media.SendOnly, media.RecvOnly, media.Inactive} {
			if a.Key == d.String() {
				return d
			}
		}
	}
	return otherwise
}

func milliseconds(m *pion.MediaDescription, key string) time.Duration {
	value, _ := m.Attribute(key)
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Millisecond
}
