package sqlite

import (
	"strings"
	"unicode"
)

// Search returns a SELECT of the id of every utterance that has what a person typed, and its one parameter: every word of
// text must begin a word of the utterance, in any order. ok is false if text has no word. No text is a syntax error.
func (d *Database) Search(text string) (query, parameter string, ok bool) {
	parameter = pattern(text)
	return "SELECT rowid FROM utterance_text WHERE utterance_text MATCH ?", parameter, parameter != ""
}

func pattern(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) })
	for i, word := range words {
		words[i] = `"` + word + `"*`
	}
	return strings.Join(words, " ")
}
