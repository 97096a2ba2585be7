package webhook_test

import (
	"context"
	"database/sql"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/jobs"
	"github.com/operatord/operatord/webhook"
)

const (
	first  conversation.ID = "1700000000000001"
	second conversation.ID = "1700000000000002"
)

// fixture is a sender on a running job queue.
type fixture struct {
	db     *sql.DB
	sender *webhook.Sender
}

func openDB(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "hooks.db")+
		"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_pragma=synchronous(NORMAL)&_txlock=immediate")
	require.NoError(t, err)
	db.SetMaxOpenConns(1) // as the daemon's writing connection
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, jobs.Migrate(t.Context(), db))
	require.NoError(t, webhook.Migrate(t.Context(), db))
	return db
}

// newFixture starts a sender with the given endpoints on db until the test ends or stop is called.
func newFixture(t *testing.T, db *sql.DB, options webhook.Options) (f *fixture, stop func()) {
	t.Helper()
	workers := river.NewWorkers()
	queue, err := jobs.New(jobs.Options{DB: db, Workers: workers, Queues: map[string]int{webhook.Queue: 8}, PollInterval: 20 * time.Millisecond})
	require.NoError(t, err)
	options.DB, options.Jobs = db, queue
	if options.Schedule == nil {
		options.Schedule = []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond}
	}
	sender, err := webhook.New(options)
	require.NoError(t, err)
	require.NoError(t, sender.Register(workers))
	require.NoError(t, queue.AddPeriodic(sender.Periodic()...))
	require.NoError(t, queue.Start(t.Context()))
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		require.NoError(t, queue.Stop(ctx))
		sender.Close()
	}
	t.Cleanup(stop)
	return &fixture{db: db, sender: sender}, stop
}

func (f *fixture) send(t *testing.T, id conversation.ID, seq int64, event conversation.EventType) {
	t.Helper()
	tx, err := f.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	ev := conversation.Event{ConversationID: id, Seq: seq, Type: event, At: time.Date(2026, 3, 4, 5, 6, 7, int(seq), time.UTC)}
	require.NoError(t, f.sender.Enqueue(t.Context(), tx, ev))
	require.NoError(t, tx.Commit())
}

// settled waits until n deliveries of a conversation are no longer pending and returns all of them.
func (f *fixture) settled(t *testing.T, id conversation.ID, n int) []webhook.Delivery {
	t.Helper()
	var deliveries []webhook.Delivery
	require.Eventually(t, func() bool {
		var err error
		deliveries, err = f.sender.Deliveries(t.Context(), id)
		require.NoError(t, err)
		count := 0
		for _, d := range deliveries {
			if d.State != webhook.Pending {
				count++
			}
		}
		return count >= n
	}, 20*time.Second, 10*time.Millisecond)
	return deliveries
}

func endpoint(name, url string) webhook.Endpoint {
	return webhook.Endpoint{Name: name, URL: url, Secrets: []string{secret}}
}

func TestReceiverThatFailsTwiceGetsTheEventsInOrder(t *testing.T) {
	receiver := newReceiver(t, func(ev conversation.Event, attempt int, w http.ResponseWriter) {
		if ev.Seq == 1 && attempt <= 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	registry := prometheus.NewRegistry()
	f, _ := newFixture(t, openDB(t), webhook.Options{Endpoints: []webhook.Endpoint{endpoint("crm", receiver.URL)}, Registerer: registry})
	for seq := range int64(4) {
		f.send(t, first, seq+1, conversation.EventTrackerMatched)
	}
	deliveries := f.settled(t, first, 4)
	require.Equal(t, []int64{1, 1, 1, 2, 3, 4}, receiver.seqs(first))
	require.Equal(t, 3, deliveries[0].Attempts)
	for _, d := range deliveries {
		require.Equal(t, webhook.Delivered, d.State)
		require.Equal(t, http.StatusOK, d.StatusCode)
		require.Empty(t, d.Error)
		require.Nil(t, d.NextAttemptAt)
		require.NotNil(t, d.SettledAt)
	}
	got := receiver.got()
	require.Equal(t, got[0].id, got[2].id, "the id is the same on every attempt")
	require.NotEqual(t, got[2].id, got[3].id)
	families, err := registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, 1)
}

func TestFailingConversationHoldsUpNoOther(t *testing.T) {
	receiver := newReceiver(t, func(ev conversation.Event, _ int, w http.ResponseWriter) {
		if ev.ConversationID == first {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	schedule := []time.Duration{time.Hour}
	f, _ := newFixture(t, openDB(t), webhook.Options{Endpoints: []webhook.Endpoint{endpoint("crm", receiver.URL)}, Schedule: schedule})
	f.send(t, first, 1, conversation.EventCompleted)
	f.send(t, first, 2, conversation.EventConversationAnalyzed)
	f.send(t, second, 1, conversation.EventCompleted)
	require.Equal(t, webhook.Delivered, f.settled(t, second, 1)[0].State)
	require.Eventually(t, func() bool {
		waiting, err := f.sender.Deliveries(t.Context(), first)
		require.NoError(t, err)
		return waiting[0].Attempts == 1
	}, 10*time.Second, 10*time.Millisecond)
	waiting, err := f.sender.Deliveries(t.Context(), first)
	require.NoError(t, err)
	require.Equal(t, webhook.Pending, waiting[0].State)
	require.Equal(t, "the endpoint answered 500 Internal Server Error", waiting[0].Error)
	require.WithinDuration(t, time.Now().Add(time.Hour), *waiting[0].NextAttemptAt, 10*time.Minute)
	require.Zero(t, waiting[1].Attempts, "a later event waits for the earlier one")
}

func TestDeliveryIsGivenUpAfterTheLastAttempt(t *testing.T) {
	receiver := newReceiver(t, func(ev conversation.Event, _ int, w http.ResponseWriter) {
		if ev.Seq == 1 {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	f, _ := newFixture(t, openDB(t), webhook.Options{Endpoints: []webhook.Endpoint{endpoint("crm", receiver.URL)}})
	f.send(t, first, 1, conversation.EventCompleted)
	f.send(t, first, 2, conversation.EventConversationAnalyzed)
	deliveries := f.settled(t, first, 2)
	require.Equal(t, webhook.GivenUp, deliveries[0].State)
	require.Equal(t, 4, deliveries[0].Attempts, "one more than the schedule has waits")
	require.Equal(t, webhook.Delivered, deliveries[1].State, "the next event goes out all the same")
	require.Equal(t, []int64{1, 1, 1, 1, 2}, receiver.seqs(first))
}

func TestAttemptsThatFail(t *testing.T) {
	target := newReceiver(t, accept)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, dead.Close())
	slow := newReceiver(t, func(_ conversation.Event, _ int, w http.ResponseWriter) {
		controller := http.NewResponseController(w.(*codeRecorder).ResponseWriter)
		_ = controller.SetWriteDeadline(time.Now().Add(time.Second))
		<-time.After(400 * time.Millisecond)
	})
	redirecting := newReceiver(t, func(_ conversation.Event, _ int, w http.ResponseWriter) {
		w.Header().Set("Location", target.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	tests := map[string]struct {
		url, problem string
		timeout      time.Duration
	}{
		"a slow receiver":    {slow.URL, "no answer within 100ms", 100 * time.Millisecond},
		"a dead receiver":    {"http://user:password@" + dead.Addr().String() + "/?token=hidden", "connection refused", 0},
		"a redirect":         {redirecting.URL, "the endpoint answered 307 Temporary Redirect", 0},
		"a host that is not": {"http://nowhere.invalid/", "nowhere.invalid", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, _ := newFixture(t, openDB(t), webhook.Options{
				Endpoints: []webhook.Endpoint{endpoint("crm", test.url)}, Schedule: []time.Duration{}, Timeout: test.timeout,
			})
			f.send(t, first, 1, conversation.EventCompleted)
			d := f.settled(t, first, 1)[0]
			require.Equal(t, webhook.GivenUp, d.State)
			require.Contains(t, d.Error, test.problem)
			require.NotContains(t, d.Error, "password")
			require.NotContains(t, d.Error, "hidden")
		})
	}
	require.Empty(t, target.got(), "a redirect is not followed")
}

func TestEndlessResponseIsNotReadToItsEnd(t *testing.T) {
	receiver := newReceiver(t, func(_ conversation.Event, _ int, w http.ResponseWriter) {
		for range 1 << 10 {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	})
	f, _ := newFixture(t, openDB(t), webhook.Options{Endpoints: []webhook.Endpoint{endpoint("crm", receiver.URL)}})
	f.send(t, first, 1, conversation.EventCompleted)
	require.Equal(t, webhook.Delivered, f.settled(t, first, 1)[0].State)
}

func TestGoneEndpointIsSentNothingMore(t *testing.T) {
	receiver := newReceiver(t, func(_ conversation.Event, _ int, w http.ResponseWriter) { w.WriteHeader(http.StatusGone) })
	f, _ := newFixture(t, openDB(t), webhook.Options{Endpoints: []webhook.Endpoint{endpoint("crm", receiver.URL)}})
	f.send(t, first, 1, conversation.EventCompleted)
	f.settled(t, first, 1)
	f.send(t, first, 2, conversation.EventConversationAnalyzed)
	deliveries := f.settled(t, first, 1)
	require.Len(t, deliveries, 1)
	require.Equal(t, webhook.GivenUp, deliveries[0].State)
	require.Len(t, receiver.got(), 1)
}

func TestEndpointsGetTheEventsTheyWant(t *testing.T) {
	matches, all := newReceiver(t, accept), newReceiver(t, accept)
	wanting := endpoint("matches", matches.URL)
	wanting.Events = []conversation.EventType{conversation.EventTrackerMatched}
	wanting.Secrets = []string{oldSecret, secret}
	f, _ := newFixture(t, openDB(t), webhook.Options{Endpoints: []webhook.Endpoint{wanting, endpoint("all", all.URL)}})
	f.send(t, first, 1, conversation.EventUtterancePartial)
	f.send(t, first, 2, conversation.EventUtteranceFinal)
	f.send(t, first, 3, conversation.EventTrackerMatched)
	f.settled(t, first, 3)
	require.Equal(t, []int64{3}, matches.seqs(first), "either secret of a rotation verifies")
	require.Equal(t, []int64{2, 3}, all.seqs(first), "no partial utterances unless asked for")
}

func TestMatchIsSentToTheEndpointThatItsTrackerNames(t *testing.T) {
	receivers := map[string]*receiver{"crm": newReceiver(t, accept), "wallboard": newReceiver(t, accept), "other": newReceiver(t, accept)}
	options := webhook.Options{}
	for name, r := range receivers {
		e := endpoint(name, r.URL)
		e.Events = []conversation.EventType{conversation.EventCompleted}
		if name == "wallboard" {
			e.Events = append(e.Events, conversation.EventTrackerMatched)
		}
		options.Endpoints = append(options.Endpoints, e)
	}
	f, _ := newFixture(t, openDB(t), options)
	ev := conversation.Event{ConversationID: first, Seq: 1, Type: conversation.EventTrackerMatched, At: time.Now(), Match: &conversation.Match{
		Tracker:   "Churn",
		Reactions: []conversation.Reaction{{Type: conversation.ReactionWebhook, Target: "crm"}, {Type: conversation.ReactionTag, Target: "other"}},
	}}
	tx, err := f.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, f.sender.Enqueue(t.Context(), tx, ev))
	require.NoError(t, tx.Commit())
	f.settled(t, first, 2)
	require.Equal(t, []int64{1}, receivers["crm"].seqs(first), "named, though it is not sent matches")
	require.Equal(t, []int64{1}, receivers["wallboard"].seqs(first), "sent all matches")
	require.Empty(t, receivers["other"].got())
}

func TestSameEventIsDeliveredOnce(t *testing.T) {
	receiver := newReceiver(t, accept)
	f, _ := newFixture(t, openDB(t), webhook.Options{Endpoints: []webhook.Endpoint{endpoint("crm", receiver.URL)}})
	f.send(t, first, 1, conversation.EventCompleted)
	f.send(t, first, 1, conversation.EventCompleted)
	f.settled(t, first, 1)
	f.send(t, first, 1, conversation.EventCompleted)
	f.send(t, first, 2, conversation.EventConversationAnalyzed)
	require.Len(t, f.settled(t, first, 2), 2)
	require.Equal(t, []int64{1, 2}, receiver.seqs(first))
}

func TestDeliveriesSurviveARestart(t *testing.T) {
	db := openDB(t)
	receiver := newReceiver(t, func(_ conversation.Event, attempt int, w http.ResponseWriter) {
		if attempt == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	options := webhook.Options{Endpoints: []webhook.Endpoint{endpoint("crm", receiver.URL)}, Schedule: []time.Duration{300 * time.Millisecond}}
	before, stop := newFixture(t, db, options)
	before.send(t, first, 1, conversation.EventCompleted)
	before.send(t, first, 2, conversation.EventConversationAnalyzed)
	require.Eventually(t, func() bool { return len(receiver.got()) > 0 }, 10*time.Second, 5*time.Millisecond)
	stop()
	after, _ := newFixture(t, db, options)
	after.settled(t, first, 2)
	require.Equal(t, []int64{1, 1, 2, 2}, receiver.seqs(first))
}

func TestDeliveriesToARemovedEndpointAreGivenUp(t *testing.T) {
	db := openDB(t)
	receiver := newReceiver(t, func(_ conversation.Event, _ int, w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) })
	before, stop := newFixture(t, db, webhook.Options{
		Endpoints: []webhook.Endpoint{endpoint("crm", receiver.URL)}, Schedule: []time.Duration{100 * time.Millisecond},
	})
	before.send(t, first, 1, conversation.EventCompleted)
	require.Eventually(t, func() bool { return len(receiver.got()) > 0 }, 10*time.Second, 5*time.Millisecond)
	stop()
	after, _ := newFixture(t, db, webhook.Options{})
	d := after.settled(t, first, 1)[0]
	require.Equal(t, webhook.GivenUp, d.State)
	require.Contains(t, []string{"the endpoint is no longer configured", "the endpoint answered 502 Bad Gateway"}, d.Error)
}

// TestManyConversationsAtOnce checks order and completeness while lanes are filled and drained at the same time.
func TestManyConversationsAtOnce(t *testing.T) {
	const conversations, events = 6, 10
	receiver := newReceiver(t, func(ev conversation.Event, attempt int, w http.ResponseWriter) {
		if ev.Seq%7 == 3 && attempt == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	f, _ := newFixture(t, openDB(t), webhook.Options{Endpoints: []webhook.Endpoint{endpoint("crm", receiver.URL)}, MaxInFlight: 3})
	var ids conversation.IDs
	names := make([]conversation.ID, conversations)
	for i := range names {
		names[i] = ids.Next(time.UnixMicro(1_700_000_000_000_000))
	}
	for seq := range int64(events) {
		for _, id := range names {
			f.send(t, id, seq+1, conversation.EventUtteranceFinal)
		}
	}
	for _, id := range names {
		for _, d := range f.settled(t, id, events) {
			require.Equal(t, webhook.Delivered, d.State)
		}
		require.Equal(t, []int64{1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 10}, receiver.seqs(id))
	}
	require.Eventually(t, func() bool {
		var open int
		query := `SELECT count(*) FROM river_job WHERE kind = 'webhook_lane' AND state <> 'completed'`
		require.NoError(t, f.db.QueryRowContext(t.Context(), query).Scan(&open))
		return open == 0
	}, 10*time.Second, 20*time.Millisecond, "an empty lane has no job")
}

func TestOldDeliveriesAreRemoved(t *testing.T) {
	db := openDB(t)
	receiver := newReceiver(t, accept)
	options := webhook.Options{Endpoints: []webhook.Endpoint{endpoint("crm", receiver.URL)}}
	f, stop := newFixture(t, db, options)
	f.send(t, first, 1, conversation.EventCompleted)
	f.settled(t, first, 1)
	stop()
	options.Keep = time.Nanosecond
	f, _ = newFixture(t, db, options)
	require.Eventually(t, func() bool {
		deliveries, err := f.sender.Deliveries(t.Context(), first)
		require.NoError(t, err)
		return len(deliveries) == 0
	}, 20*time.Second, 20*time.Millisecond)
}

func TestNewRefusesBadEndpoints(t *testing.T) {
	db := openDB(t)
	queue, err := jobs.New(jobs.Options{DB: db, Workers: river.NewWorkers()})
	require.NoError(t, err)
	good := endpoint("crm", "https://example.com/hook")
	tests := map[string]struct {
		endpoints []webhook.Endpoint
		problem   string
	}{
		"no name":           {[]webhook.Endpoint{endpoint("", good.URL)}, "no name"},
		"the same twice":    {[]webhook.Endpoint{good, good}, "used twice"},
		"no host":           {[]webhook.Endpoint{endpoint("crm", "https:///x")}, "url"},
		"another scheme":    {[]webhook.Endpoint{endpoint("crm", "ftp://example.com")}, "url"},
		"no secret":         {[]webhook.Endpoint{{Name: "crm", URL: good.URL}}, "no secret"},
		"short secret":      {[]webhook.Endpoint{{Name: "crm", URL: good.URL, Secrets: []string{"whsec_c2hvcnQ="}}}, "shorter"},
		"secret not base64": {[]webhook.Endpoint{{Name: "crm", URL: good.URL, Secrets: []string{"whsec_****************************"}}}, "base64"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := webhook.New(webhook.Options{DB: db, Jobs: queue, Endpoints: test.endpoints})
			require.ErrorContains(t, err, test.problem)
			require.NotContains(t, err.Error(), "c2hvcnQ")
		})
	}
	_, err = webhook.New(webhook.Options{})
	require.ErrorContains(t, err, "required")
}

func TestMigrateIsIdempotent(t *testing.T) {
	require.NoError(t, webhook.Migrate(t.Context(), openDB(t)))
}
