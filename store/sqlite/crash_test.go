package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/store"
	"github.com/operatord/operatord/store/storetest"
)

// crashDir names the folder in which TestCrashVictim, run as a process of its own, writes until it is killed.
const crashDir = "OPERATORD_TEST_CRASH_DIR"

// crashReport is what the victim prints before the number of events that a crash may not lose any more.
const crashReport = "kept "

// TestCrashVictim writes events without end, five per millisecond, and reports how many are stored, or spooled while the
// database is away. It does nothing unless another test starts it.
func TestCrashVictim(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		return
	}
	b, s := driver.Reopen(t, dir), storetest.NewScript()
	w := b.Writer(nil)
	b.Run(w)
	c := s.Inbound("+15550100", "100", nil)
	w.Append(s.Events[0])
	b.Flush(w)
	tick := time.NewTicker(time.Millisecond)
	for range tick.C {
		for range 5 {
			s.Say(c, 0, "hello")
			w.Append(s.Events[len(s.Events)-1])
		}
		if w.Err() != nil {
			fmt.Println(crashReport, b.Count("operatord_store_events_spooled_total"))
			continue
		}
		if len(s.Events)%50 == 1 && flushed(w) {
			fmt.Println(crashReport, len(s.Events))
		}
	}
}

// flushed gives up soon, so that the victim goes on when the database is taken away in mid-flush.
func flushed(w *store.Writer) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return w.Flush(ctx) == nil
}

// startVictim runs the victim; reports yields the numbers that it prints. kill kills it as the kernel would.
func startVictim(t *testing.T, dir string) (reports *bufio.Scanner, kill func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashVictim$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return bufio.NewScanner(out), func() {
		require.NoError(t, cmd.Process.Kill())
		require.ErrorContains(t, cmd.Wait(), "killed")
	}
}

// await reads reports until one is at least n and returns it.
func await(t *testing.T, reports *bufio.Scanner, n int64) int64 {
	t.Helper()
	for reports.Scan() {
		number, found := strings.CutPrefix(reports.Text(), crashReport)
		if !found {
			continue
		}
		var kept int64
		_, err := fmt.Sscan(number, &kept)
		require.NoError(t, err)
		if kept >= n {
			return kept
		}
	}
	t.Fatalf("victim ended early: %v", reports.Err())
	return 0
}

// requireKept requires at least n events of one conversation, without a gap, and an utterance for each but the first.
func requireKept(t *testing.T, dir string, n int64) {
	t.Helper()
	b := driver.Reopen(t, dir)
	w := b.Writer(nil)
	require.NoError(t, w.Replay(t.Context()))
	require.NoError(t, b.Run(w)())
	open, err := b.Store.Interrupted(t.Context(), "node-1")
	require.NoError(t, err)
	require.Len(t, open, 1)
	require.GreaterOrEqual(t, open[0].Last.Seq, n)

	events, err := b.Store.Events(t.Context(), open[0].Conversation.ID, 0, 1<<20)
	require.NoError(t, err)
	for i, ev := range events {
		require.Equal(t, int64(i+1), ev.Seq)
	}
	require.Equal(t, conversation.EventUtteranceFinal, events[len(events)-1].Type)
	utterances, err := b.Store.Utterances(t.Context(), open[0].Conversation.ID)
	require.NoError(t, err)
	require.Len(t, utterances, len(events)-1)
}

func TestKillLosesNothingThatWasFlushed(t *testing.T) {
	dir := t.TempDir()
	reports, kill := startVictim(t, dir)
	kept := await(t, reports, 500)
	kill()
	requireKept(t, dir, kept)
}

func TestKillDuringAnOutageLosesNothingThatWasSpooled(t *testing.T) {
	dir := t.TempDir()
	reports, kill := startVictim(t, dir)
	stored := await(t, reports, 1)
	release := block(t, dir)
	spooled := await(t, reports, stored+500) // beyond stored, it can only be a number of spooled events or a late flush
	kill()
	release()
	requireKept(t, dir, spooled)
}
