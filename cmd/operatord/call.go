package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/operatord/operatord/conversation"
)

// callCommand places a call through a running daemon and prints what happens on it.
type callCommand struct {
	Client
	To      string `arg:"" help:"SIP URI to call, or a number together with --trunk."`
	From    string `help:"Calling number to show."`
	Trunk   string `help:"Trunk of the daemon to call through."`
	Profile string `help:"What the operator does on the call."`
}

// placeTimeout bounds the request that starts the call.
const placeTimeout = 15 * time.Second

// Run implements the command.
func (c *callCommand) Run(ctx context.Context, out streams) error {
	placed, err := c.place(ctx)
	if err != nil {
		return fmt.Errorf("place call: %w", err)
	}
	fmt.Fprintf(out.out, "conversation %s: %s\n", placed.ID, placed.Status)
	return c.follow(ctx, placed.ID, out.out)
}

func (c *callCommand) place(ctx context.Context) (placed conversation.Conversation, err error) {
	ctx, cancel := context.WithTimeout(ctx, placeTimeout)
	defer cancel()
	call := map[string]string{"to": c.To, "from": c.From, "trunk": c.Trunk, "profile": c.Profile}
	_, err = c.sendJSON(ctx, request{method: http.MethodPost, path: "/calls"}, call, &placed)
	return placed, err
}

// follow prints the events of the conversation until it has ended. An end other than completed is an error.
func (c *callCommand) follow(ctx context.Context, id conversation.ID, w io.Writer) error {
	url := fmt.Sprintf("%s/api/v1/events?conversation_id=%s&after_seq=0", strings.Replace(c.Server, "http", "ws", 1), id)
	socket, response, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: c.header()})
	if err != nil {
		return fmt.Errorf("follow call: %w", err)
	}
	if response.Body != nil {
		defer response.Body.Close()
	}
	defer func() { _ = socket.CloseNow() }() // everything wanted has been read
	for {
		var ev conversation.Event
		if err := wsjson.Read(ctx, socket, &ev); err != nil {
			return fmt.Errorf("follow call: %w", err)
		}
		fmt.Fprintln(w, describe(ev))
		status, announces := ev.Type.Status()
		if !announces || !status.Terminal() {
			continue
		}
		if status != conversation.Completed {
			return errors.New(string(status) + ": " + ev.Conversation.Reason)
		}
		return nil
	}
}

// describe returns one line about an event.
func describe(ev conversation.Event) string {
	at := (time.Duration(ev.OffsetMS) * time.Millisecond).Round(100 * time.Millisecond)
	switch {
	case ev.Utterance != nil:
		return fmt.Sprintf("%8s  %-6s  %s", at, ev.Utterance.Role, ev.Utterance.Text)
	case ev.Match != nil:
		return fmt.Sprintf("%8s  %-6s  %s: %s %q (%.2f)", at, "match", ev.Type, ev.Match.Tracker, ev.Match.Text, ev.Match.Score)
	case ev.Conversation != nil:
		return fmt.Sprintf("%8s  %-6s  %s", at, "status", strings.TrimSpace(string(ev.Conversation.Status)+" "+ev.Conversation.Reason))
	case ev.Notice != nil:
		return fmt.Sprintf("%8s  %-6s  %s", at, "notice", ev.Notice.Message)
	}
	return fmt.Sprintf("%8s  %-6s  %s", at, "event", ev.Type)
}
