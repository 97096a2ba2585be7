package postcall

import (
	"strings"

	"github.com/operatord/operatord/conversation"
)

// interruptionMS is how much of the other side's speech must still follow for a turn's beginning to count as an
// interruption. Shorter overlaps are people starting together at a turn's end, or the tail of a recogniser's segment.
const interruptionMS = 300

// span is a stretch of media time in milliseconds.
type span struct{ start, end int64 }

// measure computes the timings of a conversation of the given length from its finals, which are in order of time. Speech
// that was recognised beyond the length extends it.
func measure(durationMS int64, utterances []conversation.Utterance) conversation.Metrics {
	caller, agent := spans(utterances, conversation.RoleCaller), spans(utterances, conversation.RoleAgent)
	callerTalk, agentTalk := merge(caller), merge(agent)
	anyone := merge(mergeSorted(callerTalk, agentTalk))
	if n := len(anyone); n > 0 {
		durationMS = max(durationMS, anyone[n-1].end)
	}
	metrics := conversation.Metrics{
		CallerTalkMS:   total(callerTalk),
		AgentTalkMS:    total(agentTalk),
		SilenceMS:      max(0, durationMS-total(anyone)),
		CallerTurns:    len(caller),
		AgentTurns:     len(agent),
		Interruptions:  interruptions(caller, agentTalk) + interruptions(agent, callerTalk),
		LongestPauseMS: longestGap(anyone),
	}
	metrics.OverlapMS = metrics.CallerTalkMS + metrics.AgentTalkMS - total(anyone)
	for _, u := range utterances {
		if u.Role == conversation.RoleCaller {
			metrics.CallerWords += words(u.Text)
		} else {
			metrics.AgentWords += words(u.Text)
		}
	}
	return metrics
}

func words(text string) int { return len(strings.Fields(text)) }

// spans returns the turns of one side in order of their start.
func spans(utterances []conversation.Utterance, role conversation.Role) []span {
	var turns []span
	for _, u := range utterances {
		if u.Role == role {
			start := max(0, u.StartMS)
			turns = append(turns, span{start, max(start, u.EndMS)})
		}
	}
	return turns
}

// merge joins spans that touch or overlap; the input is in order of start.
func merge(spans []span) []span {
	var merged []span
	for _, s := range spans {
		if n := len(merged); n > 0 && s.start <= merged[n-1].end {
			merged[n-1].end = max(merged[n-1].end, s.end)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// mergeSorted interleaves two lists that are in order of start.
func mergeSorted(a, b []span) []span {
	all := make([]span, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if b[0].start < a[0].start {
			a, b = b, a
		}
		all, a = append(all, a[0]), a[1:]
	}
	return append(append(all, a...), b...)
}

func total(spans []span) int64 {
	var sum int64
	for _, s := range spans {
		sum += s.end - s.start
	}
	return sum
}

// longestGap returns the longest silence between two stretches of speech.
func longestGap(speech []span) int64 {
	var longest int64
	for i := 1; i < len(speech); i++ {
		longest = max(longest, speech[i].start-speech[i-1].end)
	}
	return longest
}

// interruptions counts the turns that began while the other side was speaking and would go on to.
func interruptions(turns, other []span) int {
	count := 0
	for _, t := range turns {
		for _, o := range other {
			if o.start < t.start && t.start+interruptionMS <= o.end {
				count++
				break
			}
		}
	}
	return count
}
