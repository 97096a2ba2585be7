package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/operatord/operatord/conversation"
)

// listInput are the query parameters of the list of conversations.
type listInput struct {
	Status    []string  `query:"status" maxItems:"7" enum:"queued,in-progress,completed,failed,busy,no-answer,voicemail" doc:"Any of these, separated by commas"`
	Direction string    `query:"direction" enum:"inbound,outbound"`
	Channel   string    `query:"channel" enum:"sip,webrtc,audio,video,text,stream"`
	From      string    `query:"from" maxLength:"256" doc:"Part of the calling number"`
	To        string    `query:"to" maxLength:"256" doc:"Part of the called number"`
	Tracker   string    `query:"tracker" maxLength:"128" doc:"Name of a tracker that matched"`
	Text      string    `query:"q" maxLength:"256" doc:"Words that were said"`
	Since     time.Time `query:"since" doc:"Created at or after this time (RFC 3339)"`
	Until     time.Time `query:"until" doc:"Created before this time (RFC 3339)"`
	Limit     int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor    string    `query:"cursor" maxLength:"128" doc:"next_cursor of the page before"`
}

// query returns what the parameters ask for.
func (in *listInput) query() (Query, error) {
	if !in.Since.IsZero() && !in.Until.IsZero() && !in.Since.Before(in.Until) {
		return Query{}, fmt.Errorf("%w query: since must be before until", conversation.ErrInvalid)
	}
	q := Query{
		Direction: conversation.Direction(in.Direction), Channel: conversation.Channel(in.Channel), From: in.From, To: in.To,
		Tracker: in.Tracker, Text: in.Text, Since: in.Since, Until: in.Until, Limit: in.Limit, Cursor: in.Cursor,
	}
	for _, status := range in.Status {
		q.Status = append(q.Status, conversation.Status(status))
	}
	return q, nil
}

// Listed is a conversation in a list: with the trackers it matched, so that a list needs one request.
type Listed struct {
	conversation.Conversation
	Trackers []TrackerCount `json:"trackers"`
}

// TrackerCount says how often a tracker matched in one conversation.
type TrackerCount struct {
	Tracker string `json:"tracker"`
	Count   int    `json:"count"`
}

// listedPage is one page of conversations, newest first.
type listedPage struct {
	Items      []Listed `json:"items"`
	NextCursor string   `json:"next_cursor,omitempty" doc:"Pass as cursor for the next page; absent on the last one"`
}

// eventsInput are the parameters of the event history.
type eventsInput struct {
	ID    string   `path:"id" pattern:"^[0-9]{16}$" doc:"Identity, 16 digits"`
	After int64    `query:"after" minimum:"0" doc:"Only events with a sequence number above this"`
	Limit int      `query:"limit" minimum:"1" maximum:"1000" default:"200"`
	Types []string `query:"types" maxItems:"32" doc:"Only events of these types, separated by commas"`
}

func (s *Server) conversationOperations(api huma.API) {
	const tag = "Conversations"
	register(s, api, operation("list-conversations", http.MethodGet, "/conversations", tag, "List conversations, newest first"),
		s.listConversations)
	register(s, api, operation("get-conversation", http.MethodGet, "/conversations/{id}", tag, "Get a conversation"),
		func(ctx context.Context, in *idInput) (*body[conversation.Conversation], error) {
			c, err := s.opts.Conversations.Conversation(ctx, in.id())
			return &body[conversation.Conversation]{Body: c}, err
		})
	register(s, api, operation("list-utterances", http.MethodGet, "/conversations/{id}/utterances", tag, "List what was said"),
		func(ctx context.Context, in *idInput) (*body[list[conversation.Utterance]], error) {
			return within(ctx, s, in.id(), s.opts.Conversations.Utterances)
		})
	register(s, api, operation("list-matches", http.MethodGet, "/conversations/{id}/matches", tag, "List tracker matches"),
		func(ctx context.Context, in *idInput) (*body[list[ReviewedMatch]], error) {
			return within(ctx, s, in.id(), s.reviewedMatches)
		})
	register(s, api, operation("list-events", http.MethodGet, "/conversations/{id}/events", tag, "List events in their order"),
		func(ctx context.Context, in *eventsInput) (*body[list[conversation.Event]], error) {
			return within(ctx, s, conversation.ID(in.ID), func(ctx context.Context, id conversation.ID) ([]conversation.Event, error) {
				return s.eventsOfTypes(ctx, id, in)
			})
		})
}

// eventsOfTypes reads the history until it has as many events of the types asked for as the answer may hold. Partials are most
// of a history, so that leaving them out here makes a transcript cheap to fetch.
func (s *Server) eventsOfTypes(ctx context.Context, id conversation.ID, in *eventsInput) ([]conversation.Event, error) {
	if len(in.Types) == 0 {
		return s.opts.Conversations.Events(ctx, id, in.After, in.Limit)
	}
	var found []conversation.Event
	for after := in.After; ; {
		events, err := s.opts.Conversations.Events(ctx, id, after, historyPage)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			after = e.Seq
			if slices.Contains(in.Types, string(e.Type)) {
				found = append(found, e)
			}
			if len(found) == in.Limit {
				return found, nil
			}
		}
		if len(events) < historyPage {
			return found, nil
		}
	}
}

// within lists something of a conversation, which must exist.
func within[T any](ctx context.Context, s *Server, id conversation.ID,
	read func(context.Context, conversation.ID) ([]T, error),
) (*body[list[T]], error) {
	if _, err := s.opts.Conversations.Conversation(ctx, id); err != nil {
		return nil, err
	}
	return listOf(read(ctx, id))
}

func (s *Server) listConversations(ctx context.Context, in *listInput) (*body[listedPage], error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	found, err := s.opts.Conversations.ListConversations(ctx, q)
	if err != nil {
		return nil, err
	}
	items, err := s.withTrackers(ctx, found.Conversations)
	return &body[listedPage]{Body: listedPage{Items: items, NextCursor: found.Next}}, err
}

// withTrackers adds to each conversation which trackers it matched, most frequent first.
func (s *Server) withTrackers(ctx context.Context, found []conversation.Conversation) ([]Listed, error) {
	listed := make([]Listed, len(found))
	if len(found) == 0 {
		return listed, nil
	}
	ids := make([]conversation.ID, len(found))
	for i, c := range found {
		ids[i] = c.ID
	}
	counts, err := s.opts.Conversations.CountMatches(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i, c := range found {
		listed[i] = Listed{Conversation: c, Trackers: ranked(counts[c.ID])}
	}
	return listed, nil
}

// ranked orders counts by number and then by name.
func ranked(counts map[string]int) []TrackerCount {
	trackers := make([]TrackerCount, 0, len(counts))
	for name, n := range counts {
		trackers = append(trackers, TrackerCount{Tracker: name, Count: n})
	}
	slices.SortFunc(trackers, func(a, b TrackerCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Tracker, b.Tracker))
	})
	return trackers
}
