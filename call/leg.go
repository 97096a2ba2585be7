package call

import (
	"context"
	"time"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/media"
)

// Leg is one SIP dialog or peer connection with its audio. It is safe for concurrent use.
type Leg interface {
	// Ring tells the caller of an inbound leg that we are being alerted.
	Ring(context.Context) error
	// Answer accepts an inbound leg and returns when audio can flow both ways.
	Answer(context.Context) error
	// Reject refuses an inbound leg that was not answered.
	Reject(context.Context, error) error
	// Hangup ends an answered leg and returns when the peer has confirmed it or ctx has ended.
	Hangup(context.Context) error
	// Stream is the leg's audio, valid from the answer until the end.
	Stream() media.Stream
	// Done is closed when the leg has ended; End then says how.
	Done() <-chan struct{}
	End() LegEnd
}

// Dial sets up an outbound leg and returns it once it is answered. It calls ringing, at most once, when the far end
// rings. A *SetupError explains a refusal.
type Dial func(ctx context.Context, r Request, ringing func()) (Leg, error)

// Request asks for an outbound call.
type Request struct {
	To      string            // SIP URI, or a number together with a trunk
	From    string            // empty: the trunk's
	Trunk   string            // name of a configured trunk; empty: straight to the URI
	Profile string            // what the operator does; empty: by route
	Refs    map[string]string // external references for the conversation
}

// Listening describes one side of a call to the recognizer. The callbacks come one at a time.
type Listening struct {
	Conversation conversation.ID
	Role         conversation.Role
	OnUtterance  func(conversation.Utterance)
	OnGap        func(conversation.Notice)
	OnDegraded   func(conversation.Notice)
}

// Listener recognises the speech of one side. Write never blocks; Close returns when the last callback has.
type Listener interface {
	Write(pcm []int16)
	Close(context.Context) error
}

// Listen opens a listener for one side of a call.
type Listen func(Listening) (Listener, error)

// Detector finds trackers in the utterances of one conversation.
type Detector interface {
	// Match returns the matches of an utterance, and the provisional ones it takes back.
	Match(context.Context, conversation.Utterance) (matched, withdrawn []conversation.Match, err error)
}

// Reactor decides what the matches of one conversation set off. It is called by one goroutine.
type Reactor interface {
	// React returns what a confirmed match sets off.
	React(conversation.Match) []conversation.Reaction
}

// Plan is what the operator does on a call. The zero value answers and listens.
type Plan struct {
	Profile           string
	Prompt            string // WAV file; empty: none
	PromptChannel     int
	HangupAfterPrompt bool
	AnswerAfter       time.Duration // how long an inbound call rings before it is answered
	// Machine reports whether a match shows that an answering machine took the call. Nil: never.
	Machine func(conversation.Match) bool
}
