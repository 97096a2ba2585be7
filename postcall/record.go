package postcall

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/operatord/operatord/conversation"
)

// greetingWithinMS is how far into a conversation an answering machine's greeting may begin.
const greetingWithinMS = 20_000

// record is everything the steps look at.
type record struct {
	conversation conversation.Conversation
	utterances   []conversation.Utterance
	matches      []conversation.Match
}

// sort keeps the finals that have words, in order of time.
func (r *record) sort() {
	r.utterances = slices.DeleteFunc(slices.Clone(r.utterances), func(u conversation.Utterance) bool {
		return !u.Final || words(u.Text) == 0
	})
	slices.SortStableFunc(r.utterances, func(a, b conversation.Utterance) int {
		return cmp.Or(cmp.Compare(a.StartMS, b.StartMS), cmp.Compare(a.EndMS, b.EndMS))
	})
}

func (r *record) said(role conversation.Role) []conversation.Utterance {
	var said []conversation.Utterance
	for _, u := range r.utterances {
		if u.Role == role {
			said = append(said, u)
		}
	}
	return said
}

// machineGreeting matches what answering machines say and people who answer a phone do not.
var machineGreeting = regexp.MustCompile(`(?i)\b(` +
	`(after|at) the (tone|beep|signal)` +
	`|leave (a|your|me a|us a|a short|a brief) (message|memo)` +
	`|record your message` +
	`|(reached|connected to) the (voice ?mail|voice message|mail ?box|answering machine)` +
	`|(call|you) ha(s|ve) been forwarded to (a|an|the) ` +
	`|(the )?mail ?box is full` +
	`)`)

// machine reports whether one side of the conversation was an answering machine, so that nobody talked with anybody: it
// ended as voicemail, or one side opened with a machine's greeting.
func (r *record) machine() bool {
	return r.conversation.Status == conversation.Voicemail || r.greeter() != ""
}

// greeter returns the side whose first words were an answering machine's greeting, or "".
func (r *record) greeter() conversation.Role {
	for _, u := range r.utterances {
		if u.StartMS <= greetingWithinMS && machineGreeting.MatchString(u.Text) {
			return u.Role
		}
	}
	return ""
}
