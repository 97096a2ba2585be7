package webrtc_test

import (
	"testing"
	"time"

	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/media"
)

// rawTrack sends packets with the payload type they have, as a browser does with the digits between its audio.
type rawTrack struct {
	*pion.TrackLocalStaticRTP
	context pion.TrackLocalContext
}

func (r *rawTrack) Bind(c pion.TrackLocalContext) (pion.RTPCodecParameters, error) {
	r.context = c
	return r.TrackLocalStaticRTP.Bind(c)
}

func TestDigitOfTheBrowserIsHeard(t *testing.T) {
	calls := make(legs, 1)
	s := newSite(t, calls.answering(t), nil)
	b := newBrowserOf(t, pion.RTPTransceiverDirectionSendrecv, func(engine *pion.MediaEngine) {
		require.NoError(t, engine.RegisterCodec(pion.RTPCodecParameters{
			PayloadType:        101,
			RTPCodecCapability: pion.RTPCodecCapability{MimeType: "audio/telephone-event", ClockRate: 8000},
		}, pion.RTPCodecTypeAudio))
	})
	b.call(t, s)
	stream := calls.next(t).Stream()

	frame := make([]int16, media.FrameSamples)
	tick := time.NewTicker(media.FrameDuration)
	defer tick.Stop()
	header := rtp.Header{Version: 2, PayloadType: 101, SequenceNumber: 1, Timestamp: 1, SSRC: uint32(b.track.context.SSRC())}
	for n := 0; ; n++ {
		require.Less(t, time.Duration(n)*media.FrameDuration, waitLimit, "no digit was heard")
		<-tick.C
		duration := 160 * (n + 1)
		// Event 5, not ended, volume -10 dBm0 (RFC 4733 section 2.3).
		_, err := b.track.context.WriteStream().WriteRTP(&header, []byte{5, 10, byte(duration >> 8), byte(duration)})
		require.NoError(t, err)
		header.SequenceNumber++
		if stream.ReadFrame(frame).Digit == '5' {
			return
		}
	}
}
