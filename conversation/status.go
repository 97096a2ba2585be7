package conversation

import (
	"fmt"
	"slices"
)

// Status is the state of a conversation.
type Status string

// The states of a conversation. The last five are terminal: nothing leaves them.
const (
	Queued     Status = "queued"
	InProgress Status = "in-progress"
	Completed  Status = "completed"
	Failed     Status = "failed"
	Busy       Status = "busy"
	NoAnswer   Status = "no-answer"
	Voicemail  Status = "voicemail"
)

// Statuses returns every status, in the order of a call's life.
func Statuses() []Status {
	return []Status{Queued, InProgress, Completed, Failed, Busy, NoAnswer, Voicemail}
}

// Valid reports whether s is one of the known states.
func (s Status) Valid() bool { return slices.Contains(Statuses(), s) }

// Terminal reports whether nothing can follow s.
func (s Status) Terminal() bool {
	switch s {
	case Completed, Failed, Busy, NoAnswer, Voicemail:
		return true
	case Queued, InProgress:
		return false
	}
	return false
}

// Next returns the states a conversation of direction d may go to from s, in the order of the diagram in
// docs/ARCHITECTURE.md. A caller who gives up while queued ends as Failed with CauseCallerCancelled; busy, no-answer and
// voicemail exist only on calls that we placed.
func (s Status) Next(d Direction) []Status {
	switch s {
	case Queued:
		if d == Outbound {
			return []Status{InProgress, Failed, Busy, NoAnswer, Voicemail}
		}
		return []Status{InProgress, Failed}
	case InProgress:
		if d == Outbound {
			return []Status{Completed, Voicemail}
		}
		return []Status{Completed}
	case Completed, Failed, Busy, NoAnswer, Voicemail:
		return nil
	}
	return nil
}

// TransitionError reports a step the status machine does not allow. It matches ErrTransition.
type TransitionError struct {
	From, To  Status
	Direction Direction
}

func (e *TransitionError) Error() string {
	return fmt.Sprintf("an %s conversation cannot go from %s to %s", e.Direction, e.From, e.To)
}

// Unwrap makes errors.Is(err, ErrTransition) true.
func (e *TransitionError) Unwrap() error { return ErrTransition }

func (c *Conversation) transition(to Status) error {
	if !slices.Contains(c.Status.Next(c.Direction), to) {
		return &TransitionError{From: c.Status, To: to, Direction: c.Direction}
	}
	c.Status = to
	return nil
}
