package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/store"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/history"
)

// seedHistory writes finished conversations of the last days into the database of a daemon that is not running, one with each
// text as what its caller said.
func seedHistory(t *testing.T, dir string, said []string) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "operatord.db")})
	require.NoError(t, err)
	w, err := store.NewWriter(store.WriterOptions{Store: s, SpoolPath: filepath.Join(dir, "events.spool")})
	require.NoError(t, err)
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() { ended <- w.Run(ctx) }()
	var ids conversation.IDs
	position := int64(0)
	for i, text := range said {
		at := time.Now().Add(-time.Duration(len(said)-i) * 5 * time.Hour)
		c := conversation.New(ids.Next(at), conversation.Inbound, conversation.ChannelSIP, "+15550100", "100", at)
		require.NoError(t, c.Answer(at))
		require.NoError(t, c.Finish(conversation.End{Status: conversation.Completed, Cause: conversation.CauseNormal}, at.Add(time.Minute)))
		u := conversation.Utterance{
			ID: ids.Next(at), ConversationID: c.ID, Role: conversation.RoleCaller, Text: text, Final: true,
			StartMS: 1000, EndMS: 5000, Model: "seed",
		}
		for seq, ev := range []conversation.Event{
			{Type: conversation.StatusEvent(c.Status), Conversation: &c},
			{Type: conversation.EventUtteranceFinal, Utterance: &u},
		} {
			position++
			ev.ConversationID, ev.Seq, ev.Position, ev.At = c.ID, int64(seq+1), position, at
			w.Append(ev)
		}
	}
	require.NoError(t, w.Flush(t.Context()))
	stop()
	require.NoError(t, <-ended)
	require.NoError(t, s.Close())
}

// send sends a JSON body and decodes the answer, which must have the status.
func (d *daemon) send(method, path string, status int, in, into any) {
	d.t.Helper()
	data, err := json.Marshal(in)
	require.NoError(d.t, err)
	request, err := http.NewRequestWithContext(d.t.Context(), method, d.url(path), bytes.NewReader(data))
	require.NoError(d.t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(d.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(d.t, err)
	require.Equal(d.t, status, response.StatusCode, "%s %s: %s", method, path, body)
	if into != nil {
		require.NoError(d.t, json.Unmarshal(body, into), "%s", body)
	}
}

type recommendations struct {
	Items []history.Recommendation
	Last  *history.RecommendationRun `json:"last_run"`
}

// search has the daemon look for recommendations and returns what it recommends then.
func (d *daemon) search() recommendations {
	d.t.Helper()
	asked := time.Now()
	d.send(http.MethodPost, "/api/v1/tracker-recommendations/run", http.StatusAccepted, struct{}{}, nil)
	var found recommendations
	require.Eventually(d.t, func() bool {
		found = recommendations{}
		d.get("/api/v1/tracker-recommendations", &found)
		return found.Last != nil && found.Last.At.After(asked)
	}, 90*time.Second, 100*time.Millisecond, "no search has ended")
	return found
}

// pastCalls are what callers said: two things that no tracker covers, many times and in many words, one that a sample tracker
// covers, and talk.
func pastCalls() []string {
	return []string{
		"Hi there. I would like to change my delivery address please.", "I moved house, can you change the delivery address of my order?",
		"I need to update my delivery address.", "Please change my shipping address to my new flat.",
		"Could you send it to another address? I want to change the delivery address.", "How do I change the address for my delivery?",
		"Good morning. My delivery address is wrong, I need to change it.",
		"Do you have gift cards?", "I want to buy a gift card for my sister.", "Can I still pay with my gift card?",
		"I would like to order a gift card, please.", "How long is a gift card valid? I got a gift card last year.",
		"My gift card does not show its balance.", "Can I check the balance of my gift card?",
		"I want to cancel my subscription.", "I would like to cancel my contract please.", "Please cancel my subscription today.",
		"I want to cancel my contract.", "Cancel my subscription, I do not need it.",
		"Hello, how are you?", "Yes, thank you very much.", "Okay, bye bye.", "The weather is nice today, isn't it?",
	}
}

func TestTrackersOverPastCalls(t *testing.T) {
	dir := t.TempDir()
	said := append(pastCalls(), pastCalls()...)
	seedHistory(t, dir, said)
	d := start(t, "asr: {enabled: false}\ndata_dir: "+dir)

	found := d.search()
	require.Equal(t, len(said), found.Last.Conversations)
	address, gift := recommended(found, "address"), recommended(found, "gift card")
	require.NotNil(t, address, "%+v", found.Items)
	require.NotNil(t, gift, "%+v", found.Items)
	for _, r := range found.Items {
		require.NotContains(t, r.Phrases[0], "cancel", "a tracker covers it")
		require.Equal(t, r.Sentences, total(r.PerDay))
	}
	example := address.Examples[0]
	var spoken struct{ Items []conversation.Utterance }
	d.get("/api/v1/conversations/"+string(example.ConversationID)+"/utterances", &spoken)
	require.Equal(t, example.UtteranceID, spoken.Items[0].ID)
	require.Contains(t, spoken.Items[0].Text, example.Text)

	tracker := d.tryAndAccept(*address)
	d.send(http.MethodPost, "/api/v1/tracker-recommendations/"+string(gift.ID)+"/dismiss", http.StatusNoContent, struct{}{}, nil)
	again := d.search()
	require.Nil(t, recommended(again, "address"), "it has become a tracker")
	require.Nil(t, recommended(again, "gift card"), "it was dismissed")

	d.rerunAndReview(tracker, example)
}

func recommended(list recommendations, name string) *history.Recommendation {
	for i, r := range list.Items {
		if bytes.Contains(bytes.ToLower([]byte(r.Name+" "+r.Phrases[0])), []byte(name)) {
			return &list.Items[i]
		}
	}
	return nil
}

func total(counts []int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

// tryAndAccept tries a recommendation as a draft and makes it a tracker under a name of its own.
func (d *daemon) tryAndAccept(r history.Recommendation) tracking.Tracker {
	d.t.Helper()
	var preview history.Preview
	draft := map[string]any{"vocabulary": r.Phrases}
	d.send(http.MethodPost, "/api/v1/trackers/preview", http.StatusOK, map[string]any{"tracker": draft}, &preview)
	require.True(d.t, preview.Coverage.Complete)
	require.GreaterOrEqual(d.t, preview.MatchCount, r.Conversations-2)
	require.LessOrEqual(d.t, preview.MatchCount, r.Conversations+4)
	require.Positive(d.t, preview.AlertsPerDay)
	for _, match := range preview.Matches {
		require.Contains(d.t, match.Utterance, "address")
	}
	d.send(http.MethodPost, "/api/v1/trackers/preview", http.StatusBadRequest, map[string]any{"tracker": map[string]any{"vocabulary": 7}}, nil)

	var tracker tracking.Tracker
	path := "/api/v1/tracker-recommendations/" + string(r.ID) + "/accept"
	d.send(http.MethodPost, path, http.StatusCreated, map[string]any{"name": "New address"}, &tracker)
	require.Equal(d.t, "New address", tracker.Name)
	require.Equal(d.t, r.Phrases, tracker.Vocabulary)
	d.send(http.MethodPost, path, http.StatusConflict, struct{}{}, nil)
	return tracker
}

// rerunAndReview matches history with a new tracker and judges what it has found.
func (d *daemon) rerunAndReview(tracker tracking.Tracker, example history.Example) {
	d.t.Helper()
	path := "/api/v1/trackers/" + string(tracker.ID) + "/rerun"
	var run history.Rerun
	d.send(http.MethodPost, path, http.StatusAccepted, struct{}{}, &run)
	require.Eventually(d.t, func() bool {
		d.get(path, &run)
		return run.State == history.RerunCompleted
	}, 60*time.Second, 50*time.Millisecond, "the re-run has not ended")
	require.Equal(d.t, run.Total, run.Done)
	require.Positive(d.t, run.Matched)

	matches := "/api/v1/conversations/" + string(example.ConversationID) + "/matches"
	var listed struct {
		Items []struct {
			conversation.Match
			Review *history.Review
		}
	}
	d.get(matches, &listed)
	require.Len(d.t, listed.Items, 1)
	match := listed.Items[0]
	require.Equal(d.t, run.ID, match.RerunID)
	require.Equal(d.t, 1, match.TrackerVersion)
	d.send(http.MethodPut, matches+"/"+string(match.ID)+"/review", http.StatusOK, map[string]any{"verdict": "right", "by": "ann"}, nil)
	d.get(matches, &listed)
	require.Equal(d.t, history.VerdictRight, listed.Items[0].Review.Verdict)

	var precision struct{ Items []history.Tally }
	d.get("/api/v1/trackers/precision", &precision)
	require.Len(d.t, precision.Items, 1)
	require.InDelta(d.t, 1, *precision.Items[0].Precision, 1e-9)
	var preview history.Preview
	draft := map[string]any{"id": tracker.ID, "vocabulary": tracker.Vocabulary}
	d.send(http.MethodPost, "/api/v1/trackers/preview", http.StatusOK, map[string]any{"tracker": draft}, &preview)
	require.Equal(d.t, 1, preview.Reviewed.Right)
}
