package api_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/api/apitest"
	"github.com/operatord/operatord/tracking/library"
)

func TestLibraryLists(t *testing.T) {
	url := serve(t, apitest.New())
	var all, telephony struct{ Items []api.LibraryEntry }
	get(t, url+"/api/v1/tracker-library").decode(t, &all)
	require.Len(t, all.Items, len(library.Entries()))

	get(t, url+"/api/v1/tracker-library?category=telephony").decode(t, &telephony)
	require.NotEmpty(t, telephony.Items)
	require.Less(t, len(telephony.Items), len(all.Items))
	for _, e := range telephony.Items {
		require.Equal(t, "telephony", e.Category)
		require.NotEmpty(t, e.Vocabulary)
	}
	require.Contains(t, get(t, url+"/api/v1/tracker-library?category=gardening").body, `"items":[]`)
}

// addVoiceMessage adds an entry and returns the tracker.
func addVoiceMessage(t *testing.T, url string) (tracker api.TrackerView, etag string) {
	t.Helper()
	added := do(t, http.MethodPost, url+"/api/v1/tracker-library/Voice%20Message/add", "")
	require.Equal(t, http.StatusCreated, added.status, added.body)
	added.decode(t, &tracker)
	require.Equal(t, "/api/v1/trackers/"+string(tracker.ID), added.header.Get("Location"))
	return tracker, added.header.Get("ETag")
}

func TestAddFromLibrary(t *testing.T) {
	url := serve(t, apitest.New())
	tracker, _ := addVoiceMessage(t, url)
	entry, err := library.Entry("Voice Message")
	require.NoError(t, err)
	require.Equal(t, entry.Vocabulary, tracker.Vocabulary)
	require.Equal(t, entry.Stance, tracker.Stance)
	require.Equal(t, "Voice Message", tracker.Library)
	require.True(t, tracker.Enabled)

	get(t, url+"/api/v1/trackers/"+string(tracker.ID)).decode(t, &tracker)
	require.Equal(t, "Voice Message", tracker.Name, "it is stored")

	var listed struct{ Items []api.LibraryEntry }
	get(t, url+"/api/v1/tracker-library").decode(t, &listed)
	for _, e := range listed.Items {
		require.Equal(t, e.Name == "Voice Message", slices.Contains(e.Trackers, tracker.ID), e.Name)
	}

	again := do(t, http.MethodPost, url+"/api/v1/tracker-library/Voice%20Message/add", "")
	again.requireProblem(t, http.StatusConflict, "Voice Message")
	unknown := do(t, http.MethodPost, url+"/api/v1/tracker-library/voice%20message/add", "")
	unknown.requireProblem(t, http.StatusNotFound, "voice message")
}

// difference is the answer of library-diff.
type difference struct {
	Library   string
	Identical bool
	Added     []string               `json:"phrases_added"`
	Removed   []string               `json:"phrases_removed"`
	Changes   []library.MemberChange `json:"changes"`
}

func TestAnEditedTrackerIsComparedAndReset(t *testing.T) {
	url := serve(t, apitest.New())
	tracker, etag := addVoiceMessage(t, url)
	address := url + "/api/v1/trackers/" + string(tracker.ID)
	var d difference
	get(t, address+"/library-diff").decode(t, &d)
	require.Equal(t, difference{"Voice Message", true, []string{}, []string{}, []library.MemberChange{}}, d)

	edited := do(t, http.MethodPatch, address, `{"name": "Mailbox", "threshold": 0.7, "vocabulary": ["talk to my mailbox"], "enabled": false}`)
	require.Equal(t, http.StatusOK, edited.status, edited.body)
	get(t, address+"/library-diff").decode(t, &d)
	require.False(t, d.Identical)
	require.Equal(t, []string{"talk to my mailbox"}, d.Added)
	require.ElementsMatch(t, tracker.Vocabulary, d.Removed)
	require.Equal(t, []library.MemberChange{{Member: "threshold", Library: tracker.Threshold, Tracker: 0.7}}, d.Changes)

	stale := do(t, http.MethodPost, address+"/reset", "", "If-Match", etag)
	stale.requireProblem(t, http.StatusPreconditionFailed, "version")

	reset := do(t, http.MethodPost, address+"/reset", "")
	require.Equal(t, http.StatusOK, reset.status, reset.body)
	var result struct {
		Tracker api.TrackerView
		Undone  difference
	}
	reset.decode(t, &result)
	require.Equal(t, d, result.Undone)
	require.Equal(t, tracker.Vocabulary, result.Tracker.Vocabulary)
	require.Equal(t, "Mailbox", result.Tracker.Name)
	require.False(t, result.Tracker.Enabled, "what is the owner's stays")
	require.Equal(t, 3, result.Tracker.Version)
	require.Equal(t, `"3"`, reset.header.Get("ETag"))
	get(t, address+"/library-diff").decode(t, &d)
	require.True(t, d.Identical)
}

func TestATrackerOfOnesOwnHasNoLibraryEntry(t *testing.T) {
	url := serve(t, apitest.New())
	var tracker api.TrackerView
	created := do(t, http.MethodPost, url+"/api/v1/trackers", `{"name": "Mine", "vocabulary": ["my own words"]}`)
	created.decode(t, &tracker)
	address := url + "/api/v1/trackers/" + string(tracker.ID)
	get(t, address+"/library-diff").requireProblem(t, http.StatusNotFound, "not made from the library")
	do(t, http.MethodPost, address+"/reset", "").requireProblem(t, http.StatusNotFound, "not made from the library")

	do(t, http.MethodPatch, address, `{"library": "No such entry"}`)
	get(t, address+"/library-diff").requireProblem(t, http.StatusNotFound, "No such entry")
	get(t, url+"/api/v1/trackers/1763726400000009/library-diff").requireProblem(t, http.StatusNotFound, "tracker")
}

func TestWithoutTrackersThereIsNoLibrary(t *testing.T) {
	url := serve(t, apitest.New(), func(o *api.Options) { o.Trackers = nil })
	get(t, url+"/api/v1/tracker-library").requireProblem(t, http.StatusServiceUnavailable, "tracking")
}
