package tracking

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kljensen/snowball/english"
	"golang.org/x/text/unicode/norm"
)

// token is one word of a text after folding. The two words of a contraction share one span.
type token struct {
	word       string // lower case, without apostrophe
	stem       string
	start, end int  // bytes of the text
	contracted bool // the second word of a contraction: the "not" of "don't"
	clauseEnd  bool // punctuation that ends a clause stands behind it
	// sentenceEnd says that punctuation that ends a sentence stands behind it, asks that it is a question mark.
	sentenceEnd, asks bool
}

// tokenize splits a text into words, lower-cases them, unfolds contractions ("can't", "cannot" and "can not" are the same
// two words) and stems them.
func tokenize(text string) []token {
	tokens := make([]token, 0, len(text)/5+1)
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		if !isWordRune(r) {
			inside := r == '.' && strings.IndexFunc(text[at+size:], isWordRune) == 0 // of a number or an address
			if len(tokens) > 0 && !inside {
				tokens[len(tokens)-1].endWith(r)
			}
			at += size
			continue
		}
		end := at + wordLen(text[at:])
		for i, w := range unfold(fold(text[at:end])) {
			tokens = append(tokens, token{word: w, stem: stem(w), start: at, end: end, contracted: i > 0})
		}
		at = end
	}
	return tokens
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// endWith notes the punctuation behind the token.
func (t *token) endWith(r rune) {
	t.clauseEnd = t.clauseEnd || strings.ContainsRune(".,;:?!…—–", r)
	t.sentenceEnd = t.sentenceEnd || strings.ContainsRune(".?!…", r)
	t.asks = t.asks || r == '?'
}

// wordLen returns the length of the word that s begins with. Apostrophes and combining marks belong to it inside.
func wordLen(s string) int {
	end := 0
	for i, r := range s {
		switch {
		case isWordRune(r) || unicode.IsMark(r):
			end = i + utf8.RuneLen(r)
		case r != '\'' && r != '’':
			return end
		}
	}
	return end
}

func fold(word string) string {
	return strings.ReplaceAll(strings.ToLower(norm.NFC.String(word)), "’", "'")
}

func stem(word string) string { return english.Stem(word, true) }

// unfold returns the words of a contraction, or the word itself.
func unfold(word string) []string {
	if parts, ok := wholeContraction(word); ok {
		return parts
	}
	base, suffix, found := strings.Cut(word, "'")
	if !found {
		return []string{word}
	}
	if stripped, isNot := strings.CutSuffix(base, "n"); isNot && suffix == "t" {
		return []string{stripped, "not"}
	}
	switch suffix {
	case "m":
		return []string{base, "am"}
	case "re":
		return []string{base, "are"}
	case "ve":
		return []string{base, "have"}
	case "ll":
		return []string{base, "will"}
	case "d":
		return []string{base, "would"}
	case "s":
		if takesIs(base) {
			return []string{base, "is"}
		}
		return []string{base} // a possessive
	}
	return []string{strings.ReplaceAll(word, "'", "")}
}

// wholeContraction knows the contractions that follow no rule, and those that are often typed without an apostrophe.
func wholeContraction(word string) ([]string, bool) {
	switch word {
	case "can't", "cannot", "cant":
		return []string{"can", "not"}, true
	case "won't", "wont":
		return []string{"will", "not"}, true
	case "shan't":
		return []string{"shall", "not"}, true
	case "ain't", "aint":
		return []string{"is", "not"}, true
	case "let's", "lets":
		return []string{"let", "us"}, true
	case "im":
		return []string{"i", "am"}, true
	case "ive":
		return []string{"i", "have"}, true
	case "gonna":
		return []string{"going", "to"}, true
	case "wanna":
		return []string{"want", "to"}, true
	case "gotta":
		return []string{"got", "to"}, true
	case "dont", "doesnt", "didnt", "isnt", "arent", "wasnt", "werent", "havent", "hasnt", "hadnt", "couldnt", "wouldnt", "shouldnt":
		return []string{strings.TrimSuffix(word, "nt"), "not"}, true
	}
	return nil, false
}

// takesIs reports whether "'s" behind the word is "is" and not a possessive.
func takesIs(word string) bool {
	switch word {
	case "it", "that", "this", "he", "she", "there", "here", "what", "who", "where", "how", "why", "when", "everything",
		"something", "nothing", "everybody", "somebody", "nobody":
		return true
	}
	return false
}
