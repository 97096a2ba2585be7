package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/operatord/operatord/conversation"
)

// maxEventBytes bounds one message of the event stream.
const maxEventBytes = 1 << 20

// result is what the daemon found in one sample call.
type result struct {
	sample   sample
	final    conversation.Conversation
	heard    []conversation.Utterance
	matches  []conversation.Match
	latency  []int64 // of finals, from the last speech to the event, in milliseconds
	analysis *conversation.Analysis
}

// watcher reads the event stream of the daemon and sorts it by sample call.
type watcher struct {
	socket  *websocket.Conn
	started time.Time
	results []result
	calls   map[conversation.ID]*result
	open    int // results without an analysis
}

// watch connects to the event stream from its beginning.
func watch(ctx context.Context, addr string, samples []sample) (*watcher, error) {
	socket, response, err := websocket.Dial(ctx, "ws://"+addr+"/api/v1/events?after=0", nil)
	if err != nil {
		return nil, fmt.Errorf("open the event stream: %w", err)
	}
	if response.Body != nil {
		defer response.Body.Close()
	}
	socket.SetReadLimit(maxEventBytes)
	w := &watcher{socket: socket, started: time.Now(), calls: map[conversation.ID]*result{}, open: len(samples)}
	for _, s := range samples {
		w.results = append(w.results, result{sample: s})
	}
	return w, nil
}

func (w *watcher) close() { _ = w.socket.CloseNow() } // everything wanted has been read

// run prints every event as it comes and returns when every call has been analysed.
func (w *watcher) run(ctx context.Context, out io.Writer) error {
	for w.open > 0 {
		var ev conversation.Event
		if err := wsjson.Read(ctx, w.socket, &ev); err != nil {
			return fmt.Errorf("read the event stream: %w", err)
		}
		r := w.resultOf(ev)
		if r == nil {
			continue
		}
		r.add(ev)
		if ev.Analysis != nil {
			w.open--
		}
		if line := describe(ev); line != "" {
			fmt.Fprintf(out, "%6.1f s  %-20s  %s\n", time.Since(w.started).Seconds(), r.sample.Name, line)
		}
	}
	return nil
}

// resultOf returns the sample call an event belongs to: by its conversation, which the number dialled tells at first.
func (w *watcher) resultOf(ev conversation.Event) *result {
	if r, known := w.calls[ev.ConversationID]; known {
		return r
	}
	if ev.Conversation == nil {
		return nil
	}
	for i := range w.results {
		if w.results[i].sample.Number == ev.Conversation.To {
			w.calls[ev.ConversationID] = &w.results[i]
			return &w.results[i]
		}
	}
	return nil
}

func (r *result) add(ev conversation.Event) {
	switch {
	case ev.Conversation != nil:
		r.final = *ev.Conversation
	case ev.Type == conversation.EventUtteranceFinal:
		r.heard = append(r.heard, *ev.Utterance)
		r.latency = append(r.latency, ev.Utterance.LatencyMS)
	case ev.Type == conversation.EventTrackerMatched && !ev.Match.Provisional:
		r.matches = append(r.matches, *ev.Match)
	case ev.Analysis != nil:
		r.analysis = ev.Analysis
	}
}

// describe returns a line for people, empty for events that would only repeat what was shown.
func describe(ev conversation.Event) string {
	switch {
	case ev.Type == conversation.EventUtterancePartial:
		return fmt.Sprintf("  %-6s … %s", ev.Utterance.Role, ev.Utterance.Text)
	case ev.Type == conversation.EventUtteranceFinal && ev.Utterance.Text != "":
		return fmt.Sprintf("  %-6s   %s", ev.Utterance.Role, ev.Utterance.Text)
	case ev.Match != nil:
		return describeMatch(ev)
	case ev.Conversation != nil:
		return strings.TrimSpace(fmt.Sprintf("[%s] %s", ev.Conversation.Status, ev.Conversation.Reason))
	case ev.Analysis != nil:
		return fmt.Sprintf("[%s] %s", ev.Analysis.Sentiment, ev.Analysis.Summary)
	case ev.Notice != nil:
		return "  note: " + ev.Notice.Message
	}
	return ""
}

func describeMatch(ev conversation.Event) string {
	m := ev.Match
	state := "   =>"
	switch {
	case ev.Type == conversation.EventTrackerWithdrawn:
		state = "   xx"
	case m.Provisional:
		state = "   ->"
	}
	return fmt.Sprintf("%s %s: %q means %q (%s, %.2f)", state, m.Tracker, m.Text, m.Phrase, m.Method, m.Score)
}
