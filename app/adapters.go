package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/asr"
	"github.com/operatord/operatord/call"
	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/dialer"
	"github.com/operatord/operatord/store"
)

// events joins the two halves of the store that the feed needs: the writer and the history.
type events struct {
	*store.Writer
	*store.Store
}

// analysisSink publishes an analysis as the last event of its conversation, which stores it.
type analysisSink struct{ app *App }

func (s analysisSink) SaveAnalysis(ctx context.Context, id conversation.ID, analysis conversation.Analysis) error {
	return s.app.feed.PublishLate(ctx, conversation.Event{
		ConversationID: id, Type: conversation.EventConversationAnalyzed, Analysis: &analysis,
	})
}

// listen opens a stream of the recognizer for one side of a call.
func (a *App) listen(l call.Listening) (call.Listener, error) {
	return a.recognizer.NewStream(asr.StreamOptions{
		ConversationID: l.Conversation, Role: l.Role, OnUtterance: l.OnUtterance, OnGap: l.OnGap, OnDegraded: l.OnDegraded,
	})
}

// plan asks the attendant what to do on a call.
func (a *App) plan(c conversation.Conversation) (call.Plan, error) {
	plan, err := a.attendant.Plan(c)
	if err != nil {
		return call.Plan{}, err
	}
	return call.Plan{
		Profile: plan.Profile, Prompt: plan.Prompt.File, PromptChannel: plan.Prompt.Channel,
		HangupAfterPrompt: plan.HangupAfterPrompt, AnswerAfter: plan.AnswerAfter, Machine: plan.Machine,
	}, nil
}

// placeScheduled places a call for the dialer.
func (a *App) placeScheduled(_ context.Context, r dialer.Request) (conversation.ID, error) {
	c, err := a.calls.Place(call.Request{ //nolint:contextcheck // the call outlives the firing
		To: r.To, From: r.From, Trunk: r.Trunk, Profile: r.Profile, Refs: map[string]string{"schedule": r.Schedule},
	})
	return c.ID, err
}

// subscribe adapts the feed to the API.
func (a *App) subscribe(ctx context.Context, after int64) (api.Subscription, error) {
	return a.feed.Subscribe(ctx, after)
}

// conversations adapts the store to the API. Whoever has seen an event finds it in what they read next: reading waits a
// moment for events that are on their way into the store.
type conversations struct {
	*store.Store
	writer *store.Writer
}

// settleTimeout bounds that wait; when the database is slow, readers get what is there.
const settleTimeout = 250 * time.Millisecond

func (c conversations) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	_ = c.writer.Flush(ctx) // not in time: the reader gets what is there
}

// Conversation implements api.Archive.
func (c conversations) Conversation(ctx context.Context, id conversation.ID) (conversation.Conversation, error) {
	c.settle(ctx)
	return c.Store.Conversation(ctx, id)
}

// ListConversations implements api.Conversations.
func (c conversations) ListConversations(ctx context.Context, q api.Query) (api.Page, error) {
	c.settle(ctx)
	page, err := c.Store.ListConversations(ctx, store.Query(q))
	return api.Page(page), err
}

// caller adapts the registry of calls to the API.
type caller struct{ app *App }

// Call implements api.Caller.
func (c caller) Call(_ context.Context, r api.CallRequest) (conversation.Conversation, error) {
	request := call.Request(r)
	if _, err := c.app.target(request); err != nil {
		return conversation.Conversation{}, err
	}
	return c.app.calls.Place(request) //nolint:contextcheck // the call outlives the request
}

// Hangup implements api.Caller.
func (c caller) Hangup(ctx context.Context, id conversation.ID) error {
	live, err := c.app.calls.Call(id)
	if err == nil {
		live.Hangup(call.ErrHangup)
		return nil
	}
	if _, err := c.app.store.Conversation(ctx, id); err != nil {
		return err
	}
	return fmt.Errorf("%w: conversation %s has ended", conversation.ErrTransition, id)
}

// Schedules implements api.Schedules.
func (a *App) Schedules(context.Context) ([]api.Schedule, error) {
	next := map[string]time.Time{}
	for _, u := range a.dialer.Upcoming() {
		next[u.Schedule] = u.At
	}
	list := make([]api.Schedule, len(a.cfg.Schedules))
	for i, s := range a.cfg.Schedules {
		list[i] = api.Schedule{Name: s.Name, Cron: s.Cron, TimeZone: s.TimeZone, To: s.To, Trunk: s.Trunk, Profile: s.Profile}
		if at, enabled := next[s.Name]; enabled {
			list[i].NextAt = &at
		}
	}
	return list, nil
}

// closeModels gives back the memory of the models, once nothing uses them any more.
func (a *App) closeModels() error {
	var failures []error
	if a.engine != nil {
		failures = append(failures, a.engine.Close())
	}
	if a.encoder != nil {
		failures = append(failures, a.encoder.Close())
	}
	return errors.Join(failures...)
}

var (
	_ call.EventStore   = events{}
	_ api.Conversations = conversations{}
	_ api.Caller        = caller{}
)
