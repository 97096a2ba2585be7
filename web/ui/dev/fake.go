//go:build ignore

// Fake serves the user interface over a daemon that plays scripted calls, for working on the interface and for its tests:
//
//	go run web/ui/dev/fake.go -addr 127.0.0.1:8089
//
// The surface is the real one (package api); only what happens behind it is made up. POST /fake/play?call=NAME starts one of the
// sample calls, POST /fake/disconnect breaks every connection. Drafts of trackers are tried on the finished calls word for word.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/api/apitest"
	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
	"github.com/operatord/operatord/tracking/history"
	"github.com/operatord/operatord/web"
)

// phrase is something a tracker of the fake finds, word for word.
type phrase struct {
	tracker, said, vocabulary string
	score                     float64
	method                    conversation.Method
}

var phrases = []phrase{
	{"Cancellation", "cancel my contract", "I want to cancel my contract", 1, conversation.MethodLiteral},
	{"Cancellation", "close my account", "I would like to close my account", 1, conversation.MethodLiteral},
	{"Pricing objection", "the price went up again", "why did my price go up", 0.83, conversation.MethodMeaning},
	{"Pricing objection", "too expensive", "it is too expensive", 1, conversation.MethodLiteral},
	{"Refund request", "charged ninety dollars twice", "I was charged twice", 0.79, conversation.MethodMeaning},
	{"Refund request", "money back", "I want my money back", 0.91, conversation.MethodMeaning},
	{"Promotion Mention", "special promotion", "we have a special promotion", 1, conversation.MethodLiteral},
	{"Promotion Mention", "save thirty percent", "you can save thirty percent", 1, conversation.MethodLiteral},
	{"Competitor mention", "better deal with your competitor", "I found a better deal with your competitor", 0.97, conversation.MethodMeaning},
	{"Escalation", "speak to a manager", "let me speak to a manager", 0.94, conversation.MethodMeaning},
	{"Escalation", "speak to your supervisor", "I want to speak to your supervisor", 1, conversation.MethodLiteral},
	{"Satisfaction", "thank you", "thank you so much", 0.72, conversation.MethodMeaning},
}

// script is the description of a sample call.
type script struct {
	Sentiment conversation.Sentiment `json:"expected_sentiment"`
	Seconds   float64                `json:"seconds"`
	Turns     []struct {
		Role   conversation.Role `json:"role"`
		StartS float64           `json:"start_s"`
		EndS   float64           `json:"end_s"`
		Text   string            `json:"text"`
	} `json:"turns"`
}

type fake struct {
	*apitest.Daemon
	samples string
	speed   float64
	ids     conversation.IDs
	past    past

	mu    sync.Mutex
	hooks map[conversation.ID]context.CancelFunc
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "fake:", err)
		os.Exit(1)
	}
}

func run() error {
	addr := flag.String("addr", "127.0.0.1:8089", "address to listen on")
	samples := flag.String("samples", "samples/calls", "folder with the sample calls")
	speed := flag.Float64("speed", 1, "how much faster than in reality calls are played")
	token := flag.String("token", "", "access token to ask for")
	history := flag.Bool("history", true, "begin with some finished calls")
	live := flag.String("live", "", "sample call to play again and again")
	state := flag.String("state", "ready", "state to report")
	flag.Parse()

	f := &fake{Daemon: apitest.New(), samples: *samples, speed: *speed, hooks: map[conversation.ID]context.CancelFunc{}}
	f.OnHangup, f.OnCall = f.hangup, f.call
	f.describe(api.State(*state))
	f.past.fake = f
	if err := f.createTrackers(); err != nil {
		return err
	}
	if *history {
		f.remember()
	}
	if *live != "" {
		go f.again(*live)
	}
	return f.serve(*addr, *token)
}

func (f *fake) describe(state api.State) {
	system := api.System{
		Version: "0.1.0-dev", Node: "fake", StartedAt: time.Now(), State: state,
		Models:    []api.Model{{Kind: "speech", Name: "operatord-small", Ready: true}, {Kind: "encoder", Name: "MiniLM-L6-v2", Ready: true}},
		Addresses: map[string]string{"sip_udp": "127.0.0.1:5060", "sip_tcp": "127.0.0.1:5060", "http": "127.0.0.1:8089"},
	}
	if state == api.StateDegraded {
		system.Problems = []api.Problem{{Part: "asr", Message: "the speech model is missing: calls are answered and recorded, not transcribed"}}
	}
	f.SetSystem(system)
	f.SetSchedules([]api.Schedule{{Name: "morning survey", Cron: "0 9 * * 1-5", TimeZone: "UTC", To: "sip:survey@127.0.0.1"}})
}

// createTrackers makes the trackers that the phrases belong to.
func (f *fake) createTrackers() error {
	vocabularies := map[string][]string{}
	for _, p := range phrases {
		vocabularies[p.tracker] = append(vocabularies[p.tracker], p.vocabulary)
	}
	for name, vocabulary := range vocabularies {
		content := catalog.Content{Name: name, Description: "Somebody says it.", Categories: []string{"samples"}, Vocabulary: vocabulary, Enabled: true}
		if _, err := f.Trackers.Create(context.Background(), "samples", content); err != nil {
			return err
		}
	}
	return nil
}

func (f *fake) serve(addr, token string) error {
	ui, err := web.Handler()
	if err != nil {
		return err
	}
	server, err := api.New(api.Options{
		Version: "0.1.0-dev", Conversations: f, Feed: f, Caller: f, Trackers: f.Trackers, Schedules: f, Health: f,
		Previewer: &f.past, Reviews: &f.past, Recommender: &f.past,
		Recordings: f.samples, WHIP: http.HandlerFunc(f.whip), UI: ui, Token: token,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	breakable := &breakableListener{Listener: listener, open: map[net.Conn]struct{}{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /fake/play", func(w http.ResponseWriter, r *http.Request) {
		go f.play(r.URL.Query().Get("call"), conversation.New(f.ids.Next(time.Now()), conversation.Inbound, conversation.ChannelSIP,
			"+1 415 555 0142", "+1 415 555 0100", time.Now()), false)
	})
	mux.HandleFunc("POST /fake/disconnect", func(http.ResponseWriter, *http.Request) { breakable.breakAll() })
	mux.Handle("/", server.Handler())
	fmt.Println("http://" + listener.Addr().String())
	return http.Serve(breakable, mux)
}

func (f *fake) again(name string) {
	for {
		f.play(name, conversation.New(f.ids.Next(time.Now()), conversation.Inbound, conversation.ChannelSIP,
			"+1 415 555 0142", "+1 415 555 0100", time.Now()), false)
		time.Sleep(3 * time.Second)
	}
}

// remember fills the history with finished calls of the last hours.
func (f *fake) remember() {
	now := time.Now()
	past := func(ago time.Duration, direction conversation.Direction, from, to string) conversation.Conversation {
		return conversation.New(f.ids.Next(now.Add(-ago)), direction, conversation.ChannelSIP, from, to, now.Add(-ago))
	}
	f.play("escalation-request", past(52*time.Minute, conversation.Inbound, "+44 20 7946 0018", "+1 415 555 0100"), true)
	busy := past(41*time.Minute, conversation.Outbound, "+1 415 555 0100", "+1 212 555 0187")
	f.Publish(apitest.StatusEvent(busy, busy.CreatedAt))
	_ = busy.Finish(conversation.End{Status: conversation.Busy, By: conversation.PartyRemote, Cause: conversation.CauseBusy, SIPCode: 486,
		Reason: "The called party is busy."}, busy.CreatedAt.Add(3*time.Second))
	f.Publish(apitest.StatusEvent(busy, *busy.EndedAt))
	f.play("voicemail-greeting", past(30*time.Minute, conversation.Outbound, "+1 415 555 0100", "+1 646 555 0123"), true)
	f.play("balance-enquiry", past(17*time.Minute, conversation.Inbound, "+1 503 555 0171", "+1 415 555 0100"), true)
	f.play("happy-renewal", past(6*time.Minute, conversation.Inbound, "+1 415 555 0199", "+1 415 555 0100"), true)
}

func (f *fake) call(r api.CallRequest) (conversation.Conversation, error) {
	c := conversation.New(f.ids.Next(time.Now()), conversation.Outbound, conversation.ChannelSIP, "operatord", r.To, time.Now())
	go f.play("happy-renewal", c, false)
	return c, nil
}

func (f *fake) hangup(id conversation.ID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if cancel := f.hooks[id]; cancel != nil {
		cancel()
	}
	return nil
}

// player plays one script into the events of one conversation.
type player struct {
	*fake
	c       conversation.Conversation
	began   time.Time
	instant bool
	ctx     context.Context
}

func (f *fake) play(name string, c conversation.Conversation, instant bool) {
	data, err := os.ReadFile(filepath.Join(f.samples, filepath.Base(name)+".json"))
	var s script
	if err = errors.Join(err, json.Unmarshal(data, &s)); err != nil {
		fmt.Fprintln(os.Stderr, "fake:", err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f.mu.Lock()
	f.hooks[c.ID] = cancel
	f.mu.Unlock()
	p := &player{fake: f, c: c, instant: instant, ctx: ctx}
	p.status(c.CreatedAt)
	p.began = c.CreatedAt.Add(time.Second)
	p.wait(-0.1)
	_ = p.c.Answer(p.began)
	p.status(p.began)
	for _, turn := range s.Turns {
		if ctx.Err() == nil {
			p.turn(turn.Role, turn.StartS, turn.EndS, turn.Text)
		}
	}
	p.finish(name, s)
}

// wait waits until the given second of the call.
func (p *player) wait(second float64) {
	if p.instant {
		return
	}
	until := p.began.Add(time.Duration(second / p.speed * float64(time.Second)))
	select {
	case <-time.After(time.Until(until)):
	case <-p.ctx.Done():
	}
}

func (p *player) status(at time.Time) { p.Publish(apitest.StatusEvent(p.c, at)) }

func (p *player) publish(kind conversation.EventType, second float64, fill func(*conversation.Event)) {
	e := conversation.Event{ConversationID: p.c.ID, Type: kind, At: p.began.Add(time.Duration(second * float64(time.Second))), OffsetMS: int64(second * 1000)}
	fill(&e)
	p.Publish(e)
}

// turn says one turn word by word.
func (p *player) turn(role conversation.Role, start, end float64, text string) {
	u := conversation.Utterance{ID: p.ids.Next(time.Now()), ConversationID: p.c.ID, Role: role, StartMS: int64(start * 1000), Confidence: 0.91, Model: "operatord-small"}
	words := strings.Fields(text)
	step := (end - start) / float64(len(words))
	matches := map[string]conversation.Match{}
	for i := range words {
		at := start + step*float64(i+1)
		u.Words = append(u.Words, conversation.Word{Text: words[i], StartMS: int64((at - step) * 1000), EndMS: int64(at * 1000), Confidence: 0.9})
		if p.instant || i%2 == 0 || p.ctx.Err() != nil {
			continue
		}
		p.wait(at)
		partial := u
		partial.Words, partial.EndMS, partial.Text = nil, int64(at*1000), strings.Join(words[:i+1], " ")
		partial.StableChars = len(strings.Join(words[:max(0, i-1)], " "))
		p.publish(conversation.EventUtterancePartial, at, func(e *conversation.Event) { e.Utterance = &partial })
		p.match(partial, at, matches)
	}
	p.wait(end + 0.4)
	u.Final, u.Text, u.EndMS, u.LatencyMS = true, text, int64(end*1000), 420
	p.publish(conversation.EventUtteranceFinal, end+0.4, func(e *conversation.Event) { e.Utterance = &u })
	p.match(u, end+0.4, matches)
}

// match publishes what the trackers find in u, once per phrase and certainty.
func (p *player) match(u conversation.Utterance, at float64, seen map[string]conversation.Match) {
	for _, ph := range phrases {
		start := strings.Index(strings.ToLower(u.Text), ph.said)
		old, known := seen[ph.said]
		if start < 0 || (known && old.Provisional != u.Final) {
			continue
		}
		m := conversation.Match{
			ID: old.ID, ConversationID: u.ConversationID, UtteranceID: u.ID, Role: u.Role, Tracker: ph.tracker, Phrase: ph.vocabulary,
			Text: u.Text[start : start+len(ph.said)], Start: start, End: start + len(ph.said), StartMS: u.StartMS, EndMS: u.EndMS,
			Score: ph.score, Method: ph.method, Provisional: !u.Final,
		}
		if !known {
			m.ID = p.ids.Next(time.Now())
		}
		seen[ph.said] = m
		p.publish(conversation.EventTrackerMatched, at+0.01, func(e *conversation.Event) { e.Match = &m })
	}
}

func (p *player) finish(name string, s script) {
	p.wait(s.Seconds)
	end := conversation.End{Status: conversation.Completed, By: conversation.PartyRemote, Cause: conversation.CauseNormal, SIPCode: 200,
		Reason: "The caller hung up."}
	if name == "voicemail-greeting" {
		end.Status, end.Cause, end.Reason = conversation.Voicemail, conversation.CauseVoicemail, "An answering machine picked up."
	}
	at := time.Now()
	if p.instant {
		at = p.began.Add(time.Duration(s.Seconds * float64(time.Second)))
	}
	p.c.Recording = &conversation.Recording{File: name + ".wav", SampleRate: 8000, DurationMS: int64(s.Seconds * 1000)}
	_ = p.c.Finish(end, at)
	p.status(at)
	if !p.instant {
		time.Sleep(time.Second)
	}
	a := conversation.Analysis{
		Sentiment: s.Sentiment, SentimentScore: -0.6, Producer: "fake/1", Summary: fmt.Sprintf("The %d-second call was answered by the operator and "+
			"ended when the caller hung up after %d turns.", int(s.Seconds), len(s.Turns)),
		Metrics: conversation.Metrics{CallerTalkMS: int64(s.Seconds * 430), AgentTalkMS: int64(s.Seconds * 370), SilenceMS: int64(s.Seconds * 200),
			CallerTurns: len(s.Turns) / 2, AgentTurns: len(s.Turns) - len(s.Turns)/2, Interruptions: 1, LongestPauseMS: 1400},
	}
	if a.Sentiment == "" {
		a.Sentiment = conversation.SentimentNotApplicable
	}
	p.publish(conversation.EventConversationAnalyzed, s.Seconds+1, func(e *conversation.Event) { e.Analysis = &a })
}

// whip answers an offer and plays a call until the browser hangs up.
func (f *fake) whip(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodDelete {
		_ = f.hangup(conversation.ID(filepath.Base(r.URL.Path)))
		return
	}
	offer, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := answerOffer(string(offer))
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	c := conversation.New(f.ids.Next(time.Now()), conversation.Inbound, conversation.ChannelWebRTC, r.URL.Query().Get("from"), "operator", time.Now())
	go f.play("balance-enquiry", c, false)
	w.Header().Set("Content-Type", "application/sdp")
	w.Header().Set("Location", "/whip/"+string(c.ID))
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer)
}

func answerOffer(offer string) (string, error) {
	peer, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", err
	}
	if err := peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", errors.Join(err, peer.Close())
	}
	answer, err := peer.CreateAnswer(nil)
	if err != nil {
		return "", errors.Join(err, peer.Close())
	}
	gathered := webrtc.GatheringCompletePromise(peer)
	if err := peer.SetLocalDescription(answer); err != nil {
		return "", errors.Join(err, peer.Close())
	}
	<-gathered
	return peer.LocalDescription().SDP, nil
}

// past answers what is asked about trackers and finished calls.
type past struct {
	*fake
	mu        sync.Mutex
	dismissed bool
}

// Preview finds phrases of a draft word for word; a sentence with most of the words of one is a near miss.
func (p *past) Preview(ctx context.Context, draft tracking.Tracker, _ history.Filter) (history.Preview, error) {
	draft.Name = cmp.Or(draft.Name, "draft")
	if err := draft.Validate(); err != nil {
		return history.Preview{}, err
	}
	page, err := p.ListConversations(ctx, api.Query{Limit: 100})
	found := history.Preview{Matches: []history.Found{}, NearMisses: []history.Found{}, Threshold: cmp.Or(draft.Threshold, tracking.DefaultThreshold)}
	found.Coverage = history.Coverage{Conversations: len(page.Conversations), Since: time.Now().Add(-time.Hour), Until: time.Now(), Complete: true, TookMS: 7}
	for _, c := range page.Conversations {
		utterances, failed := p.Utterances(ctx, c.ID)
		err = errors.Join(err, failed)
		for _, u := range utterances {
			m := p.best(draft, u)
			f := history.Found{ConversationID: c.ID, At: c.CreatedAt, Utterance: u.Text, Match: m}
			switch {
			case m.Score >= found.Threshold && !slices.Contains(draft.NegativeExamples, u.Text):
				found.Matches = append(found.Matches, f)
			case m.Score >= 0.4:
				found.NearMisses = append(found.NearMisses, f)
			}
		}
	}
	found.MatchCount, found.NearMissCount = len(found.Matches), len(found.NearMisses)
	found.MatchesPerDay, found.AlertsPerDay = float64(found.MatchCount), float64(found.MatchCount)
	return found, err
}

// best returns the match of the phrase that has the most words in an utterance; its score is the part of them.
func (p *past) best(draft tracking.Tracker, u conversation.Utterance) conversation.Match {
	best := conversation.Match{ConversationID: u.ConversationID, UtteranceID: u.ID, Role: u.Role, Method: conversation.MethodMeaning}
	said := strings.ToLower(u.Text)
	for _, phrase := range draft.Vocabulary {
		words, there := strings.Fields(strings.ToLower(phrase)), 0
		for _, word := range words {
			if strings.Contains(said, word) {
				there++
			}
		}
		score := 0.95 * float64(there) / float64(len(words))
		if score <= best.Score {
			continue
		}
		best.Score, best.Phrase, best.Start, best.End = score, phrase, 0, len(u.Text)
		if at := strings.Index(said, strings.ToLower(phrase)); at >= 0 {
			best.Score, best.Method, best.Start, best.End = 1, conversation.MethodLiteral, at, at+len(phrase)
		}
		best.Text = u.Text[best.Start:best.End]
	}
	return best
}

func (p *past) SaveReview(context.Context, history.Review) error { return nil }

func (p *past) DeleteReview(context.Context, conversation.ID, conversation.ID) error { return nil }

func (p *past) Reviews(context.Context, conversation.ID) ([]history.Review, error) { return nil, nil }

func (p *past) ReviewTallies(ctx context.Context) ([]history.Tally, error) {
	trackers, err := p.Trackers.Trackers(ctx)
	precision := 0.92
	for _, t := range trackers {
		if t.Name == "Cancellation" {
			return []history.Tally{{TrackerID: t.ID, Right: 23, Wrong: 2, Missed: 1, Precision: &precision}}, err
		}
	}
	return nil, err
}

var recommended = history.Recommendation{
	ID: "1700000000000001", State: history.RecommendationOpen, Name: "SIM card does not work", Sentences: 31, Conversations: 24,
	Phrases: []string{"my SIM card does not work", "the new SIM is not recognised", "my phone says no SIM"}, Trend: history.TrendRising,
	PerDay: []int{0, 0, 1, 0, 0, 1, 0, 0, 0, 2, 0, 0, 1, 0, 1, 0, 0, 2, 0, 1, 0, 2, 1, 2, 2, 3, 2, 3, 3, 4},
	Examples: []history.Example{
		{ConversationID: "1700000000000002", UtteranceID: "1700000000000003", Text: "hello, my SIM card does not work since yesterday"},
	},
}

func (p *past) Recommendations(context.Context, history.RecommendationState) (history.Recommended, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dismissed {
		return history.Recommended{}, nil
	}
	return history.Recommended{Items: []history.Recommendation{recommended}}, nil
}

func (p *past) Search(context.Context) error { return nil }

func (p *past) Accept(ctx context.Context, id conversation.ID, by string, content catalog.Content) (tracking.Tracker, error) {
	content.Name = cmp.Or(content.Name, recommended.Name)
	if len(content.Vocabulary) == 0 {
		content.Vocabulary = recommended.Phrases
	}
	created, err := p.Trackers.Create(ctx, by, content)
	if err == nil {
		err = p.Dismiss(ctx, id)
	}
	return created, err
}

func (p *past) Dismiss(context.Context, conversation.ID) error {
	p.mu.Lock()
	p.dismissed = true
	p.mu.Unlock()
	return nil
}

// breakableListener can break every connection it accepted, as a network would.
type breakableListener struct {
	net.Listener
	mu   sync.Mutex
	open map[net.Conn]struct{}
}

func (l *breakableListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.open[conn] = struct{}{}
		l.mu.Unlock()
	}
	return conn, err
}

func (l *breakableListener) breakAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.open {
		_ = conn.Close()
	}
	clear(l.open)
}
