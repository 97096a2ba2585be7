package webrtc_test

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	pion "github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/webrtc"
)

const head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"

func TestBadRequestsAreRefusedWithoutALeg(t *testing.T) {
	s := newSite(t, func(_ context.Context, leg *webrtc.Leg) { t.Errorf("leg %s", leg.ID()) }, nil)
	valid := sendrecv(t).offer(t)
	tests := map[string]struct {
		method, path, contentType, body string
		want                            int
	}{
		"another media type":   {"POST", "/whip", "text/plain", valid, 415},
		"no media type":        {"POST", "/whip", "", valid, 415},
		"too large":            {"POST", "/whip", "application/sdp", strings.Repeat("a", 65<<10), 413},
		"empty":                {"POST", "/whip", "application/sdp", "", 422},
		"not SDP":              {"POST", "/whip", "application/sdp", "<html></html>", 400},
		"binary":               {"POST", "/whip", "application/sdp", "\x00\xff\xfe", 400},
		"no ICE":               {"POST", "/whip", "application/sdp", head + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n", 400},
		"no audio":             {"POST", "/whip", "application/sdp", head + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", 422},
		"no Opus":              {"POST", "/whip", "application/sdp", strings.ReplaceAll(valid, "opus", "opuz"), 422},
		"nothing to hear":      {"POST", "/whip", "application/sdp", strings.ReplaceAll(valid, "a=sendrecv", "a=recvonly"), 422},
		"a name with a break":  {"POST", "/whip?from=a%0d%0ab", "application/sdp", valid, 400},
		"a name without end":   {"POST", "/whip?to=" + strings.Repeat("a", 300), "application/sdp", valid, 400},
		"GET of the endpoint":  {"GET", "/whip", "", "", 405},
		"POST to a session":    {"POST", "/whip/unknown", "application/sdp", valid, 405},
		"DELETE of no session": {"DELETE", "/whip/unknown", "", "", 404},
		"PATCH of no session":  {"PATCH", "/whip/unknown", "application/trickle-ice-sdpfrag", "a=mid:0", 404},
		"another path":         {"POST", "/whep", "application/sdp", valid, 404},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			res, text := s.do(t, tt.method, tt.path, http.Header{"Content-Type": {tt.contentType}}, tt.body)
			require.Equal(t, tt.want, res.StatusCode, text)
		})
	}
}

func TestOptionsTellsWhatIsTaken(t *testing.T) {
	s := newSite(t, func(context.Context, *webrtc.Leg) {}, nil)
	res, _ := s.do(t, http.MethodOptions, "/whip", nil, "")
	require.Equal(t, http.StatusNoContent, res.StatusCode)
	require.Equal(t, "application/sdp", res.Header.Get("Accept-Post"))
}

func TestSessionsBeyondTheLimitAreRefused(t *testing.T) {
	calls := make(legs, 2)
	s := newSite(t, calls.answering(t), func(o *webrtc.Options) { o.MaxSessions = 1 })
	sendrecv(t).call(t, s)
	leg := calls.next(t)

	res, _ := s.post(t, sendrecv(t).offer(t))
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.Equal(t, "5", res.Header.Get("Retry-After"))

	require.NoError(t, leg.Hangup(t.Context()))
	sendrecv(t).call(t, s)
	require.NoError(t, calls.next(t).Hangup(t.Context()), "the place is free again")
}

func TestTrickle(t *testing.T) {
	calls := make(legs, 1)
	s := newSite(t, calls.answering(t), nil)
	b := sendrecv(t)
	offer := b.offer(t)
	var bare, candidates []string
	for line := range strings.Lines(offer) {
		if strings.HasPrefix(line, "a=candidate") || strings.HasPrefix(line, "a=end-of-candidates") {
			candidates = append(candidates, line)
			continue
		}
		bare = append(bare, line)
	}
	res, answer := s.post(t, strings.Join(bare, ""))
	require.Equal(t, http.StatusCreated, res.StatusCode, answer)
	location, etag := res.Header.Get("Location"), res.Header.Get("ETag")
	fragment := "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n" + strings.Join(candidates, "")
	patch := func(t *testing.T, etag, body string) int {
		t.Helper()
		header := http.Header{"Content-Type": {"application/trickle-ice-sdpfrag"}}
		if etag != "" {
			header.Set("If-Match", etag)
		}
		res, _ := s.do(t, http.MethodPatch, location, header, body)
		return res.StatusCode
	}
	require.Equal(t, http.StatusPreconditionRequired, patch(t, "", fragment))
	require.Equal(t, http.StatusPreconditionFailed, patch(t, `"other"`, fragment))
	require.Equal(t, http.StatusUnprocessableEntity, patch(t, "*", fragment))
	require.Equal(t, http.StatusUnprocessableEntity, patch(t, etag, "a=ice-ufrag:restarted\r\n"+fragment))
	require.Equal(t, http.StatusBadRequest, patch(t, etag, "garbage"))
	require.Equal(t, http.StatusBadRequest, patch(t, etag, "a=candidate:nonsense\r\n"))
	require.Equal(t, http.StatusNoContent, patch(t, etag, fragment))

	require.NoError(t, b.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: answer}))
	require.NoError(t, calls.next(t).Hangup(t.Context()))
}

func TestStopEndsEveryLegAndRefusesMore(t *testing.T) {
	calls := make(legs, 2)
	s := newSite(t, calls.answering(t), nil)
	sendrecv(t).call(t, s)
	sendrecv(t).call(t, s)
	one, other := calls.next(t), calls.next(t)
	require.NoError(t, s.Stop(t.Context()))
	for _, leg := range []*webrtc.Leg{one, other} {
		wait(t, leg.Done(), "the leg's end")
		require.Equal(t, webrtc.BySystem, leg.End().By)
	}
	res, _ := s.post(t, sendrecv(t).offer(t))
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.ErrorIs(t, s.Start(t.Context()), webrtc.ErrStopped)
}

func TestNATAddressIsAnnouncedBesideTheLocalOne(t *testing.T) {
	s := newSite(t, func(ctx context.Context, leg *webrtc.Leg) { _ = leg.Answer(ctx) }, func(o *webrtc.Options) {
		o.NATAddresses = []netip.Addr{netip.MustParseAddr("203.0.113.7")}
	})
	res, answer := s.post(t, sendrecv(t).offer(t))
	require.Equal(t, http.StatusCreated, res.StatusCode, answer)
	require.Contains(t, answer, "203.0.113.7")
	require.Contains(t, answer, "127.0.0.1")
}

func TestNewReportsEveryProblem(t *testing.T) {
	_, err := webrtc.New(webrtc.Options{NATAddresses: []netip.Addr{{}}})
	for _, key := range []string{
		"handler", "path", "udp_addr", "max_sessions", "answer_timeout", "connect_timeout", "disconnect_timeout", "nat_addresses[0]",
	} {
		require.ErrorContains(t, err, key)
	}
}

func TestMetricsCanBeRegisteredOnce(t *testing.T) {
	registry := prometheus.NewRegistry()
	change := func(o *webrtc.Options) { o.Registerer = registry }
	s := newSite(t, func(context.Context, *webrtc.Leg) {}, change)
	_, _ = s.post(t, "")
	families, err := registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, 2)
}
