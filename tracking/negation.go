package tracking

import (
	"strings"

	"github.com/kljensen/snowball/english"
)

// The negation guard. Sentence vectors put "I want to cancel" and "I do not want to cancel" close together, and a literal
// phrase may stand behind a "not". The guard marks the words that a negator governs and compares an utterance with a phrase:
//
//   - A negator ("not", "never", "no", "nobody", "without", "instead of" …) governs the words behind it up to the end of the
//     clause: punctuation, a conjunction or question word, a new subject, a verb such as "know" whose complement stands on
//     its own, and maxScope words at most.
//   - Not negators are: "no" as an answer ("no I want to cancel"), a contraction in a question ("can't you cancel it", "why
//     don't you"), and fixed turns ("not only", "why not", "or not", "no problem", "can't wait"). A "no" that begins a clause
//     is taken for an answer, but in "no longer", "no need" and their like.
//   - A literal match is blocked if a negator in front of it governs its first word.
//   - A match by meaning is compared by the content words that utterance and phrase share: it is blocked unless more of them
//     are governed alike on both sides than not. Phrases may thus be negative themselves ("I no longer want this"), and one
//     that is may stand in for a nearer phrase that was blocked. Words such as "unable" or "fails" make an utterance fit
//     both. Where nothing is shared, the guard has nothing to compare and lets the match pass.
//
// Questions, conditions and reports are told apart in stance.go.

// maxScope is how many words a negator governs at most. Eight reach the verb in "I do not under any circumstances want you to
// cancel", and longer scopes begin to cover the next clause of speech without punctuation.
const maxScope = 8

// scope says that the negator tokens[at] governs tokens[at+1:end].
type scope struct{ at, end int }

// negations returns the scopes of all negators, from left to right.
func negations(tokens []token) []scope {
	var scopes []scope
	for i := range tokens {
		if size := negatorAt(tokens, i); size > 0 {
			scopes = append(scopes, scope{i, scopeEnd(tokens, i, i+size)})
		}
	}
	return scopes
}

// wordAt returns the word at i, or "" outside of the text.
func wordAt(tokens []token, i int) string {
	if i < 0 || i >= len(tokens) {
		return ""
	}
	return tokens[i].word
}

// negatorAt returns the number of words of the negator that begins at i, or 0 if there is none.
func negatorAt(tokens []token, i int) int {
	next := wordAt(tokens, i+1)
	switch tokens[i].word {
	case "not":
		if isTurnOfNot(tokens, i) {
			return 0
		}
		return 1
	case "no":
		if isAnswer(tokens, i) {
			return 0
		}
		return 1
	case "never", "without", "nobody", "nothing", "none", "neither", "nor", "hardly":
		return 1
	case "against": // "I decided against cancelling"
		if strings.HasSuffix(next, "ing") {
			return 1
		}
	case "instead":
		if next == "of" {
			return 2
		}
	case "rather":
		if next == "than" {
			return 2
		}
	}
	return 0
}

// isTurnOfNot reports whether the "not" at i denies nothing: in a question that asks for the thing, or in a fixed turn.
func isTurnOfNot(tokens []token, i int) bool {
	next, previous := wordAt(tokens, i+1), wordAt(tokens, i-1)
	switch {
	case tokens[i].contracted && isSubject(next) && !tokens[i].clauseEnd: // "can't you", "don't they"
		return true
	case isSubject(previous) && isModal(wordAt(tokens, i-2)): // "could you not just"
		return true
	case previous == "or" || previous == "why" || next == "only":
		return true
	case next == "stop" && strings.HasSuffix(wordAt(tokens, i+2), "ing"): // "it won't stop crashing"
		return true
	}
	return previous == "can" && next == "wait"
}

// isAnswer reports whether the "no" at i is an answer of its own and not the determiner of what follows. Speech without
// punctuation does not tell, so that a "no" that begins a clause is taken for an answer but in a few fixed turns.
func isAnswer(tokens []token, i int) bool {
	if tokens[i].clauseEnd || i == len(tokens)-1 {
		return true
	}
	next := tokens[i+1].word
	switch next {
	case "longer", "more", "one", "need", "way", "reason", "intention", "interest", "other", "such":
		return false
	case "thank", "thanks", "no", "sorry", "please", "problem", "doubt", "wonder", "worries":
		return true
	}
	return i == 0 || tokens[i-1].clauseEnd || isSubject(next)
}

func isSubject(word string) bool {
	switch word {
	case "i", "we", "you", "he", "she", "they", "it", "there":
		return true
	}
	return false
}

func isModal(word string) bool {
	switch word {
	case "can", "could", "would", "will", "should", "do", "did":
		return true
	}
	return false
}

// scopeEnd returns the end of the scope of the negator tokens[at:from].
func scopeEnd(tokens []token, at, from int) int {
	limit := min(len(tokens), from+maxScope)
	if tokens[from-1].clauseEnd {
		return from
	}
	for i := from; i < limit; i++ {
		if endsScope(tokens, at, i) {
			return i
		}
		if tokens[i].clauseEnd || isFactive(tokens[i].stem) {
			return i + 1
		}
	}
	return limit
}

// endsScope reports whether the word at i begins a new clause, out of reach of the negator at.
func endsScope(tokens []token, at, i int) bool {
	switch tokens[i].word {
	case "but", "and", "because", "since", "until", "unless", "however", "though", "although", "then", "while", "therefore",
		"how", "why", "what", "where", "when", "which", "who", "if", "whether":
		return true
	case "so":
		return i > at+1 // "not so expensive"
	case "i", "we", "he", "she", "they":
		// "I do not think I want it" denies the wanting; "I do not want it I want a refund" begins anew.
		return i == at+1 || !carriesDenial(tokens[i-1].word)
	}
	return false
}

// carriesDenial reports whether a denied word in front of a clause denies the clause.
func carriesDenial(word string) bool {
	switch word {
	case "think", "believe", "say", "said", "saying", "mean", "that", "like", "guess", "suppose", "claim", "feel", "sure", "told", "than":
		return true
	}
	return false
}

// isFactive reports whether what follows the verb stays true when the verb is denied: "I did not know you charged me twice".
func isFactive(stem string) bool {
	switch stem {
	case "know", "understand", "realiz", "realis", "forget", "mind", "care", "hesit":
		return true
	}
	return false
}

// governed reports for each token whether a negator governs it.
func governed(n int, scopes []scope) []bool {
	marks := make([]bool, n)
	for _, s := range scopes {
		for i := s.at + 1; i < s.end; i++ {
			marks[i] = true
		}
	}
	return marks
}

// polarity is what the guard compares: the content words of a text, and how each stands to negators.
type polarity map[string]stance

// stance is a set: a word may occur twice, once denied.
type stance uint8

const (
	affirmed stance = 1 << iota
	denied
)

// polarityOf returns the polarity of tokens; marks says which of them a negator governs.
func polarityOf(tokens []token, marks []bool) polarity {
	p := make(polarity, len(tokens))
	for i, t := range tokens {
		switch {
		case !isContent(t.word):
		case marks[i]:
			p[t.stem] |= denied
		default:
			p[t.stem] |= affirmed
		}
	}
	return p
}

// soften lets affirmed words stand for denied ones in a text that denies something without a negator.
func (p polarity) soften(tokens []token) polarity {
	if lacks(tokens) {
		for stem := range p {
			p[stem] |= denied
		}
	}
	return p
}

// negative reports whether a negator governs some content word.
func (p polarity) negative() bool {
	for _, s := range p {
		if s&denied != 0 {
			return true
		}
	}
	return false
}

// lacks reports whether the text denies something without a negator: "I am unable to log in" stands to "I can not log in" as
// the negated form does.
func lacks(tokens []token) bool {
	for _, t := range tokens {
		switch t.stem {
		case "unabl", "imposs", "fail", "refus", "troubl", "problem", "issu", "stop", "broken", "wrong":
			return true
		}
	}
	return false
}

// isContent reports whether a word carries meaning that can be denied. Function words stand in every sentence.
func isContent(word string) bool {
	switch word {
	case "would", "could", "want", "please", "us", "shall", "might", "never", "nobody", "nothing", "none", "without", "neither",
		"instead", "rather", "longer", "any", "like", "need":
		return false
	}
	return !english.IsStopWord(word)
}

// compare counts the content words that an utterance shares with a phrase: those that stand alike to negators, and the others.
func (p polarity) compare(phrase polarity) (alike, unlike int) {
	for stem, want := range phrase {
		got, shared := p[stem]
		switch {
		case !shared:
		case got&want != 0:
			alike++
		default:
			unlike++
		}
	}
	return alike, unlike
}

// allows reports whether an utterance may stand for the phrase that is nearest to it.
func (p polarity) allows(phrase polarity) bool {
	alike, unlike := p.compare(phrase)
	return unlike == 0 || alike > unlike && !p.affirms(phrase)
}

// affirms reports whether the utterance has what the phrase denies, without denying any of it: "the person you are calling
// is available" is not "… is not available", however much else they share.
func (p polarity) affirms(phrase polarity) bool {
	found := false
	for stem, want := range phrase {
		if got, shared := p[stem]; shared && want == denied {
			if got&denied != 0 {
				return false
			}
			found = true
		}
	}
	return found
}

// allowsInstead reports whether an utterance may stand for the phrase though the guard refused a nearer one. That takes a
// phrase that is as negative as the utterance: "I don't want the service any more" is nearest to "I want the service", but
// stands for "I no longer want the service".
func (p polarity) allowsInstead(phrase polarity) bool {
	alike, unlike := p.compare(phrase)
	return alike > unlike && p.negative() == phrase.negative()
}
