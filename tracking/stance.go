package tracking

import (
	"cmp"
	"slices"
)

// Beside negation a phrase may be said without being meant: it is asked, supposed, or somebody else's. The words that stand
// in a question, a condition or a report are marked, and a match there is treated as its tracker's Stance says.
//
//   - A question begins with an auxiliary and its subject ("did you cancel", "is it late"), or with a question word in front
//     of them, or ends in a question mark, and reaches to the end of the clause. A request in the form of a question is none:
//     "can you cancel it", "could I have my money back", "why don't you cancel it". "Would you like to" is one.
//   - A condition is the sentence around "if", "unless", "in case", "provided", "suppose", "should it" and their like, the
//     main clause included: with "I will leave if the price rises" nobody leaves yet. Courtesy is none ("if you don't mind", "if
//     possible", "I'd be glad if you could"), and "whether" is a question.
//   - A report is what stands behind a third person's saying or thinking ("he says", "I was told", "the website says"), and
//     a clause whose subject is somebody of the speaker's circle ("my wife wanted to"). What the speaker says of himself is
//     none: "I said I want to cancel". What others did to him is none either: "they charged me twice".
//
// A phrase that is itself a question, a condition or a report stands for such utterances, whatever the policy.
type attitude uint8

const (
	asked attitude = 1 << iota
	supposed
	reported
)

// The longest reach, in words, of a mark in speech without punctuation.
const (
	questionReach = 14
	conditionPast = 10 // main clause in front of "if"
	conditionNext = 14
	reportReach   = 14
)

// attitudes returns the attitude to each token.
func attitudes(tokens []token) []attitude {
	marks := make([]attitude, len(tokens))
	for i := range tokens {
		if n := conditionAt(tokens, i); n > 0 {
			markCondition(tokens, marks, i)
		}
		if reportAt(tokens, i) {
			markReach(tokens, marks, i+1, reportReach, reported)
		}
		if questionAt(tokens, i) {
			markReach(tokens, marks, i, questionReach, asked)
		}
		if tokens[i].asks {
			markQuestioned(tokens, marks, i)
		}
	}
	return marks
}

// markReach marks the clause from the token at first on.
func markReach(tokens []token, marks []attitude, first, reach int, a attitude) {
	for i := first; i < len(tokens) && i < first+reach; i++ {
		if i > first && isOneOf(wordAt(tokens, i), "but", "because", "so", "and") {
			return
		}
		marks[i] |= a
		if tokens[i].sentenceEnd || tokens[i].clauseEnd && i > first+1 {
			return
		}
	}
}

// markCondition marks the sentence around the condition at i.
func markCondition(tokens []token, marks []attitude, i int) {
	for j := i - 1; j >= 0 && j >= i-conditionPast; j-- {
		if tokens[j].sentenceEnd || isOneOf(tokens[j].word, "but", "because", "so", "and") {
			break
		}
		marks[j] |= supposed
	}
	for j := i; j < len(tokens) && j < i+conditionNext; j++ {
		if j > i && isOneOf(tokens[j].word, "but", "anyway") {
			return
		}
		marks[j] |= supposed
		if tokens[j].sentenceEnd {
			return
		}
	}
}

// markQuestioned marks the clause that ends with the question mark at last, unless it is a request.
func markQuestioned(tokens []token, marks []attitude, last int) {
	first := last
	for first > 0 && !tokens[first-1].clauseEnd && first > last-questionReach {
		first--
	}
	for i := first; i <= last; i++ {
		if isRequest(tokens, i) {
			return
		}
	}
	for i := first; i <= last; i++ {
		marks[i] |= asked
	}
}

// beginsClause reports whether a clause may begin with the token at i: behind punctuation, a conjunction or a word that only
// opens a turn.
func beginsClause(tokens []token, i int) bool {
	if i == 0 || tokens[i-1].clauseEnd {
		return true
	}
	return isOneOf(tokens[i-1].word, "and", "but", "or", "so", "because", "since", "that", "if", "well", "okay", "ok", "yes", "yeah",
		"no", "hello", "hi", "now", "then", "also", "um", "uh", "er", "sorry", "right", "actually", "sir", "madam", "please", "when", "oh",
		"although", "though", "while", "because")
}

func isOneOf(word string, words ...string) bool { return slices.Contains(words, word) }

func isAuxiliary(word string) bool {
	return isOneOf(word, "do", "does", "did", "is", "are", "am", "was", "were", "have", "has", "had", "can", "could", "will", "would",
		"shall", "should", "may", "might", "must")
}

// opensSubject reports whether a subject may begin with the word.
func opensSubject(word string) bool {
	return isSubject(word) || isOneOf(word, "my", "your", "our", "his", "her", "their", "the", "this", "that", "these", "those", "any",
		"anybody", "anyone", "somebody", "someone", "nobody", "another", "a", "an", "not")
}

func isQuestionWord(word string) bool {
	return isOneOf(word, "what", "why", "how", "when", "where", "who", "which", "whose")
}

// questionAt reports whether a question begins at i that is not a request.
func questionAt(tokens []token, i int) bool {
	word, next := tokens[i].word, wordAt(tokens, i+1)
	switch {
	case isRequest(tokens, i):
		return false
	case isAuxiliary(word) && opensSubject(next) && !tokens[i].clauseEnd:
		if isOneOf(word, "do", "did", "are", "have") && isOneOf(next, "you", "i", "we", "they") {
			return i == 0 || !isOneOf(tokens[i-1].word, "so", "as", "than", "nor", "neither")
		}
		return beginsClause(tokens, i) && !isOneOf(wordAt(tokens, i-1), "that", "if")
	case isQuestionWord(word) && beginsClause(tokens, i):
		return asksWith(tokens, i)
	case word == "whether":
		return true
	}
	return word == "if" && asksWhether(tokens, i)
}

// asksWith reports whether the question word at i asks, and does not join a clause ("what I want is").
func asksWith(tokens []token, i int) bool {
	if tokens[i].word == "why" && wordAt(tokens, i+2) == "not" && isOneOf(wordAt(tokens, i+1), "do", "can", "would") {
		return false // "why don't you"
	}
	for j := i + 1; j < len(tokens) && j <= i+4; j++ {
		if isAuxiliary(tokens[j].word) {
			return !isSubject(tokens[j-1].word)
		}
		if isSubject(tokens[j].word) {
			return false
		}
	}
	return tokens[i].word != "when"
}

// isRequest reports whether what begins at i asks for something to be done and not whether it is so.
func isRequest(tokens []token, i int) bool {
	word, next := tokens[i].word, wordAt(tokens, i+1)
	switch word {
	case "can", "could":
		after := wordAt(tokens, i+2)
		return isOneOf(next, "you", "i", "we", "somebody", "someone", "not", "please") && after != "not"
	case "would", "will":
		after := wordAt(tokens, i+2)
		return next == "you" && !isOneOf(after, "like", "want", "prefer", "say", "consider", "have", "be", "not") &&
			(word == "would" || after == "please")
	case "may":
		return isOneOf(next, "i", "we")
	case "why":
		return wordAt(tokens, i+2) == "not" && isOneOf(next, "do", "can", "would") || next == "not"
	case "how":
		return next == "about"
	}
	return false
}

// asksWhether reports whether the "if" at i stands for "whether": "I wonder if", "do you know if".
func asksWhether(tokens []token, i int) bool {
	for j := i - 1; j >= 0 && j >= i-2; j-- {
		switch tokens[j].stem {
		case "wonder", "ask", "know", "check", "see", "sure", "unsur", "find", "question":
			return tokens[j].word != "know" || !isOneOf(wordAt(tokens, j-1), "me", "us") // "let me know if"
		}
	}
	return false
}

// conditionAt returns the number of words of the condition that begins at i, or 0.
func conditionAt(tokens []token, i int) int {
	next := wordAt(tokens, i+1)
	switch tokens[i].word {
	case "if":
		if asksWhether(tokens, i) || isCourtesy(tokens, i) || wordAt(tokens, i-1) == "as" {
			return 0
		}
		return 1
	case "unless", "suppose", "supposing", "assuming", "imagine", "whenever", "otherwise":
		if isOneOf(wordAt(tokens, i-1), "i", "am") { // "I suppose"
			return 0
		}
		return 1
	case "in":
		if next == "case" && wordAt(tokens, i+2) != "you" {
			return 2
		}
	case "provided", "providing":
		if next == "that" || isSubject(next) {
			return 1
		}
	case "as", "so":
		if next == "long" && wordAt(tokens, i+2) == "as" {
			return 3
		}
	case "should", "were", "had":
		return inversionAt(tokens, i)
	}
	return 0
}

// inversionAt returns 2 if the auxiliary at i opens a condition without "if": "should it fail I want …", "had I known". A
// question looks the same, but ends where the condition goes on with its main clause.
func inversionAt(tokens []token, i int) int {
	if !beginsClause(tokens, i) || !isSubject(wordAt(tokens, i+1)) {
		return 0
	}
	for j := i + 2; j < len(tokens) && j < i+conditionNext && !tokens[j].asks; j++ {
		if isSubject(tokens[j].word) || isOneOf(tokens[j].word, "would", "please") {
			return 2
		}
	}
	return 0
}

// isCourtesy reports whether the "if" at i only softens: "if you don't mind", "if possible", "I'd be glad if you could".
func isCourtesy(tokens []token, i int) bool {
	next, after := wordAt(tokens, i+1), wordAt(tokens, i+2)
	switch next {
	case "possible", "available", "necessary", "not", "so":
		return true
	case "you":
		switch after {
		case "please", "like", "wish", "want", "would":
			return true
		case "do":
			return wordAt(tokens, i+4) == "mind"
		case "could", "can":
			return isThanked(tokens, i)
		}
	case "i", "we":
		return isOneOf(after, "may", "remember", "understand") || after == "am" && wordAt(tokens, i+3) == "not"
	case "that", "it", "this":
		return isOneOf(after, "is", "would") && isOneOf(wordAt(tokens, i+3), "okay", "ok", "possible", "alright", "fine", "all", "be")
	}
	return false
}

// isThanked reports whether gratitude stands in front of the "if" at i.
func isThanked(tokens []token, i int) bool {
	for j := max(0, i-4); j < i; j++ {
		switch tokens[j].stem {
		case "appreci", "grate", "thank", "great", "nice", "kind", "good", "love", "glad", "happi", "help", "wonder":
			return true
		}
	}
	return false
}

// attitudeTo returns the attitude in which most of the words are that some tokens share with a phrase, or most of all content
// words where they share none. A stance that the phrase has itself is left out.
func attitudeTo(p *phrase, tokens []token, marks []attitude) attitude {
	var all, shared tally
	for i, t := range tokens {
		if !isContent(t.word) {
			continue
		}
		all.add(marks[i])
		if _, common := p.polarity[t.stem]; common {
			shared.add(marks[i])
		}
	}
	if shared.words == 0 {
		shared = all
	}
	return shared.majority() &^ p.attitude
}

// tally counts the attitudes of words.
type tally struct{ words, asked, supposed, reported int }

func (t *tally) add(a attitude) {
	t.words++
	if a&asked != 0 {
		t.asked++
	}
	if a&supposed != 0 {
		t.supposed++
	}
	if a&reported != 0 {
		t.reported++
	}
}

func (t *tally) majority() (a attitude) {
	if 2*t.asked > t.words {
		a |= asked
	}
	if 2*t.supposed > t.words {
		a |= supposed
	}
	if 2*t.reported > t.words {
		a |= reported
	}
	return a
}

// The names of stances in a match.
const (
	stanceNegated     = "negated"
	stanceQuestion    = "question"
	stanceConditional = "conditional"
	stanceReported    = "reported"
)

// judge returns what the policy makes of a phrase that is negated or stands in an attitude: whether it matches, and the stance
// to name, or "".
func (s Stance) judge(negated bool, a attitude) (stance string, matches bool) {
	for _, rule := range []struct {
		present  bool
		handling Handling
		name     string
	}{
		{negated, cmp.Or(s.Negation, HandleIgnore), stanceNegated},
		{a&supposed != 0, s.Conditional, stanceConditional},
		{a&asked != 0, s.Question, stanceQuestion},
		{a&reported != 0, s.Reported, stanceReported},
	} {
		switch {
		case !rule.present:
		case rule.handling == HandleIgnore:
			return "", false
		case rule.handling == HandleSeparate && stance == "":
			stance = rule.name
		}
	}
	return stance, true
}
