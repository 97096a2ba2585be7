package wer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/asr/wer"
)

func TestCompare(t *testing.T) {
	for _, test := range []struct {
		name, reference, hypothesis string
		want                        wer.Counts
	}{
		{"the same but for case and punctuation", "I don't know. Twenty-one?", "i don't know twenty one", wer.Counts{Words: 5}},
		{"a wrong word", "cancel my account", "cancel the account", wer.Counts{Substitutions: 1, Words: 3}},
		{"a missing word", "cancel my account", "cancel account", wer.Counts{Deletions: 1, Words: 3}},
		{"an extra word", "cancel account", "cancel my account", wer.Counts{Insertions: 1, Words: 2}},
		{"nothing heard", "one two three", "", wer.Counts{Deletions: 3, Words: 3}},
		{"nothing said", "", "thank you", wer.Counts{Insertions: 2}},
		{"all of it", "a b c d e", "b x d e f", wer.Counts{Substitutions: 1, Deletions: 1, Insertions: 1, Words: 5}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, wer.Compare(test.reference, test.hypothesis))
		})
	}
}

func TestRate(t *testing.T) {
	c := wer.Compare("one two", "one").Add(wer.Compare("three four", "three five six"))
	require.Equal(t, wer.Counts{Substitutions: 1, Deletions: 1, Insertions: 1, Words: 4}, c)
	require.InDelta(t, 0.75, c.Rate(), 1e-9)
	require.InDelta(t, 2.0, wer.Compare("", "thank you").Rate(), 1e-9)
}
