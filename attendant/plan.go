package attendant

import (
	"time"

	"github.com/operatord/operatord/conversation"
)

// Prompt is audio to play: one channel of a WAV file. An empty File is no prompt.
type Prompt struct {
	File    string
	Channel int // 0 is the first (left), 1 the second (right)
}

// Plan is what the operator does on one call. The zero value listens until the other side hangs up.
type Plan struct {
	Profile           string
	Prompt            Prompt
	HangupAfterPrompt bool
	AnswerAfter       time.Duration // how long an inbound call rings first

	voicemailTracker string
	voicemailWindow  time.Duration
}

// Machine reports whether match shows that an answering machine took the call: the far end of an outbound call said, in
// the first seconds, what the profile's voicemail tracker listens for. Only a match that the final utterance confirmed
// counts, because the answer ends the call.
func (p Plan) Machine(match conversation.Match) bool {
	return p.voicemailTracker != "" && match.Tracker == p.voicemailTracker &&
		match.Role == conversation.RoleCaller && !match.Provisional &&
		match.StartMS < p.voicemailWindow.Milliseconds()
}
