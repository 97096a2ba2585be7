package media

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// ErrNoPort is returned when every port of the range is in use.
var ErrNoPort = errors.New("no free RTP port")

// PortPool hands out the even ports of a range in turn, so that a port which was just given back is the last to be used
// again and stale packets of an ended call do not reach the next. It is safe for concurrent use.
type PortPool struct {
	first, count int
	next         atomic.Uint64
}

// NewPortPool returns a pool of the even ports from min to max inclusive. Both zero means any free port.
func NewPortPool(min, max int) (*PortPool, error) {
	if min == 0 && max == 0 {
		return &PortPool{}, nil
	}
	first := min + min%2
	if min < 1 || max > 65535 || first > max {
		return nil, fmt.Errorf("RTP port range %d-%d has no even port", min, max)
	}
	return &PortPool{first: first, count: (max-first)/2 + 1}, nil
}
