package sip_test

import (
	"context"
	"sync/atomic"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/operatord/operatord/sip"
)

// BenchmarkCallSetup measures INVITE, 200, ACK, BYE and 200 over loopback, with the RTP socket that every leg binds but
// no audio. Caller and server share the machine.
func BenchmarkCallSetup(b *testing.B) {
	h := start(b, func(o *sip.Options) {
		o.MaxCalls = 10000
		o.Handler = func(ctx context.Context, l *sip.Leg) {
			_ = l.Answer(ctx)
			<-l.Done()
		}
	})
	var callers atomic.Int32
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		p := newPeer(b, h)
		p.seq = int(callers.Add(1)) << 20
		for pb.Next() {
			c := p.newCall()
			c.invite(offer("sendrecv"))
			c.ack(c.ok(sipmsg.INVITE), "")
			c.next("BYE", "")
			c.ok(sipmsg.BYE)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
