package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/discover"
)

const (
	// recommendedDays is how far back recommendations look.
	recommendedDays = 30
	// recentDays is what is compared with the days before to see a trend.
	recentDays = 7
	// maxExamples is how many sentences a recommendation shows.
	maxExamples = 10
	// minRecommended is the least number of phrases of a recommendation: fewer make no tracker.
	minRecommended = 3
)

// RecommendationState is what has become of a recommendation.
type RecommendationState string

// The states of a recommendation. What is accepted or dismissed is not recommended again.
const (
	RecommendationOpen      RecommendationState = "open"
	RecommendationAccepted  RecommendationState = "accepted"
	RecommendationDismissed RecommendationState = "dismissed"
)

// Trend says how a frequency moves.
type Trend string

// The trends of a recommendation: the last week against the weeks before.
const (
	TrendRising  Trend = "rising"
	TrendSteady  Trend = "steady"
	TrendFalling Trend = "falling"
)

// Recommendation is something customers say that no tracker covers.
type Recommendation struct {
	ID            conversation.ID     `json:"id"`
	State         RecommendationState `json:"state"`
	Name          string              `json:"name"`
	Phrases       []string            `json:"phrases"` // the most typical first
	Examples      []Example           `json:"examples"`
	Sentences     int                 `json:"sentences"`
	Conversations int                 `json:"conversations"`
	PerDay        []int               `json:"per_day"` // sentences of each day, the last day last
	Trend         Trend               `json:"trend"`
	Cohesion      float64             `json:"cohesion"` // how alike its sentences are, 0 to 1
	FirstSeen     time.Time           `json:"first_seen"`
	UpdatedAt     time.Time           `json:"updated_at"`
	TrackerID     conversation.ID     `json:"tracker_id,omitempty"` // the tracker it became
}

// Example is a sentence with where it was said.
type Example struct {
	ConversationID conversation.ID `json:"conversation_id"`
	UtteranceID    conversation.ID `json:"utterance_id"`
	StartMS        int64           `json:"start_ms"`
	At             time.Time       `json:"at"` // start of the conversation
	Text           string          `json:"text"`
}

// RecommendationRun is what one search for recommendations has looked at.
type RecommendationRun struct {
	At            time.Time `json:"at"`
	Since         time.Time `json:"since"`
	Conversations int       `json:"conversations"`
	Sentences     int       `json:"sentences"` // that no tracker covers
	Found         int       `json:"found"`     // recommendations
	TookMS        int64     `json:"took_ms"`
}

// RecommendationStore keeps recommendations.
type RecommendationStore interface {
	Archive
	Trackers
	// Recommendations returns those in a state, or all for "": the most frequent first.
	Recommendations(ctx context.Context, state RecommendationState) ([]Recommendation, error)
	Recommendation(ctx context.Context, id conversation.ID) (Recommendation, error)
	// SaveRecommendations replaces all open recommendations and notes the run that found them.
	SaveRecommendations(ctx context.Context, open []Recommendation, run RecommendationRun) error
	// CloseRecommendation changes an open recommendation; it returns an error matching conversation.ErrTransition for another.
	CloseRecommendation(ctx context.Context, id conversation.ID, change func(*Recommendation)) (Recommendation, error)
	// LastRecommendationRun returns the newest run, or an error matching conversation.ErrNotFound.
	LastRecommendationRun(ctx context.Context) (RecommendationRun, error)
}

// search is one search for recommendations under way.
type search struct {
	store    RecommendationStore
	engine   Engine
	detector *tracking.Detector
	trackers map[conversation.ID]bool // that there are
	since    time.Time
	until    time.Time
	yield    func() error
	log      *slog.Logger

	sentences []discover.Sentence
	said      []Example // where each sentence was said
	run       RecommendationRun
}

// find looks through the last days and returns what to recommend.
func (s *search) find(ctx context.Context) ([]Recommendation, error) {
	set, err := s.store.Trackers(ctx)
	if err != nil {
		return nil, fmt.Errorf("read trackers: %w", err)
	}
	if s.detector, err = s.engine.detector(ctx, set); err != nil {
		return nil, err
	}
	s.trackers = make(map[conversation.ID]bool, len(set))
	for i := range set {
		s.trackers[set[i].ID] = true
	}
	known, err := s.store.Recommendations(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("read recommendations: %w", err)
	}
	centres, err := s.centresOf(ctx, known)
	if err != nil {
		return nil, err
	}
	if err := s.collect(ctx); err != nil {
		return nil, err
	}
	var settled [][]float32
	for i, r := range known {
		if r.State == RecommendationDismissed || r.State == RecommendationAccepted && s.trackers[r.TrackerID] {
			settled = append(settled, centres[i])
		}
	}
	clusters, err := discover.Find(s.sentences, discover.Options{Known: settled, Yield: s.yield})
	if err != nil {
		return nil, fmt.Errorf("cluster sentences: %w", err)
	}
	return s.recommend(clusters, known, centres), nil
}

// centresOf encodes the phrases of recommendations. They are kept as words, so that they outlive a change of the encoder.
func (s *search) centresOf(ctx context.Context, known []Recommendation) ([][]float32, error) {
	centres := make([][]float32, len(known))
	for i, r := range known {
		vectors, err := s.engine.Encoder.Embed(ctx, r.Phrases)
		if err != nil {
			return nil, fmt.Errorf("encode phrases: %w", err)
		}
		centres[i] = discover.Centre(vectors)
	}
	return centres, nil
}

// collectPage is how many conversations are read at once.
const collectPage = 20

// collect gathers what callers said that no tracker covers, newest first, until there is enough.
func (s *search) collect(ctx context.Context) error {
	f := Filter{Since: s.since, Until: s.until}
	for cursor := ""; ; {
		page, err := s.store.Past(ctx, f, cursor, collectPage)
		if err != nil {
			return fmt.Errorf("read conversations: %w", err)
		}
		for _, past := range page.Items {
			if err := s.conversation(ctx, past); err != nil {
				return fmt.Errorf("conversation %s: %w", past.Conversation.ID, err)
			}
			s.run.Conversations++
			if len(s.sentences) == discover.MaxSentences {
				return nil
			}
		}
		if err := s.yield(); err != nil {
			return err
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}

func (s *search) conversation(ctx context.Context, past Past) error {
	for _, u := range past.Utterances {
		if u.Role != conversation.RoleCaller {
			continue
		}
		spans, err := s.uncovered(ctx, past, u)
		if err != nil {
			return err
		}
		spans = spans[:min(len(spans), discover.MaxSentences-len(s.sentences))]
		texts := make([]string, len(spans))
		for i, span := range spans {
			texts[i] = u.Text[span.Start:span.End]
		}
		vectors, err := s.engine.Encoder.Embed(ctx, texts)
		if err != nil {
			return err
		}
		for i, span := range spans {
			s.sentences = append(s.sentences, discover.Sentence{Text: texts[i], Vector: vectors[i], Conversation: past.Conversation.ID})
			s.said = append(s.said, Example{
				ConversationID: past.Conversation.ID, UtteranceID: u.ID, At: past.Conversation.CreatedAt, Text: texts[i],
				StartMS: u.StartMS + (u.EndMS-u.StartMS)*int64(span.Start)/int64(max(1, len(u.Text))),
			})
		}
	}
	return nil
}

// uncovered returns the sentences of an utterance in which no tracker of today matches or has matched.
func (s *search) uncovered(ctx context.Context, past Past, u conversation.Utterance) ([]discover.Span, error) {
	spans := discover.Sentences(u.Text)
	if len(spans) == 0 {
		return nil, nil
	}
	matches, err := matchesOf(ctx, s.detector, u)
	if err != nil {
		return nil, err
	}
	for _, m := range past.Matches {
		if m.UtteranceID == u.ID && s.trackers[m.TrackerID] {
			matches = append(matches, m)
		}
	}
	return slices.DeleteFunc(spans, func(span discover.Span) bool {
		return slices.ContainsFunc(matches, func(m conversation.Match) bool { return span.Overlaps(m.Start, m.End) })
	}), nil
}

// recommend makes recommendations of clusters. One that was open before keeps its identity.
func (s *search) recommend(clusters []discover.Cluster, known []Recommendation, centres [][]float32) []Recommendation {
	var found []Recommendation
	kept := map[conversation.ID]bool{}
	for _, c := range clusters {
		r := s.recommendation(c)
		if len(r.Phrases) < minRecommended {
			continue
		}
		for i, old := range known {
			if old.State == RecommendationOpen && !kept[old.ID] && discover.Same(centres[i], c.Centre) {
				r.ID, r.FirstSeen = old.ID, old.FirstSeen
				break
			}
		}
		if r.ID == "" {
			r.ID = s.engine.IDs.Next(s.until)
		}
		kept[r.ID] = true
		found = append(found, r)
	}
	s.run.Sentences, s.run.Found = len(s.sentences), len(found)
	return found
}

func (s *search) recommendation(c discover.Cluster) Recommendation {
	r := Recommendation{
		State: RecommendationOpen, Name: c.Name, Phrases: vocabulary(c.Phrases), Sentences: len(c.Members), Cohesion: c.Cohesion,
		PerDay: make([]int, recommendedDays), UpdatedAt: s.until,
	}
	r.FirstSeen = s.until
	conversations := map[conversation.ID]bool{}
	for _, i := range c.Members {
		said := s.said[i]
		if !conversations[said.ConversationID] && len(r.Examples) < maxExamples {
			r.Examples = append(r.Examples, said)
		}
		conversations[said.ConversationID] = true
		day := recommendedDays - 1 - int(s.until.Sub(said.At)/(24*time.Hour))
		r.PerDay[min(max(day, 0), recommendedDays-1)]++
	}
	r.Conversations = len(conversations)
	r.Trend = trendOf(r.PerDay)
	return r
}

// vocabulary returns those of the sentences that can be phrases of a tracker.
func vocabulary(sentences []string) []string {
	t := tracking.Tracker{Name: "candidate"}
	for _, sentence := range sentences {
		t.Vocabulary = append(t.Vocabulary, strings.Join(strings.Fields(sentence), " "))
		if t.Validate() != nil {
			t.Vocabulary = t.Vocabulary[:len(t.Vocabulary)-1]
		}
	}
	return t.Vocabulary
}

// trendOf compares the rate of the last days with that of the days before. Counts of what happens at random scatter by their
// square root, so that a difference counts from twice the scatter of both.
func trendOf(perDay []int) Trend {
	before, recent := perDay[:len(perDay)-recentDays], perDay[len(perDay)-recentDays:]
	if first := slices.IndexFunc(before, func(n int) bool { return n > 0 }); first >= 0 {
		before = before[first:] // there may be no calls from before
	} else {
		return TrendSteady
	}
	a, b := sum(before), sum(recent)
	rateBefore, rateRecent := a/float64(len(before)), b/recentDays
	scatter := math.Sqrt((a+1)/float64(len(before)*len(before)) + (b+1)/(recentDays*recentDays))
	switch difference := rateRecent - rateBefore; {
	case difference > 2*scatter:
		return TrendRising
	case difference < -2*scatter:
		return TrendFalling
	}
	return TrendSteady
}

func sum(counts []int) float64 {
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total)
}

// byFrequency orders recommendations as people read them.
func byFrequency(a, b Recommendation) int {
	return cmp.Or(cmp.Compare(b.Conversations, a.Conversations), cmp.Compare(b.Sentences, a.Sentences), cmp.Compare(a.ID, b.ID))
}

// errNoEncoder is why there are no recommendations without sentence vectors.
var errNoEncoder = errors.New("recommendations need a sentence encoder")
