package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/api/apitest"
	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

var noon = time.Date(2025, 11, 21, 12, 0, 0, 0, time.UTC)

// id returns the nth identity of a test.
func id(n int) conversation.ID { return conversation.ID(fmt.Sprintf("%016d", 1763726400000000+n)) }

// talk returns a finished inbound conversation.
func talk(n int, from string) conversation.Conversation {
	c := conversation.New(id(n), conversation.Inbound, conversation.ChannelSIP, from, "+15550100", noon.Add(time.Duration(n)*time.Minute))
	if err := errors.Join(c.Answer(c.CreatedAt.Add(time.Second)),
		c.Finish(conversation.End{Status: conversation.Completed, By: conversation.PartyRemote, Cause: conversation.CauseNormal},
			c.CreatedAt.Add(time.Minute))); err != nil {
		panic(err)
	}
	return c
}

func publish(d *apitest.Daemon, c conversation.Conversation) conversation.Event {
	return d.Publish(apitest.StatusEvent(c, c.CreatedAt))
}

// serve runs the API over d and returns its address.
func serve(t *testing.T, d *apitest.Daemon, change ...func(*api.Options)) string {
	t.Helper()
	opts := api.Options{Version: "1.2.3", Conversations: d, Feed: d, Caller: d, Trackers: d.Trackers, Schedules: d, Health: d, Recordings: t.TempDir()}
	for _, f := range change {
		f(&opts)
	}
	s, err := api.New(opts)
	require.NoError(t, err)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		require.NoError(t, s.Stop(ctx))
		server.Close()
	})
	return server.URL
}

// newServer serves a handler until the test ends and returns its address.
func newServer(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// answer is a response that was read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) decode(t *testing.T, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(a.body), into), a.body)
}

// requireProblem asserts that a is a problem of the given status whose detail holds a text.
func (a answer) requireProblem(t *testing.T, status int, detail string) {
	t.Helper()
	require.Equal(t, status, a.status, a.body)
	require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
	var p huma.ErrorModel
	a.decode(t, &p)
	require.Equal(t, status, p.Status)
	require.Contains(t, a.body, detail)
}

func do(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	data, err := io.ReadAll(res.Body)
	require.NoError(t, errors.Join(err, res.Body.Close()))
	return answer{status: res.StatusCode, header: res.Header, body: string(data)}
}

func get(t *testing.T, url string, headers ...string) answer {
	t.Helper()
	return do(t, http.MethodGet, url, "", headers...)
}

func TestNewNeedsItsParts(t *testing.T) {
	_, err := api.New(api.Options{})
	require.ErrorContains(t, err, "required")
}

func TestListConversations(t *testing.T) {
	d := apitest.New()
	for n := range 5 {
		publish(d, talk(n, fmt.Sprintf("+4420%d", n)))
	}
	queued := conversation.New(id(9), conversation.Outbound, conversation.ChannelWebRTC, "me", "you", noon)
	publish(d, queued)
	for _, tracker := range []string{"Refund", "Escalation", "Refund"} {
		d.Publish(conversation.Event{
			ConversationID: id(3), Type: conversation.EventTrackerMatched,
			Match: &conversation.Match{ConversationID: id(3), Tracker: tracker},
		})
	}
	url := serve(t, d) + "/api/v1/conversations"

	for name, test := range map[string]struct {
		query string
		want  []conversation.ID
	}{
		"newest first":      {"", []conversation.ID{id(9), id(4), id(3), id(2), id(1), id(0)}},
		"one status":        {"?status=queued", []conversation.ID{id(9)}},
		"several statuses":  {"?status=queued,completed&limit=2", []conversation.ID{id(9), id(4)}},
		"direction":         {"?direction=outbound", []conversation.ID{id(9)}},
		"channel":           {"?channel=webrtc", []conversation.ID{id(9)}},
		"from":              {"?from=%2B44203", []conversation.ID{id(3)}},
		"to":                {"?to=you", []conversation.ID{id(9)}},
		"tracker":           {"?tracker=Refund", []conversation.ID{id(3)}},
		"since and until":   {"?since=2025-11-21T12:02:00Z&until=2025-11-21T12:03:00Z", []conversation.ID{id(2)}},
		"nothing is a list": {"?q=unsaid", []conversation.ID{}},
	} {
		t.Run(name, func(t *testing.T) {
			res := get(t, url+test.query)
			require.Equal(t, http.StatusOK, res.status, res.body)
			var page struct{ Items []api.Listed }
			res.decode(t, &page)
			got := []conversation.ID{}
			for _, c := range page.Items {
				got = append(got, c.ID)
			}
			require.Equal(t, test.want, got)
			require.NotContains(t, res.body, "null")
		})
	}

	t.Run("trackers are counted and ranked", func(t *testing.T) {
		var page struct{ Items []api.Listed }
		get(t, url+"?tracker=Refund").decode(t, &page)
		require.Equal(t, []api.TrackerCount{{Tracker: "Refund", Count: 2}, {Tracker: "Escalation", Count: 1}}, page.Items[0].Trackers)
	})
	t.Run("pages follow each other", func(t *testing.T) {
		var ids []conversation.ID
		cursor := ""
		for range 10 {
			var page struct {
				Items      []api.Listed
				NextCursor string `json:"next_cursor"`
			}
			get(t, url+"?limit=2"+cursor).decode(t, &page)
			for _, c := range page.Items {
				ids = append(ids, c.ID)
			}
			if page.NextCursor == "" {
				break
			}
			cursor = "&cursor=" + page.NextCursor
		}
		require.Equal(t, []conversation.ID{id(9), id(4), id(3), id(2), id(1), id(0)}, ids)
	})
	for name, query := range map[string]string{
		"unknown status": "?status=asleep", "unknown direction": "?direction=up", "limit too small": "?limit=0",
		"limit too large": "?limit=100000", "limit not a number": "?limit=ten", "bad time": "?since=yesterday",
		"times the wrong way round": "?since=2025-11-22T00:00:00Z&until=2025-11-21T00:00:00Z", "cursor of nobody": "?cursor=x",
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			get(t, url+query).requireProblem(t, http.StatusUnprocessableEntity, "")
		})
	}
}

func TestOneConversation(t *testing.T) {
	d := apitest.New()
	publish(d, talk(1, "+15550101"))
	for seq, text := range []string{"hello", "goodbye"} {
		d.Publish(conversation.Event{
			ConversationID: id(1), Type: conversation.EventUtteranceFinal,
			Utterance: &conversation.Utterance{ID: id(100 + seq), ConversationID: id(1), Role: conversation.RoleCaller, Text: text, Final: true},
		})
	}
	d.Publish(conversation.Event{
		ConversationID: id(1), Type: conversation.EventTrackerMatched,
		Match: &conversation.Match{ID: id(200), ConversationID: id(1), Tracker: "Greeting", Text: "hello"},
	})
	base := serve(t, d) + "/api/v1/conversations/"
	url := base + string(id(1))

	t.Run("itself", func(t *testing.T) {
		var c conversation.Conversation
		get(t, url).decode(t, &c)
		require.Equal(t, talk(1, "+15550101"), c)
	})
	t.Run("utterances", func(t *testing.T) {
		var l struct{ Items []conversation.Utterance }
		get(t, url+"/utterances").decode(t, &l)
		require.Len(t, l.Items, 2)
		require.Equal(t, "hello", l.Items[0].Text)
	})
	t.Run("matches", func(t *testing.T) {
		var l struct{ Items []conversation.Match }
		get(t, url+"/matches").decode(t, &l)
		require.Len(t, l.Items, 1)
	})
	t.Run("events behind a number", func(t *testing.T) {
		var l struct{ Items []conversation.Event }
		get(t, url+"/events?after=1&limit=2").decode(t, &l)
		require.Len(t, l.Items, 2)
		require.EqualValues(t, 2, l.Items[0].Seq)
	})
	t.Run("events of some types", func(t *testing.T) {
		var l struct{ Items []conversation.Event }
		get(t, url+"/events?types=tracker.matched,conversation.completed").decode(t, &l)
		require.Len(t, l.Items, 2)
		require.Equal(t, conversation.EventTrackerMatched, l.Items[1].Type)
	})
	for _, part := range []string{"", "/utterances", "/matches", "/events", "/recording"} {
		t.Run("unknown"+part, func(t *testing.T) {
			get(t, base+string(id(77))+part).requireProblem(t, http.StatusNotFound, "not found")
		})
		t.Run("garbage"+part, func(t *testing.T) {
			get(t, base+"..%2f..%2fetc"+part).requireProblem(t, http.StatusUnprocessableEntity, "pattern")
		})
	}
}

func TestPlaceAndEndCalls(t *testing.T) {
	d := apitest.New()
	var asked api.CallRequest
	var ended conversation.ID
	d.OnCall = func(r api.CallRequest) (conversation.Conversation, error) {
		asked = r
		if r.Trunk == "none" {
			return conversation.Conversation{}, fmt.Errorf("%w trunk %q: no such trunk", conversation.ErrInvalid, r.Trunk)
		}
		return conversation.New(id(1), conversation.Outbound, conversation.ChannelSIP, r.From, r.To, noon), nil
	}
	d.OnHangup = func(id conversation.ID) error { ended = id; return nil }
	publish(d, conversation.New(id(5), conversation.Inbound, conversation.ChannelSIP, "a", "b", noon))
	publish(d, talk(6, "a"))
	url := serve(t, d) + "/api/v1"

	res := do(t, http.MethodPost, url+"/calls", `{"to":"sip:bob@192.0.2.1","profile":"survey","refs":{"campaign":"7"}}`)
	require.Equal(t, http.StatusAccepted, res.status, res.body)
	require.Equal(t, api.CallRequest{To: "sip:bob@192.0.2.1", Profile: "survey", Refs: map[string]string{"campaign": "7"}}, asked)
	var c conversation.Conversation
	res.decode(t, &c)
	require.Equal(t, conversation.Queued, c.Status)

	do(t, http.MethodPost, url+"/calls", `{"to":"bob","trunk":"none"}`).requireProblem(t, http.StatusUnprocessableEntity, "no such trunk")
	do(t, http.MethodPost, url+"/calls", `{}`).requireProblem(t, http.StatusUnprocessableEntity, "to")
	do(t, http.MethodPost, url+"/calls", `{"to":"bob","extra":1}`).requireProblem(t, http.StatusUnprocessableEntity, "unexpected property")
	do(t, http.MethodPost, url+"/calls", `{"to":`).requireProblem(t, http.StatusBadRequest, "")
	do(t, http.MethodPost, url+"/calls", `{"to":"`+strings.Repeat("9", 100_000)+`"}`).
		requireProblem(t, http.StatusRequestEntityTooLarge, "")
	do(t, http.MethodPost, url+"/calls", `{"to":"bob"}`, "Origin", "http://evil.example").
		requireProblem(t, http.StatusForbidden, "other sites")

	require.Equal(t, http.StatusAccepted, do(t, http.MethodPost, url+"/conversations/"+string(id(5))+"/hangup", "").status)
	require.Equal(t, id(5), ended)
	do(t, http.MethodPost, url+"/conversations/"+string(id(6))+"/hangup", "").requireProblem(t, http.StatusConflict, "ended")
	do(t, http.MethodPost, url+"/conversations/"+string(id(7))+"/hangup", "").requireProblem(t, http.StatusNotFound, "")
}

func TestErrorsAreMappedOnce(t *testing.T) {
	for want, err := range map[int]error{
		http.StatusInternalServerError: errors.New("secret detail"),
		http.StatusServiceUnavailable:  fmt.Errorf("%w: at the limit", conversation.ErrUnavailable),
		http.StatusConflict:            fmt.Errorf("call: %w", conversation.ErrConflict),
		http.StatusGatewayTimeout:      context.DeadlineExceeded,
	} {
		d := apitest.New()
		d.OnCall = func(api.CallRequest) (conversation.Conversation, error) { return conversation.Conversation{}, err }
		res := do(t, http.MethodPost, serve(t, d)+"/api/v1/calls", `{"to":"bob"}`)
		res.requireProblem(t, want, "")
		require.NotContains(t, res.body, "secret")
		require.Equal(t, want == http.StatusServiceUnavailable, res.header.Get("Retry-After") != "")
	}
}

func TestTrackersAndSchedules(t *testing.T) {
	d := apitest.New()
	d.SetTrackers([]tracking.Tracker{{ID: id(1), Name: "Refund", Vocabulary: []string{"money back"}, Enabled: true}})
	d.SetSchedules([]api.Schedule{{Name: "nightly", Cron: "0 3 * * *", To: "sip:bob@192.0.2.1"}})
	url := serve(t, d) + "/api/v1"
	require.Contains(t, get(t, url+"/trackers").body, "money back")
	require.Contains(t, get(t, url+"/trackers/"+string(id(1))).body, "Refund")
	get(t, url+"/trackers/"+string(id(2))).requireProblem(t, http.StatusNotFound, "not found")
	require.Contains(t, get(t, url+"/schedules").body, "nightly")

	bare := serve(t, d, func(o *api.Options) { o.Trackers, o.Schedules, o.Caller = nil, nil, nil }) + "/api/v1"
	get(t, bare+"/trackers").requireProblem(t, http.StatusServiceUnavailable, "not configured")
	do(t, http.MethodPost, bare+"/calls", `{"to":"bob"}`).requireProblem(t, http.StatusServiceUnavailable, "not configured")
	require.JSONEq(t, `{"items":[]}`, get(t, bare+"/schedules").body)
}

func TestHealth(t *testing.T) {
	d := apitest.New()
	url := serve(t, d)
	require.Equal(t, http.StatusOK, get(t, url+"/healthz").status)
	require.Equal(t, http.StatusOK, get(t, url+"/readyz").status)

	d.SetSystem(api.System{State: api.StateDegraded, Problems: []api.Problem{{Part: "asr", Message: "no model"}}})
	res := get(t, url+"/readyz")
	require.Equal(t, http.StatusServiceUnavailable, res.status)
	require.JSONEq(t, `{"state":"degraded","problems":[{"part":"asr","message":"no model"}]}`, res.body)
	require.Equal(t, http.StatusOK, get(t, url+"/healthz").status)

	var sys api.System
	get(t, url+"/api/v1/system").decode(t, &sys)
	require.Equal(t, api.StateDegraded, sys.State)
}

func TestRecording(t *testing.T) {
	folder := t.TempDir()
	secret := filepath.Join(filepath.Dir(folder), "secret.wav")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a.wav"), []byte("RIFF0123456789"), 0o600))
	require.NoError(t, os.Symlink(secret, filepath.Join(folder, "link.wav")))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "folder"), 0o700))
	d := apitest.New()
	recorded := func(n int, file string) {
		c := talk(n, "a")
		c.Recording = &conversation.Recording{File: file, SampleRate: 16000}
		publish(d, c)
	}
	recorded(1, "a.wav")
	recorded(2, "gone.wav")
	recorded(3, "../secret.wav")
	recorded(4, "link.wav")
	recorded(5, "folder")
	publish(d, talk(6, "a"))
	publish(d, conversation.New(id(7), conversation.Inbound, conversation.ChannelSIP, "a", "b", noon))
	url := serve(t, d, func(o *api.Options) { o.Recordings = folder }) + "/api/v1/conversations/"
	of := func(n int) string { return url + string(id(n)) + "/recording" }

	t.Run("whole", func(t *testing.T) {
		res := get(t, of(1))
		require.Equal(t, http.StatusOK, res.status)
		require.Equal(t, "audio/wav", res.header.Get("Content-Type"))
		require.Equal(t, "bytes", res.header.Get("Accept-Ranges"))
		require.Equal(t, "RIFF0123456789", res.body)
	})
	t.Run("range", func(t *testing.T) {
		res := get(t, of(1), "Range", "bytes=4-7")
		require.Equal(t, http.StatusPartialContent, res.status)
		require.Equal(t, "0123", res.body)
		require.Equal(t, "bytes 4-7/14", res.header.Get("Content-Range"))
	})
	t.Run("range beyond the end", func(t *testing.T) {
		require.Equal(t, http.StatusRequestedRangeNotSatisfiable, get(t, of(1), "Range", "bytes=99-").status)
	})
	t.Run("head", func(t *testing.T) {
		res := do(t, http.MethodHead, of(1), "")
		require.Equal(t, http.StatusOK, res.status)
		require.Equal(t, "14", res.header.Get("Content-Length"))
	})
	t.Run("reasons for having none", func(t *testing.T) {
		get(t, of(2)).requireProblem(t, http.StatusNotFound, "no longer there")
		get(t, of(6)).requireProblem(t, http.StatusNotFound, "not recorded")
		get(t, of(7)).requireProblem(t, http.StatusNotFound, "still running")
	})
	t.Run("nothing outside of the folder is served", func(t *testing.T) {
		for _, n := range []int{3, 4, 5} {
			res := get(t, of(n))
			require.GreaterOrEqual(t, res.status, 400)
			require.NotContains(t, res.body, "secret")
		}
	})
}

func TestToken(t *testing.T) {
	d := apitest.New()
	called := 0
	url := serve(t, d, func(o *api.Options) {
		o.Token = "s3cret"
		o.WHIP = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called++ })
	})
	for _, path := range []string{"/api/v1/conversations", "/api/v1/system", "/api/v1/events", "/api/nothing", "/whip/"} {
		get(t, url+path).requireProblem(t, http.StatusUnauthorized, "token")
		get(t, url+path, "Authorization", "Bearer wrong").requireProblem(t, http.StatusUnauthorized, "token")
		get(t, url+path, "Authorization", "s3cret").requireProblem(t, http.StatusUnauthorized, "token")
		get(t, url+path+"?access_token=s3cre").requireProblem(t, http.StatusUnauthorized, "token")
	}
	require.Zero(t, called)
	require.Equal(t, http.StatusOK, get(t, url+"/api/v1/system", "Authorization", "Bearer s3cret").status)
	require.Equal(t, http.StatusOK, get(t, url+"/api/v1/system?access_token=s3cret").status)
	require.Equal(t, http.StatusOK, get(t, url+"/whip/", "Authorization", "Bearer s3cret").status)
	require.Equal(t, http.StatusOK, get(t, url+"/healthz").status)
	require.Equal(t, 1, called)
}

func TestRoutes(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page "+r.URL.Path) })
	url := serve(t, apitest.New(), func(o *api.Options) {
		o.UI, o.Metrics = page, page
		o.WHIP = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })
	})
	t.Run("user interface and metrics", func(t *testing.T) {
		require.Equal(t, "page /calls/1", get(t, url+"/calls/1").body)
		require.Equal(t, "page /metrics", get(t, url+"/metrics").body)
	})
	t.Run("unknown resources and methods are problems", func(t *testing.T) {
		get(t, url+"/api/v2/nothing").requireProblem(t, http.StatusNotFound, "no such resource")
		res := do(t, http.MethodDelete, url+"/api/v1/conversations", "")
		res.requireProblem(t, http.StatusMethodNotAllowed, "GET")
		require.Contains(t, res.header.Get("Allow"), "GET")
	})
	t.Run("a panic is an internal error", func(t *testing.T) {
		do(t, http.MethodPost, url+"/whip/", "v=0").requireProblem(t, http.StatusInternalServerError, "internal error")
	})
	t.Run("OpenAPI document", func(t *testing.T) {
		var doc struct {
			OpenAPI string
			Paths   map[string]any
		}
		get(t, url+"/openapi.json").decode(t, &doc)
		require.Equal(t, "3.1.0", doc.OpenAPI)
		for _, path := range []string{"/conversations", "/conversations/{id}", "/conversations/{id}/recording", "/calls", "/events", "/system"} {
			require.Contains(t, doc.Paths, "/api/v1"+path)
		}
		require.Contains(t, get(t, url+"/openapi.yaml").body, "openapi: 3.1.0")
	})
	t.Run("documentation loads nothing from elsewhere", func(t *testing.T) {
		res := get(t, url+"/docs")
		require.Contains(t, res.body, "/api/v1/conversations/{id}/utterances")
		require.NotContains(t, res.body, "https://")
		require.NotContains(t, res.body, "<script")
	})
}

func FuzzListQuery(f *testing.F) {
	for _, seed := range []string{
		"", "status=queued&limit=1", "status=,,&limit=-1", "since=2025-01-01T00:00:00Z&until=9999-99-99", "q=%00%ff", "cursor=%F0%9F", "a;b&&=",
		"limit=999999999999999999999", "status=queued,queued,queued,queued,queued,queued,queued,queued", "tracker=%zz",
	} {
		f.Add(seed)
	}
	d := apitest.New()
	publish(d, talk(1, "a"))
	s, err := api.New(api.Options{Conversations: d, Feed: d, Health: d})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/api/v1/conversations", "/api/v1/conversations/" + string(id(1)) + "/events", "/api/v1/events"} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.URL.RawQuery = query
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			require.Less(t, w.Code, 500, "%s?%s: %s", path, query, w.Body)
		}
	})
}
