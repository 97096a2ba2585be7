package tracking

import "strings"

// How a speech model mishears: it writes another word, or several, that sound like what was said. soundOf maps a word to the
// consonants one hears in it, in the manner of Metaphone (Philips, 1990): voiced and unvoiced pairs fall together, vowels count
// at the beginning only.

// soundOf returns the consonants of an English word as one hears them; "council", "counsel" and "cancel" are all KNSL.
func soundOf(word string) string {
	word = silentLetters.Replace(word)
	var b strings.Builder
	last := byte(0)
	for i := 0; i < len(word); i++ {
		c := soundAt(word, i)
		if c == 'A' && i > 0 {
			c = 0
		}
		if c != 0 && c != last {
			b.WriteByte(c)
		}
		if isVowel(word[i]) {
			last = 0
			continue
		}
		if c != 0 {
			last = c
		}
	}
	return b.String()
}

//nolint:gochecknoglobals // a constant table
var silentLetters = strings.NewReplacer(
	"tion", "shn", "sion", "shn", "cian", "shn", "sch", "sk", "tch", "ch", "dge", "j", "dj", "j", "ght", "t", "kn", "n", "wr", "r",
	"mb", "m", "ph", "f", "ck", "k", "qu", "kw", "x", "ks", "wh", "w", "gh", "",
)

func isVowel(c byte) bool { return strings.IndexByte("aeiouy", c) >= 0 }

// soundAt returns the class of the letter at i: a consonant, A for a vowel, 0 for one that is not heard.
func soundAt(word string, i int) byte {
	next := byte(0)
	if i+1 < len(word) {
		next = word[i+1]
	}
	switch c := word[i]; c {
	case 'a', 'e', 'i', 'o', 'u':
		return 'A'
	case 'y', 'w':
		return 0
	case 'h':
		if i == 0 {
			return 'H'
		}
		return 0
	case 'b', 'p':
		return 'P'
	case 'd', 't':
		if next == 'h' {
			return '0'
		}
		return 'T'
	case 'f', 'v':
		return 'F'
	case 'c':
		switch next {
		case 'h':
			return 'X'
		case 'e', 'i', 'y':
			return 'S'
		}
		return 'K'
	case 'g':
		if next == 'e' || next == 'i' || next == 'y' {
			return 'J'
		}
		return 'K'
	case 's', 'z':
		if next == 'h' {
			return 'X'
		}
		return 'S'
	case 'j', 'k', 'l', 'm', 'n', 'q', 'r':
		return c - 'a' + 'A'
	}
	return 0 // another script: such words have no sound
}

// editsWithin reports whether at most limit letters inserted, deleted or replaced turn a into b.
func editsWithin(a, b string, limit int) bool {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return false
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal, least := row[0], i+1
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
			least = min(least, cost)
		}
		if least > limit {
			return false
		}
	}
	return row[len(b)] <= limit
}
