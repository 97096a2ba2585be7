package sip_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// torture returns the messages of testdata/torture by name.
func torture(tb testing.TB) map[string]string {
	tb.Helper()
	files, err := filepath.Glob("testdata/torture/*.sip")
	require.NoError(tb, err)
	require.NotEmpty(tb, files)
	messages := map[string]string{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(tb, err)
		messages[strings.TrimSuffix(filepath.Base(f), ".sip")] = crlf(string(data))
	}
	return messages
}

func TestTortureMessagesDoNotDisturb(t *testing.T) {
	h := start(t)
	p := newPeer(t, h)
	for name, msg := range torture(t) {
		t.Run(name, func(t *testing.T) {
			p.send(msg)
			p.alive()
			select {
			case l := <-h.legs:
				_ = l.Hangup(t.Context())
				require.Fail(t, "it became a call")
			default:
			}
		})
	}
	require.Zero(t, h.counter(t, "operatord_sip_dialogs"))
}

// alive wants an answer to OPTIONS, whatever else arrives before it.
func (p *peer) alive() {
	p.t.Helper()
	c := p.newCall()
	c.next("OPTIONS", "")
	require.NoError(p.t, p.conn.SetReadDeadline(time.Now().Add(patience)))
	for {
		n, _, err := p.conn.ReadFrom(p.buf)
		require.NoError(p.t, err)
		msg, err := sipmsg.ParseMessage(p.buf[:n])
		if err != nil {
			continue // an answer to nonsense repeats the nonsense
		}
		if res, ok := msg.(*sipmsg.Response); ok && res.CallID() != nil && res.CallID().Value() == c.id {
			require.Equal(p.t, 200, res.StatusCode)
			return
		}
	}
}

func FuzzDatagram(f *testing.F) {
	for _, msg := range torture(f) {
		f.Add([]byte(msg))
	}
	h := start(f)
	p := newPeer(f, h)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 60000 {
			return
		}
		p.t = t
		p.send(string(data))
		p.alive()
		select {
		case l := <-h.legs: // the mutation of a refused INVITE into a good one
			require.NoError(t, l.Hangup(t.Context()))
		default:
		}
	})
}
