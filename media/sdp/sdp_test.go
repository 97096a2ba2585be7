package sdp_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/sdp/v3"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/media/sdp"
)

const (
	head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	pcmu = head + "m=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
)

func negotiator(tb testing.TB, codecs ...media.Codec) *sdp.Negotiator {
	tb.Helper()
	n, err := sdp.NewNegotiator(sdp.Options{Addr: netip.MustParseAddrPort("198.51.100.7:30000"), Codecs: codecs})
	require.NoError(tb, err)
	return n
}

func codec(tb testing.TB, name string) media.Codec {
	tb.Helper()
	c, ok := media.CodecNamed(name)
	require.True(tb, ok)
	return c
}

func TestNegotiatorNeedsAnAddressAndKnownCodecs(t *testing.T) {
	for name, o := range map[string]sdp.Options{
		"no address":          {},
		"unspecified address": {Addr: netip.MustParseAddrPort("0.0.0.0:30000")},
		"no port":             {Addr: netip.MustParseAddrPort("198.51.100.7:0")},
		"unknown codec": {
			Addr:   netip.MustParseAddrPort("198.51.100.7:30000"),
			Codecs: []media.Codec{{Name: "G729", PayloadType: 18, ClockRate: 8000, Channels: 1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sdp.NewNegotiator(o)
			require.Error(t, err)
		})
	}
}

func TestAnswerAgreesOnOurBestCodec(t *testing.T) {
	all := head + "m=audio 40000 RTP/AVP 8 0 96 97 98\r\na=rtpmap:96 OPUS/48000/2\r\na=fmtp:96 useinbandfec=1\r\n" +
		"a=rtpmap:97 telephone-event/8000\r\na=rtpmap:98 telephone-event/48000\r\n"
	for name, tc := range map[string]struct {
		offer  string
		ours   []string
		codec  string
		number uint8
		dtmf   uint8
	}{
		"opus first":                  {all, nil, media.NameOpus, 96, 98},
		"our order, not theirs":       {all, []string{media.NamePCMU, media.NamePCMA}, media.NamePCMU, 0, 97},
		"what is left":                {all, []string{media.NamePCMA}, media.NamePCMA, 8, 97},
		"static types need no rtpmap": {pcmu, nil, media.NamePCMU, 0, 101},
		"no telephone-event":          {head + "m=audio 40000 RTP/AVP 0\r\n", nil, media.NamePCMU, 0, 0},
		"telephone-event of another clock rate": {
			head + "m=audio 4 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 telephone-event/8000\r\n",
			nil, media.NameOpus, 96, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var ours []media.Codec
			for _, name := range tc.ours {
				ours = append(ours, codec(t, name))
			}
			answer, agreed, err := negotiator(t, ours...).Answer([]byte(tc.offer))
			require.NoError(t, err)
			require.Equal(t, tc.codec, agreed.Codec.Name)
			require.Equal(t, tc.number, agreed.Codec.PayloadType)
			require.Equal(t, tc.number, agreed.ReceivePayloadType)
			require.Equal(t, tc.dtmf, agreed.DTMFPayloadType)
			require.Equal(t, "192.0.2.1", agreed.Remote.Addr().String())

			d := decode(t, answer)
			require.Len(t, d.MediaDescriptions, 1)
			require.Equal(t, 30000, d.MediaDescriptions[0].MediaName.Port.Value)
			require.Contains(t, string(answer), "c=IN IP4 198.51.100.7\r\n")
		})
	}
}

func TestAnswerMirrorsTheDirection(t *testing.T) {
	zero := strings.Replace(pcmu, "c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0", 1)
	for name, tc := range map[string]struct {
		offer string
		want  media.Direction
	}{
		"none":                    {pcmu, media.SendRecv},
		"sendonly":                {pcmu + "a=sendonly\r\n", media.RecvOnly},
		"recvonly":                {pcmu + "a=recvonly\r\n", media.SendOnly},
		"inactive":                {pcmu + "a=inactive\r\n", media.Inactive},
		"at session level":        {strings.Replace(pcmu, "t=0 0\r\n", "t=0 0\r\na=sendonly\r\n", 1), media.RecvOnly},
		"media level wins":        {strings.Replace(pcmu, "t=0 0\r\n", "t=0 0\r\na=inactive\r\n", 1) + "a=sendrecv\r\n", media.SendRecv},
		"hold by address":         {zero, media.RecvOnly},
		"hold by address, silent": {zero + "a=inactive\r\n", media.Inactive},
	} {
		t.Run(name, func(t *testing.T) {
			answer, agreed, err := negotiator(t).Answer([]byte(tc.offer))
			require.NoError(t, err)
			require.Equal(t, tc.want, agreed.Direction)
			require.Contains(t, string(answer), "a="+tc.want.String()+"\r\n")
		})
	}
}

func TestRemoteAddress(t *testing.T) {
	for name, tc := range map[string]struct{ offer, want string }{
		"session level": {pcmu, "192.0.2.1:40000"},
		"media level":   {pcmu + "c=IN IP4 192.0.2.9\r\n", "192.0.2.9:40000"},
		"IPv6":          {strings.Replace(pcmu, "c=IN IP4 192.0.2.1", "c=IN IP6 2001:db8::1", 1), "[2001:db8::1]:40000"},
		"host name":     {strings.Replace(pcmu, "c=IN IP4 192.0.2.1", "c=IN IP4 phone.example", 1), "invalid AddrPort"},
		"unspecified":   {strings.Replace(pcmu, "c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0", 1), "invalid AddrPort"},
		"missing":       {strings.Replace(pcmu, "c=IN IP4 192.0.2.1\r\n", "", 1), "invalid AddrPort"},
	} {
		t.Run(name, func(t *testing.T) {
			_, agreed, err := negotiator(t).Answer([]byte(tc.offer))
			require.NoError(t, err)
			require.Equal(t, tc.want, agreed.Remote.String())
		})
	}
}

func TestPacketTime(t *testing.T) {
	for attributes, want := range map[string]time.Duration{
		"":                                20 * time.Millisecond,
		"a=ptime:10\r\n":                  20 * time.Millisecond,
		"a=ptime:20\r\n":                  20 * time.Millisecond,
		"a=ptime:30\r\n":                  20 * time.Millisecond,
		"a=ptime:60\r\n":                  60 * time.Millisecond,
		"a=ptime:200\r\n":                 60 * time.Millisecond,
		"a=ptime:x\r\n":                   20 * time.Millisecond,
		"a=ptime:60\r\na=maxptime:40\r\n": 20 * time.Millisecond,
	} {
		t.Run(attributes, func(t *testing.T) {
			answer, agreed, err := negotiator(t).Answer([]byte(pcmu + attributes))
			require.NoError(t, err)
			require.Equal(t, want, agreed.PacketTime)
			require.Contains(t, string(answer), "a=ptime:")
		})
	}
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		offer string
		want  error
	}{
		"empty":             {"", sdp.ErrMalformed},
		"not SDP":           {"<xml/>", sdp.ErrMalformed},
		"bad port":          {head + "m=audio 99999 RTP/AVP 0\r\n", sdp.ErrMalformed},
		"short m line":      {head + "m=audio 40000\r\n", sdp.ErrMalformed},
		"too many streams":  {head + strings.Repeat("m=audio 40000 RTP/AVP 0\r\n", 33), sdp.ErrMalformed},
		"no stream":         {head, sdp.ErrUnsupported},
		"SRTP only":         {head + "m=audio 40000 RTP/SAVP 0\r\n", sdp.ErrUnsupported},
		"video only":        {head + "m=video 40000 RTP/AVP 31\r\n", sdp.ErrUnsupported},
		"audio refused":     {head + "m=audio 0 RTP/AVP 0\r\n", sdp.ErrUnsupported},
		"unknown codec":     {head + "m=audio 40000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n", sdp.ErrNoCodec},
		"no rtpmap":         {head + "m=audio 40000 RTP/AVP 96\r\n", sdp.ErrNoCodec},
		"telephone only":    {head + "m=audio 40000 RTP/AVP 96\r\na=rtpmap:96 telephone-event/8000\r\n", sdp.ErrNoCodec},
		"PCMU at 16 kHz":    {head + "m=audio 40000 RTP/AVP 96\r\na=rtpmap:96 PCMU/16000\r\n", sdp.ErrNoCodec},
		"newline injection": {head + "m=audio 40000 RTP/AVP 0\rm=audio 40000 RTP/AVP 0\r\n", sdp.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := negotiator(t).Answer([]byte(tc.offer))
			require.ErrorIs(t, err, tc.want)
		})
	}
}

func TestOtherStreamsAreRefusedInPlace(t *testing.T) {
	offer := head + "m=image 5000 udptl t38\r\nm=audio 40000 RTP/SAVP 0\r\nm=audio 40002 RTP/AVP 0\r\n" +
		"m=video 40004 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n"
	answer, agreed, err := negotiator(t).Answer([]byte(offer))
	require.NoError(t, err)
	require.EqualValues(t, 40002, agreed.Remote.Port())
	require.Equal(t, []string{
		"m=image 0 udptl t38", "m=audio 0 RTP/SAVP 0", "m=audio 30000 RTP/AVP 0", "m=video 0 RTP/AVP 99",
	}, mediaLines(answer))
}

func TestSloppyDescriptionsAreUnderstood(t *testing.T) {
	for name, offer := range map[string]string{
		"line feeds only":              strings.ReplaceAll(pcmu, "\r\n", "\n"),
		"no t= and s=":                 "v=0\r\no=x 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 40000 RTP/AVP 0\r\n",
		"attributes before connection": "v=0\r\no=x 1 1 IN IP4 192.0.2.1\r\ns=-\r\na=x:1\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n",
		"session id beyond 64 bits":    strings.Replace(pcmu, "o=- 1 1", "o=- 99999999999999999999999 99999999999999999999999", 1),
		"unknown bandwidth":            strings.Replace(pcmu, "t=0 0\r\n", "b=ZZ:1:2\r\nt=0 0\r\n", 1),
		"AVPF":                         strings.Replace(pcmu, "RTP/AVP", "RTP/AVPF", 1),
		"port count":                   strings.Replace(pcmu, "40000", "40000/2", 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, agreed, err := negotiator(t).Answer([]byte(offer))
			require.NoError(t, err)
			require.Equal(t, "192.0.2.1:40000", agreed.Remote.String())
		})
	}
}

func TestVersionGoesUpOnlyWithAChange(t *testing.T) {
	n := negotiator(t)
	var versions, ids []uint64
	for _, offer := range []string{pcmu, pcmu, pcmu + "a=sendonly\r\n", pcmu} {
		answer, _, err := n.Answer([]byte(offer))
		require.NoError(t, err)
		d := decode(t, answer)
		versions, ids = append(versions, d.Origin.SessionVersion), append(ids, d.Origin.SessionID)
	}
	require.Equal(t, []uint64{1, 1, 2, 3}, versions)
	require.Less(t, ids[0], uint64(1)<<31)
	require.Equal(t, []uint64{ids[0], ids[0], ids[0], ids[0]}, ids)
}

func TestOfferAndAnswerAgree(t *testing.T) {
	caller, callee := negotiator(t), negotiator(t)
	offer, err := caller.Offer(media.SendRecv)
	require.NoError(t, err)
	require.Equal(t, []string{"m=audio 30000 RTP/AVP 111 0 8 101 110"}, mediaLines(offer))
	answer, theirs, err := callee.Answer(offer)
	require.NoError(t, err)
	ours, err := caller.ParseAnswer(answer)
	require.NoError(t, err)
	require.Equal(t, theirs, ours)
	require.Equal(t, media.NameOpus, ours.Codec.Name)
	require.EqualValues(t, 110, ours.DTMFPayloadType)
}

func TestParseAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		offered media.Direction
		answer  string
		want    media.Negotiated
		err     error
	}{
		"one codec": {answer: pcmu, want: media.Negotiated{
			Codec: media.Codec{Name: "PCMU", ClockRate: 8000, Channels: 1}, DTMFPayloadType: 101,
		}},
		"another payload type": {
			answer: head + "m=audio 40000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n",
			want: media.Negotiated{
				Codec: media.Codec{Name: "opus", PayloadType: 96, ClockRate: 48000, Channels: 2}, ReceivePayloadType: 111,
			},
		},
		"they hold": {answer: pcmu + "a=sendonly\r\n", want: media.Negotiated{
			Codec: media.Codec{Name: "PCMU", ClockRate: 8000, Channels: 1}, DTMFPayloadType: 101, Direction: media.RecvOnly,
		}},
		"we hold": {offered: media.SendOnly, answer: pcmu + "a=recvonly\r\n", want: media.Negotiated{
			Codec: media.Codec{Name: "PCMU", ClockRate: 8000, Channels: 1}, DTMFPayloadType: 101, Direction: media.SendOnly,
		}},
		"refused":  {answer: head + "m=audio 0 RTP/AVP 0\r\n", err: sdp.ErrUnsupported},
		"no codec": {answer: head + "m=audio 40000 RTP/AVP 18\r\n", err: sdp.ErrNoCodec},
		"garbage":  {answer: "hello", err: sdp.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			n := negotiator(t)
			_, err := n.Offer(tc.offered)
			require.NoError(t, err)
			got, err := n.ParseAnswer([]byte(tc.answer))
			require.ErrorIs(t, err, tc.err)
			if tc.err == nil {
				tc.want.Remote = netip.MustParseAddrPort("192.0.2.1:40000")
				tc.want.PacketTime = media.FrameDuration
				require.Equal(t, tc.want, got)
			}
		})
	}
}

// FuzzAnswer checks that no input crashes the parser, and that an answer can be read back and keeps the rules of RFC
// 3264 section 6: as many streams as offered, and one codec that was offered.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(pcmu))
	f.Add([]byte(pcmu + "a=sendonly\r\nm=image 5000 udptl t38\r\n"))
	f.Add([]byte(head + "m=audio 40000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\na=ptime:40\r\n"))
	f.Add([]byte("v=0\nm=audio 1 RTP/AVP 0\nc=IN IP6 ::1\n"))
	f.Fuzz(func(t *testing.T, offer []byte) {
		answer, agreed, err := negotiator(t).Answer(offer)
		if err != nil {
			return
		}
		caller := negotiator(t)
		_, err = caller.Offer(media.SendRecv)
		require.NoError(t, err)
		if strings.HasPrefix(mediaLines(answer)[0], "m=audio 30000") {
			read, err := caller.ParseAnswer(answer)
			require.NoError(t, err)
			require.Equal(t, agreed.Codec.Name, read.Codec.Name)
		}
		require.Equal(t, 1, strings.Count(string(answer), "m=audio 30000 "))
		require.NotZero(t, agreed.PacketTime)
	})
}

func decode(t *testing.T, body []byte) (d pion.SessionDescription) {
	t.Helper()
	require.NoError(t, d.Unmarshal(body))
	return d
}

func mediaLines(body []byte) (lines []string) {
	for line := range strings.SplitSeq(string(body), "\r\n") {
		if strings.HasPrefix(line, "m=") {
			lines = append(lines, line)
		}
	}
	return lines
}
