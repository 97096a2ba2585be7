package tracking

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A phone turn holds several sentences, and one vector of the whole loses each of them. So the whole turn, its sentences, their
// clauses and windows that slide over it are encoded; the best of them is the span to show.
const (
	windowWords = 12 // also the longest turn that is not windowed
	windowStep  = 4
	// maxWindows bounds the work for one utterance. Beyond it windows and steps grow, so that they cover a long text all the
	// same; sentences beyond maxSentences are matched literally only. Both are many minutes of speech.
	maxWindows     = 64
	maxSentences   = 128
	minClauseWords = 3 // of a clause that is encoded on its own
	// minSentenceWords keeps "Okay." and "Bye." from costing a pass of the encoder.
	minSentenceWords = 2
)

// segment is a part of a text, without space at its ends.
type segment struct {
	start, end int
	window     bool // it begins or ends inside a sentence
}

// segmentsOf returns the parts of a text to encode, the whole first: then its sentences, and windows over those that are
// long. It returns none for a text without words.
func segmentsOf(text string) []segment {
	words := wordSpans(text)
	if len(words) == 0 {
		return nil
	}
	segments := []segment{{start: words[0].start, end: words[len(words)-1].end}}
	sentences, windows := 0, 0
	step := max(windowStep, (len(words)+maxWindows-1)/maxWindows)
	for len(words) > 0 {
		sentence := words[:sentenceLen(text, words)]
		words = words[len(sentence):]
		if s := span(sentence); s != segments[0] && len(sentence) >= minSentenceWords && sentences < maxSentences {
			segments = append(segments, s)
			sentences++
		}
		for _, clause := range clausesOf(text, sentence) {
			if sentences < maxSentences {
				segments = append(segments, clause)
				sentences++
			}
		}
		length := step * windowWords / windowStep
		for first := 0; len(sentence) > windowWords && windows < maxWindows; first += step {
			last := min(first+length, len(sentence))
			w := span(sentence[max(0, last-length):last])
			w.window = true
			segments = append(segments, w)
			windows++
			if last == len(sentence) {
				break
			}
		}
	}
	return segments
}

// clausesOf returns the clauses of a sentence that "and", "but" or a comma joins, if it has several: each may mean another
// tracker ("cancel my contract and refund my money"). Clauses too short to stand alone are left out.
func clausesOf(text string, sentence []segment) []segment {
	var clauses []segment
	first := 0
	for i, w := range sentence {
		word := strings.ToLower(text[w.start:w.end])
		begins := word == "and" || word == "but"
		ends := strings.HasSuffix(word, ",") || i == len(sentence)-1
		last := i
		if ends {
			last++
		}
		if !begins && !ends {
			continue
		}
		if last-first >= minClauseWords && last-first < len(sentence) {
			clauses = append(clauses, span(sentence[first:last]))
		}
		first = i + 1
	}
	return clauses
}

// span returns the segment from the first to the last of some words.
func span(words []segment) segment {
	return segment{start: words[0].start, end: words[len(words)-1].end}
}

// sentenceLen returns how many of the words the first sentence has.
func sentenceLen(text string, words []segment) int {
	for i, w := range words {
		if endsSentence(text[w.start:w.end]) {
			return i + 1
		}
	}
	return len(words)
}

// wordSpans returns the parts of text between white space that hold a letter or digit.
func wordSpans(text string) []segment {
	var words []segment
	for at := 0; at < len(text); {
		begin := strings.IndexFunc(text[at:], func(r rune) bool { return !unicode.IsSpace(r) })
		if begin < 0 {
			break
		}
		begin += at
		end := len(text)
		if n := strings.IndexFunc(text[begin:], unicode.IsSpace); n >= 0 {
			end = begin + n
		}
		if strings.ContainsFunc(text[begin:end], isWordRune) {
			words = append(words, segment{start: begin, end: end})
		}
		at = end
	}
	return words
}

func endsSentence(word string) bool {
	word = strings.TrimRight(word, `"'”’)`)
	r, _ := utf8.DecodeLastRuneInString(word)
	return strings.ContainsRune(".?!…", r)
}
