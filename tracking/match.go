package tracking

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/operatord/operatord/conversation"
)

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
	stance     string // named because the tracker wants it told apart; "" is the plain assertion
}

// reading is what matching needs to know about one version of an utterance.
type reading struct {
	utterance *conversation.Utterance
	tokens    []token
	scopes    []scope
	marks     []bool            // of tokens, whether a negator governs them
	attitudes []attitude        // of tokens
	excluded  map[int][]segment // parts in which a tracker, by its position, must not match
}

func (c *compiled) read(u *conversation.Utterance) *reading {
	tokens := tokenize(u.Text)
	scopes := negations(tokens)
	r := &reading{utterance: u, tokens: tokens, scopes: scopes, marks: governed(len(tokens), scopes), attitudes: attitudes(tokens)}
	c.exclusions.search(tokens, func(h literalHit) {
		if h.damaged > 0 {
			return
		}
		if r.excluded == nil {
			r.excluded = make(map[int][]segment)
		}
		part := segment{start: tokens[h.first].start, end: tokens[h.last].end}
		if h.phrase == exclusion {
			part = r.sentenceOf(h.first, h.last)
		}
		r.excluded[h.tracker] = append(r.excluded[h.tracker], part)
	})
	return r
}

// sentenceOf returns the sentence that holds the tokens first to last.
func (r *reading) sentenceOf(first, last int) segment {
	for first > 0 && !r.tokens[first-1].sentenceEnd {
		first--
	}
	for last < len(r.tokens)-1 && !r.tokens[last].sentenceEnd {
		last++
	}
	return segment{start: r.tokens[first].start, end: r.tokens[last].end}
}

// excludes reports whether a part of the text touches one in which the tracker must not match.
func (r *reading) excludes(tracker, start, end int) bool {
	return slices.ContainsFunc(r.excluded[tracker], func(s segment) bool { return start < s.end && s.start < end })
}

// deniedAt reports whether a negator in front of the token governs it.
func (r *reading) deniedAt(first int) bool {
	return slices.ContainsFunc(r.scopes, func(s scope) bool { return s.at < first && first < s.end })
}

// tokensIn returns the range of the tokens in a part of the text.
func (r *reading) tokensIn(s segment) (first, end int) {
	first, _ = slices.BinarySearchFunc(r.tokens, s.start, func(t token, at int) int { return t.start - at })
	end = first
	for end < len(r.tokens) && r.tokens[end].end <= s.end {
		end++
	}
	return first, end
}

// polarityIn returns the polarity of a part of the text; negators in front of it count.
func (r *reading) polarityIn(s segment) polarity {
	first, end := r.tokensIn(s)
	return polarityOf(r.tokens[first:end], r.marks[first:end]).soften(r.tokens[first:end])
}

// attitudeIn returns the attitude in which a phrase stands in a part of the text.
func (r *reading) attitudeIn(s segment, p *phrase) attitude {
	first, end := r.tokensIn(s)
	return attitudeTo(p, r.tokens[first:end], r.attitudes[first:end])
}

// damageCost is how much the score of a literal match falls for each word of the phrase that was damaged.
const damageCost = 0.1

func literalScore(damaged int) float64 { return 1 - damageCost*float64(damaged) }

// matchLiteral returns the trackers with a phrase that stands in the text word for word, each at its best phrase: said plainly
// rather than not, undamaged, long.
func (c *compiled) matchLiteral(r *reading) []finding {
	type candidate struct {
		literalHit
		stance string
	}
	best := make(map[int]candidate)
	c.literal.search(r.tokens, func(h literalHit) {
		t := &c.trackers[h.tracker]
		start, end := r.tokens[h.first].start, r.tokens[h.last].end
		if !t.listens(r.utterance.Role) || r.excludes(h.tracker, start, end) {
			return
		}
		a := r.attitudeIn(segment{start: start, end: end}, t.phrases[h.phrase])
		stance, matches := t.stance.judge(r.deniedAt(h.first), a)
		if !matches || literalScore(h.damaged) < t.threshold {
			return
		}
		old, known := best[h.tracker]
		order := cmp.Or(cmp.Compare(min(1, len(old.stance)), min(1, len(stance))), cmp.Compare(old.damaged, h.damaged),
			cmp.Compare(h.last-h.first, old.last-old.first))
		if !known || order > 0 {
			best[h.tracker] = candidate{h, stance}
		}
	})
	found := make([]finding, 0, len(best))
	for i, h := range best {
		t := &c.trackers[i]
		found = append(found, finding{
			tracker: t, phrase: t.phrases[h.phrase].text, score: literalScore(h.damaged), method: conversation.MethodLiteral,
			start: r.tokens[h.first].start, end: r.tokens[h.last].end, stance: h.stance,
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
	return c.matchVectors(open, r, segments, vectors), nil
}

// notIn returns the positions of the trackers that listen to the role and are not in found.
func (c *compiled) notIn(found []finding, role conversation.Role) []int {
	open := make([]int, 0, len(c.trackers))
	for i := range c.trackers {
		t := &c.trackers[i]
		if t.listens(role) && !slices.ContainsFunc(found, func(f finding) bool { return f.tracker == t }) {
			open = append(open, i)
		}
	}
	return open
}

// rivalCost is how much a margin falls for each unit by which another tracker's margin for the same words is above it: words
// seldom mean two trackers, and of two that are near each other the better one is meant.
const rivalCost = 0.6

// scored is a tracker whose raw score for a segment is high enough.
type scored struct {
	tracker int
	margin  float64
	ranked  []rankedPhrase
}

// matchVectors scores every tracker against every segment and keeps the best segment of each that reaches its threshold.
func (c *compiled) matchVectors(open []int, r *reading, segments []segment, vectors [][]float32) []finding {
	best := make(map[int]finding)
	for i, s := range segments {
		var above []scored
		top := math.Inf(-1)
		for _, j := range open {
			margin, ranked := c.trackers[j].margin(vectors[i], allowance(s, r.utterance))
			if len(ranked) > 0 && !r.excludes(j, s.start, s.end) {
				above = append(above, scored{j, margin, ranked})
				top = max(top, margin)
			}
		}
		if len(above) == 0 {
			continue
		}
		p := r.polarityIn(s)
		for _, a := range above {
			t := &c.trackers[a.tracker]
			margin := a.margin - rivalCost*(top-a.margin)
			if margin < t.needed {
				continue
			}
			f, matches := t.read(a.ranked, p, r, s)
			f.score = margin
			if old, known := best[a.tracker]; matches && (!known || f.better(&old)) {
				best[a.tracker] = f
			}
		}
	}
	found := make([]finding, 0, len(best))
	for _, f := range best {
		f.score = c.scale.shown(f.score)
		found = append(found, f)
	}
	return found
}

// better reports whether f stands for its tracker rather than g: said plainly, or else nearer.
func (f *finding) better(g *finding) bool {
	if (f.stance == "") != (g.stance == "") {
		return f.stance == ""
	}
	return f.score > g.score
}

// read returns the phrase that a part of the text stands for, and how it is meant, unless the tracker's policy is against it.
func (t *compiledTracker) read(ranked []rankedPhrase, p polarity, r *reading, s segment) (finding, bool) {
	meant := t.firstCompatible(ranked, p)
	negated := meant == nil
	if negated {
		meant = t.phrases[ranked[0].phrase]
	}
	a := r.attitudeIn(s, meant)
	for _, other := range ranked[1:] {
		if a == 0 || other.cosine < ranked[0].cosine-attitudeMargin {
			break
		}
		a &^= t.phrases[other.phrase].attitude
	}
	stance, matches := t.stance.judge(negated, a)
	return finding{tracker: t, phrase: meant.text, start: s.start, end: s.end, method: conversation.MethodMeaning, stance: stance}, matches
}

// attitudeMargin is how far below the best phrase another phrase may be that is itself a question, a condition or a report
// and makes an utterance of that kind plain.
const attitudeMargin = 0.05

// allowance returns how far below the threshold of a typed whole turn a part of an utterance may score.
func allowance(s segment, u *conversation.Utterance) float64 {
	switch {
	case u.Model != "":
		return speechAllowance
	case s.window:
		return windowAllowance
	}
	return 0
}

// rankedPhrase is the position of a phrase and its cosine.
type rankedPhrase struct {
	phrase int
	cosine float32
}

// margin returns how far the raw score of t for a vector is above its threshold, and the phrases near it, best first. It
// returns none if the margin is less than the tracker asks for. The raw score is half discriminant, half mean of the two best
// phrase cosines; since a cosine is at most 1, most trackers are settled by their discriminant alone.
func (t *compiledTracker) margin(v []float32, allowed float64) (float64, []rankedPhrase) {
	var base, weight float64 = 0, 1
	if t.direction != nil {
		base, weight = 0.5*float64(dot(t.direction, v)), 0.5
	}
	threshold := t.base - allowed
	if base+weight-threshold < t.needed {
		return 0, nil
	}
	margin := base + weight*t.topCosine(v, -1) - threshold
	if margin < t.needed {
		return 0, nil
	}
	ranked := make([]rankedPhrase, len(t.phrases))
	for i, p := range t.phrases {
		ranked[i] = rankedPhrase{i, dot(p.vector, v)}
	}
	slices.SortStableFunc(ranked, func(a, b rankedPhrase) int { return cmp.Compare(b.cosine, a.cosine) })
	if t.isNegative(v, ranked[0].cosine) {
		return 0, nil
	}
	return margin, ranked
}

// isNegative reports whether a vector is nearer to a negative example than to any phrase.
func (t *compiledTracker) isNegative(v []float32, nearest float32) bool {
	return slices.ContainsFunc(t.negatives, func(n *phrase) bool { return dot(n.vector, v) > nearest })
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
