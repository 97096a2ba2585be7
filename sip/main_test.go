package sip_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/operatord/operatord/sip"
)

// patience bounds every wait of a test for the network.
const patience = 10 * time.Second

func TestMain(m *testing.M) {
	// A tenth of the standard's T1, so that retransmissions and timeouts come soon. No message is lost on loopback.
	sipmsg.SetTimers(50*time.Millisecond, 400*time.Millisecond, 500*time.Millisecond)
	goleak.VerifyTestMain(m)
}

// harness is a running server whose calls the test takes from legs.
type harness struct {
	*sip.Server
	legs    chan *sip.Leg
	metrics *prometheus.Registry
	stopped bool // the test has stopped the server itself
}

// Stop stops the server, which is then the test's business.
func (h *harness) Stop(ctx context.Context) error {
	h.stopped = true
	return h.Server.Stop(ctx)
}

// start runs a server on loopback. Its handler hands the leg to the test and stays until the leg has ended.
func start(tb testing.TB, change ...func(*sip.Options)) *harness {
	tb.Helper()
	h := &harness{legs: make(chan *sip.Leg, 64), metrics: prometheus.NewRegistry()}
	o := sip.Options{
		UDP: "127.0.0.1:0", TCP: "127.0.0.1:0",
		Allow:      []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		ByeTimeout: 300 * time.Millisecond,
		MaxCalls:   64, UserAgent: "operatord-test", Registerer: h.metrics,
		Media: sip.MediaOptions{BindIP: netip.MustParseAddr("127.0.0.1")},
		Handler: func(_ context.Context, l *sip.Leg) {
			h.legs <- l
			<-l.Done()
		},
	}
	for _, f := range change {
		f(&o)
	}
	s, err := sip.New(o)
	require.NoError(tb, err)
	require.NoError(tb, s.Start(tb.Context()))
	h.Server = s
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Stop(ctx); !h.stopped {
			require.NoError(tb, err)
		}
	})
	return h
}

func (h *harness) udp() netip.AddrPort {
	for _, a := range h.Addrs() {
		if u, ok := a.(*net.UDPAddr); ok {
			if u.IP.IsUnspecified() {
				return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(u.Port))
			}
			return u.AddrPort()
		}
	}
	return netip.AddrPort{}
}

func (h *harness) tcp() netip.AddrPort {
	for _, a := range h.Addrs() {
		if u, ok := a.(*net.TCPAddr); ok {
			return u.AddrPort()
		}
	}
	return netip.AddrPort{}
}

// leg returns the leg of the next call.
func (h *harness) leg(tb testing.TB) *sip.Leg {
	tb.Helper()
	select {
	case l := <-h.legs:
		return l
	case <-time.After(patience):
		require.Fail(tb, "no call arrived")
		return nil
	}
}

// dropped returns how many packets were dropped for a reason.
func (h *harness) dropped(tb testing.TB, reason string) float64 {
	tb.Helper()
	return h.counter(tb, "operatord_sip_dropped_total", "reason", reason)
}

// counter returns the sum of the series of a counter or gauge that have the given label values, in pairs.
func (h *harness) counter(tb testing.TB, name string, labels ...string) float64 {
	tb.Helper()
	families, err := h.metrics.Gather()
	require.NoError(tb, err)
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	series:
		for _, m := range f.GetMetric() {
			have := map[string]string{}
			for _, l := range m.GetLabel() {
				have[l.GetName()] = l.GetValue()
			}
			for i := 0; i+1 < len(labels); i += 2 {
				if have[labels[i]] != labels[i+1] {
					continue series
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// ended waits for the end of a leg and returns it.
func ended(tb testing.TB, l *sip.Leg) sip.Termination {
	tb.Helper()
	select {
	case <-l.Done():
		return l.End()
	case <-time.After(patience):
		require.Fail(tb, "leg did not end")
		return sip.Termination{}
	}
}

// async runs f and returns its result on a channel that holds it.
func async[T any](f func() T) <-chan T {
	ch := make(chan T, 1)
	go func() { ch <- f() }()
	return ch
}

// result waits for an async result.
func result[T any](tb testing.TB, ch <-chan T) T {
	tb.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		require.Fail(tb, "no result")
		var zero T
		return zero
	}
}
