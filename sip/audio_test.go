package sip_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/sip"
)

func TestAudioFlowsBothWaysUntilTheEnd(t *testing.T) {
	caller, callee := start(t), start(t)
	call := async(func() dialled {
		l, err := caller.Dial(t.Context(), sip.DialOptions{To: "sip:100@" + callee.udp().String()})
		return dialled{l, err}
	})
	theirs := callee.leg(t)
	require.NoError(t, theirs.Answer(t.Context()))
	d := result(t, call)
	require.NoError(t, d.err)
	ours := d.leg
	require.Equal(t, media.Silent, read(ours.Stream()))

	tick := time.NewTicker(media.FrameDuration)
	defer tick.Stop()
	frame := make([]int16, media.FrameSamples)
	heard := map[*sip.Leg]bool{}
	for deadline := time.After(patience); len(heard) < 2; {
		select {
		case <-tick.C:
		case <-deadline:
			require.Fail(t, "no audio")
		}
		for _, l := range []*sip.Leg{ours, theirs} {
			require.NoError(t, l.Stream().WriteFrame(frame))
			if read(l.Stream()) == media.Received {
				heard[l] = true
			}
		}
	}
	require.Equal(t, media.NameOpus, ours.Stream().Stats().Codec)
	require.NoError(t, ours.Hangup(t.Context()))
	require.Equal(t, sip.ByRemote, ended(t, theirs).By)
	require.Equal(t, media.Silent, read(theirs.Stream()), "an ended leg is silent, not broken")
}

// read takes one frame and returns its kind.
func read(s media.Stream) media.FrameKind {
	return s.ReadFrame(make([]int16, media.FrameSamples)).Kind
}
