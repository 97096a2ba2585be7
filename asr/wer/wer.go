// Package wer measures recognised text against what was said.
package wer

import (
	"strings"
	"unicode"
)

// Counts are the errors in a text and the number of words it should have had. Add those of several texts to pool them.
type Counts struct {
	Substitutions, Deletions, Insertions int
	Words                                int // of the reference
}

// Errors returns the number of wrong, missing and extra words.
func (c Counts) Errors() int { return c.Substitutions + c.Deletions + c.Insertions }

// Rate returns the word error rate: errors per reference word. It may exceed 1; without reference words it is the
// number of errors.
func (c Counts) Rate() float64 { return float64(c.Errors()) / float64(max(c.Words, 1)) }

// Add returns the sum of c and d.
func (c Counts) Add(d Counts) Counts {
	return Counts{c.Substitutions + d.Substitutions, c.Deletions + d.Deletions, c.Insertions + d.Insertions, c.Words + d.Words}
}

// Words returns the words of a text as they are compared: in lower case, without punctuation, hyphens as spaces.
// Apostrophes inside words stay.
func Words(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return r != '\'' && !unicode.IsLetter(r) && !unicode.IsNumber(r)
	})
	kept := words[:0]
	for _, w := range words {
		if w = strings.Trim(w, "'"); w != "" {
			kept = append(kept, w)
		}
	}
	return kept
}

// Compare aligns the words of hypothesis with those of reference with the fewest errors (Levenshtein distance over words)
// and counts them.
func Compare(reference, hypothesis string) Counts {
	ref, hyp := Words(reference), Words(hypothesis)
	row := make([]Counts, len(hyp)+1) // row[j]: the best alignment of the reference so far with hyp[:j]
	for j := range row {
		row[j] = Counts{Insertions: j, Words: len(ref)}
	}
	for _, word := range ref {
		diagonal := row[0]
		row[0].Deletions++
		for j, heard := range hyp {
			match := diagonal
			if word != heard {
				match.Substitutions++
			}
			deletion, insertion := row[j+1], row[j]
			deletion.Deletions++
			insertion.Insertions++
			diagonal = row[j+1]
			row[j+1] = best(match, deletion, insertion)
		}
	}
	return row[len(hyp)]
}

// best returns the first of those with the fewest errors.
func best(a Counts, others ...Counts) Counts {
	for _, c := range others {
		if c.Errors() < a.Errors() {
			a = c
		}
	}
	return a
}
