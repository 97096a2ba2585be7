package quality

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// fillers are what a caller says around the sentence that matters. They mean nothing that a tracker would be made for.
//
//nolint:gochecknoglobals // a constant list
var fillers = []string{
	"So I was sitting in the kitchen yesterday evening when I saw it.",
	"My brother was here too and he told me to pick up the phone.",
	"It has been a really long week and I am only home since an hour.",
	"I hope you can hear me because there are some people talking next to me.",
	"Let me just get my glasses and a piece of paper, one moment.",
	"We moved here a couple of years ago and the kids like it a lot.",
	"I looked at it again this morning before I went to work.",
	"Anyway, I thought it would be best to just talk to somebody about it.",
	"Sorry for the noise, the dog is barking at the neighbours again.",
	"I am not very good with these things, usually my daughter does them.",
	"That was the other day, I think it was on a Tuesday or so.",
	"You know how it is, one thing comes after the other.",
}

// between puts every row between two fillers, with punctuation, or in lower case without any, as speech models write.
func between(rows []Row, punctuated bool) []Row {
	long := make([]Row, len(rows))
	for i, r := range rows {
		text := strings.Join([]string{fillers[i%len(fillers)], sentence(r.Text), fillers[(i*5+3)%len(fillers)]}, " ")
		if !punctuated {
			text = plain(text)
		}
		long[i] = Row{Label: r.Label, Text: text}
	}
	return long
}

// sentence returns text with a capital letter and a mark at its end.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return "."
	}
	first, n := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[n:]
	if !strings.ContainsRune(".?!", rune(text[len(text)-1])) {
		text += "."
	}
	return text
}

// plain returns text in lower case without punctuation, apostrophes aside.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) || r == '\'' {
			return unicode.ToLower(r)
		}
		return ' '
	}, text)
	return strings.Join(strings.Fields(text), " ")
}
