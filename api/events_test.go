package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/api/apitest"
	"github.com/operatord/operatord/conversation"
)

// follow opens the event stream.
func follow(t *testing.T, url, query string) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	conn, res, err := websocket.Dial(ctx, url+"/api/v1/events"+query, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

// refused opens the event stream where that must fail and returns the status.
func refused(t *testing.T, url, query string, header http.Header) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, res, err := websocket.Dial(ctx, url+"/api/v1/events"+query, &websocket.DialOptions{HTTPHeader: header})
	require.Error(t, err)
	require.NotNil(t, res)
	return res.StatusCode
}

func next(t *testing.T, conn *websocket.Conn) conversation.Event {
	t.Helper()
	e, err := read(t, conn)
	require.NoError(t, err)
	return e
}

func read(t *testing.T, conn *websocket.Conn) (e conversation.Event, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, data, err := conn.Read(ctx)
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(data, &e)
}

// subscribed waits until n clients follow d.
func subscribed(t *testing.T, d *apitest.Daemon, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return d.Subscribers() == n }, 5*time.Second, time.Millisecond)
}

// say returns an utterance event of a conversation.
func say(n int, text string) conversation.Event {
	return conversation.Event{
		ConversationID: id(n), Type: conversation.EventUtteranceFinal,
		Utterance: &conversation.Utterance{ConversationID: id(n), Text: text, Final: true},
	}
}

func TestStreamSendsOnlyNewEventsByDefault(t *testing.T) {
	d := apitest.New()
	publish(d, talk(1, "a"))
	conn := follow(t, serve(t, d), "")
	subscribed(t, d, 1)
	sent := d.Publish(say(1, "hello"))
	require.Equal(t, sent, next(t, conn))
}

func TestStreamResumesWithoutGapOrDuplicate(t *testing.T) {
	d := apitest.New()
	url := serve(t, d)
	for range 50 {
		d.Publish(say(1, "before"))
	}
	done := make(chan struct{})
	go func() { // ends by itself; waited for below
		defer close(done)
		for range 500 {
			d.Publish(say(1, "meanwhile"))
		}
	}()
	after, conn := int64(0), follow(t, url, "?after=0")
	for i := range 550 {
		if i%97 == 96 { // the connection breaks now and then
			require.NoError(t, conn.CloseNow())
			conn = follow(t, url, "?after="+jsonOf(t, after))
		}
		e := next(t, conn)
		require.Equal(t, after+1, e.Position)
		after = e.Position
	}
	<-done
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}

func TestStreamFiltersTypes(t *testing.T) {
	d := apitest.New()
	publish(d, talk(1, "a"))
	d.Publish(say(1, "hello"))
	publish(d, talk(1, "a"))
	conn := follow(t, serve(t, d), "?after=0&types=utterance.final,tracker.matched")
	require.Equal(t, conversation.EventUtteranceFinal, next(t, conn).Type)
	d.Publish(say(1, "again"))
	require.Equal(t, "again", next(t, conn).Utterance.Text)
}

func TestStreamOfOneConversation(t *testing.T) {
	d := apitest.New()
	url := serve(t, d)
	publish(d, talk(1, "a"))
	publish(d, talk(2, "b"))
	d.Publish(say(1, "one"))
	d.Publish(say(2, "other"))

	t.Run("has its history first, then lives", func(t *testing.T) {
		conn := follow(t, url, "?conversation_id="+string(id(1)))
		require.EqualValues(t, 1, next(t, conn).Seq)
		require.EqualValues(t, 2, next(t, conn).Seq)
		d.Publish(say(2, "other"))
		d.Publish(say(1, "two"))
		require.Equal(t, "two", next(t, conn).Utterance.Text)
	})
	t.Run("resumes behind a number", func(t *testing.T) {
		conn := follow(t, url, "?after_seq=2&conversation_id="+string(id(1)))
		require.EqualValues(t, 3, next(t, conn).Seq)
	})
	t.Run("gets what is published before and stored after it read the history", func(t *testing.T) {
		publish(d, talk(3, "c"))
		late := d.Number(say(3, "late")) // was delivered before the client came
		conn := follow(t, url, "?conversation_id="+string(id(3)))
		require.EqualValues(t, 1, next(t, conn).Seq)
		d.Store(late)
		require.Equal(t, "late", next(t, conn).Utterance.Text)
	})
	t.Run("waits for the store to fill a step in the numbers", func(t *testing.T) {
		publish(d, talk(4, "d"))
		conn := follow(t, url, "?conversation_id="+string(id(4)))
		require.EqualValues(t, 1, next(t, conn).Seq)
		skipped, live := d.Number(say(4, "skipped")), d.Number(say(4, "live"))
		d.Deliver(live)
		d.Store(skipped)
		require.Equal(t, "skipped", next(t, conn).Utterance.Text)
		require.Equal(t, "live", next(t, conn).Utterance.Text)
	})
	t.Run("must exist", func(t *testing.T) {
		require.Equal(t, http.StatusNotFound, refused(t, url, "?conversation_id="+string(id(99)), nil))
	})
}

func TestSlowClientIsToldHowToResume(t *testing.T) {
	d := apitest.New()
	d.Buffer = 1
	conn := follow(t, serve(t, d), "?after=0")
	conn.SetReadLimit(1 << 24)
	subscribed(t, d, 1)
	for d.Subscribers() == 1 { // until the client is cut off
		d.Publish(say(1, strings.Repeat("blah ", 2000)))
	}
	var last int64
	for {
		e, err := read(t, conn)
		if err != nil {
			closed, ok := errors.AsType[websocket.CloseError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, websocket.StatusTryAgainLater, closed.Code)
			require.Equal(t, "too slow; resume with after="+jsonOf(t, last), closed.Reason)
			return
		}
		last = e.Position
	}
}

func TestStreamRefusals(t *testing.T) {
	url := serve(t, apitest.New(), func(o *api.Options) { o.Token = "s3cret" })
	for query, want := range map[string]int{
		"":                              http.StatusUnauthorized,
		"?access_token=wrong":           http.StatusUnauthorized,
		"?access_token=s3cret&after=x":  http.StatusUnprocessableEntity,
		"?access_token=s3cret&after=-7": http.StatusUnprocessableEntity,
	} {
		require.Equal(t, want, refused(t, url, query, nil), query)
	}
	require.Equal(t, http.StatusForbidden, refused(t, url, "?access_token=s3cret", http.Header{"Origin": {"http://evil.example"}}))
	res := get(t, url+"/api/v1/events?access_token=s3cret")
	require.Equal(t, http.StatusUpgradeRequired, res.status)
	_ = follow(t, url, "?access_token=s3cret")
}

func TestStopClosesStreams(t *testing.T) {
	d := apitest.New()
	s, err := api.New(api.Options{Conversations: d, Feed: d, Health: d})
	require.NoError(t, err)
	server := newServer(t, s.Handler())
	conn := follow(t, server, "?after=0")
	d.Publish(say(1, "hello"))
	require.EqualValues(t, 1, next(t, conn).Position)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(t.Context()) }() // waited for below
	_, err = read(t, conn)
	require.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(err))
	require.ErrorContains(t, err, "after=1")
	require.NoError(t, <-stopped)
	require.NoError(t, s.Stop(t.Context()), "a second time")
	require.Equal(t, http.StatusServiceUnavailable, refused(t, server, "", nil))
}
