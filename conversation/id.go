package conversation

import (
	"fmt"
	"sync/atomic"
	"time"
)

// ID names a conversation, utterance or match: 16 decimal digits, increasing with time, below 2^53 so that clients may
// hold it in a float. It is the number of microseconds since 1970 at which it was made, moved up to stay unique.
type ID string

// idDigits is the length of every ID; microseconds since 1970 have 16 digits from 2001 to 2286.
const idDigits = 16

// maxID is the largest integer a float64 holds without loss (2^53), the limit of JavaScript clients.
const maxID = 1 << 53

// ParseID returns s as an ID, or an error matching ErrInvalid if it is not one.
func ParseID(s string) (ID, error) {
	if len(s) != idDigits {
		return "", fmt.Errorf("%w id %q: want %d digits", ErrInvalid, s, idDigits)
	}
	var n int64
	for _, r := range []byte(s) {
		if r < '0' || r > '9' {
			return "", fmt.Errorf("%w id %q: want %d digits", ErrInvalid, s, idDigits)
		}
		n = n*10 + int64(r-'0')
	}
	if n >= maxID {
		return "", fmt.Errorf("%w id %q: not below 2^53", ErrInvalid, s)
	}
	return ID(s), nil
}

// IDs makes identities. The zero value is ready to use and safe for concurrent use; a process has one.
type IDs struct{ last atomic.Int64 }

// Next returns an ID greater than every one returned before by the same IDs.
func (g *IDs) Next(at time.Time) ID {
	now := at.UnixMicro()
	for {
		last := g.last.Load()
		next := max(now, last+1)
		if g.last.CompareAndSwap(last, next) {
			return ID(fmt.Sprintf("%0*d", idDigits, next))
		}
	}
}
