package conversation

import "errors"

// Domain errors. Adapters map them once to their own world (HTTP status, exit code); test with errors.Is.
var (
	// ErrNotFound is returned when nothing has the given identity.
	ErrNotFound = errors.New("not found")
	// ErrConflict is returned when a thing with the same identity exists already or was changed meanwhile.
	ErrConflict = errors.New("conflict")
	// ErrInvalid is returned for input that can never be accepted; the message names the member at fault.
	ErrInvalid = errors.New("invalid")
	// ErrTransition is returned when the status machine does not allow a step.
	ErrTransition = errors.New("illegal status transition")
	// ErrUnavailable is returned when a part of the daemon is not ready or is shutting down; trying again later may help.
	ErrUnavailable = errors.New("unavailable")
)
