package sentiment

import (
	_ "embed"
	"math"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

//go:embed lexicon.tsv
var lexiconFile string

// lexicon maps a word to its mean human rating, -4 to 4.
var lexicon = sync.OnceValue(func() map[string]float64 { //nolint:gochecknoglobals // parsed from the embedded file, never written
	entries := make(map[string]float64, strings.Count(lexiconFile, "\n"))
	for line := range strings.Lines(lexiconFile) {
		word, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if valence, err := strconv.ParseFloat(value, 64); err == nil {
			entries[word] = valence
		}
	}
	return entries
})

// Constants of the VADER rules (Hutto and Gilbert 2014, section 3.3 and their reference implementation).
const (
	boost          = 0.293 // added to the strength of a word behind a booster, taken from it behind a dampener
	boostDecay     = 0.05  // less for each word between the two
	negate         = -0.74 // times the valence of a word in the scope of a negation
	scope          = 3     // words back that boosters, dampeners and negations reach
	beforeBut      = 0.5   // times the valence of what stands before a "but"
	afterBut       = 1.5   // times the valence of what stands behind it
	normalizeAlpha = 15    // the sum at which the squashed valence passes 1/4
)

// Valence returns how positive the words of text are by the lexicon, -1 to 1; 0 if it knows none of them.
func Valence(text string) float64 {
	tokens := tokenize(text)
	but := -1
	for i, token := range tokens {
		if token == "but" {
			but = i
		}
	}
	sum := 0.0
	for i := range tokens {
		v := wordValence(tokens, i)
		switch {
		case but < 0:
		case i < but:
			v *= beforeBut
		default:
			v *= afterBut
		}
		sum += v
	}
	return sum / math.Sqrt(sum*sum+normalizeAlpha)
}

// wordValence returns the valence of the word at i as the words before it change it.
func wordValence(tokens []string, i int) float64 {
	valence, known := lexicon()[tokens[i]]
	if !known || isNegation(tokens[i]) {
		return 0
	}
	negated := false
	strength := 0.0
	for distance := 1; distance <= scope && distance <= i; distance++ {
		word := tokens[i-distance]
		strength += degree(word) * (1 - boostDecay*float64(distance-1))
		negated = negated || isNegation(word) && (word != "no" || !strings.HasPrefix(tokens[i], "thank"))
	}
	valence += math.Copysign(strength, valence) * math.Copysign(1, math.Abs(valence)+strength)
	if negated {
		valence *= negate
	}
	return valence
}

// degree returns what a booster adds to the words behind it; negative for a dampener and 0 for other words.
func degree(word string) float64 {
	switch word {
	case "very", "really", "so", "extremely", "absolutely", "completely", "totally", "incredibly", "super", "highly",
		"deeply", "truly", "quite", "such", "especially", "particularly", "entirely", "most", "more", "too", "utterly":
		return boost
	case "slightly", "somewhat", "partly", "little", "kinda", "sorta", "almost", "barely", "hardly", "marginally", "less":
		return -boost
	}
	return 0
}

func isNegation(word string) bool {
	switch word {
	case "not", "no", "never", "none", "nobody", "nothing", "nowhere", "neither", "nor", "cannot", "cant", "dont",
		"wont", "without", "isnt", "wasnt", "didnt", "doesnt", "rarely", "seldom":
		return true
	}
	return strings.HasSuffix(word, "n't")
}

// tokenize returns the words of text in lower case, with apostrophes and hyphens inside them.
func tokenize(text string) []string {
	text = strings.ReplaceAll(strings.ToLower(text), "’", "'")
	fields := strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '-'
	})
	tokens := fields[:0]
	for _, field := range fields {
		if field = strings.Trim(field, "'-"); field != "" {
			tokens = append(tokens, field)
		}
	}
	return tokens
}
