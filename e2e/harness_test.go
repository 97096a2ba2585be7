package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/app"
	"github.com/operatord/operatord/config"
	"github.com/operatord/operatord/conversation"
)

// readyTimeout bounds the start of a daemon with its models.
const readyTimeout = 60 * time.Second

// daemon is a running daemon as its clients see it.
type daemon struct {
	t     testing.TB
	addrs map[string]string
}

// start runs the daemon in this process on free ports, with settings written as YAML, until the test ends.
func start(t *testing.T, settings string) *daemon {
	t.Helper()
	d := boot(t, settings)
	d.awaitReady()
	return d
}

// startDegraded is start for settings with which the daemon never becomes ready: it waits for that to be said.
func startDegraded(t *testing.T, settings string) *daemon {
	t.Helper()
	d := boot(t, settings)
	require.Eventually(t, func() bool {
		var system struct{ State string }
		d.get("/api/v1/system", &system)
		return system.State == "degraded"
	}, readyTimeout, 50*time.Millisecond, "the daemon does not say that it is degraded")
	return d
}

func boot(t *testing.T, settings string) *daemon {
	t.Helper()
	cfg := load(t, settings)
	log := slog.New(slog.NewTextHandler(testLog{t: t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
	a, err := app.New(cfg, app.Options{Logger: log, Version: "e2e"})
	require.NoError(t, err)
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
		defer cancel()
		require.NoError(t, a.Stop(ctx))
	})
	return &daemon{t: t, addrs: a.Addrs()}
}

// load writes settings to a configuration file of its own folder and loads it, with free ports where it names none.
func load(t *testing.T, settings string) config.Config {
	t.Helper()
	path := writeConfig(t, t.TempDir(), settings)
	cfg, err := config.Load(path, nil)
	require.NoError(t, err)
	return cfg
}

// writeConfig writes a configuration file whose listeners take free ports.
func writeConfig(tb testing.TB, dir, settings string) string {
	tb.Helper()
	path := filepath.Join(dir, "operatord.yaml")
	text := "http: {listen: '127.0.0.1:0'}\nsip: {udp: '127.0.0.1:0', tcp: '127.0.0.1:0'}\n" + settings
	require.NoError(tb, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// testLog writes the daemon's log into the test's.
type testLog struct{ t *testing.T }

func (l testLog) Write(line []byte) (int, error) {
	l.t.Helper()
	l.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}

func (d *daemon) url(path string) string { return "http://" + d.addrs["http"] + path }

func (d *daemon) awaitReady() {
	d.t.Helper()
	require.Eventually(d.t, func() bool {
		response, err := http.Get(d.url("/readyz"))
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, readyTimeout, 50*time.Millisecond, "the daemon is not ready")
}

// get decodes a JSON answer of the API.
func (d *daemon) get(path string, into any) {
	d.t.Helper()
	response, err := http.Get(d.url(path))
	require.NoError(d.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(d.t, err)
	require.Equal(d.t, http.StatusOK, response.StatusCode, "%s: %s", path, body)
	require.NoError(d.t, json.Unmarshal(body, into), "%s", body)
}

// metric returns the sum of a metric over its labels.
func (d *daemon) metric(name string) float64 {
	d.t.Helper()
	response, err := http.Get(d.url("/metrics"))
	require.NoError(d.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(d.t, err)
	var sum float64
	for line := range strings.Lines(string(text)) {
		series, value, found := strings.Cut(strings.TrimSpace(line), " ")
		if found && (series == name || strings.HasPrefix(series, name+"{")) {
			n, err := strconv.ParseFloat(value, 64)
			require.NoError(d.t, err)
			sum += n
		}
	}
	return sum
}

// call asks the API for an outbound call.
func (d *daemon) call(request map[string]any) conversation.Conversation {
	d.t.Helper()
	body, err := json.Marshal(request)
	require.NoError(d.t, err)
	response, err := http.Post(d.url("/api/v1/calls"), "application/json", bytes.NewReader(body))
	require.NoError(d.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(d.t, err)
	require.Equal(d.t, http.StatusAccepted, response.StatusCode, "%s", text)
	var placed conversation.Conversation
	require.NoError(d.t, json.Unmarshal(text, &placed))
	return placed
}

// watcher collects the events of a daemon.
type watcher struct {
	t      testing.TB
	mu     sync.Mutex
	events []conversation.Event
	change chan struct{} // closed and replaced whenever an event arrives
}

// watch collects every event from now on until the test ends.
func (d *daemon) watch() *watcher {
	d.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	socket, _, err := websocket.Dial(ctx, "ws://"+d.addrs["http"]+"/api/v1/events?after=0", nil)
	require.NoError(d.t, err)
	socket.SetReadLimit(1 << 20)
	w := &watcher{t: d.t, change: make(chan struct{})}
	var reading sync.WaitGroup
	reading.Go(func() { w.read(ctx, socket) })
	d.t.Cleanup(func() {
		cancel()
		reading.Wait()
	})
	return w
}

func (w *watcher) read(ctx context.Context, socket *websocket.Conn) {
	for {
		var ev conversation.Event
		if err := wsjson.Read(ctx, socket, &ev); err != nil {
			return
		}
		w.mu.Lock()
		w.events = append(w.events, ev)
		close(w.change)
		w.change = make(chan struct{})
		w.mu.Unlock()
	}
}

// await returns the first event for which want holds, waiting for it if need be.
func (w *watcher) await(timeout time.Duration, what string, want func(conversation.Event) bool) conversation.Event {
	w.t.Helper()
	deadline := time.After(timeout)
	for {
		w.mu.Lock()
		i, change := slices.IndexFunc(w.events, want), w.change
		if i >= 0 {
			defer w.mu.Unlock()
			return w.events[i]
		}
		w.mu.Unlock()
		select {
		case <-change:
		case <-deadline:
			require.FailNow(w.t, "no event in time", "%s within %s; got %s", what, timeout, w.types())
		}
	}
}

func (w *watcher) types() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var types []string
	for _, ev := range w.events {
		types = append(types, fmt.Sprintf("%s#%d %s", ev.ConversationID, ev.Seq, ev.Type))
	}
	return strings.Join(types, "\n")
}

// of returns the collected events of one conversation.
func (w *watcher) of(id conversation.ID) []conversation.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var events []conversation.Event
	for _, ev := range w.events {
		if ev.ConversationID == id {
			events = append(events, ev)
		}
	}
	return events
}

// ended returns the conversation that a terminal event announces, for calls to or from the given number.
func (w *watcher) ended(timeout time.Duration, number string) conversation.Conversation {
	w.t.Helper()
	return *w.await(timeout, "the end of "+number, func(ev conversation.Event) bool {
		return ev.Conversation != nil && ev.Conversation.Status.Terminal() &&
			(ev.Conversation.From == number || ev.Conversation.To == number)
	}).Conversation
}

// analysis waits for the post-call work of a conversation.
func (w *watcher) analysis(id conversation.ID) conversation.Analysis {
	w.t.Helper()
	return *w.await(30*time.Second, "the analysis", func(ev conversation.Event) bool {
		return ev.ConversationID == id && ev.Analysis != nil
	}).Analysis
}

// requireNoGaps fails unless the events are numbered from 1 without gaps and their positions grow.
func requireNoGaps(t *testing.T, events []conversation.Event) {
	t.Helper()
	require.NotEmpty(t, events)
	for i, ev := range events {
		require.Equal(t, int64(i+1), ev.Seq, "%s", ev.Type)
		require.True(t, i == 0 || ev.Position > events[i-1].Position)
	}
}
