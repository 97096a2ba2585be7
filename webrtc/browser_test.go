package webrtc_test

import (
	"context"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/webrtc"
)

const waitLimit = 10 * time.Second

// site is a running server with its HTTP front.
type site struct {
	*webrtc.Server
	url string
}

// newSite starts a server whose options change may adjust.
func newSite(t *testing.T, handler func(context.Context, *webrtc.Leg), change func(*webrtc.Options)) site {
	t.Helper()
	opts := webrtc.Options{
		Handler: handler, Path: "/whip", UDPAddr: netip.MustParseAddrPort("127.0.0.1:0"), MaxSessions: 10,
		AnswerTimeout: waitLimit, ConnectTimeout: waitLimit, DisconnectTimeout: waitLimit,
	}
	if change != nil {
		change(&opts)
	}
	server, err := webrtc.New(opts)
	require.NoError(t, err)
	require.NoError(t, server.Start(t.Context()))
	front := httptest.NewServer(server)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
		defer cancel()
		require.NoError(t, server.Stop(ctx))
		front.Close()
	})
	return site{Server: server, url: front.URL}
}

// do sends a request and returns the response with its body read.
func (s site) do(t *testing.T, method, path string, header http.Header, body string) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	if header != nil {
		req.Header = header
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(text)
}

func (s site) post(t *testing.T, offer string) (*http.Response, string) {
	t.Helper()
	return s.do(t, http.MethodPost, "/whip?from=anna&to=sales", http.Header{"Content-Type": {"application/sdp"}}, offer)
}

// browser is pion in the place of a browser: it speaks and hears Opus.
type browser struct {
	pc       *pion.PeerConnection
	socket   net.PacketConn
	track    *rawTrack
	audio    *media.Sender
	receiver *media.Receiver
	location string
	etag     string
	up       chan struct{} // closed when it is connected
	closed   chan struct{}
}

// newBrowser returns a browser whose audio has a direction, sendrecv if it has a microphone and a speaker.
func newBrowser(t *testing.T, direction pion.RTPTransceiverDirection) *browser {
	t.Helper()
	return newBrowserOf(t, direction, func(*pion.MediaEngine) {})
}

// newBrowserOf returns a browser that has further codecs.
func newBrowserOf(t *testing.T, direction pion.RTPTransceiverDirection, codecs func(*pion.MediaEngine)) *browser {
	t.Helper()
	engine := new(pion.MediaEngine)
	require.NoError(t, engine.RegisterDefaultCodecs())
	codecs(engine)
	codec, _ := media.CodecNamed(media.NameOpus)
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	quiet := &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled} // tests pull the plug on purpose
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: socket, Logger: quiet.NewLogger("ice")})
	settings := pion.SettingEngine{LoggerFactory: quiet}
	settings.SetICEUDPMux(mux)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	pc, err := pion.NewAPI(pion.WithSettingEngine(settings), pion.WithMediaEngine(engine)).NewPeerConnection(pion.Configuration{})
	require.NoError(t, err)
	b := &browser{pc: pc, socket: socket, up: make(chan struct{}), closed: make(chan struct{})}
	audio, err := pion.NewTrackLocalStaticRTP(pion.RTPCodecCapability{MimeType: pion.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "a", "b")
	require.NoError(t, err)
	b.track = &rawTrack{TrackLocalStaticRTP: audio}
	if direction == pion.RTPTransceiverDirectionRecvonly {
		_, err = pc.AddTransceiverFromKind(pion.RTPCodecTypeAudio, pion.RTPTransceiverInit{Direction: direction})
	} else {
		_, err = pc.AddTransceiverFromTrack(b.track, pion.RTPTransceiverInit{Direction: direction})
	}
	require.NoError(t, err)
	b.audio, err = media.NewSender(media.SenderOptions{Codec: codec, Write: audio.WriteRTP})
	require.NoError(t, err)
	b.receiver, err = media.NewReceiver(media.ReceiverOptions{Codec: codec})
	require.NoError(t, err)
	pc.OnTrack(func(track *pion.TrackRemote, _ *pion.RTPReceiver) {
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			b.receiver.Push(packet, time.Now())
		}
	})
	var connected, closed sync.Once
	pc.OnConnectionStateChange(func(state pion.PeerConnectionState) {
		switch state {
		case pion.PeerConnectionStateConnected:
			connected.Do(func() { close(b.up) })
		case pion.PeerConnectionStateClosed:
			closed.Do(func() { close(b.closed) })
		default:
		}
	})
	t.Cleanup(func() {
		require.NoError(t, pc.GracefulClose())
		require.NoError(t, mux.Close())
	})
	return b
}

// offer returns the browser's offer with its candidates.
func (b *browser) offer(t *testing.T) string {
	t.Helper()
	offer, err := b.pc.CreateOffer(nil)
	require.NoError(t, err)
	gathered := pion.GatheringCompletePromise(b.pc)
	require.NoError(t, b.pc.SetLocalDescription(offer))
	wait(t, gathered, "candidates")
	return b.pc.LocalDescription().SDP
}

// call places a call and takes its answer.
func (b *browser) call(t *testing.T, s site) string {
	t.Helper()
	res, answer := s.post(t, b.offer(t))
	require.Equal(t, http.StatusCreated, res.StatusCode, answer)
	require.Equal(t, "application/sdp", res.Header.Get("Content-Type"))
	b.location, b.etag = res.Header.Get("Location"), res.Header.Get("ETag")
	require.NoError(t, b.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: answer}))
	return answer
}

func wait(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(waitLimit):
		require.FailNow(t, "timed out waiting for "+what)
	}
}

// tone fills a frame with a sine that continues from frame to frame.
func tone(frame []int16, hertz float64, n int) {
	for i := range frame {
		at := float64(n*len(frame)+i) / media.SampleRate
		frame[i] = int16(8000 * math.Sin(2*math.Pi*hertz*at))
	}
}

// level returns how much of a frame is a tone of a frequency, 0 to 1 (Goertzel, written as a correlation).
func level(frame []int16, hertz float64) float64 {
	var re, im, energy float64
	for i, s := range frame {
		at := 2 * math.Pi * hertz * float64(i) / media.SampleRate
		re += float64(s) * math.Cos(at)
		im += float64(s) * math.Sin(at)
		energy += float64(s) * float64(s)
	}
	if energy < 1e6 {
		return 0
	}
	return 2 * (re*re + im*im) / (energy * float64(len(frame)))
}
