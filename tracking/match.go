package tracking

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/operatord/operatord/conversation"
)

// The scores from which a tracker matches by meaning. DefaultThreshold is for a typed turn as a whole, chosen on CLINC150 and
// BANKING77 (tracking/quality). The best of many windows scores higher by chance, but what stands alone in a window scores
// lower than it would with its context; misheard words lower the scores of recognised speech.
const (
	DefaultThreshold = 0.63
	windowAllowance  = 0.03 // below the threshold: windows that cut a long typed sentence
	speechAllowance  = 0.05 // below the threshold: anything that a speech model recognised
)

// fewPhrases is how much the threshold falls each time a vocabulary has half of enoughPhrases: an utterance lies further from
// the nearest of few phrases. Below leastPhrases the best cosines are no longer a mean of several, and nothing falls.
const (
	fewPhrases    = 0.03
	enoughPhrases = 10
	leastPhrases  = 2
)

// defaultThreshold returns the threshold of a tracker with n phrases that sets none.
func defaultThreshold(n int) float64 {
	n = min(max(n, leastPhrases), enoughPhrases)
	return DefaultThreshold - fewPhrases*math.Log2(enoughPhrases/float64(n))
}

// rivalMargin is how far below the best phrase another phrase may be that stands for the tracker when the guard against
// negation refuses the best one.
const rivalMargin = 0.15

// finding is a tracker found in a text, at bytes start to end.
type finding struct {
	tracker    *compiledTracker
	phrase     string
	start, end int
	score      float64
	method     conversation.Method
}

// reading is what matching needs to know about one version of an utterance.
type reading struct {
	utterance *conversation.Utterance
	tokens    []token
	scopes    []scope
	marks     []bool // of tokens, whether a negator governs them
}

func read(u *conversation.Utterance) *reading {
	tokens := tokenize(u.Text)
	scopes := negations(tokens)
	return &reading{utterance: u, tokens: tokens, scopes: scopes, marks: governed(len(tokens), scopes)}
}

// deniedAt reports whether a negator in front of the token governs it.
func (r *reading) deniedAt(first int) bool {
	return slices.ContainsFunc(r.scopes, func(s scope) bool { return s.at < first && first < s.end })
}

// polarityIn returns the polarity of a part of the text; negators in front of it count.
func (r *reading) polarityIn(s segment) polarity {
	first, _ := slices.BinarySearchFunc(r.tokens, s.start, func(t token, at int) int { return t.start - at })
	last := first
	for last < len(r.tokens) && r.tokens[last].end <= s.end {
		last++
	}
	return polarityOf(r.tokens[first:last], r.marks[first:last]).soften(r.tokens[first:last])
}

// matchLiteral returns the trackers with a phrase that stands in the text word for word, each at its longest phrase.
func (c *compiled) matchLiteral(r *reading) []finding {
	best := make(map[int]literalHit)
	c.literal.search(r.tokens, func(h literalHit) {
		if !c.trackers[h.tracker].listens(r.utterance.Role) || r.deniedAt(h.first) {
			return
		}
		if old, known := best[h.tracker]; !known || h.last-h.first > old.last-old.first {
			best[h.tracker] = h
		}
	})
	found := make([]finding, 0, len(best))
	for i, h := range best {
		t := &c.trackers[i]
		found = append(found, finding{
			tracker: t, phrase: t.phrases[h.phrase].text, score: 1, method: conversation.MethodLiteral,
			start: r.tokens[h.first].start, end: r.tokens[h.last].end,
		})
	}
	return found
}

// matchMeaning returns the trackers, but those found already, whose meaning a part of the text has.
func (c *compiled) matchMeaning(ctx context.Context, e Encoder, r *reading, found []finding) ([]finding, error) {
	open := c.notIn(found, r.utterance.Role)
	segments := segmentsOf(r.utterance.Text)
	if len(open) == 0 || len(segments) == 0 {
		return nil, nil
	}
	texts := make([]string, len(segments))
	for i, s := range segments {
		texts[i] = r.utterance.Text[s.start:s.end]
	}
	vectors, err := embed(ctx, e, texts)
	if err != nil {
		return nil, err
	}
	return matchVectors(open, r, segments, vectors), nil
}

// notIn returns the trackers that listen to the role and are not in found.
func (c *compiled) notIn(found []finding, role conversation.Role) []*compiledTracker {
	open := make([]*compiledTracker, 0, len(c.trackers))
	for i := range c.trackers {
		t := &c.trackers[i]
		if t.listens(role) && !slices.ContainsFunc(found, func(f finding) bool { return f.tracker == t }) {
			open = append(open, t)
		}
	}
	return open
}

// matchVectors scores every tracker against every segment and keeps the best segment of each that reaches its threshold.
func matchVectors(trackers []*compiledTracker, r *reading, segments []segment, vectors [][]float32) []finding {
	polarities := make([]polarity, len(segments)) // made when first needed
	var found []finding
	for _, t := range trackers {
		best := finding{score: -1}
		for i, s := range segments {
			score, ranked := t.score(vectors[i], t.thresholdFor(s, r.utterance), best.score)
			if len(ranked) == 0 {
				continue
			}
			if polarities[i] == nil {
				polarities[i] = r.polarityIn(s)
			}
			if p := t.firstCompatible(ranked, polarities[i]); p != nil {
				best = finding{tracker: t, phrase: p.text, start: s.start, end: s.end, score: score, method: conversation.MethodMeaning}
			}
		}
		if best.tracker != nil {
			best.score = min(1, best.score)
			found = append(found, best)
		}
	}
	return found
}

// thresholdFor returns the score from which t matches a part of an utterance.
func (t *compiledTracker) thresholdFor(s segment, u *conversation.Utterance) float64 {
	switch {
	case u.Model != "":
		return t.threshold - speechAllowance
	case s.window:
		return t.threshold - windowAllowance
	}
	return t.threshold
}

// rankedPhrase is the position of a phrase and its cosine.
type rankedPhrase struct {
	phrase int
	cosine float32
}

// score returns the score of t for a vector and the phrases near it, best first. It returns none if the score is below the
// threshold or not above the best so far. The score is half discriminant, half mean of the two best phrase cosines; since
// a cosine is at most 1, most trackers are settled by their discriminant alone.
func (t *compiledTracker) score(v []float32, threshold, best float64) (float64, []rankedPhrase) {
	var base, weight float64 = 0, 1
	if t.direction != nil {
		base, weight = 0.5*float64(dot(t.direction, v)), 0.5
	}
	if base+weight < threshold || base+weight <= best {
		return 0, nil
	}
	ranked := make([]rankedPhrase, len(t.phrases))
	for i, p := range t.phrases {
		ranked[i] = rankedPhrase{i, dot(p.vector, v)}
	}
	slices.SortStableFunc(ranked, func(a, b rankedPhrase) int {
		switch {
		case a.cosine > b.cosine:
			return -1
		case a.cosine < b.cosine:
			return 1
		}
		return 0
	})
	top := float64(ranked[0].cosine)
	if len(ranked) > 1 {
		top = (top + float64(ranked[1].cosine)) / 2
	}
	score := base + weight*top
	if score < threshold || score <= best {
		return 0, nil
	}
	return score, ranked
}

// firstCompatible returns the best phrase that the guard against negation lets pass, or nil.
func (t *compiledTracker) firstCompatible(ranked []rankedPhrase, p polarity) *phrase {
	for i, candidate := range ranked {
		if candidate.cosine < ranked[0].cosine-rivalMargin {
			break
		}
		phrase := t.phrases[candidate.phrase]
		if i == 0 && p.allows(phrase.polarity) || i > 0 && p.allowsInstead(phrase.polarity) {
			return phrase
		}
	}
	return nil
}

// times returns the media time of the bytes start to end of an utterance: that of its words where they are known, else in
// proportion to the characters.
func times(u *conversation.Utterance, start, end int) (startMS, endMS int64) {
	if startMS, endMS, ok := wordTimes(u, start, end); ok {
		return startMS, endMS
	}
	length := u.EndMS - u.StartMS
	at := func(offset int) int64 { return u.StartMS + length*int64(offset)/int64(max(1, len(u.Text))) }
	return at(start), at(end)
}

// wordTimes finds the words in the text one behind the other, since recognised text is its words with spaces between.
func wordTimes(u *conversation.Utterance, start, end int) (startMS, endMS int64, ok bool) {
	at := 0
	for i := range u.Words {
		w := &u.Words[i]
		text := strings.TrimSpace(w.Text)
		n := strings.Index(u.Text[at:], text)
		if text == "" || n < 0 {
			continue
		}
		wordStart := at + n
		at = wordStart + len(text)
		if at <= start || wordStart >= end {
			continue
		}
		if !ok {
			startMS, ok = w.StartMS, true
		}
		endMS = w.EndMS
	}
	return startMS, endMS, ok
}
