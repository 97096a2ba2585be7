package webrtc_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/webrtc"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

// legs collects what a handler was given.
type legs chan *webrtc.Leg

// answering returns a handler that answers and stays until the leg has ended.
func (c legs) answering(t *testing.T) func(context.Context, *webrtc.Leg) {
	t.Helper()
	return func(ctx context.Context, leg *webrtc.Leg) {
		if err := leg.Answer(ctx); err != nil {
			t.Errorf("answer: %v", err)
		}
		c <- leg
		<-leg.Done()
	}
}

func (c legs) next(t *testing.T) *webrtc.Leg {
	t.Helper()
	select {
	case leg := <-c:
		return leg
	case <-time.After(waitLimit):
		require.FailNow(t, "no leg")
		return nil
	}
}

func sendrecv(t *testing.T) *browser {
	t.Helper()
	return newBrowser(t, pion.RTPTransceiverDirectionSendrecv)
}

func TestCallCarriesAudioBothWaysUntilTheBrowserDeletesIt(t *testing.T) {
	calls := make(legs, 1)
	s := newSite(t, calls.answering(t), nil)
	b := sendrecv(t)
	b.call(t, s)
	leg := calls.next(t)
	require.Equal(t, "anna", leg.From())
	require.Equal(t, "sales", leg.To())
	require.Equal(t, "/whip/"+leg.ID(), b.location)

	requireTones(t, leg.Stream(), b)
	stats := leg.Stream().Stats()
	require.Equal(t, media.NameOpus, stats.Codec)
	require.Positive(t, stats.PacketsReceived)
	require.Positive(t, stats.PacketsSent)

	res, _ := s.do(t, http.MethodDelete, b.location, nil, "")
	require.Equal(t, http.StatusOK, res.StatusCode)
	wait(t, leg.Done(), "the leg's end")
	require.Equal(t, webrtc.Termination{By: webrtc.ByRemote, Code: 200, Text: "the browser hung up"}, leg.End())
	res, _ = s.do(t, http.MethodDelete, b.location, nil, "")
	require.Equal(t, http.StatusNotFound, res.StatusCode)
}

// requireTones plays a tone in each direction until each side hears the other's.
func requireTones(t *testing.T, leg media.Stream, b *browser) {
	t.Helper()
	const callerHz, operatorHz = 500, 1500
	frame := make([]int16, media.FrameSamples)
	tick := time.NewTicker(media.FrameDuration)
	defer tick.Stop()
	operatorHeard, callerHeard := 0, 0
	for n := 0; operatorHeard < 10 || callerHeard < 10; n++ {
		require.Less(t, time.Duration(n)*media.FrameDuration, waitLimit, "operator heard %d, caller heard %d frames", operatorHeard, callerHeard)
		<-tick.C
		tone(frame, callerHz, n)
		require.NoError(t, b.audio.WriteFrame(frame))
		tone(frame, operatorHz, n)
		require.NoError(t, leg.WriteFrame(frame))
		if leg.ReadFrame(frame); level(frame, callerHz) > 0.9 {
			operatorHeard++
		}
		if b.receiver.ReadFrame(frame); level(frame, operatorHz) > 0.9 {
			callerHeard++
		}
	}
}

func TestHangupClosesTheBrowsersConnection(t *testing.T) {
	calls := make(legs, 1)
	s := newSite(t, calls.answering(t), nil)
	b := sendrecv(t)
	b.call(t, s)
	leg := calls.next(t)
	wait(t, b.up, "the browser to connect")
	require.NoError(t, leg.Hangup(t.Context()))
	require.Equal(t, webrtc.Termination{By: webrtc.ByLocal, Code: 200, Text: "hung up"}, leg.End())
	wait(t, b.closed, "the browser to notice")
	require.NoError(t, leg.Hangup(t.Context()), "a second hang-up is harmless")
	require.ErrorIs(t, leg.Answer(t.Context()), webrtc.ErrEnded)
}

func TestLegEndsWhenTheBrowserClosesItsConnection(t *testing.T) {
	calls := make(legs, 1)
	s := newSite(t, calls.answering(t), nil)
	b := sendrecv(t)
	b.call(t, s)
	leg := calls.next(t)
	wait(t, b.up, "the browser to connect") // before that it has no way to say goodbye
	require.NoError(t, b.pc.GracefulClose())
	wait(t, leg.Done(), "the leg's end")
	require.Equal(t, webrtc.ByRemote, leg.End().By)
	require.Equal(t, 200, leg.End().Code)
}

func TestLegEndsWhenTheBrowserFallsSilent(t *testing.T) {
	calls := make(legs, 1)
	s := newSite(t, calls.answering(t), func(o *webrtc.Options) { o.DisconnectTimeout = time.Second })
	b := sendrecv(t)
	b.call(t, s)
	leg := calls.next(t)
	require.NoError(t, b.socket.Close())
	wait(t, leg.Done(), "the leg's end")
	require.Equal(t, webrtc.BySystem, leg.End().By)
	require.Equal(t, 408, leg.End().Code)
}

func TestLegEndsWhenTheBrowserNeverConnects(t *testing.T) {
	failed := make(chan error, 1)
	s := newSite(t, func(ctx context.Context, leg *webrtc.Leg) { failed <- leg.Answer(ctx) },
		func(o *webrtc.Options) { o.ConnectTimeout = 200 * time.Millisecond })
	res, _ := s.post(t, sendrecv(t).offer(t))
	require.Equal(t, http.StatusCreated, res.StatusCode)
	select {
	case err := <-failed:
		require.ErrorIs(t, err, webrtc.ErrConnect)
	case <-time.After(waitLimit):
		require.FailNow(t, "Answer did not return")
	}
}

func TestRejectedOfferGetsAStatus(t *testing.T) {
	ended := make(chan *webrtc.Leg, 1)
	s := newSite(t, func(ctx context.Context, leg *webrtc.Leg) {
		if err := leg.Reject(context.WithoutCancel(ctx), 404, "no such number"); err != nil {
			t.Errorf("reject: %v", err)
		}
		ended <- leg
	}, nil)
	res, text := s.post(t, sendrecv(t).offer(t))
	require.Equal(t, http.StatusNotFound, res.StatusCode)
	require.Contains(t, text, "no such number")
	require.Equal(t, webrtc.Termination{By: webrtc.ByLocal, Code: 404, Text: "no such number"}, (<-ended).End())
}

func TestOfferThatTheHandlerLeavesUndecidedIsRefused(t *testing.T) {
	s := newSite(t, func(context.Context, *webrtc.Leg) {}, nil)
	res, _ := s.post(t, sendrecv(t).offer(t))
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
}

func TestOfferThatNobodyAnswersTimesOut(t *testing.T) {
	s := newSite(t, func(_ context.Context, leg *webrtc.Leg) { <-leg.Done() },
		func(o *webrtc.Options) { o.AnswerTimeout = 50 * time.Millisecond })
	res, _ := s.post(t, sendrecv(t).offer(t))
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
}

func TestLegEndsWhenTheBrowserGivesUpBeforeTheAnswer(t *testing.T) {
	ended := make(chan webrtc.Termination, 1)
	ringing := make(chan struct{})
	s := newSite(t, func(ctx context.Context, leg *webrtc.Leg) {
		close(ringing)
		<-ctx.Done()
		ended <- leg.End()
	}, nil)
	offer := sendrecv(t).offer(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/whip", strings.NewReader(offer))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/sdp")
	go func() {
		<-ringing
		cancel()
	}()
	res, err := http.DefaultClient.Do(req)
	if err == nil {
		res.Body.Close()
	}
	require.ErrorIs(t, err, context.Canceled)
	select {
	case end := <-ended:
		require.Equal(t, webrtc.ByRemote, end.By)
		require.Equal(t, 487, end.Code)
	case <-time.After(waitLimit):
		require.FailNow(t, "the leg did not end")
	}
}

func TestOfferWithoutASpeakerIsAnsweredReceiveOnly(t *testing.T) {
	calls := make(legs, 1)
	s := newSite(t, calls.answering(t), nil)
	answer := newBrowser(t, pion.RTPTransceiverDirectionSendonly).call(t, s)
	require.Contains(t, answer, "a=recvonly")
	require.NoError(t, calls.next(t).Stream().WriteFrame(make([]int16, media.FrameSamples)))
}

func TestAnswerNegotiatesOpusWithFECAndTelephoneEvents(t *testing.T) {
	s := newSite(t, func(ctx context.Context, leg *webrtc.Leg) { _ = leg.Answer(ctx) }, nil) // DELETE ends it
	offer := strings.Replace(sendrecv(t).offer(t), "a=rtpmap:111 opus/48000/2\r\n",
		"a=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n", 1)
	offer = strings.Replace(offer, "SAVPF 111 ", "SAVPF 111 101 ", 1)
	res, answer := s.post(t, offer)
	require.Equal(t, http.StatusCreated, res.StatusCode, answer)
	require.Contains(t, answer, "a=rtpmap:111 opus/48000/2")
	require.Contains(t, answer, "useinbandfec=1")
	require.Contains(t, answer, "a=rtpmap:101 telephone-event/8000")
	require.NotContains(t, answer, "PCMU")
	require.Contains(t, answer, fmt.Sprintf("127.0.0.1 %d typ host", s.Addr().Port()), "the one UDP port is the candidate")
	res, _ = s.do(t, http.MethodDelete, res.Header.Get("Location"), nil, "")
	require.Equal(t, http.StatusOK, res.StatusCode)
}
