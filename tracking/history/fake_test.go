package history_test

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/goleak"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/history"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when the tests happen.
func noon() time.Time { return time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC) }

// wordEncoder encodes a text as the set of its words, so that texts are the closer the more words they share.
type wordEncoder struct{ takes time.Duration }

func (e *wordEncoder) Name() string    { return "words" }
func (e *wordEncoder) Dimensions() int { return 512 }

func (e *wordEncoder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if e.takes > 0 {
		select {
		case <-time.After(e.takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	found := make([][]float32, len(texts))
	for i, text := range texts {
		v := make([]float32, e.Dimensions())
		for word := range strings.FieldsSeq(strings.ToLower(strings.Trim(text, ".?!"))) {
			h := fnv.New32a()
			h.Write([]byte(strings.Trim(word, ".,?!")))
			v[h.Sum32()%uint32(len(v))] = 1
		}
		var square float64
		for _, x := range v {
			square += float64(x)
		}
		for j := range v {
			v[j] /= float32(math.Sqrt(math.Max(square, 1)))
		}
		found[i] = v
	}
	return found, nil
}

// memory is everything that package history needs to keep, in memory. It is used by one goroutine at a time.
type memory struct {
	ids      conversation.IDs
	past     []history.Past // newest first
	trackers []tracking.Tracker
	reviews  []history.Review
	runs     []history.Rerun
	known    []history.Recommendation
	last     *history.RecommendationRun
	jobs     []river.JobArgs
	err      error  // of Past
	onPage   func() // called before a page is read
}

// add adds a conversation that began some time before noon, with what its caller said.
func (m *memory) add(before time.Duration, said ...string) {
	at := noon().Add(-before)
	p := history.Past{Conversation: conversation.New(m.ids.Next(at), conversation.Inbound, conversation.ChannelSIP, "a", "b", at)}
	p.Conversation.Status = conversation.Completed
	for i, text := range said {
		p.Utterances = append(p.Utterances, conversation.Utterance{
			ID: m.ids.Next(at), ConversationID: p.Conversation.ID, Role: conversation.RoleCaller, Text: text, Final: true,
			StartMS: int64(i) * 10_000, EndMS: int64(i)*10_000 + 5_000,
		})
	}
	m.past = append(m.past, p)
	slices.SortStableFunc(m.past, func(a, b history.Past) int { return b.Conversation.CreatedAt.Compare(a.Conversation.CreatedAt) })
}

func (m *memory) selected(f history.Filter) []history.Past {
	return slices.DeleteFunc(slices.Clone(m.past), func(p history.Past) bool {
		at := p.Conversation.CreatedAt
		return !f.Since.IsZero() && at.Before(f.Since) || !f.Until.IsZero() && !at.Before(f.Until)
	})
}

func (m *memory) Past(ctx context.Context, f history.Filter, cursor string, limit int) (history.Page, error) {
	if m.onPage != nil {
		m.onPage()
	}
	if m.err != nil || ctx.Err() != nil {
		return history.Page{}, errorOf(m.err, ctx.Err())
	}
	all := m.selected(f)
	from, _ := strconv.Atoi(cursor)
	to := min(from+limit, len(all))
	page := history.Page{Items: all[from:to]}
	if to < len(all) {
		page.Next = strconv.Itoa(to)
	}
	return page, nil
}

func errorOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) CountPast(_ context.Context, f history.Filter) (int, error) {
	return len(m.selected(f)), nil
}

func (m *memory) Trackers(context.Context) ([]tracking.Tracker, error) {
	return slices.Clone(m.trackers), nil
}

func (m *memory) TrackerVersions(_ context.Context, id conversation.ID) ([]tracking.Tracker, error) {
	return slices.DeleteFunc(slices.Clone(m.trackers), func(t tracking.Tracker) bool { return t.ID != id }), nil
}

func (m *memory) ReviewsOf(_ context.Context, id conversation.ID, _ int) ([]history.Review, error) {
	return slices.DeleteFunc(slices.Clone(m.reviews), func(r history.Review) bool { return r.TrackerID != id }), nil
}

func (m *memory) UtterancesByID(_ context.Context, ids []conversation.ID) ([]conversation.Utterance, error) {
	var found []conversation.Utterance
	for _, p := range m.past {
		for _, u := range p.Utterances {
			if slices.Contains(ids, u.ID) {
				found = append(found, u)
			}
		}
	}
	return found, nil
}

func (m *memory) CreateRerun(ctx context.Context, r history.Rerun, enqueue func(context.Context, *sql.Tx) error) error {
	if slices.ContainsFunc(m.runs, func(old history.Rerun) bool { return old.TrackerID == r.TrackerID && old.State.Active() }) {
		return conversation.ErrConflict
	}
	m.runs = append(m.runs, r)
	return enqueue(ctx, nil)
}

func (m *memory) LastRerun(_ context.Context, tracker conversation.ID) (history.Rerun, error) {
	for _, r := range slices.Backward(m.runs) {
		if r.TrackerID == tracker {
			return r, nil
		}
	}
	return history.Rerun{}, conversation.ErrNotFound
}

func (m *memory) run(id conversation.ID) (*history.Rerun, error) {
	for i := range m.runs {
		if m.runs[i].ID == id {
			return &m.runs[i], nil
		}
	}
	return nil, conversation.ErrNotFound
}

func (m *memory) Rerun(_ context.Context, id conversation.ID) (history.Rerun, error) {
	r, err := m.run(id)
	if err != nil {
		return history.Rerun{}, err
	}
	return *r, nil
}

func (m *memory) AdvanceRerun(
	_ context.Context, id conversation.ID, matches []conversation.Match, change func(*history.Rerun),
) (history.Rerun, error) {
	r, err := m.run(id)
	if err != nil {
		return history.Rerun{}, err
	}
	if !r.State.Active() {
		return *r, fmt.Errorf("%w: %s", conversation.ErrTransition, r.State)
	}
	change(r)
	for _, match := range matches {
		i := slices.IndexFunc(m.past, func(p history.Past) bool { return p.Conversation.ID == match.ConversationID })
		m.past[i].Matches = append(m.past[i].Matches, match)
	}
	return *r, nil
}

func (m *memory) InsertTx(_ context.Context, _ *sql.Tx, args river.JobArgs, _ *river.InsertOpts) error {
	m.jobs = append(m.jobs, args)
	return nil
}

func (m *memory) Recommendations(_ context.Context, state history.RecommendationState) ([]history.Recommendation, error) {
	return slices.DeleteFunc(slices.Clone(m.known), func(r history.Recommendation) bool { return state != "" && r.State != state }), nil
}

func (m *memory) Recommendation(_ context.Context, id conversation.ID) (history.Recommendation, error) {
	i := slices.IndexFunc(m.known, func(r history.Recommendation) bool { return r.ID == id })
	if i < 0 {
		return history.Recommendation{}, conversation.ErrNotFound
	}
	return m.known[i], nil
}

func (m *memory) SaveRecommendations(_ context.Context, open []history.Recommendation, run history.RecommendationRun) error {
	m.known = slices.DeleteFunc(m.known, func(r history.Recommendation) bool { return r.State == history.RecommendationOpen })
	m.known = append(m.known, open...)
	m.last = &run
	return nil
}

func (m *memory) CloseRecommendation(
	_ context.Context, id conversation.ID, change func(*history.Recommendation),
) (history.Recommendation, error) {
	for i := range m.known {
		if m.known[i].ID == id && m.known[i].State == history.RecommendationOpen {
			change(&m.known[i])
			return m.known[i], nil
		}
	}
	return history.Recommendation{}, conversation.ErrTransition
}

func (m *memory) LastRecommendationRun(context.Context) (history.RecommendationRun, error) {
	if m.last == nil {
		return history.RecommendationRun{}, conversation.ErrNotFound
	}
	return *m.last, nil
}
