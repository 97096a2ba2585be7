package call_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/call"
	"github.com/operatord/operatord/conversation"
)

// reactorFunc makes a function a call.Reactor.
type reactorFunc func(conversation.Match) []conversation.Reaction

func (f reactorFunc) React(m conversation.Match) []conversation.Reaction { return f(m) }

func TestMatchSetsOffReactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		everything := []conversation.Reaction{
			{Type: conversation.ReactionAlert},
			{Type: conversation.ReactionTag, Target: "churn"},
			{Type: conversation.ReactionTag, Target: "vip"},
			{Type: conversation.ReactionWebhook, Target: "crm"},
		}
		f := newFixture(t, func(o *call.Options) {
			o.Reactor = func() call.Reactor {
				return reactorFunc(func(conversation.Match) []conversation.Reaction { return everything })
			}
		})
		leg := newLeg()
		wait := f.serve(t, leg)
		time.Sleep(time.Second)
		f.listener(conversation.RoleCaller).say("cancel", true)
		synctest.Wait()
		f.listener(conversation.RoleCaller).say("cancel", true)
		synctest.Wait()
		leg.finish(remoteHangup)
		wait()

		require.Equal(t, []conversation.EventType{
			"conversation.queued", "conversation.in-progress", "utterance.final", "tracker.matched", "alert.raised", "conversation.tagged",
			"utterance.final", "tracker.matched", "alert.raised", "utterance.final", "utterance.final", "conversation.completed",
		}, f.store.types(), "a tag that is there already is no event")
		require.Equal(t, everything, f.store.events[3].Match.Reactions)
		require.Equal(t, "cancel", f.store.events[4].Match.Text)
		require.Equal(t, []string{"churn", "vip"}, f.store.events[5].Conversation.Tags)
		require.Equal(t, []string{"churn", "vip"}, f.store.last(t).Tags)
	})
}

func TestLateUtterancesSetOffNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(o *call.Options) {
			o.Reactor = func() call.Reactor {
				return reactorFunc(func(conversation.Match) []conversation.Reaction {
					return []conversation.Reaction{{Type: conversation.ReactionAlert}}
				})
			}
		})
		leg := newLeg()
		wait := f.serve(t, leg)
		time.Sleep(time.Second)
		listening := f.listener(conversation.RoleCaller).listening
		listening.OnUtterance(conversation.Utterance{
			ID: "1767323045000099", ConversationID: listening.Conversation, Role: listening.Role, Text: "cancel", Final: true, Late: true,
		})
		synctest.Wait()
		leg.finish(remoteHangup)
		wait()
		require.Contains(t, f.store.types(), conversation.EventTrackerMatched)
		require.NotContains(t, f.store.types(), conversation.EventAlertRaised)
	})
}
