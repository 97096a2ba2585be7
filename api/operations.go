package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/operatord/operatord/conversation"
)

// operations registers everything below /api/v1.
func (s *Server) operations(api huma.API) {
	s.conversationOperations(api)
	s.callOperations(api)
	s.trackerOperations(api)
	s.libraryOperations(api)
	s.recommendationOperations(api)
	s.previewOperations(api)
	s.rerunOperations(api)
	s.reviewOperations(api)
	register(s, api, operation("list-schedules", http.MethodGet, "/schedules", "Schedules", "List outbound schedules"), s.listSchedules)
	register(s, api, operation("get-system", http.MethodGet, "/system", "System", "Describe the running daemon"), s.system)
	s.streamOperations(api)
	describe(api.OpenAPI())
}

// operation describes one operation below /api/v1.
func operation(id, method, path, tag, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: "/api/v1" + path, Tags: []string{tag}, Summary: summary}
}

// idInput is the path parameter that most operations share.
type idInput struct {
	ID string `path:"id" pattern:"^[0-9]{16}$" doc:"Identity, 16 digits" example:"1732207200000000"`
}

func (in *idInput) id() conversation.ID { return conversation.ID(in.ID) }

// body is an answer that has nothing but a body.
type body[T any] struct{ Body T }

// list is the shape of every list: never a bare array, so that members can be added later.
type list[T any] struct {
	Items []T `json:"items"`
}

// listOf answers with items, as an empty list rather than null if there are none.
func listOf[T any](items []T, err error) (*body[list[T]], error) {
	if err != nil {
		return nil, err
	}
	if items == nil {
		items = []T{}
	}
	return &body[list[T]]{Body: list[T]{Items: items}}, nil
}

func (s *Server) callOperations(api huma.API) {
	place := operation("place-call", http.MethodPost, "/calls", "Calls", "Place an outbound call")
	place.DefaultStatus = http.StatusAccepted
	place.MaxBodyBytes = 64 << 10
	place.Description = "Answers at once with the queued conversation; what becomes of it arrives as events."
	register(s, api, place, func(ctx context.Context, in *struct{ Body CallRequest }) (*body[conversation.Conversation], error) {
		if s.opts.Caller == nil {
			return nil, missing("outbound calls")
		}
		c, err := s.opts.Caller.Call(ctx, in.Body)
		return &body[conversation.Conversation]{Body: c}, err
	})

	hangup := operation("hang-up", http.MethodPost, "/conversations/{id}/hangup", "Calls", "End a running call")
	hangup.DefaultStatus = http.StatusAccepted
	register(s, api, hangup, func(ctx context.Context, in *idInput) (*struct{}, error) {
		if s.opts.Caller == nil {
			return nil, missing("call control")
		}
		return &struct{}{}, s.opts.Caller.Hangup(ctx, in.id())
	})
}

func (s *Server) listSchedules(ctx context.Context, _ *struct{}) (*body[list[Schedule]], error) {
	if s.opts.Schedules == nil {
		return listOf[Schedule](nil, nil)
	}
	return listOf(s.opts.Schedules.Schedules(ctx))
}

func (s *Server) system(ctx context.Context, _ *struct{}) (*body[System], error) {
	sys, err := s.describeSystem(ctx)
	return &body[System]{Body: sys}, err
}

// missing is the error for a part that this daemon runs without.
func missing(part string) error {
	return fmt.Errorf("%w: %s is not configured", conversation.ErrUnavailable, part)
}
