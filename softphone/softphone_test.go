package softphone_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/operatord/operatord/media"
	"github.com/operatord/operatord/sip"
	"github.com/operatord/operatord/softphone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const waitLimit = 15 * time.Second

// writeWAV writes a stereo 16 kHz file with a tone in one channel and silence in the other, and returns its path.
func writeWAV(t *testing.T, length time.Duration, toneChannel int) string {
	t.Helper()
	samples := make([]int16, 2*int(length*media.SampleRate/time.Second))
	for i := range len(samples) / 2 {
		samples[2*i+toneChannel] = int16(8000 * math.Sin(2*math.Pi*440*float64(i)/media.SampleRate))
	}
	size := uint32(2 * len(samples))
	var file bytes.Buffer
	for _, part := range []any{
		[]byte("RIFF"), 36 + size, []byte("WAVEfmt "), uint32(16), uint16(1), uint16(2), uint32(media.SampleRate),
		uint32(media.SampleRate * 4), uint16(4), uint16(16), []byte("data"), size, samples,
	} {
		require.NoError(t, binary.Write(&file, binary.LittleEndian, part))
	}
	path := filepath.Join(t.TempDir(), "tone.wav")
	require.NoError(t, os.WriteFile(path, file.Bytes(), 0o600))
	return path
}

// answerer starts a phone that takes calls and returns it with the results of its calls.
func answerer(t *testing.T, o softphone.AnswererOptions) (*softphone.Answerer, <-chan softphone.Result) {
	t.Helper()
	results := make(chan softphone.Result, 10)
	o.OnCall = func(r softphone.Result) { results <- r }
	a, err := softphone.NewAnswerer(o)
	require.NoError(t, err)
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, a.Stop(context.Background())) })
	return a, results
}

func place(t *testing.T, o softphone.CallOptions) (softphone.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	return softphone.Call(ctx, o)
}

func result(t *testing.T, results <-chan softphone.Result) softphone.Result {
	t.Helper()
	select {
	case r := <-results:
		return r
	case <-time.After(waitLimit):
		require.FailNow(t, "the answerer had no call")
		return softphone.Result{}
	}
}

func TestCallerAndAnswererHearEachOther(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			a, results := answerer(t, softphone.AnswererOptions{
				Talk: softphone.Talk{WAV: writeWAV(t, time.Second, 1), Channel: 1, Pause: -1},
			})
			record := filepath.Join(t.TempDir(), "call.wav")
			called := ""
			caller, err := place(t, softphone.CallOptions{
				Target: a.URI("anna", transport), From: "+491", Transport: transport,
				Talk:     softphone.Talk{WAV: writeWAV(t, 600*time.Millisecond, 0), Pause: 600 * time.Millisecond, Record: record},
				OnAnswer: func(id string) { called = id },
			})
			require.NoError(t, err)
			require.True(t, caller.Answered)
			require.NotEmpty(t, called)
			require.Equal(t, called, caller.SIPCallID)
			require.Equal(t, sip.ByLocal, caller.EndedBy)
			require.InDelta(t, 1.2, caller.Duration.Seconds(), 0.5)
			require.Equal(t, media.NamePCMU, caller.Stats.Codec)
			requireTone(t, caller.Heard, 600*time.Millisecond)

			answered := result(t, results)
			require.Equal(t, sip.ByRemote, answered.EndedBy)
			require.Equal(t, called, answered.SIPCallID)
			requireTone(t, answered.Heard, 400*time.Millisecond)
			info, err := os.Stat(record)
			require.NoError(t, err)
			require.Greater(t, info.Size(), int64(media.SampleRate*4/2), "half a second of stereo")
		})
	}
}

// requireTone checks that the tone of writeWAV was heard for at least a time, at its level of -15 dBFS.
func requireTone(t *testing.T, h softphone.Heard, atLeast time.Duration) {
	t.Helper()
	require.Greater(t, h.Active, atLeast)
	require.InDelta(t, -15.3, h.LevelDB, 2)
}

func TestOtherChannelIsNotSaid(t *testing.T) {
	a, results := answerer(t, softphone.AnswererOptions{})
	_, err := place(t, softphone.CallOptions{
		Target: a.URI("anna", "udp"), Talk: softphone.Talk{WAV: writeWAV(t, 300*time.Millisecond, 1), Channel: 0},
	})
	require.NoError(t, err)
	require.Zero(t, result(t, results).Heard.Active)
}

func TestAnswererHangsUpAfterItsAudio(t *testing.T) {
	a, results := answerer(t, softphone.AnswererOptions{Talk: softphone.Talk{WAV: writeWAV(t, 200*time.Millisecond, 0)}})
	caller, err := place(t, softphone.CallOptions{Target: a.URI("anna", "udp")})
	require.NoError(t, err)
	require.Equal(t, sip.ByRemote, caller.EndedBy)
	require.Equal(t, 200, caller.SIPCode)
	require.Equal(t, sip.ByLocal, result(t, results).EndedBy)
}

func TestDurationCutsTheCallShort(t *testing.T) {
	a, _ := answerer(t, softphone.AnswererOptions{})
	caller, err := place(t, softphone.CallOptions{
		Target: a.URI("anna", "udp"), Talk: softphone.Talk{WAV: writeWAV(t, 5*time.Second, 0), Duration: 200 * time.Millisecond},
	})
	require.NoError(t, err)
	require.Equal(t, sip.ByLocal, caller.EndedBy)
	require.Less(t, caller.Duration, 2*time.Second)
}

func TestRefusedCallIsAResult(t *testing.T) {
	a, _ := answerer(t, softphone.AnswererOptions{RejectCode: 486, RingFor: 50 * time.Millisecond})
	caller, err := place(t, softphone.CallOptions{Target: a.URI("anna", "udp")})
	require.NoError(t, err)
	require.False(t, caller.Answered)
	require.Equal(t, 486, caller.SIPCode)
	require.Equal(t, sip.ByRemote, caller.EndedBy)
}

func TestUnansweredCallIsAResult(t *testing.T) {
	a, _ := answerer(t, softphone.AnswererOptions{RingFor: waitLimit})
	caller, err := place(t, softphone.CallOptions{Target: a.URI("anna", "udp"), RingTimeout: 200 * time.Millisecond})
	require.NoError(t, err)
	require.False(t, caller.Answered)
	require.Equal(t, 487, caller.SIPCode)
	require.Equal(t, sip.ByLocal, caller.EndedBy)
}

func TestContextHangsUp(t *testing.T) {
	a, results := answerer(t, softphone.AnswererOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := softphone.Call(ctx, softphone.CallOptions{
		Target: a.URI("anna", "udp"), OnAnswer: func(string) { time.AfterFunc(200*time.Millisecond, cancel) },
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, sip.ByRemote, result(t, results).EndedBy)
}

func TestCallThatCannotBePlacedIsAnError(t *testing.T) {
	tests := map[string]softphone.CallOptions{
		"no target":       {},
		"not a URI":       {Target: "anna", To: "bob"},
		"missing audio":   {Target: "sip:127.0.0.1:1", Talk: softphone.Talk{WAV: "missing.wav"}},
		"odd transport":   {Target: "sip:127.0.0.1:1", Transport: "smoke"},
		"record is taken": {Target: "sip:127.0.0.1:1", Talk: softphone.Talk{Record: writeWAV(t, 0, 0)}},
	}
	for name, o := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := place(t, o)
			require.Error(t, err)
		})
	}
}

func TestAnswererRecordsOneCallAtATime(t *testing.T) {
	_, err := softphone.NewAnswerer(softphone.AnswererOptions{Talk: softphone.Talk{Record: "x.wav"}})
	require.Error(t, err)
}
