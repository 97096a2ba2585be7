package conversation

import (
	"strings"
	"time"
)

// EventType names what happened. Types of the form "conversation.<status>" announce that the status was reached.
type EventType string

// The event types beside one "conversation.<status>" per status.
const (
	EventUtterancePartial     EventType = "utterance.partial"
	EventUtteranceFinal       EventType = "utterance.final"
	EventTrackerMatched       EventType = "tracker.matched"
	EventTrackerWithdrawn     EventType = "tracker.withdrawn"     // a provisional match that the final did not confirm
	EventAlertRaised          EventType = "alert.raised"          // a confirmed match whose tracker asks for attention
	EventDTMF                 EventType = "dtmf.received"         // Notice.Message is the digit
	EventConversationRinging  EventType = "conversation.ringing"  // outbound: the far end rings
	EventConversationDegraded EventType = "conversation.degraded" // a part does not work; the call goes on
	EventConversationTagged   EventType = "conversation.tagged"   // a match gave the conversation a tag
	EventTranscriptionGap     EventType = "transcription.gap"     // audio between StartMS and EndMS of Notice was not recognised
	EventConversationAnalyzed EventType = "conversation.analyzed" // post-call work is done
)

// EventCompleted and its like are the status events most readers ask for by name.
const (
	EventQueued     EventType = "conversation.queued"
	EventInProgress EventType = "conversation.in-progress"
	EventCompleted  EventType = "conversation.completed"
)

const statusPrefix = "conversation."

// StatusEvent returns the type of the event that announces s.
func StatusEvent(s Status) EventType { return EventType(statusPrefix + string(s)) }

// Status returns the status an event type announces, and false for the types that announce none.
func (t EventType) Status() (Status, bool) {
	s, found := strings.CutPrefix(string(t), statusPrefix)
	return Status(s), found && Status(s).Valid()
}

// Event is one thing that happened in a conversation. The events of a conversation are numbered from 1 without gaps; the
// UI, the store, the WebSocket and the webhooks are all readers of that one sequence. Exactly one of the payload fields
// is set: Conversation on status events and conversation.tagged, Utterance, Match, Analysis, or Notice on the others.
type Event struct {
	// Position orders the events of all conversations of a node; it only grows, and may jump. Readers resume behind it.
	Position       int64     `json:"position"`
	ConversationID ID        `json:"conversation_id"`
	Seq            int64     `json:"seq"`
	Type           EventType `json:"type"`
	At             time.Time `json:"at"`
	OffsetMS       int64     `json:"offset_ms"` // media time; 0 before the answer

	Conversation *Conversation `json:"conversation,omitempty"`
	Utterance    *Utterance    `json:"utterance,omitempty"`
	Match        *Match        `json:"match,omitempty"`
	Analysis     *Analysis     `json:"analysis,omitempty"`
	Notice       *Notice       `json:"notice,omitempty"`
}

// Notice says something in words, for events that have no other payload.
type Notice struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	StartMS int64  `json:"start_ms,omitempty"`
	EndMS   int64  `json:"end_ms,omitempty"`
}
