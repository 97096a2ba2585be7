package postcall_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/jobs"
	"github.com/operatord/operatord/postcall"
	"github.com/operatord/operatord/postcall/sentiment"
)

const id conversation.ID = "1700000000000001"

// memory is a Source and a Sink. What it returns is set before the jobs start.
type memory struct {
	conversation conversation.Conversation
	utterances   []conversation.Utterance
	matches      []conversation.Match
	readErr      error
	saveErrs     chan error                 // one per save; an empty channel means success
	saved        chan conversation.Analysis // capacity for every save of a test
}

func newMemory(c conversation.Conversation) *memory {
	return &memory{conversation: c, saveErrs: make(chan error, 8), saved: make(chan conversation.Analysis, 8)}
}

func (m *memory) Conversation(context.Context, conversation.ID) (conversation.Conversation, error) {
	return m.conversation, m.readErr
}

func (m *memory) Utterances(context.Context, conversation.ID) ([]conversation.Utterance, error) {
	return m.utterances, nil
}

func (m *memory) Matches(context.Context, conversation.ID) ([]conversation.Match, error) {
	return m.matches, nil
}

func (m *memory) SaveAnalysis(_ context.Context, _ conversation.ID, analysis conversation.Analysis) error {
	select {
	case err := <-m.saveErrs:
		return err
	default:
		m.saved <- analysis
		return nil
	}
}

func ended(t *testing.T) conversation.Conversation {
	t.Helper()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	c := conversation.New(id, conversation.Inbound, conversation.ChannelSIP, "1001", "100", at)
	require.NoError(t, c.Answer(at.Add(time.Second)))
	end := conversation.End{Status: conversation.Completed, By: conversation.PartyRemote, Cause: conversation.CauseNormal}
	require.NoError(t, c.Finish(end, at.Add(54*time.Second)))
	return c
}

// fixture is an analyzer on a running job queue.
type fixture struct {
	db       *sql.DB
	analyzer *postcall.Analyzer
}

func newFixture(t *testing.T, m *memory) *fixture {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "jobs.db")+
		"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	require.NoError(t, err)
	db.SetMaxOpenConns(1) // as the daemon's writing connection
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, jobs.Migrate(t.Context(), db))
	workers := river.NewWorkers()
	queue, err := jobs.New(jobs.Options{DB: db, Workers: workers, Queues: map[string]int{postcall.Queue: 2}})
	require.NoError(t, err)
	analyzer := newAnalyzer(t, m, queue)
	require.NoError(t, analyzer.Register(workers))
	require.NoError(t, queue.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		require.NoError(t, queue.Stop(ctx))
	})
	return &fixture{db: db, analyzer: analyzer}
}

func newAnalyzer(t *testing.T, m *memory, inserter postcall.Inserter) *postcall.Analyzer {
	t.Helper()
	judge, err := sentiment.New(sentiment.Options{})
	require.NoError(t, err)
	analyzer, err := postcall.New(postcall.Options{Source: m, Sink: m, Sentiment: judge, Jobs: inserter})
	require.NoError(t, err)
	return analyzer
}

func (f *fixture) enqueue(t *testing.T, event conversation.EventType) {
	t.Helper()
	tx, err := f.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, f.analyzer.Enqueue(t.Context(), tx, conversation.Event{ConversationID: id, Type: event}))
	require.NoError(t, tx.Commit())
}

func (f *fixture) jobState(t *testing.T) (state string, count int) {
	t.Helper()
	err := f.db.QueryRowContext(t.Context(), `SELECT state, count(*) FROM river_job`).Scan(&state, &count)
	require.NoError(t, err)
	return state, count
}

func receive(t *testing.T, from <-chan conversation.Analysis) conversation.Analysis {
	t.Helper()
	select {
	case analysis := <-from:
		return analysis
	case <-time.After(10 * time.Second):
		require.FailNow(t, "no analysis came")
	}
	panic("unreachable")
}

func TestEndedConversationIsAnalyzedOnce(t *testing.T) {
	m := newMemory(ended(t))
	m.utterances = []conversation.Utterance{
		{Role: conversation.RoleCaller, Final: true, StartMS: 4000, EndMS: 6000, Text: "You are terrible. I am furious about this."},
		{Role: conversation.RoleAgent, Final: true, StartMS: 1000, EndMS: 3000, Text: "How can I help you?"},
		{Role: conversation.RoleCaller, Final: false, StartMS: 6000, EndMS: 9000, Text: "a partial that never became final"},
	}
	m.matches = []conversation.Match{{Tracker: "Complaint"}}
	f := newFixture(t, m)
	f.enqueue(t, conversation.EventInProgress)
	f.enqueue(t, conversation.EventUtteranceFinal)
	f.enqueue(t, conversation.EventCompleted)
	f.enqueue(t, conversation.EventCompleted)

	got := receive(t, m.saved)
	require.Equal(t, conversation.SentimentOverlyNegative, got.Sentiment)
	require.Negative(t, got.SentimentScore)
	require.False(t, got.Transferred)
	require.EqualValues(t, 2000, got.Metrics.CallerTalkMS)
	require.EqualValues(t, 49_000, got.Metrics.SilenceMS)
	require.Equal(t, "Caller 1001 spoke with the operator for 53 s; Complaint came up; the caller was very unhappy and hung up.", got.Summary)
	require.Equal(t, "postcall/1 sentiment/1+lexicon", got.Producer)
	require.Eventually(t, func() bool {
		state, count := f.jobState(t)
		return state == "completed" && count == 1
	}, 5*time.Second, 20*time.Millisecond)
	require.Empty(t, m.saved)
}

func TestFailedSaveIsTriedAgain(t *testing.T) {
	m := newMemory(ended(t))
	m.saveErrs <- errors.New("disk is full")
	f := newFixture(t, m)
	f.enqueue(t, conversation.EventCompleted)
	require.Contains(t, receive(t, m.saved).Summary, "Caller 1001")
}

func TestUnknownConversationIsGivenUp(t *testing.T) {
	m := newMemory(conversation.Conversation{})
	m.readErr = fmt.Errorf("conversation: %w", conversation.ErrNotFound)
	f := newFixture(t, m)
	f.enqueue(t, conversation.EventCompleted)
	require.Eventually(t, func() bool {
		state, _ := f.jobState(t)
		return state == "cancelled"
	}, 5*time.Second, 20*time.Millisecond)
	require.Empty(t, m.saved)
}

func TestAnalyze(t *testing.T) {
	t.Run("twice gives the same", func(t *testing.T) {
		m := newMemory(ended(t))
		m.utterances = []conversation.Utterance{{Role: conversation.RoleCaller, Final: true, EndMS: 2000, Text: "I am very happy with that."}}
		analyzer := newAnalyzer(t, m, nil)
		first, err := analyzer.Analyze(t.Context(), id)
		require.NoError(t, err)
		second, err := analyzer.Analyze(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, first, second)
	})
	t.Run("a running conversation is refused", func(t *testing.T) {
		m := newMemory(conversation.Conversation{Status: conversation.InProgress})
		_, err := newAnalyzer(t, m, nil).Analyze(t.Context(), id)
		require.ErrorIs(t, err, conversation.ErrInvalid)
	})
	t.Run("the transferred flag is that of the conversation", func(t *testing.T) {
		m := newMemory(ended(t))
		m.conversation.Transferred = true
		got, err := newAnalyzer(t, m, nil).Analyze(t.Context(), id)
		require.NoError(t, err)
		require.True(t, got.Transferred)
	})
}

// TestSampleCallsThatNobodyHasAMoodOn runs the sample calls without a customer who talks with somebody.
func TestSampleCallsThatNobodyHasAMoodOn(t *testing.T) {
	for _, name := range []string{"silent-call", "voicemail-greeting"} {
		t.Run(name, func(t *testing.T) {
			m := newMemory(ended(t))
			m.utterances = sampleCall(t, name)
			got, err := newAnalyzer(t, m, nil).Analyze(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, conversation.SentimentNotApplicable, got.Sentiment)
			require.Zero(t, got.SentimentScore)
		})
	}
}

func sampleCall(t *testing.T, name string) []conversation.Utterance {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../samples/calls", name+".json"))
	require.NoError(t, err)
	var call struct {
		Turns []struct {
			Role  conversation.Role `json:"role"`
			Start float64           `json:"start_s"`
			End   float64           `json:"end_s"`
			Text  string            `json:"text"`
		} `json:"turns"`
	}
	require.NoError(t, json.Unmarshal(data, &call))
	var said []conversation.Utterance
	for _, turn := range call.Turns {
		said = append(said, conversation.Utterance{
			Role: turn.Role, Text: turn.Text, Final: true, StartMS: int64(turn.Start * 1000), EndMS: int64(turn.End * 1000),
		})
	}
	return said
}

func TestNewRefuses(t *testing.T) {
	_, err := postcall.New(postcall.Options{})
	require.ErrorContains(t, err, "required")
}
