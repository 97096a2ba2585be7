package call_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/call"
	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/media/wav"
)

var remoteHangup = call.LegEnd{By: conversation.PartyRemote, SIPCode: 200, Q850Cause: 16}

func TestInboundCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, leg := newFixture(t), newLeg()
		wait := f.serve(t, leg)
		time.Sleep(2*time.Second + time.Millisecond)
		f.listener(conversation.RoleCaller).say("I want", false)
		f.listener(conversation.RoleCaller).say("cancel", true)
		leg.stream.press('5')
		time.Sleep(time.Second)
		leg.finish(remoteHangup)
		wait()

		require.Equal(t, []conversation.EventType{
			"conversation.queued", "conversation.in-progress", "utterance.partial", "utterance.final", "tracker.matched",
			"dtmf.received", "utterance.final", "utterance.final", "conversation.completed",
		}, f.store.types(), "last words are published before the end")
		for i, ev := range f.store.events {
			require.Equal(t, int64(i+1), ev.Seq)
		}
		end := f.store.last(t)
		require.Equal(t, conversation.Completed, end.Status)
		require.Equal(t, conversation.PartyRemote, end.EndedBy)
		require.Equal(t, conversation.CauseNormal, end.Cause)
		require.Equal(t, 16, end.Q850Cause)
		require.InDelta(t, 3000, end.DurationMS, 25)
		require.Equal(t, "The other side hung up after 3s.", end.Reason)
		require.Equal(t, 150, leg.stream.read, "one frame each 20 ms")
		require.Len(t, leg.stream.written, 150)
		require.Equal(t, 150*320, f.listener(conversation.RoleAgent).samples)
		require.Zero(t, f.registry.Live())
	})
}

func TestCallEnds(t *testing.T) {
	limits := call.Limits{MaxDuration: time.Minute, InitialMediaTimeout: 30 * time.Second, MediaTimeout: 20 * time.Second}
	for name, c := range map[string]struct {
		happens func(*fixture, *fakeLeg)
		cause   conversation.Cause
		by      conversation.Party
		after   time.Duration
	}{
		"the longest duration": {func(*fixture, *fakeLeg) {}, conversation.CauseMaxDuration, conversation.PartySystem, time.Minute},
		"a client hangs up": {func(f *fixture, _ *fakeLeg) {
			c, err := f.registry.Call(f.store.events[0].ConversationID)
			if err == nil {
				c.Hangup(call.ErrHangup)
			}
		}, conversation.CauseNormal, conversation.PartyOperator, 0},
		"a lost connection": {func(_ *fixture, l *fakeLeg) {
			l.finish(call.LegEnd{By: conversation.PartySystem, Text: "no media path"})
		}, conversation.CauseSetupError, conversation.PartySystem, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, leg := newFixture(t, func(o *call.Options) { o.Limits = limits }), newLeg()
				wait := f.serve(t, leg)
				synctest.Wait()
				c.happens(f, leg)
				wait()
				end := f.store.last(t)
				require.Equal(t, conversation.Completed, end.Status)
				require.Equal(t, c.cause, end.Cause)
				require.Equal(t, c.by, end.EndedBy)
				require.InDelta(t, c.after.Milliseconds(), end.DurationMS, 1100)
			})
		})
	}
}

func TestNoAudioAtAllEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, leg := newFixture(t), newLeg()
		leg.stream.mute()
		f.serve(t, leg)()
		require.Equal(t, conversation.CauseMediaTimeout, f.store.last(t).Cause)
		require.InDelta(t, 30_000, f.store.last(t).DurationMS, 1100)
	})
}

func TestAudioThatStopsEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, leg := newFixture(t), newLeg()
		wait := f.serve(t, leg)
		time.Sleep(5 * time.Second)
		leg.stream.mute()
		wait()
		require.Equal(t, conversation.CauseMediaTimeout, f.store.last(t).Cause)
		require.InDelta(t, 25_000, f.store.last(t).DurationMS, 1100)
	})
}

func TestCallerGivesUpBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, leg := newFixture(t), newLeg()
		leg.answer = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		wait := f.serve(t, leg)
		time.Sleep(time.Second)
		leg.finish(call.LegEnd{By: conversation.PartyRemote, SIPCode: 487, Cancelled: true})
		wait()
		end := f.store.last(t)
		require.Equal(t, conversation.Failed, end.Status)
		require.Equal(t, conversation.CauseCallerCancelled, end.Cause)
		require.Equal(t, []conversation.EventType{"conversation.queued", "conversation.failed"}, f.store.types())
	})
}

func TestCallRingsBeforeItIsAnswered(t *testing.T) {
	plan := func(o *call.Options) {
		o.Plan = func(conversation.Conversation) (call.Plan, error) {
			return call.Plan{AnswerAfter: 5 * time.Second}, nil
		}
	}
	t.Run("for as long as the profile says", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, leg := newFixture(t, plan), newLeg()
			wait := f.serve(t, leg)
			time.Sleep(6 * time.Second)
			leg.finish(remoteHangup)
			wait()
			end := f.store.last(t)
			require.True(t, leg.rang)
			require.Equal(t, 5*time.Second, end.AnsweredAt.Sub(end.CreatedAt))
		})
	})
	t.Run("unless the caller gives up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, leg := newFixture(t, plan), newLeg()
			wait := f.serve(t, leg)
			time.Sleep(time.Second)
			leg.finish(call.LegEnd{By: conversation.PartyRemote, SIPCode: 487, Cancelled: true})
			wait()
			require.Equal(t, conversation.CauseCallerCancelled, f.store.last(t).Cause)
		})
	})
}

func TestOutboundOutcomes(t *testing.T) {
	refused := func(code int, text string) error {
		return &call.SetupError{End: call.LegEnd{By: conversation.PartyRemote, SIPCode: code, Text: text}}
	}
	for name, c := range map[string]struct {
		err    error
		status conversation.Status
		cause  conversation.Cause
		code   int
	}{
		"486 is busy":              {refused(486, "Busy Here"), conversation.Busy, conversation.CauseBusy, 486},
		"600 is busy":              {refused(600, "Busy Everywhere"), conversation.Busy, conversation.CauseBusy, 600},
		"480 is no answer":         {refused(480, "Unavailable"), conversation.NoAnswer, conversation.CauseNoAnswer, 480},
		"408 is no answer":         {refused(408, "Timeout"), conversation.NoAnswer, conversation.CauseNoAnswer, 408},
		"ring timeout":             {&call.SetupError{Timeout: true, Err: errors.New("rang")}, conversation.NoAnswer, conversation.CauseNoAnswer, 0},
		"603 is declined":          {refused(603, "Decline"), conversation.Failed, conversation.CauseDeclined, 603},
		"404 is a bad number":      {refused(404, "Not Found"), conversation.Failed, conversation.CauseBadNumber, 404},
		"403 is the trunk":         {refused(403, "Forbidden"), conversation.Failed, conversation.CauseTrunkAuth, 403},
		"488 is the codec":         {refused(488, "Not Acceptable Here"), conversation.Failed, conversation.CauseCodec, 488},
		"503 is a setup error":     {refused(503, "Service Unavailable"), conversation.Failed, conversation.CauseSetupError, 503},
		"an unreachable far end":   {errors.New("connection refused"), conversation.Failed, conversation.CauseSetupError, 0},
		"a transport without code": {&call.SetupError{Err: errors.New("no route")}, conversation.Failed, conversation.CauseSetupError, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, func(o *call.Options) {
					o.Dial = func(_ context.Context, _ call.Request, ringing func()) (call.Leg, error) {
						ringing()
						return nil, c.err
					}
				})
				placed, err := f.registry.Place(call.Request{To: "sip:x@y"})
				require.NoError(t, err)
				require.Equal(t, conversation.Queued, placed.Status)
				f.registry.Drain(t.Context())
				end := f.store.last(t)
				require.Equal(t, c.status, end.Status)
				require.Equal(t, c.cause, end.Cause)
				require.Equal(t, c.code, end.SIPCode)
				require.NotEmpty(t, end.Reason)
				require.Contains(t, f.store.types(), conversation.EventConversationRinging)
			})
		})
	}
}

func TestAnsweringMachineEndsAsVoicemail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leg := newLeg()
		f := newFixture(t, func(o *call.Options) {
			o.Dial = func(context.Context, call.Request, func()) (call.Leg, error) { return leg, nil }
			o.Plan = func(conversation.Conversation) (call.Plan, error) {
				return call.Plan{Machine: func(m conversation.Match) bool { return m.Tracker == "Word" }}, nil
			}
		})
		_, err := f.registry.Place(call.Request{To: "sip:x@y"})
		require.NoError(t, err)
		time.Sleep(3 * time.Second)
		f.listener(conversation.RoleCaller).say("cancel", true)
		synctest.Wait()
		f.registry.Drain(t.Context())
		end := f.store.last(t)
		require.Equal(t, conversation.Voicemail, end.Status)
		require.Equal(t, conversation.PartyOperator, end.EndedBy)
	})
}

func TestPrompt(t *testing.T) {
	t.Run("is played, recorded and may end the call", func(t *testing.T) {
		dir := t.TempDir()
		prompt := filepath.Join(dir, "prompt.wav")
		writePrompt(t, prompt, time.Second)
		synctest.Test(t, func(t *testing.T) {
			f, leg := newFixture(t, func(o *call.Options) {
				o.RecordingDir = dir
				o.Plan = func(conversation.Conversation) (call.Plan, error) {
					return call.Plan{Prompt: prompt, PromptChannel: 1, HangupAfterPrompt: true}, nil
				}
			}), newLeg()
			f.serve(t, leg)()
			end := f.store.last(t)
			require.Equal(t, conversation.PartyOperator, end.EndedBy)
			require.InDelta(t, 1000, end.DurationMS, 100)
			loud := 0
			for _, s := range leg.stream.written {
				if s != 0 {
					loud++
				}
			}
			require.InDelta(t, 50, loud, 1)
			require.Equal(t, string(end.ID)+".wav", end.Recording.File)
			player, err := wav.Open(filepath.Join(dir, end.Recording.File), 0)
			require.NoError(t, err)
			require.NoError(t, player.Close())
		})
	})
	t.Run("that cannot be read degrades the call", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, leg := newFixture(t, func(o *call.Options) {
				o.Plan = func(conversation.Conversation) (call.Plan, error) { return call.Plan{Prompt: "/nowhere.wav"}, nil }
			}), newLeg()
			wait := f.serve(t, leg)
			time.Sleep(time.Second)
			leg.finish(remoteHangup)
			wait()
			require.Contains(t, f.store.types(), conversation.EventConversationDegraded)
			require.Len(t, f.store.last(t).Degraded, 1)
			require.Equal(t, conversation.Completed, f.store.last(t).Status)
		})
	})
}

func TestPanicEndsOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, leg := newFixture(t), newLeg()
		leg.answer = func(context.Context) error { panic("boom") }
		f.serve(t, leg)()
		require.Equal(t, conversation.Failed, f.store.last(t).Status)
		require.Equal(t, conversation.CauseInternal, f.store.last(t).Cause)
		require.Zero(t, f.registry.Live())
	})
}

func TestPanicInTrackingEndsOneCallAndLosesNoWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, leg := newFixture(t), newLeg()
		wait := f.serve(t, leg)
		time.Sleep(time.Second)
		f.listener(conversation.RoleCaller).say("panic", true)
		wait()
		end := f.store.last(t)
		require.Equal(t, conversation.Completed, end.Status)
		require.Equal(t, conversation.CauseInternal, end.Cause)
		require.Equal(t, 3, count(f.store.types(), conversation.EventUtteranceFinal))
	})
}

func TestPanicInTheAudioLoopClosesWhatListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, leg := newFixture(t), newLeg()
		leg.stream.broken = true
		f.serve(t, leg)()
		require.Equal(t, conversation.CauseInternal, f.store.last(t).Cause)
		require.Equal(t, 2, count(f.store.types(), conversation.EventUtteranceFinal), "the last words of both sides")
	})
}

// count returns how many of the types are t.
func count(types []conversation.EventType, t conversation.EventType) (n int) {
	for _, other := range types {
		if other == t {
			n++
		}
	}
	return n
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, leg := newFixture(t), newLeg()
		wait := f.serve(t, leg)
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		started := time.Now()
		f.registry.Drain(ctx)
		wait()
		require.Equal(t, 10*time.Second, time.Since(started), "calls may go on until the timeout")
		require.Equal(t, conversation.CauseShutdown, f.store.last(t).Cause)

		late := newLeg()
		f.serve(t, late)()
		require.Equal(t, 503, late.End().SIPCode)
		_, err := f.registry.Place(call.Request{To: "sip:x@y"})
		require.ErrorIs(t, err, conversation.ErrUnavailable)
	})
}

func TestTrackingErrorKeepsTheUtterance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, leg := newFixture(t), newLeg()
		wait := f.serve(t, leg)
		time.Sleep(time.Second)
		f.listener(conversation.RoleCaller).say("break", true)
		leg.finish(remoteHangup)
		wait()
		require.Equal(t, conversation.Completed, f.store.last(t).Status)
		require.Contains(t, f.store.types(), conversation.EventUtteranceFinal)
	})
}

func TestPlaceRefusesARequestWithoutACallee(t *testing.T) {
	f := newFixture(t)
	_, err := f.registry.Place(call.Request{})
	require.ErrorIs(t, err, conversation.ErrInvalid)
}

// writePrompt makes a stereo file whose right channel is loud.
func writePrompt(t *testing.T, path string, length time.Duration) {
	t.Helper()
	recorder, err := wav.NewRecorder(wav.RecorderOptions{Path: path})
	require.NoError(t, err)
	require.NoError(t, recorder.Start())
	loud := make([]int16, 320)
	for i := range loud {
		loud[i] = 8000
	}
	for range length / (20 * time.Millisecond) {
		recorder.Write(nil, loud)
	}
	require.NoError(t, recorder.Close())
}
