package sip_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/sip"
)

// sippTimeout bounds one run of sipp.
const sippTimeout = 60 * time.Second

// sipp runs a scenario of testdata and returns its outcome, with what it wrote as the error.
func sipp(t *testing.T, scenario string, args ...string) <-chan error {
	t.Helper()
	path, err := exec.LookPath("sipp")
	if err != nil {
		t.Skip("sipp is not installed; install the package of that name to run this test")
	}
	file, err := filepath.Abs(filepath.Join("testdata", scenario))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), sippTimeout)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path, append([]string{
		"-sf", file, "-i", "127.0.0.1", "-nostdin", "-timeout", "50", "-timeout_error",
	}, args...)...)
	cmd.Dir = t.TempDir()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	return async(func() error {
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("%w\n%s", err, out.String())
		}
		return nil
	})
}

func sippResult(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(sippTimeout):
		require.Fail(t, "sipp did not end")
	}
}

func TestSippCallsUs(t *testing.T) {
	for _, transport := range []string{"u1", "t1"} {
		t.Run(transport, func(t *testing.T) {
			const calls = "20"
			held := make(chan bool, 32)
			h := start(t, func(o *sip.Options) {
				o.Handler = func(ctx context.Context, l *sip.Leg) {
					_ = l.Ring(ctx)
					_ = l.Answer(ctx)
					<-l.Done()
					held <- l.Held() && l.End().By == sip.ByRemote
				}
			})
			to := h.udp()
			if transport == "t1" {
				to = h.tcp()
			}
			sippResult(t, sipp(t, "uac.xml", to.String(), "-s", "100", "-t", transport, "-m", calls, "-r", "20"))
			for range 20 {
				require.True(t, result(t, held))
			}
		})
	}
}

func TestWeCallSipp(t *testing.T) {
	h := start(t)
	free, err := net.ListenPacket("udp4", "127.0.0.1:0") // closed at once: sipp needs a port by number
	require.NoError(t, err)
	port := free.LocalAddr().(*net.UDPAddr).Port
	require.NoError(t, free.Close())
	done := sipp(t, "uas.xml", "-p", strconv.Itoa(port), "-m", "5")
	for range 5 { // the INVITE is repeated until sipp listens
		var rang bool
		l, err := h.Dial(t.Context(), sip.DialOptions{
			To: fmt.Sprintf("sip:bob@127.0.0.1:%d", port), OnRinging: func() { rang = true },
		})
		require.NoError(t, err)
		require.True(t, rang)
		require.NoError(t, l.Hangup(t.Context()))
		require.Equal(t, sip.ByLocal, ended(t, l).By)
	}
	sippResult(t, done)
}
