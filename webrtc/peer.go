package webrtc

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	pion "github.com/pion/webrtc/v4"

	"github.com/operatord/operatord/media"
)

const (
	// closeTimeout bounds the end of a peer connection. Its own end has been seen to hang in an interceptor.
	closeTimeout = 5 * time.Second
	// maxPacket is the largest RTP packet read; a larger one cannot arrive unfragmented.
	maxPacket = 1500
)

// peer is a peer connection with its audio. Its goroutines live until close.
type peer struct {
	pc       *pion.PeerConnection
	receiver *pion.RTPReceiver
	sender   *pion.RTPSender // nil if the browser does not want to hear us
	audio    *stream
	log      *slog.Logger

	states  chan pion.PeerConnectionState // unbuffered; dropped once closing is closed
	tracks  chan *pion.TrackRemote        // unbuffered; dropped once closing is closed
	closing chan struct{}                 // closed by close
	reading sync.WaitGroup
}

// newPeer returns a peer that has taken an offer. The error matches errMalformed or errUnsupported.
func newPeer(api *pion.API, offer string, log *slog.Logger) (*peer, error) {
	hears, err := checkOffer(offer)
	if err != nil {
		return nil, err
	}
	pc, err := api.NewPeerConnection(pion.Configuration{})
	if err != nil {
		return nil, fmt.Errorf("new peer connection: %w", err)
	}
	p := &peer{
		pc: pc, log: log, states: make(chan pion.PeerConnectionState), tracks: make(chan *pion.TrackRemote),
		closing: make(chan struct{}),
	}
	pc.OnConnectionStateChange(func(state pion.PeerConnectionState) {
		select {
		case p.states <- state:
		case <-p.closing:
		}
	})
	pc.OnTrack(func(track *pion.TrackRemote, _ *pion.RTPReceiver) {
		select {
		case p.tracks <- track:
		case <-p.closing:
		}
	})
	if err := p.take(offer, hears); err != nil {
		p.close()
		return nil, err
	}
	p.start()
	return p, nil
}

// checkOffer reports whether the browser wants to hear us, or why its offer cannot be a call.
func checkOffer(offer string) (hears bool, err error) {
	var description sdp.SessionDescription
	if err := description.UnmarshalString(offer); err != nil {
		return false, fmt.Errorf("%w: %w", errMalformed, err)
	}
	audio := slices.IndexFunc(description.MediaDescriptions, func(m *sdp.MediaDescription) bool {
		return m.MediaName.Media == "audio"
	})
	if audio < 0 {
		return false, fmt.Errorf("%w: it has no audio", errUnsupported)
	}
	attributes := description.MediaDescriptions[audio].Attributes
	if !slices.ContainsFunc(attributes, isOpus) {
		return false, fmt.Errorf("%w: its audio has no Opus", errUnsupported)
	}
	for _, a := range attributes {
		switch a.Key {
		case "sendonly":
			return false, nil
		case "recvonly", "inactive":
			return false, fmt.Errorf("%w: its audio is %s", errUnsupported, a.Key)
		}
	}
	return true, nil
}

func isOpus(a sdp.Attribute) bool {
	_, encoding, _ := strings.Cut(a.Value, " ")
	return a.Key == "rtpmap" && strings.HasPrefix(strings.ToLower(encoding), "opus/48000")
}

// take applies the offer and prepares the audio for what came out of it.
func (p *peer) take(offer string, hears bool) error {
	err := p.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeOffer, SDP: offer})
	if err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	transceivers := p.pc.GetTransceivers()
	audio := slices.IndexFunc(transceivers, func(t *pion.RTPTransceiver) bool { return t.Kind() == pion.RTPCodecTypeAudio })
	if audio < 0 {
		return fmt.Errorf("%w: it has no usable audio", errUnsupported)
	}
	p.receiver = transceivers[audio].Receiver()
	var track *pion.TrackLocalStaticRTP
	if hears {
		if track, err = pion.NewTrackLocalStaticRTP(opusCapability(), "audio", "operator"); err != nil {
			return fmt.Errorf("new track: %w", err)
		}
		if p.sender, err = p.pc.AddTrack(track); err != nil {
			return fmt.Errorf("add track: %w", err)
		}
	}
	p.audio, err = newStream(p.receiver.GetParameters().Codecs, track)
	return err
}

// answer returns the session description that accepts the offer, with all candidates of this side in it.
func (p *peer) answer(ctx context.Context) (string, error) {
	description, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("create answer: %w", err)
	}
	gathered := pion.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(description); err != nil {
		return "", fmt.Errorf("set local description: %w", err)
	}
	select {
	case <-gathered:
		return p.pc.LocalDescription().SDP, nil
	case <-p.closing:
		return "", ErrEnded
	case <-ctx.Done():
		return "", fmt.Errorf("gather candidates: %w", ctx.Err())
	}
}

// start begins to read what arrives. RTCP has to be read for the reports to work; its content is for the interceptors.
func (p *peer) start() {
	p.reading.Go(p.readAudio)
	p.reading.Go(func() { discard(p.receiver.Read) })
	if p.sender != nil {
		p.reading.Go(func() { discard(p.sender.Read) })
	}
}

// readAudio reads one track after the other: a browser may replace its track, but it speaks with one voice.
func (p *peer) readAudio() {
	for {
		select {
		case track := <-p.tracks:
			p.readTrack(track)
		case <-p.closing:
			return
		}
	}
}

// readTrack hands the packets of a track to the receiver until the track ends.
func (p *peer) readTrack(track *pion.TrackRemote) {
	buffer := make([]byte, maxPacket)
	var packet rtp.Packet
	for {
		n, _, err := track.Read(buffer)
		if err != nil && n == 0 {
			return
		}
		// An error with data is a payload type that was not negotiated; the receiver counts and drops it.
		packet = rtp.Packet{}
		if packet.Unmarshal(buffer[:n]) == nil {
			p.audio.receiver.Push(&packet, time.Now())
		}
	}
}

// discard reads until there is nothing more to come.
func discard(read func([]byte) (int, interceptor.Attributes, error)) {
	buffer := make([]byte, maxPacket)
	for {
		if _, _, err := read(buffer); err != nil {
			return
		}
	}
}

// close ends the peer connection and waits for its goroutines. It is called once and never from a pion callback.
func (p *peer) close() {
	close(p.closing)
	closed := make(chan error, 1)
	go func() { closed <- p.pc.GracefulClose() }()
	select {
	case err := <-closed:
		if err != nil {
			p.log.Debug("peer connection closed with an error", "err", err)
		}
		p.reading.Wait()
	case <-time.After(closeTimeout):
		p.log.Warn("peer connection did not close in time", "timeout", closeTimeout)
	}
}

// stream is the audio of a peer as a media.Stream.
type stream struct {
	receiver *media.Receiver
	sender   *media.Sender // nil if the browser does not want to hear us
}

var _ media.Stream = (*stream)(nil)

// newStream returns a stream for the codecs that both sides have. A nil track sends nothing.
func newStream(codecs []pion.RTPCodecParameters, track *pion.TrackLocalStaticRTP) (*stream, error) {
	codec, _ := media.CodecNamed(media.NameOpus)
	opus := slices.IndexFunc(codecs, func(c pion.RTPCodecParameters) bool {
		return strings.EqualFold(c.MimeType, pion.MimeTypeOpus)
	})
	if opus < 0 {
		return nil, fmt.Errorf("%w: no Opus in common", errUnsupported)
	}
	codec.PayloadType = uint8(codecs[opus].PayloadType)
	codec.Fmtp = codecs[opus].SDPFmtpLine
	receiver, err := media.NewReceiver(media.ReceiverOptions{Codec: codec, DTMFPayloadType: dtmfPayloadType(codecs)})
	if err != nil {
		return nil, fmt.Errorf("new receiver: %w", err)
	}
	s := &stream{receiver: receiver}
	if track == nil {
		return s, nil
	}
	if s.sender, err = media.NewSender(media.SenderOptions{Codec: codec, Write: track.WriteRTP}); err != nil {
		return nil, fmt.Errorf("new sender: %w", err)
	}
	return s, nil
}

// dtmfPayloadType returns the payload type a browser sends telephone events with, or 0. With Opus as the only codec that
// is the event of the same clock rate if there is one.
func dtmfPayloadType(codecs []pion.RTPCodecParameters) uint8 {
	var found pion.RTPCodecParameters
	for _, c := range codecs {
		if strings.EqualFold(c.MimeType, mimeTelephoneEvent) && c.ClockRate > found.ClockRate {
			found = c
		}
	}
	return uint8(found.PayloadType)
}

func (s *stream) ReadFrame(dst []int16) media.FrameInfo { return s.receiver.ReadFrame(dst) }

func (s *stream) WriteFrame(src []int16) error {
	if s.sender == nil {
		return nil
	}
	return s.sender.WriteFrame(src)
}

func (s *stream) Stats() media.Stats {
	stats := s.receiver.Stats()
	if s.sender != nil {
		stats.PacketsSent = s.sender.PacketsSent()
	}
	return stats
}
