package main

import (
	"bytes"
	"context"
	"encoding/json"
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
	To      string `arg:"" help:"SIP URI to call, or a number together with --trunk."`
	From    string `help:"Calling number to show."`
	Trunk   string `help:"Trunk of the daemon to call through."`
	Profile string `help:"What the operator does on the call."`
	Server  string `help:"Address of the daemon's API." default:"http://127.0.0.1:8080" env:"OPERATORD_SERVER_URL"`
	Token   string `help:"Bearer token of the API." env:"OPERATORD_SERVER_TOKEN"`
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

func (c *callCommand) place(ctx context.Context) (conversation.Conversation, error) {
	ctx, cancel := context.WithTimeout(ctx, placeTimeout)
	defer cancel()
	body, err := json.Marshal(map[string]string{"to": c.To, "from": c.From, "trunk": c.Trunk, "profile": c.Profile})
	if err != nil {
		return conversation.Conversation{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Server+"/api/v1/calls", bytes.NewReader(body))
	if err != nil {
		return conversation.Conversation{}, err
	}
	request.Header = c.header()
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return conversation.Conversation{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4096)) // the status tells enough without it
		return conversation.Conversation{}, fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(text)))
	}
	var placed conversation.Conversation
	return placed, json.NewDecoder(response.Body).Decode(&placed)
}

func (c *callCommand) header() http.Header {
	h := http.Header{}
	if c.Token != "" {
		h.Set("Authorization", "Bearer "+c.Token)
	}
	return h
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
