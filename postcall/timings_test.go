package postcall

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/operatord/operatord/conversation"
)

func turn(role conversation.Role, start, end int64, text string) conversation.Utterance {
	return conversation.Utterance{Role: role, StartMS: start, EndMS: end, Text: text, Final: true}
}

func TestMeasure(t *testing.T) {
	const caller, agent = conversation.RoleCaller, conversation.RoleAgent
	tests := map[string]struct {
		duration int64
		turns    []conversation.Utterance
		want     conversation.Metrics
	}{
		"silent call": {duration: 32_000, want: conversation.Metrics{SilenceMS: 32_000}},
		"turns one after the other": {
			duration: 10_000,
			turns:    []conversation.Utterance{turn(agent, 1000, 3000, "how can I help"), turn(caller, 4500, 6000, "cancel it")},
			want: conversation.Metrics{
				CallerTalkMS: 1500, AgentTalkMS: 2000, SilenceMS: 6500, CallerTurns: 1, AgentTurns: 1,
				CallerWords: 2, AgentWords: 4, LongestPauseMS: 1500,
			},
		},
		"the caller breaks in": {
			duration: 6000,
			turns:    []conversation.Utterance{turn(agent, 0, 4000, "a"), turn(caller, 2000, 5000, "b")},
			want: conversation.Metrics{
				CallerTalkMS: 3000, AgentTalkMS: 4000, OverlapMS: 2000, SilenceMS: 1000, CallerTurns: 1, AgentTurns: 1,
				CallerWords: 1, AgentWords: 1, Interruptions: 1,
			},
		},
		"an overlap at the very end of a turn is no interruption": {
			duration: 5000,
			turns:    []conversation.Utterance{turn(agent, 0, 2100, "a"), turn(caller, 2000, 5000, "b")},
			want: conversation.Metrics{
				CallerTalkMS: 3000, AgentTalkMS: 2100, OverlapMS: 100, CallerTurns: 1, AgentTurns: 1, CallerWords: 1, AgentWords: 1,
			},
		},
		"overlapping turns of one side count once": {
			duration: 3000,
			turns:    []conversation.Utterance{turn(caller, 0, 2000, "a"), turn(caller, 1000, 3000, "b")},
			want:     conversation.Metrics{CallerTalkMS: 3000, CallerTurns: 2, CallerWords: 2},
		},
		"speech beyond the end extends the conversation": {
			duration: 1000,
			turns:    []conversation.Utterance{turn(caller, 0, 500, "a"), turn(caller, 1500, 2000, "b")},
			want:     conversation.Metrics{CallerTalkMS: 1000, SilenceMS: 1000, CallerTurns: 2, CallerWords: 2, LongestPauseMS: 1000},
		},
		"times that run backwards": {
			duration: 1000,
			turns:    []conversation.Utterance{turn(caller, -5, 100, "a"), turn(caller, 500, 300, "b")},
			want:     conversation.Metrics{CallerTalkMS: 100, SilenceMS: 900, CallerTurns: 2, CallerWords: 2, LongestPauseMS: 400},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, measure(test.duration, test.turns)) })
	}
}

func TestMeasureAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := record{}
		for range rapid.IntRange(0, 12).Draw(t, "turns") {
			start := rapid.Int64Range(0, 20_000).Draw(t, "start")
			role := rapid.SampledFrom([]conversation.Role{conversation.RoleCaller, conversation.RoleAgent}).Draw(t, "role")
			rec.utterances = append(rec.utterances, turn(role, start, start+rapid.Int64Range(0, 5000).Draw(t, "length"), "word"))
		}
		rec.sort()
		const duration = 25_000
		m := measure(duration, rec.utterances)
		require.EqualValues(t, duration, m.SilenceMS+m.CallerTalkMS+m.AgentTalkMS-m.OverlapMS)
		require.GreaterOrEqual(t, m.OverlapMS, int64(0))
		require.LessOrEqual(t, m.OverlapMS, min(m.CallerTalkMS, m.AgentTalkMS))
		require.LessOrEqual(t, m.LongestPauseMS, m.SilenceMS)
	})
}
