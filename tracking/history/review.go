package history

import (
	"fmt"
	"time"

	"github.com/operatord/operatord/conversation"
)

// Verdict is what a person says of a match.
type Verdict string

// The verdicts. A missed match is one that should have been found in an utterance and was not.
const (
	VerdictRight  Verdict = "right"
	VerdictWrong  Verdict = "wrong"
	VerdictMissed Verdict = "missed"
)

// Review is a verdict on a match, or on a tracker that missed an utterance.
type Review struct {
	ConversationID conversation.ID `json:"conversation_id"`
	UtteranceID    conversation.ID `json:"utterance_id"`
	MatchID        conversation.ID `json:"match_id,omitempty"` // absent where the verdict is missed
	TrackerID      conversation.ID `json:"tracker_id"`
	TrackerVersion int             `json:"tracker_version,omitempty"`
	Verdict        Verdict         `json:"verdict"`
	By             string          `json:"by,omitempty"` // who says so
	At             time.Time       `json:"at"`
}

// Subject returns what the verdict is on: the match, or the utterance that was missed. There is one review of a subject and a
// tracker; a later one replaces it.
func (r *Review) Subject() conversation.ID {
	if r.Verdict == VerdictMissed {
		return r.UtteranceID
	}
	return r.MatchID
}

// ReviewMatch returns a review of a match, or an error matching conversation.ErrInvalid for a verdict that cannot be given on one.
func ReviewMatch(m conversation.Match, verdict Verdict, by string, at time.Time) (Review, error) {
	if verdict != VerdictRight && verdict != VerdictWrong {
		return Review{}, fmt.Errorf("%w verdict: a match is right or wrong; an utterance can have missed one", conversation.ErrInvalid)
	}
	return Review{
		ConversationID: m.ConversationID, UtteranceID: m.UtteranceID, MatchID: m.ID, TrackerID: m.TrackerID,
		TrackerVersion: m.TrackerVersion, Verdict: verdict, By: by, At: at.UTC(),
	}, nil
}

// Tally counts verdicts. Its shares are absent where there is nothing to take a share of.
type Tally struct {
	TrackerID conversation.ID `json:"tracker_id,omitempty"`
	Right     int             `json:"right"`
	Wrong     int             `json:"wrong"`
	Missed    int             `json:"missed"`
	Precision *float64        `json:"precision,omitempty"` // right of all matches that were reviewed
	Recall    *float64        `json:"recall,omitempty"`    // right of all that should have been found, as far as people said
}

// Add counts n verdicts.
func (t *Tally) Add(v Verdict, n int) {
	switch v {
	case VerdictRight:
		t.Right += n
	case VerdictWrong:
		t.Wrong += n
	case VerdictMissed:
		t.Missed += n
	}
	t.Precision, t.Recall = share(t.Right, t.Right+t.Wrong), share(t.Right, t.Right+t.Missed)
}

func share(part, whole int) *float64 {
	if whole == 0 {
		return nil
	}
	s := float64(part) / float64(whole)
	return &s
}
