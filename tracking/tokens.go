package tracking

import "unicode"

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }
