package media

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
)

// ErrNoPort is returned when every port of the range is in use.
var ErrNoPort = errors.New("no free RTP port")

// PortPool hands out the even ports of a range in turn, so that a port which was just given back is the last to be used
// again and stale packets of an ended call do not reach the next. It is safe for concurrent use.
type PortPool struct {
	first int
	count int // 0: any free port
	next  atomic.Uint64
}

// NewPortPool returns a pool of the even ports from lowest to highest inclusive. Both zero means any free port.
func NewPortPool(lowest, highest int) (*PortPool, error) {
	if lowest == 0 && highest == 0 {
		return &PortPool{}, nil
	}
	first := lowest + lowest%2
	if lowest < 1 || highest > 65535 || first > highest {
		return nil, fmt.Errorf("RTP port range %d-%d has no even port", lowest, highest)
	}
	return &PortPool{first: first, count: (highest-first)/2 + 1}, nil
}

// listen binds a UDP socket to the next free port.
func (p *PortPool) listen(ip netip.Addr) (*net.UDPConn, error) {
	if p == nil || p.count == 0 {
		return listenAny(ip)
	}
	var last error
	for range p.count {
		port := p.first + 2*int((p.next.Add(1)-1)%uint64(p.count))
		conn, err := listen(ip, port)
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, fmt.Errorf("%w between %d and %d: %w", ErrNoPort, p.first, p.first+2*(p.count-1), last)
}

// listenAny binds to a port of the system's choice, if possible an even one, which some peers insist on.
func listenAny(ip netip.Addr) (*net.UDPConn, error) {
	const attempts = 8
	for range attempts {
		conn, err := listen(ip, 0)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoPort, err)
		}
		if localAddr(conn).Port()%2 == 0 {
			return conn, nil
		}
		_ = conn.Close() // never used
	}
	conn, err := listen(ip, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPort, err)
	}
	return conn, nil
}

func listen(ip netip.Addr, port int) (*net.UDPConn, error) {
	network := "udp"
	if ip.Is4() {
		network = "udp4"
	}
	return net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(port))))
}

func localAddr(conn *net.UDPConn) netip.AddrPort {
	addr, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	return unmapped(addr.AddrPort())
}

// unmapped turns an IPv4 address of a socket for both families into a plain one.
func unmapped(addr netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}
