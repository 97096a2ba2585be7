package tracking

import (
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/operatord/operatord/conversation"
)

// phrase is one phrase of a vocabulary, made ready once and shared by all sets that have it. It is immutable once compiled.
type phrase struct {
	text     string
	tokens   []token
	polarity polarity
	attitude attitude  // in which some of its words stand
	vector   []float32 // nil without an encoder
}

func newPhrase(text string) *phrase {
	tokens := tokenize(text)
	marks := governed(len(tokens), negations(tokens))
	p := &phrase{text: text, tokens: tokens, polarity: polarityOf(tokens, marks)}
	for _, a := range attitudes(tokens) {
		p.attitude |= a
	}
	return p
}

// compiled is a set of trackers ready to match. It is immutable, so that matching needs no lock.
type compiled struct {
	trackers   []compiledTracker
	literal    *literalIndex
	scale      scale
	exclusions *literalIndex // exclusions and negative examples; phraseRef.phrase says which
}

// What a phraseRef of compiled.exclusions names: an exclusion silences its tracker in the sentence, a negative example only
// where it stands itself.
const (
	exclusion = iota
	negativeExample
)

type compiledTracker struct {
	id        conversation.ID
	name      string
	version   int
	role      conversation.Role
	threshold float64 // of the scores shown
	base      float64 // raw score of a typed whole turn that DefaultThreshold stands for
	needed    float64 // how far above base a raw score must be for threshold
	stance    Stance
	phrases   []*phrase
	negatives []*phrase // the negative examples
	direction []float32 // w of the discriminant; nil without a background
}

// listens reports whether t is matched against what a speaker of the role says.
func (t *compiledTracker) listens(role conversation.Role) bool { return t.role == "" || t.role == role }

// compile makes a set of validated trackers ready; phrases holds every phrase by its text.
func compile(trackers []Tracker, phrases map[string]*phrase, b *Background) (*compiled, error) {
	c := &compiled{trackers: make([]compiledTracker, len(trackers)), literal: newLiteralIndex(), exclusions: newLiteralIndex(), scale: b.scaleOf()}
	for i := range trackers {
		t := &trackers[i]
		ct := compiledTracker{id: t.ID, name: t.Name, version: t.Version, role: t.Role, threshold: t.Threshold, stance: t.Stance}
		if ct.threshold == 0 {
			ct.threshold = DefaultThreshold
		}
		ct.base, ct.needed = c.scale.base(len(t.Vocabulary)), c.scale.margin(ct.threshold)
		for j, text := range t.Vocabulary {
			ct.phrases = append(ct.phrases, phrases[text])
			c.literal.add(phrases[text].tokens, phraseRef{i, j})
		}
		for _, text := range t.Exclusions {
			c.exclusions.add(tokenize(text), phraseRef{i, exclusion})
		}
		for _, text := range t.NegativeExamples {
			ct.negatives = append(ct.negatives, phrases[text])
			c.exclusions.add(phrases[text].tokens, phraseRef{i, negativeExample})
		}
		c.trackers[i] = ct
	}
	if b == nil || len(trackers) == 0 {
		return c, nil
	}
	return c, discriminate(c.trackers, b)
}

func dot(a, b []float32) float32 {
	return blas32.Implementation().Sdot(len(a), a, 1, b, 1)
}
