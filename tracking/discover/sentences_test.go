package discover_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/tracking/discover"
)

func TestSentences(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "  ", nil},
		{"a sentence", "I want to change my address.", []string{"I want to change my address."}},
		{"several", "Hi there. I lost my card! Can you block it, please?", []string{"I lost my card!", "Can you block it, please?"}},
		{"an opening goes", "Well, yes, hello, I lost my card.", []string{"I lost my card."}},
		{"backchannels", "Yes. Okay, thank you very much. Mhm. How are you? Bye bye now.", nil},
		{"thanks with a name", "Thank you so much Sam. Good morning Jamie.", nil},
		{"who speaks", "My name is John Miller. It is 4 5 7 2 9. My card is 4556 1234.", nil},
		{"a number of things", "I need a room for 2 people on Friday.", []string{"I need a room for 2 people on Friday."}},
		{"umlauts and quotes", "“Wo ist mein Päckchen?” Ich weiß es nicht genau…", []string{"“Wo ist mein Päckchen?”", "Ich weiß es nicht genau…"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, s := range discover.Sentences(test.text) {
				got = append(got, test.text[s.Start:s.End])
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestLongSentencesAreCut(t *testing.T) {
	clause := "the parcel that I ordered last week has still not arrived"
	for name, text := range map[string]string{
		"at clauses":          clause + ", and " + clause + ", " + clause,
		"without punctuation": strings.Repeat(clause+" ", 5),
	} {
		t.Run(name, func(t *testing.T) {
			spans := discover.Sentences(text)
			require.Greater(t, len(spans), 2)
			end := 0
			for _, s := range spans {
				require.GreaterOrEqual(t, s.Start, end)
				require.LessOrEqual(t, len(strings.Fields(text[s.Start:s.End])), 24)
				end = s.End
			}
		})
	}
}

func TestSpansOverlap(t *testing.T) {
	s := discover.Span{Start: 5, End: 10}
	require.True(t, s.Overlaps(9, 20))
	require.True(t, s.Overlaps(0, 6))
	require.False(t, s.Overlaps(10, 20))
	require.False(t, s.Overlaps(0, 5))
}

func FuzzSentences(f *testing.F) {
	f.Add("Hello. I want, well, a refund; now: please – do it! 401k")
	f.Add("a\xffb \x00 ... ?! “”")
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		for _, s := range discover.Sentences(text) {
			if s.Start < end || s.End <= s.Start || s.End > len(text) {
				t.Fatalf("%q: %+v behind %d", text, s, end)
			}
			end = s.End
		}
	})
}
