package storetest

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/store"
)

// epoch is when the fixtures begin.
func epoch() time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) }

// Script makes events as the feed of a daemon does: numbered without gaps per conversation, positions growing over all.
// Each event happens a millisecond after the one before. It is safe for concurrent use.
type Script struct {
	mu       sync.Mutex
	ids      conversation.IDs
	now      time.Time
	position int64
	seqs     map[conversation.ID]int64
	Events   []conversation.Event // all made so far, in order
}

// NewScript returns a script that begins at a fixed time.
func NewScript() *Script { return &Script{now: epoch(), seqs: map[conversation.ID]int64{}} }

// NewID returns a new identity.
func (s *Script) NewID() conversation.ID { return s.ids.Next(s.now) }

// Add numbers ev, adds it to Events and returns it.
func (s *Script) Add(ev conversation.Event) conversation.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(time.Millisecond)
	s.position++
	s.seqs[ev.ConversationID]++
	ev.Position, ev.Seq, ev.At = s.position, s.seqs[ev.ConversationID], s.now
	s.Events = append(s.Events, ev)
	return ev
}

// Status adds the event that announces c's status.
func (s *Script) Status(c conversation.Conversation) conversation.Event {
	return s.Add(conversation.Event{ConversationID: c.ID, Type: conversation.StatusEvent(c.Status), Conversation: &c})
}

// Inbound adds a queued inbound conversation; edit, which may be nil, changes it before it is announced.
func (s *Script) Inbound(from, to string, edit func(*conversation.Conversation)) conversation.Conversation {
	s.now = s.now.Add(time.Second)
	c := conversation.New(s.NewID(), conversation.Inbound, conversation.ChannelSIP, from, to, s.now)
	c.Node = "node-1"
	if edit != nil {
		edit(&c)
	}
	s.Status(c)
	return c
}

// Answer adds the answer of c.
func (s *Script) Answer(tb testing.TB, c *conversation.Conversation) {
	tb.Helper()
	require.NoError(tb, c.Answer(s.now))
	s.Status(*c)
}

// Finish adds the normal end of c.
func (s *Script) Finish(tb testing.TB, c *conversation.Conversation) {
	tb.Helper()
	end := conversation.End{Status: conversation.Completed, By: conversation.PartyRemote, Cause: conversation.CauseNormal}
	require.NoError(tb, c.Finish(end, s.now))
	s.Status(*c)
}

// Say adds a final utterance of the caller.
func (s *Script) Say(c conversation.Conversation, startMS int64, text string) conversation.Utterance {
	u := conversation.Utterance{
		ID: s.NewID(), ConversationID: c.ID, Role: conversation.RoleCaller, Text: text, Final: true,
		StartMS: startMS, EndMS: startMS + 1000, Confidence: 0.75,
	}
	s.Add(conversation.Event{ConversationID: c.ID, Type: conversation.EventUtteranceFinal, OffsetMS: u.EndMS, Utterance: &u})
	return u
}

// Match adds a match of a tracker in u.
func (s *Script) Match(u conversation.Utterance, tracker string, provisional bool) conversation.Match {
	m := conversation.Match{
		ID: s.NewID(), ConversationID: u.ConversationID, UtteranceID: u.ID, Role: u.Role, Tracker: tracker,
		Phrase: u.Text, Text: u.Text, End: len(u.Text), StartMS: u.StartMS, Score: 1,
		Method: conversation.MethodLiteral, Provisional: provisional,
	}
	s.Matched(m)
	return m
}

// Matched adds m, again or for the first time.
func (s *Script) Matched(m conversation.Match) {
	s.Add(conversation.Event{ConversationID: m.ConversationID, Type: conversation.EventTrackerMatched, Match: &m})
}

// Withdraw takes m back.
func (s *Script) Withdraw(m conversation.Match) {
	s.Add(conversation.Event{ConversationID: m.ConversationID, Type: conversation.EventTrackerWithdrawn, Match: &m})
}

// Analyze adds an analysis of c.
func (s *Script) Analyze(c conversation.Conversation, a conversation.Analysis) {
	s.Add(conversation.Event{ConversationID: c.ID, Type: conversation.EventConversationAnalyzed, Analysis: &a})
}

// Bench is a store in a folder of its own, and what a test does with it.
type Bench struct {
	Store    *store.Store
	Dir      string
	Registry *prometheus.Registry // of the newest writer

	t testing.TB
}

// Spool returns the path of the spool file.
func (b *Bench) Spool() string { return filepath.Join(b.Dir, "spool.jsonl") }

// Writer returns a writer on the store that retries quickly; edit may change its options and be nil.
func (b *Bench) Writer(edit func(*store.WriterOptions)) *store.Writer {
	b.t.Helper()
	b.Registry = prometheus.NewPedanticRegistry()
	o := store.WriterOptions{
		Store: b.Store, SpoolPath: b.Spool(), Registerer: b.Registry, BatchDelay: time.Millisecond,
		RetryDelay: time.Millisecond,
	}
	if edit != nil {
		edit(&o)
	}
	w, err := store.NewWriter(o)
	require.NoError(b.t, err)
	return w
}

// Run runs w; stop, which is called at the end of the test at the latest, ends it and returns what Run returned.
func (b *Bench) Run(w *store.Writer) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- w.Run(ctx) }()
	stop = sync.OnceValue(func() error { cancel(); return <-result })
	b.t.Cleanup(func() { _ = stop() }) // a test that cares about the result has asked for it
	return stop
}

// Write appends events with a writer of its own and returns when they are stored.
func (b *Bench) Write(events []conversation.Event) {
	b.t.Helper()
	w := b.Writer(nil)
	stop := b.Run(w)
	for _, ev := range events {
		w.Append(ev)
	}
	b.Flush(w)
	require.NoError(b.t, stop())
}

// Flush waits until w has stored everything.
func (b *Bench) Flush(w *store.Writer) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	require.NoError(b.t, w.Flush(ctx))
}

// Count returns the value of a counter or gauge of the newest writer, its labels summed up.
func (b *Bench) Count(metric string) int {
	b.t.Helper()
	families, err := b.Registry.Gather()
	require.NoError(b.t, err)
	total := 0.0
	for _, family := range families {
		if family.GetName() != metric {
			continue
		}
		for _, m := range family.GetMetric() {
			total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return int(total)
}

// errHook is the error of a hook that fails.
var errHook = errors.New("hook does not work")
