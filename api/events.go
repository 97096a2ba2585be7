package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/coder/websocket"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/operatord/operatord/conversation"
)

const (
	// pingInterval keeps idle connections alive through proxies, most of which give up after a minute.
	pingInterval = 20 * time.Second
	// pongTimeout is how long the answer to a ping may take.
	pongTimeout = 10 * time.Second
	// writeTimeout is how long a client may refuse to take a message before it is cut off.
	writeTimeout = 10 * time.Second
)

var (
	// errStopping ends the streams when the server stops.
	errStopping = errors.New("the daemon is stopping")
	// errSilent ends the stream of a client that does not answer pings: it is gone, or does not read.
	errSilent = errors.New("no answer to a ping")
)

// streamInput are the query parameters of the event stream.
type streamInput struct {
	After          int64    `query:"after" minimum:"-1" default:"-1" doc:"Resume behind this position: the events since then come first. Without it only new events are sent"`
	ConversationID string   `query:"conversation_id" pattern:"^[0-9]{16}$" doc:"Only this conversation, from its first event or behind after_seq"`
	AfterSeq       int64    `query:"after_seq" minimum:"0" doc:"With conversation_id: resume behind this sequence number"`
	Types          []string `query:"types" maxItems:"32" doc:"Only events of these types, separated by commas"`
}

// wants reports whether the client asked for e.
func (in *streamInput) wants(e conversation.Event) bool {
	return e.Position > in.After && (len(in.Types) == 0 || slices.Contains(in.Types, string(e.Type)))
}

// resume tells the client how to go on behind e, the last event it was offered.
func (in *streamInput) resume(e conversation.Event) string {
	if in.ConversationID != "" {
		return fmt.Sprintf("resume with after_seq=%d", max(e.Seq, in.AfterSeq))
	}
	return fmt.Sprintf("resume with after=%d", max(e.Position, in.After))
}

func (s *Server) streamOperations(api huma.API) {
	recording := operation("get-recording", http.MethodGet, "/conversations/{id}/recording", "Conversations", "Download the recording")
	recording.Description = "Stereo WAV: the caller on the left, the operator's side on the right. Ranges are supported."
	recording.Responses = map[string]*huma.Response{
		"200": {Description: "The whole recording", Content: map[string]*huma.MediaType{"audio/wav": {}}},
		"206": {Description: "The range asked for", Content: map[string]*huma.MediaType{"audio/wav": {}}},
	}
	register(s, api, recording, s.recording)

	events := operation("stream-events", http.MethodGet, "/events", "Events", "Follow events live (WebSocket)")
	events.Description = "One event as JSON per message. A client that falls behind is closed with code 1013 and a reason that says how to " +
		"resume; code 1001 means that the daemon is stopping. Browsers, which cannot set headers here, pass the token as access_token."
	events.Responses = map[string]*huma.Response{"101": {Description: "Switching to the WebSocket protocol"}}
	register(s, api, events, s.streamEvents)
}

// streamEvents upgrades to a WebSocket. What is wrong with the request is answered as a problem before that.
func (s *Server) streamEvents(ctx context.Context, in *streamInput) (*huma.StreamResponse, error) {
	if in.ConversationID != "" {
		if _, err := s.opts.Conversations.Conversation(ctx, conversation.ID(in.ConversationID)); err != nil {
			return nil, err
		}
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		r, w := humago.Unwrap(hctx)
		s.serveStream(w, r, in)
	}}, nil
}

func (s *Server) serveStream(w http.ResponseWriter, r *http.Request, in *streamInput) {
	if !s.streams.enter() {
		writeProblem(w, http.StatusServiceUnavailable, errStopping.Error())
		return
	}
	defer s.streams.leave()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: s.opts.Origins})
	if err != nil {
		s.log.Debug("websocket refused", "err", err)
		return
	}
	defer func() { _ = conn.CloseNow() }() // closed already, unless something below went wrong
	ctx, cancel := context.WithCancelCause(conn.CloseRead(context.WithoutCancel(r.Context())))
	defer cancel(nil)
	watched := make(chan struct{})
	go func() { // ends with ctx, which ends with this function; waited for below
		defer close(watched)
		s.watch(ctx, cancel, conn)
	}()
	last, err := s.pump(ctx, conn, in)
	code, reason := closing(ctx, err)
	_ = conn.Close(code, reason+"; "+in.resume(last)) // the client may be gone
	cancel(nil)
	<-watched
}

// watch pings the client and cancels the stream when it does not answer or the server stops.
func (s *Server) watch(ctx context.Context, cancel context.CancelCauseFunc, conn *websocket.Conn) {
	ticker := time.NewTicker(pingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.streams.closing:
			cancel(errStopping)
			return
		case <-ticker.C:
			if err := ping(ctx, conn); err != nil {
				cancel(fmt.Errorf("%w: %w", errSilent, err))
				return
			}
		}
	}
}

func ping(ctx context.Context, conn *websocket.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, pongTimeout)
	defer cancel()
	return conn.Ping(ctx)
}

// pump sends events until something ends and returns the last one that the client was offered.
func (s *Server) pump(ctx context.Context, conn *websocket.Conn, in *streamInput) (last conversation.Event, err error) {
	source, err := s.subscribe(ctx, in)
	if err != nil {
		return last, err
	}
	defer source.Close()
	for {
		e, err := source.Next(ctx)
		if err != nil {
			return last, err
		}
		if in.wants(e) {
			if err := send(ctx, conn, e); err != nil {
				return last, err
			}
		}
		last = e
	}
}

func (s *Server) subscribe(ctx context.Context, in *streamInput) (Subscription, error) {
	if in.ConversationID == "" {
		return s.opts.Feed.Subscribe(ctx, in.After)
	}
	return newConversationStream(ctx, s.opts, conversation.ID(in.ConversationID), in.AfterSeq)
}

// send writes one event. It does not end with ctx: that would break the connection in mid-message, and with it the
// close code.
func send(ctx context.Context, conn *websocket.Conn, e conversation.Event) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, data)
}

// closing chooses the close code for what ended a stream. A subscription ends by itself only when its reader was too slow.
func closing(ctx context.Context, err error) (websocket.StatusCode, string) {
	if errors.Is(context.Cause(ctx), errStopping) {
		return websocket.StatusGoingAway, "stopping"
	}
	if errors.Is(context.Cause(ctx), errSilent) {
		return websocket.StatusTryAgainLater, errSilent.Error()
	}
	if ctx.Err() != nil {
		return websocket.StatusNormalClosure, "bye"
	}
	if errors.Is(err, errGap) {
		return websocket.StatusTryAgainLater, "history incomplete"
	}
	return websocket.StatusTryAgainLater, "too slow"
}
