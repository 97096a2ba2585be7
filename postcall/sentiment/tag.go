package sentiment

import (
	"math"
	"strings"

	"github.com/operatord/operatord/conversation"
)

// A sentence longer than longSentence words is one whose full stops nobody heard; it is read in pieces of about
// pieceWords words, in which a feeling is not drowned by what surrounds it.
const (
	longSentence = 16
	pieceWords   = 10
)

// split cuts a text into sentences, and overlong ones into pieces.
func split(text string) []string {
	var sentences []string
	for sentence := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '.' || r == '?' || r == '!' }) {
		words := strings.Fields(sentence)
		pieces := 1
		if len(words) > longSentence {
			pieces = (len(words) + pieceWords - 1) / pieceWords
		}
		for i := range pieces {
			if part := words[i*len(words)/pieces : (i+1)*len(words)/pieces]; len(part) > 0 {
				sentences = append(sentences, strings.Join(part, " "))
			}
		}
	}
	return sentences
}

// formula reports whether a sentence consists of greetings, farewells, assent and plain thanks only: habit, not feeling.
func formula(sentence string) bool {
	for _, word := range tokenize(sentence) {
		switch word {
		case "hello", "hi", "hey", "good", "morning", "afternoon", "evening", "bye", "goodbye", "yes", "yeah", "yep", "no",
			"nope", "okay", "ok", "sure", "right", "all", "alright", "well", "then", "oh", "ah", "please", "thank", "you", "thanks":
		default:
			return false
		}
	}
	return true
}

// How much a sentence counts; README.md says what was tried.
const (
	calm      = 0.15 // weight of a sentence without feeling, beside the strength of its feeling
	lateThird = 2    // times the weight in the last third of what was said
)

// aggregate averages the scores of sentences in order of time: longer ones count more, feelings more than facts, and the
// last third more than the rest, because people call when something is wrong and leave as the call has left them. It also
// returns the share of the words that stand in sentences of strong feeling to the same side as the score.
func aggregate(sentences []string, scores []float64, c cuts) (score, strong float64) {
	total := 0.0
	for _, s := range sentences {
		total += float64(len(strings.Fields(s)))
	}
	var sum, weights, said, telling, unhappy, happy float64
	for i, s := range sentences {
		words, felt := float64(len(strings.Fields(s))), scores[i]
		said += words
		if formula(s) {
			felt = 0
		} else {
			telling += words
		}
		if felt <= -c.strongNegative {
			unhappy += words
		}
		if felt >= c.strongPositive {
			happy += words
		}
		weight := math.Sqrt(words) * (calm + math.Abs(felt))
		if said-words/2 >= total*2/3 {
			weight *= lateThird
		}
		sum, weights = sum+weight*felt, weights+weight
	}
	if weights == 0 || telling == 0 {
		return 0, 0
	}
	if sum < 0 {
		return sum / weights, unhappy / telling
	}
	return sum / weights, happy / telling
}

// cuts are the limits between the tags. The neutral band is wide. A mood is overly so when strong feeling runs through
// what was said, not when one sentence is strong.
type cuts struct {
	negative, positive             float64 // scores at which the neutral band ends
	strongNegative, strongPositive float64 // how far from 0 the score of a sentence of strong feeling is
	overlyNegative, overlyPositive float64 // shares of strong words from which the mood is overly so
}

// The cuts were fitted on calls; README.md says on which and how well they do.
//
//nolint:gochecknoglobals // constants
var (
	vectorCuts  = cuts{-0.13, 0.07, 0.30, 0.30, 0.55, 0.40}
	lexiconCuts = cuts{-0.01, 0.155, 0.12, 0.20, 0.55, 0.40}
)

func (c cuts) tag(score, strong float64) conversation.Sentiment {
	switch {
	case score <= c.negative && strong >= c.overlyNegative:
		return conversation.SentimentOverlyNegative
	case score <= c.negative:
		return conversation.SentimentNegative
	case score >= c.positive && strong >= c.overlyPositive:
		return conversation.SentimentOverlyPositive
	case score >= c.positive:
		return conversation.SentimentPositive
	}
	return conversation.SentimentNeutral
}
