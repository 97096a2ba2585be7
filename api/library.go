package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
	"github.com/operatord/operatord/tracking/library"
)

// LibraryEntry is a ready tracker as the API shows it.
type LibraryEntry struct {
	Name             string            `json:"name" example:"Cancellation"`
	Category         string            `json:"category" example:"retention"`
	Description      string            `json:"description"`
	Vocabulary       []string          `json:"vocabulary"`
	Threshold        float64           `json:"threshold,omitempty" doc:"0 is the default"`
	Role             conversation.Role `json:"role,omitempty" enum:"caller,agent" doc:"Whose words are matched; anyone's if absent"`
	Languages        []string          `json:"languages,omitempty"`
	Exclusions       []string          `json:"exclusions,omitempty"`
	NegativeExamples []string          `json:"negative_examples,omitempty"`
	Stance           tracking.Stance   `json:"stance,omitzero"`
	Trackers         []conversation.ID `json:"trackers" doc:"The trackers that were made from it"`
}

// libraryDifference is how far a tracker has moved from its entry.
type libraryDifference struct {
	Library   string `json:"library" doc:"Name of the entry" example:"Cancellation"`
	Identical bool   `json:"identical" doc:"There is no difference"`
	library.Difference
}

// libraryReset is an answer with the tracker as it is now and with what it lost by becoming so.
type libraryReset struct {
	ETag string `header:"ETag"`
	Body struct {
		Tracker TrackerView       `json:"tracker"`
		Undone  libraryDifference `json:"undone" doc:"The difference there was before"`
	}
}

// libraryOperations registers the operations on the library of ready trackers.
func (s *Server) libraryOperations(api huma.API) {
	registerTrackers(s, api, operation("list-library", http.MethodGet, "/tracker-library", "Tracker library",
		"List the ready trackers"), s.listLibrary)

	add := operation("add-from-library", http.MethodPost, "/tracker-library/{name}/add", "Tracker library",
		"Make a tracker from a ready one")
	add.Description = "The tracker may be edited like any other. It is a conflict if a tracker has the name already."
	add.DefaultStatus = http.StatusCreated
	add.Errors = []int{http.StatusNotFound, http.StatusConflict}
	registerTrackers(s, api, add, s.addFromLibrary)

	diff := operation("diff-with-library", http.MethodGet, "/trackers/{id}/library-diff", "Tracker library",
		"Tell what sets a tracker apart from the ready one it was made from")
	diff.Description = "Name, actions, alert budget and whether it is enabled are not compared."
	diff.Errors = []int{http.StatusNotFound}
	registerTrackers(s, api, diff, s.diffWithLibrary)

	reset := operation("reset-to-library", http.MethodPost, "/trackers/{id}/reset", "Tracker library",
		"Take a tracker back to the ready one it was made from")
	reset.Description = "Everything that library-diff compares is taken from the library, in a new version; the rest stays."
	reset.Errors = []int{http.StatusNotFound, http.StatusPreconditionFailed}
	registerTrackers(s, api, reset, s.resetToLibrary)
}

func (s *Server) listLibrary(ctx context.Context, c *catalog.Catalog, in *struct {
	Category string `query:"category" doc:"Only those of this category" example:"telephony"`
},
) (*body[list[LibraryEntry]], error) {
	trackers, err := c.Trackers(ctx)
	if err != nil {
		return nil, err
	}
	var entries []LibraryEntry
	for _, e := range library.Entries() {
		if in.Category == "" || slices.Contains(e.Categories, in.Category) {
			entries = append(entries, libraryEntry(e, trackers))
		}
	}
	return listOf(entries, nil)
}

// libraryEntry shows an entry and which of the trackers were made from it.
func libraryEntry(e tracking.Tracker, trackers []tracking.Tracker) LibraryEntry {
	shown := LibraryEntry{
		Name: e.Name, Category: e.Categories[0], Description: e.Description, Vocabulary: e.Vocabulary, Threshold: e.Threshold,
		Role: e.Role, Languages: e.Languages, Exclusions: e.Exclusions, NegativeExamples: e.NegativeExamples, Stance: e.Stance,
		Trackers: []conversation.ID{},
	}
	for i := range trackers {
		if trackers[i].Library == e.Name {
			shown.Trackers = append(shown.Trackers, trackers[i].ID)
		}
	}
	return shown
}

func (s *Server) addFromLibrary(ctx context.Context, c *catalog.Catalog, in *struct {
	Author
	Name string `path:"name" doc:"Name of the ready tracker; letter case matters" example:"Cancellation"`
},
) (*trackerAnswer, error) {
	entry, err := library.Entry(in.Name)
	if err != nil {
		return nil, err
	}
	created, err := c.Create(ctx, in.by(), catalog.ContentOf(entry))
	if err != nil {
		return nil, err
	}
	out := answer(ctx, c, created)
	out.Location = "/api/v1/trackers/" + string(created.ID)
	return out, nil
}

func (s *Server) diffWithLibrary(ctx context.Context, c *catalog.Catalog, in *TrackerPath) (*body[libraryDifference], error) {
	t, err := c.Tracker(ctx, in.id())
	if err != nil {
		return nil, err
	}
	_, difference, err := compare(t)
	return &body[libraryDifference]{Body: difference}, err
}

// compare returns the entry that t was made from and the difference between the two.
func compare(t tracking.Tracker) (tracking.Tracker, libraryDifference, error) {
	if t.Library == "" {
		return t, libraryDifference{}, fmt.Errorf("tracker %q was not made from the library: %w", t.Name, conversation.ErrNotFound)
	}
	entry, err := library.Entry(t.Library)
	if err != nil {
		return t, libraryDifference{}, err
	}
	d := library.Diff(entry, t)
	return entry, libraryDifference{Library: entry.Name, Identical: d.Empty(), Difference: d}, nil
}

func (s *Server) resetToLibrary(ctx context.Context, c *catalog.Catalog, in *struct {
	Author
	TrackerPath
	IfMatch string `header:"If-Match" doc:"Entity tag of the version to reset; another one is refused with 412"`
},
) (*libraryReset, error) {
	var out libraryReset
	t, err := c.Change(ctx, in.id(), in.by(), func(t tracking.Tracker) (catalog.Content, error) {
		if err := permits(in.IfMatch, t); err != nil {
			return catalog.Content{}, err
		}
		entry, undone, err := compare(t)
		out.Body.Undone = undone
		return catalog.ContentOf(library.Reset(entry, t)), err
	})
	if err != nil {
		return nil, err
	}
	view := answer(ctx, c, t)
	out.ETag, out.Body.Tracker = view.ETag, view.Body
	return &out, nil
}
