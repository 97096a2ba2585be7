package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
)

// trackerExchange registers the operations on many trackers at once.
func (s *Server) trackerExchange(api huma.API) {
	bulk := operation("create-trackers", http.MethodPost, "/trackers/bulk", "Trackers", "Create many trackers")
	bulk.Description = "With mode=all (the default) all are created or none, and one that cannot be is an error that names its place. " +
		"With mode=each those that can be are created, and the answer says for each what became of it."
	bulk.DefaultStatus = http.StatusCreated
	bulk.Errors = []int{http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge}
	registerTrackers(s, api, bulk, s.createTrackers)
	documentBody[list[catalog.Content]](api, bulk)

	export := operation("export-trackers", http.MethodGet, "/trackers/export", "Trackers", "Export all trackers as a file")
	registerTrackers(s, api, export, s.exportTrackers)

	bring := operation("import-trackers", http.MethodPost, "/trackers/import", "Trackers", "Import trackers from a file")
	bring.Description = "Trackers are told apart by name; all are imported or none. A dry run answers the same and changes nothing. " +
		"The format is that of the parameter, or of the Content-Type; YAML if neither says."
	bring.Errors = bulk.Errors
	registerTrackers(s, api, bring, s.importTrackers)
}

// BulkItem is what became of one tracker of a bulk creation.
type BulkItem struct {
	Status  int          `json:"status" doc:"201, or what creating it alone would have answered"`
	Tracker *TrackerView `json:"tracker,omitempty"`
	Error   string       `json:"error,omitempty"`
}

type bulkAnswer struct {
	Status int
	Body   list[BulkItem]
}

func (s *Server) createTrackers(ctx context.Context, c *catalog.Catalog, in *struct {
	Author
	Mode    string `query:"mode" enum:"all,each" default:"all"`
	RawBody []byte
},
) (*bulkAnswer, error) {
	items, err := bulkItems(in.RawBody)
	if err != nil {
		return nil, err
	}
	if in.Mode == "each" {
		return s.createEach(ctx, c, in.by(), items), nil
	}
	contents := make([]catalog.Content, len(items))
	var problems []error
	for i, item := range items {
		draft, err := catalog.Decode(item)
		contents[i] = draft.Content
		problems = append(problems, catalog.Place(err, i))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	created, err := c.CreateAll(ctx, in.by(), contents)
	if err != nil {
		return nil, err
	}
	out := &bulkAnswer{Status: http.StatusCreated}
	warnings := c.Warnings(ctx, created...)
	for i, t := range created {
		v := view(c, t)
		v.Warnings = warnings[i]
		out.Body.Items = append(out.Body.Items, BulkItem{Status: http.StatusCreated, Tracker: &v})
	}
	return out, nil
}

// bulkItems splits the body of a bulk creation, which has the form of a list or is a bare array.
func bulkItems(data []byte) ([]json.RawMessage, error) {
	var items []json.RawMessage
	if json.Unmarshal(data, &items) != nil {
		var wrapped struct{ Items []json.RawMessage }
		if err := json.Unmarshal(data, &wrapped); err != nil {
			return nil, &tracking.MemberError{Member: "items", Problem: "want an object with a list of trackers: " + err.Error()}
		}
		items = wrapped.Items
	}
	switch n := len(items); {
	case n == 0:
		return nil, &tracking.MemberError{Member: "items", Problem: "is empty"}
	case n > tracking.MaxTrackers:
		return nil, &tracking.MemberError{Member: "items", Problem: "has more trackers than there may be"}
	}
	return items, nil
}

// createEach creates those trackers that can be.
func (s *Server) createEach(ctx context.Context, c *catalog.Catalog, by string, items []json.RawMessage) *bulkAnswer {
	out := &bulkAnswer{Status: http.StatusOK}
	for _, item := range items {
		var created tracking.Tracker
		draft, err := catalog.Decode(item)
		if err == nil {
			created, err = c.Create(ctx, by, draft.Content)
		}
		if err != nil {
			out.Body.Items = append(out.Body.Items, s.bulkProblem(err))
			continue
		}
		v := view(c, created)
		out.Body.Items = append(out.Body.Items, BulkItem{Status: http.StatusCreated, Tracker: &v})
	}
	return out
}

func (s *Server) bulkProblem(err error) BulkItem {
	problem := s.problem("create-trackers", trackerProblem(err))
	item := BulkItem{Status: http.StatusInternalServerError, Error: problem.Error()}
	if status, ok := errors.AsType[huma.StatusError](problem); ok {
		item.Status = status.GetStatus()
	}
	return item
}

type fileAnswer struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// mediaTypes are the media types of the formats.
func mediaTypes() map[catalog.Format]string {
	return map[catalog.Format]string{catalog.YAML: "application/yaml", catalog.JSON: "application/json", catalog.CSV: "text/csv"}
}

func (s *Server) exportTrackers(ctx context.Context, c *catalog.Catalog, in *struct {
	Format string `query:"format" enum:"yaml,csv,json" default:"yaml"`
},
) (*fileAnswer, error) {
	trackers, err := c.Trackers(ctx)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	format := catalog.Format(in.Format)
	if err := catalog.Export(&out, format, trackers); err != nil {
		return nil, err
	}
	return &fileAnswer{
		ContentType: mediaTypes()[format] + "; charset=utf-8", Body: out.Bytes(),
		Disposition: `attachment; filename="trackers.` + in.Format + `"`,
	}, nil
}

type importInput struct {
	Author
	Format      string `query:"format" enum:"yaml,csv,json"`
	DryRun      bool   `query:"dry_run" doc:"Check and answer, but change nothing"`
	Existing    string `query:"existing" enum:"update,skip,refuse" default:"update" doc:"What becomes of a tracker whose name is taken"`
	ContentType string `header:"Content-Type" hidden:"true"`
	RawBody     []byte
}

// format returns the format of the body.
func (in *importInput) format() catalog.Format {
	if in.Format != "" {
		return catalog.Format(in.Format)
	}
	media, _, _ := mime.ParseMediaType(in.ContentType) // one that is damaged says nothing
	for format, name := range mediaTypes() {
		if name == media {
			return format
		}
	}
	return catalog.YAML
}

// Imported is what an import does with one tracker.
type Imported struct {
	catalog.Outcome
	Warnings []catalog.Warning `json:"warnings"`
}

// importAnswer says what an import did, or would do.
type importAnswer struct {
	DryRun bool       `json:"dry_run"`
	Items  []Imported `json:"items"`
}

func (s *Server) importTrackers(ctx context.Context, c *catalog.Catalog, in *importInput) (*body[importAnswer], error) {
	contents, err := catalog.Parse(in.format(), in.RawBody)
	if err != nil {
		return nil, err
	}
	if len(contents) == 0 {
		return nil, &tracking.MemberError{Member: "trackers", Problem: "there are none in the file"}
	}
	outcomes, err := c.Import(ctx, in.by(), contents, catalog.Existing(in.Existing), in.DryRun)
	if err != nil {
		return nil, err
	}
	trackers := make([]tracking.Tracker, len(outcomes))
	for i, o := range outcomes {
		trackers[i] = o.Tracker
	}
	out := importAnswer{DryRun: in.DryRun, Items: make([]Imported, len(outcomes))}
	for i, warnings := range c.Warnings(ctx, trackers...) {
		out.Items[i] = Imported{Outcome: outcomes[i], Warnings: warnings}
	}
	return &body[importAnswer]{Body: out}, nil
}
