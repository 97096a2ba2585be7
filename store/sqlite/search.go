package sqlite

import (
	"strings"
	"unicode"
)

// Search returns a SELECT of the id of every utterance that has all words of text, in any form and order, and its one
// parameter. A word with * behind it is the begin of a word. ok is false if text has no word. No text is a syntax error.
func (d *Database) Search(text string) (query, parameter string, ok bool) {
	parameter = pattern(text)
	return "SELECT rowid AS id FROM utterance_text WHERE utterance_text MATCH ?", parameter, parameter != ""
}

// pattern returns the words of text in the query syntax of FTS5 (https://www.sqlite.org/fts5.html section 3).
func pattern(text string) string {
	var words []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !wordRune(r) && r != '*' }) {
		bare := strings.ReplaceAll(word, "*", "")
		switch {
		case bare == "":
		case strings.HasSuffix(word, "*"):
			words = append(words, `"`+bare+`"*`)
		default:
			words = append(words, `"`+bare+`"`)
		}
	}
	return strings.Join(words, " ")
}

// wordRune holds for what the tokenizer of the index keeps, letters of all scripts with their marks and numbers.
func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) }
