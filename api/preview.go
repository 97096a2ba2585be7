package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
	"github.com/operatord/operatord/tracking/history"
)

// Previewer matches a draft of a tracker against past conversations, for as long as a person waits. It returns an error
// matching conversation.ErrInvalid for a draft that could not be saved.
type Previewer interface {
	Preview(ctx context.Context, draft tracking.Tracker, f history.Filter) (history.Preview, error)
}

// Rerunner matches past conversations again in the background. Its methods return errors matching conversation.ErrNotFound,
// conversation.ErrConflict for a second one of a tracker, and conversation.ErrTransition for one that has ended.
type Rerunner interface {
	StartRerun(ctx context.Context, tracker conversation.ID, f history.Filter) (history.Rerun, error)
	LastRerun(ctx context.Context, tracker conversation.ID) (history.Rerun, error)
	CancelRerun(ctx context.Context, tracker conversation.ID) (history.Rerun, error)
}

// Period is the part of a body that selects past conversations.
type Period struct {
	Since     time.Time `json:"since,omitzero" doc:"Only conversations created at or after this time (RFC 3339)"`
	Until     time.Time `json:"until,omitzero" doc:"Only conversations created before this time"`
	Direction string    `json:"direction,omitempty" enum:"inbound,outbound"`
	Channel   string    `json:"channel,omitempty" enum:"sip,webrtc,audio,video,text,stream"`
}

func (p *Period) filter() history.Filter {
	return history.Filter{
		Since: p.Since, Until: p.Until, Direction: conversation.Direction(p.Direction), Channel: conversation.Channel(p.Channel),
	}
}

// previewBody is a draft with the conversations to try it on.
type previewBody struct {
	Period
	Tracker json.RawMessage `json:"tracker" doc:"A tracker as it is created; with the id of a stored one it is tried in its place, and against its reviews. It needs no name"`
}

func (s *Server) previewOperations(api huma.API) {
	preview := operation("preview-tracker", http.MethodPost, "/trackers/preview", "Trackers", "Try a tracker before it is saved")
	preview.Description = "Matches a draft against past conversations, newest first, as a call would be matched. It answers within a few " +
		"seconds and says how much it has covered until then."
	preview.MaxBodyBytes, preview.BodyReadTimeout = maxTrackerBytes, bodyReadTimeout
	preview.Errors = []int{http.StatusBadRequest}
	register(s, api, preview, s.preview)
}

func (s *Server) preview(ctx context.Context, in *struct{ Body previewBody }) (*body[history.Preview], error) {
	if s.opts.Previewer == nil {
		return nil, missing("tracking")
	}
	draft, err := catalog.Decode(in.Body.Tracker)
	if err != nil {
		return nil, trackerProblem(err)
	}
	tracker := draft.Tracker()
	tracker.ID = draft.ID
	found, err := s.opts.Previewer.Preview(ctx, tracker, in.Body.filter())
	return &body[history.Preview]{Body: found}, trackerProblem(err)
}

func (s *Server) rerunOperations(api huma.API) {
	const path, tag = "/trackers/{id}/rerun", "Trackers"
	start := operation("rerun-tracker", http.MethodPost, path, tag, "Match past conversations again")
	start.Description = "Adds the matches of the tracker's present version beside the older ones, which stay as they are. One at a time of a tracker."
	start.DefaultStatus = http.StatusAccepted
	start.Errors = []int{http.StatusNotFound, http.StatusConflict}
	register(s, api, start, func(ctx context.Context, in *struct {
		TrackerPath
		Body *Period
	},
	) (*body[history.Rerun], error) {
		selected := cmp.Or(in.Body, &Period{}).filter()
		return s.rerun(func(r Rerunner) (history.Rerun, error) { return r.StartRerun(ctx, in.id(), selected) })
	})
	register(s, api, operation("get-tracker-rerun", http.MethodGet, path, tag, "Tell how far the newest re-run of a tracker is"),
		func(ctx context.Context, in *TrackerPath) (*body[history.Rerun], error) {
			return s.rerun(func(r Rerunner) (history.Rerun, error) { return r.LastRerun(ctx, in.id()) })
		})
	cancel := operation("cancel-tracker-rerun", http.MethodDelete, path, tag, "Cancel the re-run of a tracker; what it has found stays")
	cancel.DefaultStatus = http.StatusOK
	cancel.Errors = start.Errors
	register(s, api, cancel, func(ctx context.Context, in *TrackerPath) (*body[history.Rerun], error) {
		return s.rerun(func(r Rerunner) (history.Rerun, error) { return r.CancelRerun(ctx, in.id()) })
	})
}

func (s *Server) rerun(do func(Rerunner) (history.Rerun, error)) (*body[history.Rerun], error) {
	if s.opts.Rerunner == nil {
		return nil, missing("re-running trackers")
	}
	run, err := do(s.opts.Rerunner)
	return &body[history.Rerun]{Body: run}, err
}
