package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
	"github.com/operatord/operatord/tracking/history"
)

// Recommender finds what customers say that no tracker covers. Its methods return errors matching conversation.ErrNotFound for an
// unknown recommendation and conversation.ErrTransition for one that is not open.
type Recommender interface {
	// Recommendations returns those in a state, or all for "", the most frequent first.
	Recommendations(ctx context.Context, state history.RecommendationState) (history.Recommended, error)
	// Search asks for a search in the background.
	Search(ctx context.Context) error
	// Accept makes a tracker of a recommendation; members that the content leaves empty are taken from it.
	Accept(ctx context.Context, id conversation.ID, by string, content catalog.Content) (tracking.Tracker, error)
	// Dismiss takes a recommendation away for good.
	Dismiss(ctx context.Context, id conversation.ID) error
}

// recommendationList is the list of recommendations.
type recommendationList struct {
	Items []history.Recommendation   `json:"items"`
	Last  *history.RecommendationRun `json:"last_run,omitempty" doc:"The search that found them; absent before the first one"`
}

type recommendationsInput struct {
	State string `query:"state" enum:"open,accepted,dismissed,all" default:"open"`
}

func (s *Server) recommendationOperations(api huma.API) {
	const tag = "Tracker recommendations"
	list := operation("list-tracker-recommendations", http.MethodGet, "/tracker-recommendations", tag,
		"List what customers say that no tracker covers, most frequent first")
	register(s, api, list, s.listRecommendations)

	accept := operation("accept-tracker-recommendation", http.MethodPost, "/tracker-recommendations/{id}/accept", tag,
		"Make a tracker of a recommendation")
	accept.DefaultStatus = http.StatusCreated
	accept.MaxBodyBytes, accept.BodyReadTimeout = maxTrackerBytes, bodyReadTimeout
	accept.Errors = []int{http.StatusBadRequest, http.StatusNotFound, http.StatusConflict}
	accept.Description = "The body may hold any members of a tracker; name and vocabulary are those of the recommendation where it has none."
	register(s, api, accept, s.acceptRecommendation)

	dismiss := operation("dismiss-tracker-recommendation", http.MethodPost, "/tracker-recommendations/{id}/dismiss", tag,
		"Dismiss a recommendation; what means the same is not recommended again")
	dismiss.Errors = []int{http.StatusNotFound, http.StatusConflict}
	register(s, api, dismiss, func(ctx context.Context, in *idInput) (*struct{}, error) {
		if s.opts.Recommender == nil {
			return nil, missing("recommendations")
		}
		return nil, s.opts.Recommender.Dismiss(ctx, in.id())
	})

	run := operation("run-tracker-recommendations", http.MethodPost, "/tracker-recommendations/run", tag,
		"Search for recommendations now, in the background")
	run.DefaultStatus = http.StatusAccepted
	register(s, api, run, func(ctx context.Context, _ *struct{}) (*struct{}, error) {
		if s.opts.Recommender == nil {
			return nil, missing("recommendations")
		}
		return nil, s.opts.Recommender.Search(ctx)
	})
}

func (s *Server) listRecommendations(ctx context.Context, in *recommendationsInput) (*body[recommendationList], error) {
	if s.opts.Recommender == nil {
		return nil, missing("recommendations")
	}
	state := history.RecommendationState(in.State)
	if in.State == "all" {
		state = ""
	}
	found, err := s.opts.Recommender.Recommendations(ctx, state)
	if found.Items == nil {
		found.Items = []history.Recommendation{}
	}
	return &body[recommendationList]{Body: recommendationList{Items: found.Items, Last: found.Last}}, err
}

func (s *Server) acceptRecommendation(ctx context.Context, in *struct {
	Author
	TrackerPath
	Body *json.RawMessage
},
) (*trackerAnswer, error) {
	if s.opts.Recommender == nil || s.opts.Trackers == nil {
		return nil, missing("recommendations")
	}
	draft := catalog.Draft{Content: catalog.Content{Enabled: true}}
	if in.Body != nil {
		var err error
		if draft, err = catalog.Decode(*in.Body); err != nil {
			return nil, trackerProblem(err)
		}
	}
	created, err := s.opts.Recommender.Accept(ctx, in.id(), in.by(), draft.Content)
	if err != nil {
		return nil, trackerProblem(err)
	}
	out := answer(ctx, s.opts.Trackers, created)
	out.Location = "/api/v1/trackers/" + string(created.ID)
	return out, nil
}
