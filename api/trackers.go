package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
)

// maxTrackerBytes is how large a body with trackers may be.
const maxTrackerBytes = 1 << 20

// bodyReadTimeout bounds how long a client may take to send one.
const bodyReadTimeout = 10 * time.Second

// TrackerView is a tracker as the API shows it.
type TrackerView struct {
	tracking.Tracker
	LiveVersion int               `json:"live_version,omitempty" doc:"The version that calls are matched against now; absent while none is"`
	Warnings    []catalog.Warning `json:"warnings,omitempty" doc:"What is doubtful about it; not in lists"`
}

// trackerAnswer is an answer with one tracker.
type trackerAnswer struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     TrackerView
}

// Author are the headers that tell who sent a request.
type Author struct {
	UserAgent string `header:"User-Agent" hidden:"true"`
	FetchSite string `header:"Sec-Fetch-Site" hidden:"true"`
}

// by names who sent a request, for the record: the command line, our page, or any other client.
func (a *Author) by() string {
	switch {
	case strings.HasPrefix(a.UserAgent, "operatord-cli/"):
		return "cli"
	case a.FetchSite == "same-origin":
		return "page"
	}
	return "api"
}

// TrackerPath is the path parameter of operations on one tracker.
type TrackerPath struct {
	ID string `path:"id" doc:"Identity, 16 digits" example:"1732207200000000"`
}

func (in *TrackerPath) id() conversation.ID { return conversation.ID(in.ID) }

// trackerOperations registers everything below /api/v1/trackers.
func (s *Server) trackerOperations(api huma.API) {
	registerTrackers(s, api, operation("list-trackers", http.MethodGet, "/trackers", "Trackers", "List trackers"), s.listTrackers)
	registerTrackers(s, api, operation("get-tracker", http.MethodGet, "/trackers/{id}", "Trackers", "Get a tracker"), s.getTracker)

	create := operation("create-tracker", http.MethodPost, "/trackers", "Trackers", "Create a tracker")
	create.DefaultStatus = http.StatusCreated
	create.Errors = []int{http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge}
	registerTrackers(s, api, create, s.createTracker)
	documentBody[catalog.Content](api, create)

	replace := operation("replace-tracker", http.MethodPut, "/trackers/{id}", "Trackers", "Replace a tracker")
	replace.Description = "Members that are left out take their defaults. A version in the body that is not the stored one is a conflict."
	replace.Errors = slices.Concat(create.Errors, []int{http.StatusNotFound, http.StatusPreconditionFailed})
	registerTrackers(s, api, replace, s.replaceTracker)
	documentBody[catalog.Content](api, replace)

	patch := operation("patch-tracker", http.MethodPatch, "/trackers/{id}", "Trackers", "Change members of a tracker")
	patch.Description = "A JSON merge patch (RFC 7396): members that are null are removed, lists are replaced as a whole."
	patch.Errors = replace.Errors
	registerTrackers(s, api, patch, s.patchTracker)
	documentBody[catalog.Content](api, patch)

	remove := operation("delete-tracker", http.MethodDelete, "/trackers/{id}", "Trackers", "Delete a tracker")
	remove.Description = "Its versions and its matches stay; restoring a version brings it back."
	remove.Errors = []int{http.StatusNotFound, http.StatusPreconditionFailed}
	registerTrackers(s, api, remove, s.deleteTracker)

	registerTrackers(s, api, operation("list-tracker-versions", http.MethodGet, "/trackers/{id}/versions", "Trackers",
		"List the versions of a tracker, newest first"), s.trackerVersions)
	registerTrackers(s, api, operation("restore-tracker-version", http.MethodPost, "/trackers/{id}/versions/{version}/restore",
		"Trackers", "Make an older version the newest one"), s.restoreTracker)
	registerTrackers(s, api, operation("list-tracker-changes", http.MethodGet, "/trackers/changes", "Trackers",
		"List who changed which tracker, newest first"), s.trackerChanges)
	s.trackerExchange(api)
}

// registerTrackers adds an operation on the catalog of trackers. What is wrong with a tracker is a bad request.
func registerTrackers[I, O any](
	s *Server, api huma.API, op huma.Operation, handle func(context.Context, *catalog.Catalog, *I) (*O, error),
) {
	op.MaxBodyBytes, op.BodyReadTimeout = maxTrackerBytes, bodyReadTimeout
	register(s, api, op, func(ctx context.Context, in *I) (*O, error) {
		if s.opts.Trackers == nil {
			return nil, missing("tracking")
		}
		out, err := handle(ctx, s.opts.Trackers, in)
		return out, trackerProblem(err)
	})
}

// documentBody describes the JSON body of an operation that reads it itself.
func documentBody[T any](api huma.API, op huma.Operation) {
	doc := api.OpenAPI()
	item := doc.Paths[op.Path]
	registered := map[string]*huma.Operation{
		http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch,
	}[op.Method]
	schema := doc.Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
	registered.RequestBody.Content = map[string]*huma.MediaType{"application/json": {Schema: schema}}
}

// shownProblems is how many problems the sentence of an answer names; its list has all.
const shownProblems = 3

// trackerProblem turns what is wrong with members of a tracker into a bad request that names each.
func trackerProblem(err error) error {
	members := tracking.MemberErrors(err)
	if len(members) == 0 {
		return err
	}
	details := make([]error, len(members))
	var shown []string
	for i, m := range members {
		details[i] = &huma.ErrorDetail{Location: m.Member, Message: m.Problem}
		if i < shownProblems {
			shown = append(shown, m.Member+": "+m.Problem)
		}
	}
	if more := len(members) - shownProblems; more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	return huma.Error400BadRequest(strings.Join(shown, "; "), details...)
}

// etag is the entity tag of a tracker: its version.
func etag(t tracking.Tracker) string { return `"` + strconv.Itoa(t.Version) + `"` }

// tagged reports whether a header such as If-Match names the entity tag.
func tagged(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if part = strings.TrimSpace(part); part == tag || part == "*" {
			return true
		}
	}
	return false
}

// view adds to a tracker what is known of it.
func view(c *catalog.Catalog, t tracking.Tracker) TrackerView {
	live, _ := c.InForce(t.ID)
	return TrackerView{Tracker: t, LiveVersion: live.Version}
}

// answer returns a tracker with its warnings.
func answer(ctx context.Context, c *catalog.Catalog, t tracking.Tracker) *trackerAnswer {
	v := view(c, t)
	v.Warnings = c.Warnings(ctx, t)[0]
	return &trackerAnswer{ETag: etag(t), Body: v}
}

// trackersInput are the query parameters of the list of trackers.
type trackersInput struct {
	Name     string `query:"name" doc:"Exactly this name; letter case matters"`
	Text     string `query:"q" maxLength:"200" doc:"Part of the name, the description or a phrase; letter case does not matter"`
	Category string `query:"category" doc:"Has this category"`
	Language string `query:"language" doc:"Applies to this language: en takes those for en-US too, and those for any language"`
	Enabled  string `query:"enabled" enum:"true,false"`
	Limit    int    `query:"limit" minimum:"1" maximum:"500" default:"500"`
	Cursor   string `query:"cursor" maxLength:"1024" doc:"next_cursor of the page before"`
}

// selects reports whether the parameters ask for t.
func (in *trackersInput) selects(t *tracking.Tracker) bool {
	return (in.Name == "" || t.Name == in.Name) &&
		(in.Category == "" || slices.Contains(t.Categories, in.Category)) &&
		(in.Language == "" || len(t.Languages) == 0 || slices.ContainsFunc(t.Languages, in.speaks)) &&
		(in.Enabled == "" || strconv.FormatBool(t.Enabled) == in.Enabled) &&
		(in.Text == "" || in.mentions(t))
}

func (in *trackersInput) speaks(tag string) bool {
	tag, asked := strings.ToLower(tag), strings.ToLower(in.Language)
	return tag == asked || strings.HasPrefix(tag, asked+"-") || strings.HasPrefix(asked, tag+"-")
}

func (in *trackersInput) mentions(t *tracking.Tracker) bool {
	part := strings.ToLower(in.Text)
	return slices.ContainsFunc(slices.Concat([]string{t.Name, t.Description}, t.Vocabulary), func(s string) bool {
		return strings.Contains(strings.ToLower(s), part)
	})
}

// trackerPage is one page of trackers.
type trackerPage struct {
	Items      []TrackerView `json:"items"`
	NextCursor string        `json:"next_cursor,omitempty" doc:"Pass as cursor for the next page; absent on the last one"`
}

// listTrackers pages by name, which is unique.
func (s *Server) listTrackers(ctx context.Context, c *catalog.Catalog, in *trackersInput) (*body[trackerPage], error) {
	after, err := base64.RawURLEncoding.DecodeString(in.Cursor)
	if err != nil {
		return nil, fmt.Errorf("%w cursor", conversation.ErrInvalid)
	}
	all, err := c.Trackers(ctx)
	if err != nil {
		return nil, err
	}
	page := trackerPage{Items: []TrackerView{}}
	for i := range all {
		if all[i].Name <= string(after) || !in.selects(&all[i]) {
			continue
		}
		if len(page.Items) == in.Limit {
			page.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(page.Items[in.Limit-1].Name))
			break
		}
		page.Items = append(page.Items, view(c, all[i]))
	}
	return &body[trackerPage]{Body: page}, nil
}

func (s *Server) getTracker(ctx context.Context, c *catalog.Catalog, in *struct {
	TrackerPath
	IfNoneMatch string `header:"If-None-Match" doc:"Entity tag of a version that is known"`
},
) (*trackerAnswer, error) {
	t, err := c.Tracker(ctx, in.id())
	if err != nil {
		return nil, err
	}
	if in.IfNoneMatch != "" && tagged(in.IfNoneMatch, etag(t)) {
		return nil, huma.Status304NotModified()
	}
	return answer(ctx, c, t), nil
}

func (s *Server) createTracker(ctx context.Context, c *catalog.Catalog, in *struct {
	Author
	RawBody []byte
},
) (*trackerAnswer, error) {
	draft, err := catalog.Decode(in.RawBody)
	if err != nil {
		return nil, err
	}
	created, err := c.Create(ctx, in.by(), draft.Content)
	if err != nil {
		return nil, err
	}
	out := answer(ctx, c, created)
	out.Location = "/api/v1/trackers/" + string(created.ID)
	return out, nil
}

// editInput are the parameters of an operation that changes one tracker.
type editInput struct {
	Author
	TrackerPath
	IfMatch string `header:"If-Match" doc:"Entity tag of the version to change; another one is refused with 412"`
	RawBody []byte
}

// permits refuses a change of a version that is not the one that the client knows.
func permits(ifMatch string, t tracking.Tracker) error {
	if ifMatch == "" || tagged(ifMatch, etag(t)) {
		return nil
	}
	return huma.Error412PreconditionFailed(fmt.Sprintf("the tracker is at version %d by now; read it again", t.Version))
}

// fits refuses a draft that says it was made from another tracker or version.
func fits(d catalog.Draft, t tracking.Tracker) error {
	if d.ID != "" && d.ID != t.ID {
		return &tracking.MemberError{Member: "id", Problem: "is not that of the path"}
	}
	if d.Version != 0 && d.Version != t.Version {
		return fmt.Errorf("%w: version %d was changed meanwhile; the tracker is at version %d", conversation.ErrConflict, d.Version, t.Version)
	}
	return nil
}

func (s *Server) replaceTracker(ctx context.Context, c *catalog.Catalog, in *editInput) (*trackerAnswer, error) {
	return edit(ctx, c, in, func(tracking.Tracker) (catalog.Draft, error) { return catalog.Decode(in.RawBody) })
}

func (s *Server) patchTracker(ctx context.Context, c *catalog.Catalog, in *editInput) (*trackerAnswer, error) {
	return edit(ctx, c, in, func(t tracking.Tracker) (catalog.Draft, error) { return catalog.Patch(t, in.RawBody) })
}

func edit(ctx context.Context, c *catalog.Catalog, in *editInput, draft func(tracking.Tracker) (catalog.Draft, error)) (*trackerAnswer, error) {
	t, err := c.Change(ctx, in.id(), in.by(), func(t tracking.Tracker) (catalog.Content, error) {
		if err := permits(in.IfMatch, t); err != nil {
			return catalog.Content{}, err
		}
		d, err := draft(t)
		if err == nil {
			err = fits(d, t)
		}
		return d.Content, err
	})
	if err != nil {
		return nil, err
	}
	return answer(ctx, c, t), nil
}

func (s *Server) deleteTracker(ctx context.Context, c *catalog.Catalog, in *struct {
	Author
	TrackerPath
	IfMatch string `header:"If-Match" doc:"Entity tag of the version to delete; another one is refused with 412"`
},
) (*struct{}, error) {
	return nil, c.Delete(ctx, in.id(), in.by(), func(t tracking.Tracker) error { return permits(in.IfMatch, t) })
}

func (s *Server) trackerVersions(ctx context.Context, c *catalog.Catalog, in *TrackerPath) (*body[list[catalog.Version]], error) {
	return listOf(c.Versions(ctx, in.id()))
}

func (s *Server) restoreTracker(ctx context.Context, c *catalog.Catalog, in *struct {
	Author
	TrackerPath
	Version int `path:"version" minimum:"1"`
},
) (*trackerAnswer, error) {
	t, err := c.Restore(ctx, in.id(), in.Version, in.by())
	if err != nil {
		return nil, err
	}
	return answer(ctx, c, t), nil
}

// changesPage is one page of the record of changes.
type changesPage struct {
	Items      []tracking.Change `json:"items"`
	NextBefore int64             `json:"next_before,omitempty" doc:"Pass as before for older ones; absent on the last page"`
}

func (s *Server) trackerChanges(ctx context.Context, c *catalog.Catalog, in *struct {
	Before int64 `query:"before" minimum:"0" doc:"Only entries with a number below this"`
	Limit  int   `query:"limit" minimum:"1" maximum:"500" default:"100"`
},
) (*body[changesPage], error) {
	changes, err := c.Changes(ctx, in.Before, in.Limit)
	if err != nil {
		return nil, err
	}
	page := changesPage{Items: changes}
	if len(changes) == in.Limit {
		page.NextBefore = changes[len(changes)-1].Number
	}
	return &body[changesPage]{Body: page}, nil
}
