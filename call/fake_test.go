package call_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/call"
	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/media"
)

// memoryStore keeps events in memory and fails on request.
type memoryStore struct {
	mu     sync.Mutex
	events []conversation.Event
	down   error
}

func (s *memoryStore) Append(ev conversation.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, ev)
}

func (s *memoryStore) Flush(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down
}

func (s *memoryStore) EventsAfter(_ context.Context, position int64, limit int) ([]conversation.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []conversation.Event
	for _, ev := range s.events {
		if ev.Position > position && len(page) < limit {
			page = append(page, ev)
		}
	}
	return page, s.down
}

func (s *memoryStore) LastSeq(_ context.Context, id conversation.ID) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var last int64
	for _, ev := range s.events {
		if ev.ConversationID == id {
			last = max(last, ev.Seq)
		}
	}
	return last, s.down
}

// types returns the types of the stored events, in order.
func (s *memoryStore) types() []conversation.EventType {
	s.mu.Lock()
	defer s.mu.Unlock()
	var types []conversation.EventType
	for _, ev := range s.events {
		types = append(types, ev.Type)
	}
	return types
}

// last returns the conversation of the newest status event.
func (s *memoryStore) last(t *testing.T) conversation.Conversation {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ev := range slices.Backward(s.events) {
		if ev.Conversation != nil {
			return *ev.Conversation
		}
	}
	t.Fatal("no status event")
	return conversation.Conversation{}
}

// fakeLeg is a leg whose peer is the test.
type fakeLeg struct {
	answer func(context.Context) error
	rang   bool
	stream *fakeStream
	once   sync.Once
	done   chan struct{}
	end    call.LegEnd
}

func newLeg() *fakeLeg { return &fakeLeg{stream: &fakeStream{}, done: make(chan struct{})} }

func (l *fakeLeg) Ring(context.Context) error {
	l.rang = true
	return nil
}

func (l *fakeLeg) Answer(ctx context.Context) error {
	if l.answer != nil {
		return l.answer(ctx)
	}
	return nil
}

func (l *fakeLeg) Reject(context.Context, error) error {
	l.finish(call.LegEnd{By: conversation.PartyOperator, SIPCode: 503})
	return nil
}

func (l *fakeLeg) Hangup(context.Context) error {
	l.finish(call.LegEnd{By: conversation.PartyOperator, SIPCode: 200})
	return nil
}

func (l *fakeLeg) Stream() media.Stream  { return l.stream }
func (l *fakeLeg) Done() <-chan struct{} { return l.done }
func (l *fakeLeg) End() call.LegEnd      { return l.end }

func (l *fakeLeg) finish(end call.LegEnd) {
	l.once.Do(func() {
		l.end = end
		close(l.done)
	})
}

// fakeStream is a peer that talks all the time until it is muted.
type fakeStream struct {
	mu      sync.Mutex
	muted   bool
	broken  bool // reading panics
	last    time.Time
	digit   byte
	read    int
	written []int16 // the first sample of every frame
}

func (s *fakeStream) ReadFrame(dst []int16) media.FrameInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		panic("no such frame")
	}
	s.read++
	for i := range dst {
		dst[i] = 1000
	}
	if !s.muted {
		s.last = time.Now()
	}
	info := media.FrameInfo{Kind: media.Received, Digit: s.digit}
	s.digit = 0
	return info
}

// mute stops the peer's audio.
func (s *fakeStream) mute() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.muted = true
}

// press sends a DTMF digit.
func (s *fakeStream) press(digit byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.digit = digit
}

func (s *fakeStream) WriteFrame(src []int16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = append(s.written, src[0])
	return nil
}

func (s *fakeStream) Stats() media.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return media.Stats{Codec: "PCMU", LastPacket: s.last}
}

// fakeListener counts samples and says one final when it is closed.
type fakeListener struct {
	listening call.Listening
	samples   int
}

func (l *fakeListener) Write(pcm []int16) { l.samples += len(pcm) }

func (l *fakeListener) Close(context.Context) error {
	l.say("goodbye", true)
	return nil
}

func (l *fakeListener) say(text string, final bool) {
	l.listening.OnUtterance(conversation.Utterance{
		ID: "1767323045000099", ConversationID: l.listening.Conversation, Role: l.listening.Role, Text: text, Final: final,
	})
}

// wordDetector matches every utterance that equals its word.
type wordDetector string

func (d wordDetector) Match(_ context.Context, u conversation.Utterance) (matched, withdrawn []conversation.Match, err error) {
	switch {
	case u.Text == "panic":
		panic("no such tracker")
	case u.Text == "break":
		return nil, nil, errors.New("encoder is gone")
	case u.Text == string(d):
		return []conversation.Match{{Tracker: "Word", Text: u.Text, Role: u.Role}}, nil, nil
	}
	return nil, nil, nil
}

// fixture is a registry over fakes. The fields may be changed before the first call.
type fixture struct {
	store    *memoryStore
	feed     *call.Feed
	options  call.Options
	registry *call.Registry

	mu        sync.Mutex
	listeners map[conversation.Role]*fakeListener
}

func newFixture(t *testing.T, change ...func(*call.Options)) *fixture {
	t.Helper()
	f := &fixture{store: &memoryStore{}, listeners: map[conversation.Role]*fakeListener{}}
	f.feed = call.NewFeed(f.store, 0, time.Now)
	f.options = call.Options{
		IDs: &conversation.IDs{}, Feed: f.feed, Node: "test",
		Plan:     func(conversation.Conversation) (call.Plan, error) { return call.Plan{Profile: "p"}, nil },
		Dial:     func(context.Context, call.Request, func()) (call.Leg, error) { return nil, errors.New("no dialler") },
		Listen:   f.listen,
		Detector: func(conversation.ID) call.Detector { return wordDetector("cancel") },
		Limits:   call.Limits{MaxDuration: time.Hour, InitialMediaTimeout: 30 * time.Second, MediaTimeout: 20 * time.Second},
		Logger:   slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}
	for _, edit := range change {
		edit(&f.options)
	}
	var err error
	f.registry, err = call.NewRegistry(f.options)
	require.NoError(t, err)
	return f
}

func (f *fixture) listen(l call.Listening) (call.Listener, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	listener := &fakeListener{listening: l}
	f.listeners[l.Role] = listener
	return listener, nil
}

func (f *fixture) listener(role conversation.Role) *fakeListener {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.listeners[role]
}

// serve runs an inbound call on leg in the background; the returned function waits for its end.
func (f *fixture) serve(t *testing.T, leg *fakeLeg) (wait func()) {
	t.Helper()
	var running sync.WaitGroup
	running.Go(func() {
		f.registry.Serve(context.WithoutCancel(t.Context()), leg, call.Inbound{Channel: conversation.ChannelSIP, From: "1001", To: "2001"})
	})
	return running.Wait
}
