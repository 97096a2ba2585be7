package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

const (
	// nearMargin is how far below the threshold a near miss may score. Scores are steep there: few turns are that near.
	nearMargin = 0.25
	// maxShown bounds the matches and the near misses that are returned; all are counted.
	maxShown = 100
	// previewPage is how many conversations are read at once.
	previewPage = 25
	// maxReviewed bounds the reviewed utterances that a draft is checked against.
	maxReviewed = 500
	// maxPreviewed bounds the utterances of one preview, also where the time would allow more.
	maxPreviewed = 50_000
)

// DefaultPreviewBudget is how long a preview reads and matches: a person waits for it.
const DefaultPreviewBudget = 3 * time.Second

// PreviewStore is what a preview reads.
type PreviewStore interface {
	Archive
	Trackers
	// ReviewsOf returns the newest reviews of a tracker.
	ReviewsOf(ctx context.Context, tracker conversation.ID, limit int) ([]Review, error)
	// UtterancesByID returns the final utterances of the given identities that there are.
	UtterancesByID(ctx context.Context, ids []conversation.ID) ([]conversation.Utterance, error)
}

// PreviewOptions configures a Previewer. Store and Engine are required.
type PreviewOptions struct {
	Store  PreviewStore
	Engine Engine
	Budget time.Duration    // DefaultPreviewBudget if zero
	Now    func() time.Time // time.Now if nil
	Logger *slog.Logger     // nil discards
}

// Previewer matches drafts of trackers against past conversations. It is safe for concurrent use; one draft is matched at a
// time and the others wait.
type Previewer struct {
	store  PreviewStore
	engine Engine
	budget time.Duration
	now    func() time.Time
	log    *slog.Logger
	turn   chan struct{} // holds one token while a preview runs
}

// NewPreviewer returns a Previewer.
func NewPreviewer(o PreviewOptions) (*Previewer, error) {
	if o.Store == nil || o.Engine.IDs == nil {
		return nil, errors.New("preview: store and identities are required")
	}
	p := &Previewer{
		store: o.Store, engine: o.Engine, budget: cmp.Or(o.Budget, DefaultPreviewBudget), now: o.Now, log: o.Logger,
		turn: make(chan struct{}, 1),
	}
	if p.now == nil {
		p.now = time.Now
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	return p, nil
}

// Preview is what a draft would have found.
type Preview struct {
	Coverage      Coverage `json:"coverage"`
	Threshold     float64  `json:"threshold"` // in force
	MatchCount    int      `json:"match_count"`
	Matches       []Found  `json:"matches"` // newest first
	NearMissCount int      `json:"near_miss_count"`
	NearMisses    []Found  `json:"near_misses"` // the nearest first
	// Reviewed is how the draft does on the utterances whose matches people have reviewed, for the draft of a stored tracker.
	Reviewed      Tally   `json:"reviewed"`
	MatchesPerDay float64 `json:"matches_per_day"`
	AlertsPerDay  float64 `json:"alerts_per_day"` // matches within the budget of alerts per hour
}

// Coverage says what a preview has looked at.
type Coverage struct {
	Conversations int       `json:"conversations"`
	Utterances    int       `json:"utterances"`
	Since         time.Time `json:"since,omitzero"` // start of the oldest conversation
	Until         time.Time `json:"until"`
	Complete      bool      `json:"complete"` // false when the time was over before the period was
	TookMS        int64     `json:"took_ms"`
}

// Found is a match, or nearly one, in a past conversation.
type Found struct {
	ConversationID conversation.ID    `json:"conversation_id"`
	At             time.Time          `json:"at"` // start of the conversation
	Utterance      string             `json:"utterance"`
	Match          conversation.Match `json:"match"`
	Verdict        Verdict            `json:"verdict,omitempty"` // of a review of the same tracker in this utterance
}

// draftName is the name of a draft among the trackers, made longer until it is nobody else's.
const draftName = "draft"

// Preview matches a draft against past conversations, newest first, beside the trackers as they are: in the place of the one
// that has its ID, or as a further one. It needs no name. It returns what it has found when its time is over, and an error
// matching conversation.ErrInvalid for a draft that could not be saved.
func (p *Previewer) Preview(ctx context.Context, draft tracking.Tracker, f Filter) (Preview, error) {
	if err := f.Validate(); err != nil {
		return Preview{}, err
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return Preview{}, ctx.Err()
	}
	started := time.Now()
	draft.Name, draft.Enabled = cmp.Or(draft.Name, draftName), true
	if err := draft.Validate(); err != nil {
		return Preview{}, err
	}
	r := &previewRun{
		Previewer: p, draft: draft, until: f.Until, result: Preview{Matches: []Found{}, NearMisses: []Found{}},
	}
	if r.until.IsZero() {
		r.until = p.now().UTC()
	}
	if err := r.prepare(ctx); err != nil {
		return Preview{}, err
	}
	err := r.scan(ctx, f, started)
	r.summarize(f)
	r.result.Coverage.TookMS = time.Since(started).Milliseconds()
	return r.result, err
}

// previewRun is one preview under way.
type previewRun struct {
	*Previewer

	draft    tracking.Tracker
	until    time.Time
	strict   *tracking.Detector // the draft as it is
	lax      *tracking.Detector // the draft with a threshold that lets near misses pass
	verdicts map[conversation.ID]Verdict
	moments  []time.Time // of the matches
	result   Preview
}

// prepare compiles the draft beside the present trackers and checks it against the reviews.
func (r *previewRun) prepare(ctx context.Context) error {
	present, err := r.store.Trackers(ctx)
	if err != nil {
		return fmt.Errorf("read trackers: %w", err)
	}
	r.draft.Name = draftName
	for slices.ContainsFunc(present, func(t tracking.Tracker) bool { return t.Name == r.draft.Name }) {
		r.draft.Name += " " + draftName
	}
	r.result.Threshold = r.draft.EffectiveThreshold()
	near := r.draft
	near.Threshold = max(r.result.Threshold-nearMargin, minThreshold)
	var g errgroup.Group
	g.Go(func() (err error) { r.strict, err = r.engine.detector(ctx, with(present, r.draft)); return err })
	g.Go(func() (err error) { r.lax, err = r.engine.detector(ctx, with(present, near)); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	return r.check(ctx)
}

// minThreshold is above zero, which would stand for the default.
const minThreshold = 0.01

// check matches the utterances that reviews of the tracker are about.
func (r *previewRun) check(ctx context.Context) error {
	r.verdicts = map[conversation.ID]Verdict{}
	if r.draft.ID == "" {
		return nil
	}
	reviews, err := r.store.ReviewsOf(ctx, r.draft.ID, maxReviewed)
	if err != nil {
		return fmt.Errorf("read reviews: %w", err)
	}
	ids := make([]conversation.ID, 0, len(reviews))
	for _, review := range reviews {
		if _, later := r.verdicts[review.UtteranceID]; !later {
			r.verdicts[review.UtteranceID] = review.Verdict
			ids = append(ids, review.UtteranceID)
		}
	}
	utterances, err := r.store.UtterancesByID(ctx, ids)
	if err != nil {
		return fmt.Errorf("read reviewed utterances: %w", err)
	}
	for _, u := range utterances {
		match, err := r.find(ctx, r.strict, u)
		if err != nil {
			return err
		}
		wanted := r.verdicts[u.ID] != VerdictWrong
		switch {
		case match != nil && wanted:
			r.result.Reviewed.Add(VerdictRight, 1)
		case match != nil:
			r.result.Reviewed.Add(VerdictWrong, 1)
		case wanted:
			r.result.Reviewed.Add(VerdictMissed, 1)
		}
	}
	return nil
}

// find returns the match of the draft in an utterance, or nil.
func (r *previewRun) find(ctx context.Context, d *tracking.Detector, u conversation.Utterance) (*conversation.Match, error) {
	matches, err := matchesOf(ctx, d, u)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(matches, func(m conversation.Match) bool { return m.Tracker == r.draft.Name })
	if i < 0 {
		return nil, nil //nolint:nilnil // no match is no error
	}
	return &matches[i], nil
}

// scan matches page after page until the period or the time is over.
func (r *previewRun) scan(ctx context.Context, f Filter, started time.Time) error {
	timed, cancel := context.WithDeadline(ctx, started.Add(r.budget))
	defer cancel()
	cover := &r.result.Coverage
	cover.Until = r.until
	for cursor := ""; ; {
		page, err := r.store.Past(timed, f, cursor, previewPage)
		for i := 0; err == nil && i < len(page.Items); i++ {
			err = r.conversation(timed, page.Items[i])
		}
		switch {
		case err != nil && ctx.Err() == nil && timed.Err() != nil, cover.Utterances >= maxPreviewed:
			return nil
		case err != nil:
			return fmt.Errorf("preview: %w", err)
		case page.Next == "":
			cover.Complete = true
			return nil
		}
		cursor = page.Next
	}
}

// conversation matches what was said in one conversation.
func (r *previewRun) conversation(ctx context.Context, past Past) error {
	for _, u := range past.Utterances {
		if err := r.utterance(ctx, past, u); err != nil {
			return err
		}
		r.result.Coverage.Utterances++
	}
	r.result.Coverage.Conversations++
	r.result.Coverage.Since = past.Conversation.CreatedAt
	return nil
}

func (r *previewRun) utterance(ctx context.Context, past Past, u conversation.Utterance) error {
	match, err := r.find(ctx, r.strict, u)
	if err != nil {
		return err
	}
	if match != nil {
		r.result.MatchCount++
		r.moments = append(r.moments, past.Conversation.CreatedAt.Add(time.Duration(match.StartMS)*time.Millisecond))
		if len(r.result.Matches) < maxShown {
			r.result.Matches = append(r.result.Matches, r.found(past, u, *match))
		}
		return nil
	}
	near, err := r.find(ctx, r.lax, u)
	if err != nil || near == nil {
		return err
	}
	r.result.NearMissCount++
	r.result.NearMisses = insertNearest(r.result.NearMisses, r.found(past, u, *near))
	return nil
}

// found shows a match under the name of the tracker, if it has one.
func (r *previewRun) found(past Past, u conversation.Utterance, m conversation.Match) Found {
	m.Tracker, m.ID = "", ""
	return Found{
		ConversationID: past.Conversation.ID, At: past.Conversation.CreatedAt, Utterance: u.Text, Match: m,
		Verdict: r.verdicts[u.ID],
	}
}

// insertNearest keeps the near misses with the highest scores.
func insertNearest(list []Found, f Found) []Found {
	at, _ := slices.BinarySearchFunc(list, f, func(a, b Found) int { return cmp.Compare(b.Match.Score, a.Match.Score) })
	list = slices.Insert(list, at, f)
	return list[:min(len(list), maxShown)]
}

// summarize counts matches and alerts per day of the time that was covered.
func (r *previewRun) summarize(f Filter) {
	cover := &r.result.Coverage
	since := cover.Since
	if cover.Complete && !f.Since.IsZero() {
		since = f.Since
	}
	if since.IsZero() {
		return
	}
	shortest := time.Hour
	if cover.Complete { // all there is: what was found in less than a day is what a day brings
		shortest = 24 * time.Hour
	}
	days := max(r.until.Sub(since), shortest).Hours() / 24
	r.result.MatchesPerDay = float64(r.result.MatchCount) / days
	r.result.AlertsPerDay = float64(alerts(r.moments, r.draft.AlertsPerHour)) / days
}

// alerts counts the moments, no more than the limit in any hour; 0 is no limit.
func alerts(moments []time.Time, perHour int) int {
	if perHour == 0 {
		return len(moments)
	}
	hours := map[time.Time]int{}
	count := 0
	for _, at := range moments {
		hour := at.Truncate(time.Hour)
		if hours[hour] < perHour {
			hours[hour]++
			count++
		}
	}
	return count
}
