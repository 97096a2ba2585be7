package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// peerTimeout bounds the life of a peer process.
const peerTimeout = 60 * time.Second

// peer is a program that a test runs beside the daemon.
type peer struct {
	t       *testing.T
	command *exec.Cmd
	output  string // file
	waited  sync.Once
	err     error
}

// run starts a program in a folder of its own. It ends with the test at the latest. A program that is not installed skips
// the test: `make e2e` installs it.
func run(t *testing.T, dir, name string, args ...string) *peer {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed; `make e2e` installs it", name)
	}
	output, err := os.CreateTemp(t.TempDir(), name+"-*.log")
	require.NoError(t, err)
	defer output.Close()
	ctx, cancel := context.WithTimeout(context.Background(), peerTimeout)
	p := &peer{t: t, command: exec.CommandContext(ctx, path, args...), output: output.Name()}
	p.command.Dir, p.command.Stdout, p.command.Stderr = dir, output, output
	require.NoError(t, p.command.Start())
	t.Cleanup(func() {
		cancel()
		_ = p.wait() // a test that cares has looked at it
	})
	return p
}

func (p *peer) wait() error {
	p.waited.Do(func() { p.err = p.command.Wait() })
	return p.err
}

// requireSuccess waits for the program and fails with what it printed if it failed.
func (p *peer) requireSuccess() {
	p.t.Helper()
	if err := p.wait(); err != nil {
		text, _ := os.ReadFile(p.output)
		require.NoError(p.t, err, "%s", text)
	}
}

// freePort returns a UDP port of the loopback address that nobody has at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer conn.Close()
	_, port, err := net.SplitHostPort(conn.LocalAddr().String())
	require.NoError(t, err)
	return port
}

// callee starts SIPp as a callee and returns the URI to call. The scenario's FINAL stands for a status line.
func callee(t *testing.T, scenario, final string, args ...string) (*peer, string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", scenario))
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, scenario)
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(text), "FINAL", final)), 0o600))
	port := freePort(t)
	args = append([]string{"-sf", file, "-i", "127.0.0.1", "-p", port, "-m", "1", "-nostdin", "-timeout", "30s", "-timeout_error"}, args...)
	p := run(t, dir, "sipp", args...)
	require.Eventually(t, func() bool { return bound(t, port) }, 5*time.Second, 20*time.Millisecond, "sipp does not listen")
	return p, "sip:callee@127.0.0.1:" + port
}

// bound reports whether some program has a UDP port of the loopback address. It looks into the kernel's table, as trying
// to bind would take the port from the program that is about to.
func bound(t *testing.T, port string) bool {
	t.Helper()
	n, err := strconv.Atoi(port)
	require.NoError(t, err)
	table, err := os.ReadFile("/proc/net/udp")
	require.NoError(t, err)
	return strings.Contains(string(table), fmt.Sprintf("0100007F:%04X ", n))
}
