package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/api/apitest"
	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
	"github.com/operatord/operatord/tracking/history"
)

// pastFake implements what the API needs to work over past conversations. It remembers what it was asked.
type pastFake struct {
	daemon    *apitest.Daemon
	found     history.Recommended
	state     history.RecommendationState
	searches  int
	dismissed []conversation.ID
	draft     tracking.Tracker
	filter    history.Filter
	runs      map[conversation.ID]history.Rerun
	reviews   []history.Review
}

func (f *pastFake) Recommendations(_ context.Context, state history.RecommendationState) (history.Recommended, error) {
	f.state = state
	return f.found, nil
}

func (f *pastFake) Search(context.Context) error {
	f.searches++
	return nil
}

func (f *pastFake) Accept(ctx context.Context, id conversation.ID, by string, c catalog.Content) (tracking.Tracker, error) {
	if id != f.found.Items[0].ID {
		return tracking.Tracker{}, fmt.Errorf("recommendation %s: %w", id, conversation.ErrNotFound)
	}
	if c.Name == "" {
		c.Name = f.found.Items[0].Name
	}
	if c.Vocabulary == nil {
		c.Vocabulary = f.found.Items[0].Phrases
	}
	return f.daemon.Trackers.Create(ctx, by, c)
}

func (f *pastFake) Dismiss(_ context.Context, id conversation.ID) error {
	if slices.Contains(f.dismissed, id) {
		return conversation.ErrTransition
	}
	f.dismissed = append(f.dismissed, id)
	return nil
}

func (f *pastFake) Preview(_ context.Context, draft tracking.Tracker, filter history.Filter) (history.Preview, error) {
	f.draft, f.filter = draft, filter
	draft.Name = "draft"
	return history.Preview{MatchCount: 3, Matches: []history.Found{}, NearMisses: []history.Found{}}, draft.Validate()
}

func (f *pastFake) StartRerun(_ context.Context, tracker conversation.ID, filter history.Filter) (history.Rerun, error) {
	if _, active := f.runs[tracker]; active {
		return history.Rerun{}, conversation.ErrConflict
	}
	f.filter = filter
	f.runs[tracker] = history.Rerun{TrackerID: tracker, State: history.RerunRunning, Done: 2, Total: 8}
	return f.runs[tracker], nil
}

func (f *pastFake) LastRerun(_ context.Context, tracker conversation.ID) (history.Rerun, error) {
	run, known := f.runs[tracker]
	if !known {
		return run, conversation.ErrNotFound
	}
	return run, nil
}

func (f *pastFake) CancelRerun(_ context.Context, tracker conversation.ID) (history.Rerun, error) {
	run := f.runs[tracker]
	if !run.State.Active() {
		return run, conversation.ErrTransition
	}
	run.State = history.RerunCancelled
	f.runs[tracker] = run
	return run, nil
}

func (f *pastFake) SaveReview(_ context.Context, r history.Review) error {
	f.reviews = append(f.reviews, r)
	return nil
}

func (f *pastFake) DeleteReview(_ context.Context, _, subject conversation.ID) error {
	before := len(f.reviews)
	f.reviews = slices.DeleteFunc(f.reviews, func(r history.Review) bool { return r.Subject() == subject })
	if len(f.reviews) == before {
		return conversation.ErrNotFound
	}
	return nil
}

func (f *pastFake) Reviews(context.Context, conversation.ID) ([]history.Review, error) {
	return f.reviews, nil
}

func (f *pastFake) ReviewTallies(context.Context) ([]history.Tally, error) {
	tally := history.Tally{TrackerID: id(50)}
	for _, r := range f.reviews {
		tally.Add(r.Verdict, 1)
	}
	return []history.Tally{tally}, nil
}

// servePast serves a daemon with a conversation in which a tracker has matched.
func servePast(t *testing.T) (*pastFake, string) {
	t.Helper()
	d := apitest.New()
	c := talk(1, "+15550111")
	publish(d, c)
	u := conversation.Utterance{ID: id(2), ConversationID: c.ID, Role: conversation.RoleCaller, Text: "cancel it", Final: true}
	d.Publish(conversation.Event{ConversationID: c.ID, Type: conversation.EventUtteranceFinal, Utterance: &u})
	m := conversation.Match{ID: id(3), ConversationID: c.ID, UtteranceID: u.ID, TrackerID: id(50), TrackerVersion: 4}
	d.Publish(conversation.Event{ConversationID: c.ID, Type: conversation.EventTrackerMatched, Match: &m})
	f := &pastFake{daemon: d, runs: map[conversation.ID]history.Rerun{}}
	f.found.Items = []history.Recommendation{{ID: id(7), Name: "Change my address", Phrases: []string{"change my address", "new address"}}}
	return f, serve(t, d, func(o *api.Options) { o.Recommender, o.Previewer, o.Rerunner, o.Reviews = f, f, f, f }) + "/api/v1"
}

func TestRecommendationsAreListedAndSearchedFor(t *testing.T) {
	f, url := servePast(t)
	a := get(t, url+"/tracker-recommendations")
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, history.RecommendationOpen, f.state)
	require.Contains(t, a.body, "Change my address")
	require.NotContains(t, a.body, "last_run")
	f.found = history.Recommended{Last: &history.RecommendationRun{At: noon, Sentences: 12}}
	a = get(t, url+"/tracker-recommendations?state=all")
	require.Empty(t, f.state)
	require.Contains(t, a.body, `"items":[]`)
	require.Contains(t, a.body, `"sentences":12`)
	get(t, url+"/tracker-recommendations?state=odd").requireProblem(t, http.StatusUnprocessableEntity, "state")
	require.Equal(t, http.StatusAccepted, do(t, http.MethodPost, url+"/tracker-recommendations/run", "").status)
	require.Equal(t, 1, f.searches)
}

func TestRecommendationIsAcceptedAsItIsOrEdited(t *testing.T) {
	_, url := servePast(t)
	accept := url + "/tracker-recommendations/" + string(id(7)) + "/accept"
	a := do(t, http.MethodPost, accept, "", "User-Agent", "operatord-cli/1")
	require.Equal(t, http.StatusCreated, a.status, a.body)
	var made api.TrackerView
	a.decode(t, &made)
	require.Equal(t, []string{"change my address", "new address"}, made.Vocabulary)
	require.Equal(t, "cli", made.UpdatedBy)
	require.True(t, made.Enabled)
	require.Equal(t, "/api/v1/trackers/"+string(made.ID), a.header.Get("Location"))

	a = do(t, http.MethodPost, accept, `{"name": "Moving", "vocabulary": ["I have moved"], "threshold": 0.7}`)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	a.decode(t, &made)
	require.Equal(t, "Moving", made.Name)
	require.Equal(t, []string{"I have moved"}, made.Vocabulary)
	do(t, http.MethodPost, accept, `{"vocabulary": "x"}`).requireProblem(t, http.StatusBadRequest, "vocabulary")
	do(t, http.MethodPost, accept, `{"name": "Moving"}`).requireProblem(t, http.StatusConflict, "Moving")
	do(t, http.MethodPost, url+"/tracker-recommendations/"+string(id(8))+"/accept", "").requireProblem(t, http.StatusNotFound, "recommendation")
}

func TestRecommendationIsDismissedOnce(t *testing.T) {
	f, url := servePast(t)
	dismiss := url + "/tracker-recommendations/" + string(id(7)) + "/dismiss"
	require.Equal(t, http.StatusNoContent, do(t, http.MethodPost, dismiss, "").status)
	require.Equal(t, []conversation.ID{id(7)}, f.dismissed)
	do(t, http.MethodPost, dismiss, "").requireProblem(t, http.StatusConflict, "")
}

func TestDraftIsTriedBeforeItIsSaved(t *testing.T) {
	f, url := servePast(t)
	a := do(t, http.MethodPost, url+"/trackers/preview", fmt.Sprintf(
		`{"tracker": {"id": "%s", "vocabulary": ["cancel it"], "threshold": 0.5}, "since": "2025-11-01T00:00:00Z", "direction": "inbound"}`, id(50)))
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Contains(t, a.body, `"match_count":3`)
	require.Equal(t, id(50), f.draft.ID)
	require.Equal(t, []string{"cancel it"}, f.draft.Vocabulary)
	require.Equal(t, history.Filter{Since: time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC), Direction: conversation.Inbound}, f.filter)
	preview := func(body string) answer { return do(t, http.MethodPost, url+"/trackers/preview", body) }
	preview(`{"tracker": {"vocabulary": []}}`).requireProblem(t, http.StatusBadRequest, "vocabulary")
	preview(`{"tracker": {"vocabulary": ["x"], "treshold": 1}}`).requireProblem(t, http.StatusBadRequest, "treshold")
	preview(`{"tracker": 7}`).requireProblem(t, http.StatusBadRequest, "object")
	preview(`{}`).requireProblem(t, http.StatusUnprocessableEntity, "tracker")
}

func TestHistoryIsMatchedAgain(t *testing.T) {
	f, url := servePast(t)
	rerun := url + "/trackers/" + string(id(50)) + "/rerun"
	get(t, rerun).requireProblem(t, http.StatusNotFound, "")
	a := do(t, http.MethodPost, rerun, `{"channel": "sip"}`)
	require.Equal(t, http.StatusAccepted, a.status, a.body)
	require.Equal(t, conversation.ChannelSIP, f.filter.Channel)
	do(t, http.MethodPost, rerun, "").requireProblem(t, http.StatusConflict, "")
	a = get(t, rerun)
	require.Contains(t, a.body, `"done":2`)
	require.Contains(t, a.body, `"total":8`)
	a = do(t, http.MethodDelete, rerun, "")
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, `"cancelled"`)
	do(t, http.MethodDelete, rerun, "").requireProblem(t, http.StatusConflict, "")
}

func TestMatchIsReviewed(t *testing.T) {
	f, url := servePast(t)
	matches := url + "/conversations/" + string(id(1)) + "/matches"
	review := matches + "/" + string(id(3)) + "/review"
	require.NotContains(t, get(t, matches).body, `"review"`)
	a := do(t, http.MethodPut, review, `{"verdict": "wrong", "by": "ann"}`)
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, history.VerdictWrong, f.reviews[0].Verdict)
	require.Equal(t, 4, f.reviews[0].TrackerVersion)
	var listed struct{ Items []api.ReviewedMatch }
	get(t, matches).decode(t, &listed)
	require.Equal(t, "ann", listed.Items[0].Review.By)
	require.Contains(t, get(t, url+"/conversations/"+string(id(1))+"/reviews").body, `"wrong"`)
	require.Contains(t, get(t, url+"/trackers/precision").body, `"precision":0`)
	require.Equal(t, http.StatusNoContent, do(t, http.MethodDelete, review, "").status)
	do(t, http.MethodDelete, review, "").requireProblem(t, http.StatusNotFound, "")
	do(t, http.MethodPut, review, `{"verdict": "so-so"}`).requireProblem(t, http.StatusUnprocessableEntity, "verdict")
	do(t, http.MethodPut, matches+"/"+string(id(2))+"/review", `{"verdict": "right"}`).requireProblem(t, http.StatusNotFound, "match")
}

func TestUtteranceIsReviewedAsMissed(t *testing.T) {
	f, url := servePast(t)
	f.daemon.SetTrackers([]tracking.Tracker{{ID: id(50), Name: "Cancellation", Vocabulary: []string{"cancel"}}})
	review := url + "/conversations/" + string(id(1)) + "/matches/" + string(id(2)) + "/review"
	missed := func(tracker conversation.ID) string {
		return fmt.Sprintf(`{"verdict": "missed", "tracker_id": "%s"}`, tracker)
	}
	a := do(t, http.MethodPut, review, missed(id(50)))
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, id(2), f.reviews[0].UtteranceID)
	require.Equal(t, "api", f.reviews[0].By)
	require.Empty(t, f.reviews[0].MatchID)
	do(t, http.MethodPut, review, missed(id(51))).requireProblem(t, http.StatusNotFound, "tracker")
	do(t, http.MethodPut, review, `{"verdict": "missed"}`).requireProblem(t, http.StatusUnprocessableEntity, "tracker_id")
	elsewhere := url + "/conversations/" + string(id(1)) + "/matches/" + string(id(9)) + "/review"
	do(t, http.MethodPut, elsewhere, missed(id(50))).requireProblem(t, http.StatusNotFound, "utterance")
}

func TestPastNeedsItsParts(t *testing.T) {
	url := serve(t, apitest.New()) + "/api/v1"
	for _, request := range []struct{ method, path, body string }{
		{http.MethodGet, "/tracker-recommendations", ""},
		{http.MethodPost, "/tracker-recommendations/run", ""},
		{http.MethodPost, "/tracker-recommendations/" + string(id(7)) + "/accept", ""},
		{http.MethodPost, "/tracker-recommendations/" + string(id(7)) + "/dismiss", ""},
		{http.MethodPost, "/trackers/preview", `{"tracker": {}}`},
		{http.MethodPost, "/trackers/" + string(id(7)) + "/rerun", ""},
		{http.MethodGet, "/trackers/precision", ""},
	} {
		do(t, request.method, url+request.path, request.body).requireProblem(t, http.StatusServiceUnavailable, "not configured")
	}
}
