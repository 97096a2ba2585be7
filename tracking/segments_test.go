package tracking

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSegments(t *testing.T) {
	long := "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"clauses stand on their own":     {"Cancel my contract and refund my money now.", []string{"Cancel my contract and refund my money now.", "Cancel my contract", "refund my money now."}},
		"short clauses do not":           {"Well, yes, cancel it and go.", []string{"Well, yes, cancel it and go."}},
		"nothing":                        {" ?! ", nil},
		"a sentence is one segment":      {" It is too expensive. ", []string{"It is too expensive."}},
		"sentences stand on their own":   {"I see. It is 3.5 percent! Why?", []string{"I see. It is 3.5 percent! Why?", "I see.", "It is 3.5 percent!"}},
		"twelve words have no window":    {strings.Join(strings.Fields(long)[:12], " "), []string{strings.Join(strings.Fields(long)[:12], " ")}},
		"windows slide over a long turn": {long, []string{long, window(long, 0), window(long, 4), window(long, 6)}},
		"windows stay in their sentence": {"Well then. " + long, []string{"Well then. " + long, "Well then.", long, window(long, 0), window(long, 4), window(long, 6)}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, s := range segmentsOf(test.text) {
				got = append(got, test.text[s.start:s.end])
			}
			require.Equal(t, test.want, got)
		})
	}
	t.Run("the work for a huge text is bounded", func(t *testing.T) {
		for _, text := range []string{strings.Repeat("word ", 50_000), strings.Repeat("one two. ", 50_000), strings.Repeat(long+". ", 3000)} {
			segments := segmentsOf(text)
			require.LessOrEqual(t, len(segments), 1+maxWindows+maxSentences)
		}
		words := strings.Repeat("word ", 50_000)
		last := segmentsOf(words)
		require.Equal(t, len(strings.TrimSpace(words)), last[len(last)-1].end, "windows reach the end")
	})
}

func window(text string, first int) string {
	return strings.Join(strings.Fields(text)[first:first+windowWords], " ")
}
