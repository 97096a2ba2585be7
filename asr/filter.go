package asr

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// Speech models trained on subtitles invent text where there is none and repeat themselves when they are unsure. These
// gates follow what is known of both: invented text is unlikely to its own model, comes in a few stock phrases, or holds more words
// than anyone can say in the time; repetitions are n-grams in a row.
const (
	maxWordsPerSecond = 7.0 // fast speakers reach 5 over a whole turn
	maxCharsPerSecond = 35.0
	minRateWords      = 4 // fewer say nothing about a rate

	noSpeechLikely  = 0.6
	unsure          = 0.5
	stockUnsure     = 0.6
	stockSpeech     = 1500 * time.Millisecond
	longestRepeated = 6 // words in a repeated n-gram
)

// verdict is what a hypothesis is worth.
type verdict int

const (
	accepted  verdict = iota
	repeating         // worth another decode
	invented          // worth nothing
)

// judge returns what of r is believable, given how much speech was heard in the audio.
func judge(r Result, speech time.Duration) (Result, verdict) {
	if len(r.Words) == 0 || r.NoSpeech > noSpeechLikely && r.Confidence() < unsure {
		return Result{}, invented
	}
	short, doubtful := speech < stockSpeech, r.Confidence() < stockUnsure
	if isStock(r.Text()) && (short || doubtful) || isCourtesy(r.Text()) && short && doubtful {
		return Result{}, invented
	}
	collapsed, repeated := collapse(r.Words)
	r.Words = collapsed
	switch {
	case tooFast(r, speech):
		r = Result{}
		if repeated {
			return r, repeating
		}
		return r, invented
	case repeated:
		return r, repeating
	}
	return r, accepted
}

// tooFast reports whether r holds more than can be said in the time.
func tooFast(r Result, speech time.Duration) bool {
	seconds := speech.Seconds()
	return len(r.Words) >= minRateWords &&
		(float64(len(r.Words)) > maxWordsPerSecond*seconds || float64(len(r.Text())) > maxCharsPerSecond*seconds)
}

// collapse leaves one of n-grams repeated so often in a row that nobody says it: three times, or more for short ones, because
// digits are repeated. It reports whether there were any.
func collapse(words []Word) ([]Word, bool) {
	found := false
	for n := 1; n <= longestRepeated; n++ {
		often := max(3, 7-n)
		for i := 0; i+n*often <= len(words); i++ {
			times := 1
			for i+(times+1)*n <= len(words) && sameWords(words[i:i+n], words[i+times*n:i+(times+1)*n]) {
				times++
			}
			if times >= often {
				words = slices.Concat(words[:i+n], words[i+times*n:])
				found = true
			}
		}
	}
	return words, found
}

func sameWords(a, b []Word) bool {
	return slices.EqualFunc(a, b, func(a, b Word) bool { return plain(a.Text) == plain(b.Text) })
}

// plain returns text in lower case without anything but letters, digits and single spaces.
func plain(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\''
	}), " ")
}

// isStock reports whether the whole text is one of the phrases that Whisper models are known to invent over silence and
// noise (Careless Whisper, FAccT 2024; arXiv 2501.11378) and that nobody says on the telephone.
func isStock(text string) bool {
	switch plain(text) {
	case "you", "so", "the", "music", "applause", "silence", "thanks for watching", "thank you for watching",
		"thank you for watching this video", "thanks for listening", "please subscribe", "subscribe", "like and subscribe",
		"please subscribe to my channel", "see you next time", "see you in the next video",
		"subtitles by the amara org community", "transcription by castingwords":
		return true
	}
	return false
}

// isCourtesy reports whether the whole text is a phrase that is both invented and said.
func isCourtesy(text string) bool {
	switch plain(text) {
	case "thank you", "thanks", "thank you very much", "thank you so much", "bye", "bye bye", "okay", "i'm sorry":
		return true
	}
	return false
}
