package tracking

import (
	"context"
	"sync"

	"github.com/operatord/operatord/conversation"
)

// Result is what one version of an utterance changed.
type Result struct {
	Matched   []conversation.Match // new matches; on a final also the confirmed provisional ones, under their IDs
	Withdrawn []conversation.Match // provisional matches that the final did not confirm, as they were sent
}

// Session matches the utterances of one conversation. It is safe for concurrent use by the two sides of a call; the
// versions of one utterance must come one after the other.
type Session struct {
	d              *Detector
	conversationID conversation.ID

	mu          sync.Mutex
	provisional map[conversation.ID]map[conversation.ID]conversation.Match // by utterance, then tracker
	failed      bool                                                       // an encoder error was returned already
}

// NewSession returns a session for one conversation. It needs no closing.
func (d *Detector) NewSession(id conversation.ID) *Session {
	return &Session{d: d, conversationID: id, provisional: make(map[conversation.ID]map[conversation.ID]conversation.Match)}
}

// Match matches one version of an utterance.
func (s *Session) Match(ctx context.Context, u conversation.Utterance) (Result, error) {
	return Result{}, nil
}
