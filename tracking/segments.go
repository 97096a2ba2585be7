package tracking

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A phone turn holds several sentences, and one vector of the whole loses each of them. So the whole turn, its sentences and
// windows that slide over it are encoded; the best of them is the span to show.
const (
	windowWords = 12 // also the longest turn that is not windowed
	windowStep  = 4
	// maxWindows bounds the work for one utterance. Beyond it windows and steps grow, so that no text is left out.
	maxWindows = 64
	// minSentenceWords keeps "Okay." and "Bye." from costing a pass of the encoder.
	minSentenceWords = 2
)

// segment is a part of a text, without space at its ends.
type segment struct {
	start, end int
	whole      bool
}

// segmentsOf returns the parts of a text to encode, the whole first. It returns none for a text without words.
func segmentsOf(text string) []segment {
	words := wordSpans(text)
	if len(words) == 0 {
		return nil
	}
	whole := segment{start: words[0].start, end: words[len(words)-1].end, whole: true}
	segments := []segment{whole}
	seen := map[segment]bool{{start: whole.start, end: whole.end}: true}
	add := func(first, last int) {
		s := segment{start: words[first].start, end: words[last].end}
		if !seen[s] && len(segments) < 2*maxWindows {
			seen[s] = true
			segments = append(segments, s)
		}
	}
	first := 0
	for i := range words {
		if i == len(words)-1 || endsSentence(text[words[i].start:words[i].end]) {
			if i-first+1 >= minSentenceWords {
				add(first, i)
			}
			first = i + 1
		}
	}
	if len(words) <= windowWords {
		return segments
	}
	step := max(windowStep, (len(words)+maxWindows-1)/maxWindows)
	length := max(windowWords, step*windowWords/windowStep)
	for first := 0; ; first += step {
		last := min(first+length, len(words)) - 1
		add(max(0, last-length+1), last)
		if last == len(words)-1 {
			return segments
		}
	}
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
