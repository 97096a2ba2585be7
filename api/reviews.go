package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking/history"
)

// Reviews keeps what people say of matches.
type Reviews interface {
	SaveReview(ctx context.Context, r history.Review) error
	// DeleteReview returns an error matching conversation.ErrNotFound if there is no review of the match or utterance.
	DeleteReview(ctx context.Context, id, subject conversation.ID) error
	// Reviews returns the reviews of a conversation.
	Reviews(ctx context.Context, id conversation.ID) ([]history.Review, error)
	// ReviewTallies counts the verdicts on every tracker that was reviewed.
	ReviewTallies(ctx context.Context) ([]history.Tally, error)
}

// ReviewedMatch is a match with what people say of it.
type ReviewedMatch struct {
	conversation.Match
	Review *history.Review `json:"review,omitempty"`
}

// reviewBody is a verdict.
type reviewBody struct {
	Verdict   string          `json:"verdict" enum:"right,wrong,missed"`
	By        string          `json:"by,omitempty" maxLength:"200" doc:"Who says so; the kind of client if absent"`
	TrackerID conversation.ID `json:"tracker_id,omitempty" pattern:"^[0-9]{16}$" doc:"With missed: the tracker that should have matched"`
}

// MatchPath are the path parameters of operations on a match.
type MatchPath struct {
	ID      string `path:"id" pattern:"^[0-9]{16}$" doc:"The conversation"`
	MatchID string `path:"match_id" pattern:"^[0-9]{16}$" doc:"The match; with missed, the utterance that should have matched"`
}

func (in *MatchPath) id() conversation.ID { return conversation.ID(in.ID) }

func (s *Server) reviewOperations(api huma.API) {
	const path, tag = "/conversations/{id}/matches/{match_id}/review", "Reviews"
	put := operation("review-match", http.MethodPut, path, tag, "Say whether a match is right")
	put.Description = "A later review replaces an earlier one. To say that a tracker missed something, name the utterance in the place of the match."
	put.Errors = []int{http.StatusNotFound, http.StatusUnprocessableEntity}
	register(s, api, put, s.review)
	remove := operation("delete-review", http.MethodDelete, path, tag, "Take a review back")
	remove.Errors = []int{http.StatusNotFound}
	register(s, api, remove, func(ctx context.Context, in *MatchPath) (*struct{}, error) {
		if s.opts.Reviews == nil {
			return nil, missing("reviews")
		}
		return nil, s.opts.Reviews.DeleteReview(ctx, in.id(), conversation.ID(in.MatchID))
	})
	register(s, api, operation("list-reviews", http.MethodGet, "/conversations/{id}/reviews", tag, "List the reviews of a conversation"),
		func(ctx context.Context, in *idInput) (*body[list[history.Review]], error) {
			if s.opts.Reviews == nil {
				return nil, missing("reviews")
			}
			return within(ctx, s, in.id(), s.opts.Reviews.Reviews)
		})
	register(s, api, operation("list-tracker-precision", http.MethodGet, "/trackers/precision", tag,
		"Tell how often each tracker was right, as far as its matches were reviewed"),
		func(ctx context.Context, _ *struct{}) (*body[list[history.Tally]], error) {
			if s.opts.Reviews == nil {
				return nil, missing("reviews")
			}
			return listOf(s.opts.Reviews.ReviewTallies(ctx))
		})
}

func (s *Server) review(ctx context.Context, in *struct {
	Author
	MatchPath
	Body reviewBody
},
) (*body[history.Review], error) {
	if s.opts.Reviews == nil {
		return nil, missing("reviews")
	}
	if in.Body.By == "" {
		in.Body.By = in.by()
	}
	judge := s.reviewMatch
	if in.Body.Verdict == string(history.VerdictMissed) {
		judge = s.reviewMissed
	}
	r, err := judge(ctx, in.id(), conversation.ID(in.MatchID), in.Body)
	if err == nil {
		err = s.opts.Reviews.SaveReview(ctx, r)
	}
	return &body[history.Review]{Body: r}, err
}

func (s *Server) reviewMatch(ctx context.Context, id, subject conversation.ID, b reviewBody) (history.Review, error) {
	matches, err := s.opts.Conversations.Matches(ctx, id)
	if err != nil {
		return history.Review{}, err
	}
	i := slices.IndexFunc(matches, func(m conversation.Match) bool { return m.ID == subject })
	if i < 0 {
		return history.Review{}, fmt.Errorf("match %s in conversation %s: %w", subject, id, conversation.ErrNotFound)
	}
	return history.ReviewMatch(matches[i], history.Verdict(b.Verdict), b.By, time.Now())
}

func (s *Server) reviewMissed(ctx context.Context, id, subject conversation.ID, b reviewBody) (history.Review, error) {
	if b.TrackerID == "" {
		return history.Review{}, fmt.Errorf("%w tracker_id: name the tracker that should have matched", conversation.ErrInvalid)
	}
	utterances, err := s.opts.Conversations.Utterances(ctx, id)
	if err != nil {
		return history.Review{}, err
	}
	if !slices.ContainsFunc(utterances, func(u conversation.Utterance) bool { return u.ID == subject }) {
		return history.Review{}, fmt.Errorf("utterance %s in conversation %s: %w", subject, id, conversation.ErrNotFound)
	}
	if s.opts.Trackers != nil {
		if _, err := s.opts.Trackers.Tracker(ctx, b.TrackerID); err != nil {
			return history.Review{}, err
		}
	}
	return history.Review{
		ConversationID: id, UtteranceID: subject, TrackerID: b.TrackerID, Verdict: history.VerdictMissed, By: b.By,
		At: time.Now().UTC(),
	}, nil
}

// reviewedMatches lists the matches of a conversation with their reviews.
func (s *Server) reviewedMatches(ctx context.Context, id conversation.ID) ([]ReviewedMatch, error) {
	matches, err := s.opts.Conversations.Matches(ctx, id)
	if err != nil {
		return nil, err
	}
	var reviews []history.Review
	if s.opts.Reviews != nil {
		if reviews, err = s.opts.Reviews.Reviews(ctx, id); err != nil {
			return nil, err
		}
	}
	reviewed := make([]ReviewedMatch, len(matches))
	for i, m := range matches {
		reviewed[i].Match = m
		if k := slices.IndexFunc(reviews, func(r history.Review) bool { return r.MatchID == m.ID }); k >= 0 {
			reviewed[i].Review = &reviews[k]
		}
	}
	return reviewed, nil
}
