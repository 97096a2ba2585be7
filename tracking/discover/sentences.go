package discover

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// longSentence is the number of words from which a sentence is cut at the ends of its clauses, and, where a transcript
	// has no punctuation, into pieces of pieceWords.
	longSentence = 24
	pieceWords   = 12
	// leastWords is what a sentence needs to say something: "Okay, thanks." does not.
	leastWords = 3
)

// Span is a part of a text in bytes, without white space at its ends.
type Span struct{ Start, End int }

// Overlaps reports whether s and the bytes start to end have one in common.
func (s Span) Overlaps(start, end int) bool { return s.Start < end && start < s.End }

// Sentences returns the sentences of a turn that may say something of substance, in order. It cuts long ones, and leaves out
// those that only keep a talk going (greetings, yes and no, thanks) and those that are mostly numbers.
func Sentences(text string) []Span {
	var found []Span
	words := wordSpans(text)
	for len(words) > 0 {
		n := unitLen(text, words, ".?!…")
		for _, piece := range pieces(text, words[:n]) {
			if s, ok := trim(text, piece); ok && substantial(text[s.Start:s.End]) {
				found = append(found, s)
			}
		}
		words = words[n:]
	}
	return found
}

// pieces cuts the words of a long sentence.
func pieces(text string, words []Span) [][]Span {
	if len(words) < longSentence {
		return [][]Span{words}
	}
	var cut [][]Span
	for len(words) > 0 {
		n := unitLen(text, words, ",;:–—")
		for n < pieceWords/2 && n < len(words) { // a clause of few words says nothing alone
			n += unitLen(text, words[n:], ",;:–—")
		}
		if n >= longSentence {
			n = pieceWords
		}
		if rest := len(words) - n; rest > 0 && rest < pieceWords/2 {
			n = len(words)
		}
		cut = append(cut, words[:n])
		words = words[n:]
	}
	return cut
}

// unitLen returns how many of the words come up to the first that ends in one of the marks.
func unitLen(text string, words []Span, marks string) int {
	for i, w := range words {
		word := strings.TrimRight(text[w.Start:w.End], `"'”’)`)
		if r, _ := utf8.DecodeLastRuneInString(word); strings.ContainsRune(marks, r) {
			return i + 1
		}
	}
	return len(words)
}

// trim returns the span of some words without the greetings and fillers that open it and without the punctuation at its end;
// false if nothing is left.
func trim(text string, words []Span) (Span, bool) {
	for len(words) > 0 && opening(text[words[0].Start:words[0].End]) {
		words = words[1:]
	}
	if len(words) == 0 {
		return Span{}, false
	}
	s := Span{words[0].Start, words[len(words)-1].End}
	inner := strings.TrimRightFunc(text[s.Start:s.End], func(r rune) bool { return strings.ContainsRune(",;:–—", r) })
	return Span{s.Start, s.Start + len(inner)}, true
}

// opening reports whether a word only opens a sentence.
func opening(word string) bool {
	word = strings.ToLower(strings.TrimFunc(word, func(r rune) bool { return !isWordRune(r) }))
	return strings.Contains(openingWords, " "+word+" ")
}

// openingWords have a space on both sides.
const openingWords = " ah alright also and but hai hello hey hi hii hm hmm no nope oh ok okay please right sir so sure thanks um uh well yeah yep yes "

// wordSpans returns the parts of text between white space that hold a letter or digit.
func wordSpans(text string) []Span {
	var words []Span
	start := -1
	for i, r := range text + " " {
		switch {
		case !unicode.IsSpace(r) && start < 0:
			start = i
		case unicode.IsSpace(r) && start >= 0:
			if strings.ContainsFunc(text[start:i], isWordRune) {
				words = append(words, Span{start, i})
			}
			start = -1
		}
	}
	return words
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// longNumber is the count of digits from which a number is one of an account, a card or a telephone.
const longNumber = 4

// substantial reports whether a sentence is worth a place in a cluster. Names and numbers of a customer are not: they tell who
// speaks, not what is wanted, and are nobody else's business.
func substantial(sentence string) bool {
	words := Words(sentence)
	if len(words) < leastWords || courtesy(words) || strings.Contains(strings.Join(words, " "), "my name is") {
		return false
	}
	content, numbers := 0, 0
	for _, w := range words {
		switch digits := countDigits(w); {
		case digits >= longNumber:
			return false
		case digits > 0:
			numbers++
		case !idle(w):
			content++
		}
	}
	return content*5 >= len(words) && numbers*4 < len(words)
}

// courtesy reports whether a short sentence is thanks or a greeting, with or without a name.
func courtesy(words []string) bool {
	const short = 5
	return len(words) <= short && (strings.HasPrefix(words[0], "thank") || words[0] == "good")
}

func countDigits(word string) int {
	digits := 0
	for _, r := range word {
		if unicode.IsNumber(r) {
			digits++
		}
	}
	return digits
}

// Words returns the words of a text in lower case, without punctuation.
func Words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(strings.ReplaceAll(text, "’", "'")), func(r rune) bool {
		return !isWordRune(r) && r != '\''
	})
}

// idle reports whether a word belongs to the talk about the talk.
func idle(word string) bool { return strings.Contains(idleWords, " "+word+" ") }

// idleWords have a space on both sides. A sentence of hardly anything else is a backchannel, a greeting or a farewell.
const idleWords = " a ah alright all am and any anything are bye byee can could day did do does else fine for go good goodbye great have " +
	"hello help hey hi hii hm hmm how i i'm i'll im is it it's just lovely me mhm mm morning much my nice no nope nothing now of oh ok okay " +
	"one perfect please right see sir so sorry sure thank thanks thankyou that that's thats the then there thing to uh uh-huh um very wait " +
	"waiting welcome well what will yeah yep yes you you're your "
