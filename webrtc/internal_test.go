package webrtc

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseFragment(t *testing.T) {
	f, err := parseFragment("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:7\r\n" +
		"a=candidate:1 1 UDP 2130706431 198.51.100.1 39132 typ host\r\na=end-of-candidates\r\n" +
		"m=video 9 RTP/AVP 0\r\na=candidate:2 1 UDP 2130706431 198.51.100.2 39133 typ host\n")
	require.NoError(t, err)
	require.Equal(t, "EsAw", f.ufrag)
	require.Len(t, f.candidates, 2)
	require.Equal(t, "candidate:1 1 UDP 2130706431 198.51.100.1 39132 typ host", f.candidates[0].Candidate)
	require.Equal(t, "7", *f.candidates[0].SDPMid)
	require.Nil(t, f.candidates[1].SDPMid, "a media section without mid is the first")
	require.Zero(t, *f.candidates[1].SDPMLineIndex)

	_, err = parseFragment("<html>")
	require.ErrorIs(t, err, errTrickle)
	_, err = parseFragment(strings.Repeat("a=candidate:x\n", maxCandidates+1))
	require.ErrorIs(t, err, errTrickle)
}

func TestHTTPStatusOfARefusal(t *testing.T) {
	for code, want := range map[int]int{
		404: 404, 403: 403, 408: 504, 480: 503, 484: 404, 486: 503, 487: 503, 488: 422, 500: 500, 503: 503,
		600: 503, 603: 403, 604: 404, 606: 422, 200: 503, 0: 500, 499: 500,
	} {
		require.Equal(t, want, httpStatus(code), "SIP status %d", code)
	}
}

func FuzzFragment(f *testing.F) {
	for _, seed := range []string{
		"a=ice-ufrag:x\r\na=mid:0\r\na=candidate:1 1 UDP 1 127.0.0.1 1 typ host\r\n", "a=", "a", "\n\n", "m=audio\na=candidate:\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		fragment, err := parseFragment(body)
		if err != nil {
			require.ErrorIs(t, err, errTrickle)
			return
		}
		require.LessOrEqual(t, len(fragment.candidates), maxCandidates)
	})
}

func FuzzCheckOffer(f *testing.F) {
	const head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
	for _, seed := range []string{
		head + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=sendonly\r\n",
		head + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", head, "v=0", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, offer string) {
		if _, err := checkOffer(offer); err != nil {
			require.True(t, errors.Is(err, errMalformed) || errors.Is(err, errUnsupported))
		}
	})
}
