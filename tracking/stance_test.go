package tracking_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/tracking"
)

func TestStancePolicy(t *testing.T) {
	said := map[string]string{
		"negated":     "I do not want to cancel my contract",
		"question":    "did you cancel my contract?",
		"conditional": "if the price rises I cancel my contract",
		"reported":    "my wife told you to cancel my contract",
	}
	policy := func(h tracking.Handling) tracking.Stance {
		return tracking.Stance{Negation: h, Question: h, Conditional: h, Reported: h}
	}
	matches := func(t *testing.T, s tracking.Stance, text string) []string {
		t.Helper()
		c := tracker("Cancellation", "cancel my contract")
		c.Stance = s
		d := newDetector(t, tracking.Options{}, c)
		stances := []string{}
		for _, m := range match(t, d.NewSession("c"), final(text)).Matched {
			stances = append(stances, m.Stance)
		}
		return stances
	}
	for name, text := range said {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, matches(t, policy(tracking.HandleIgnore), text))
			require.Equal(t, []string{""}, matches(t, policy(tracking.HandleMatch), text))
			require.Equal(t, []string{name}, matches(t, policy(tracking.HandleSeparate), text))
			if name == "negated" {
				require.Empty(t, matches(t, tracking.Stance{}, text), "by default a negated phrase is none")
			} else {
				require.Equal(t, []string{""}, matches(t, tracking.Stance{}, text), "by default it matches")
			}
		})
	}
	t.Run("what is said plainly has no stance", func(t *testing.T) {
		for _, text := range []string{
			"please cancel my contract", "can you cancel my contract?", "cancel my contract if possible", "I said cancel my contract",
			"why don't you cancel my contract", "I'd be glad if you could cancel my contract", "my wife and I cancel my contract",
		} {
			require.Equal(t, []string{""}, matches(t, policy(tracking.HandleSeparate), text), text)
		}
	})
	t.Run("plain words stand before those with a stance", func(t *testing.T) {
		text := "Did you cancel my contract? I said cancel my contract."
		require.Equal(t, []string{""}, matches(t, policy(tracking.HandleSeparate), text))
		require.Equal(t, []string{""}, matches(t, policy(tracking.HandleIgnore), text))
	})
	t.Run("a phrase that is a question stands for questions", func(t *testing.T) {
		c := tracker("Fees", "do I pay a fee")
		c.Stance.Question = tracking.HandleIgnore
		d := newDetector(t, tracking.Options{}, c)
		require.Len(t, match(t, d.NewSession("c"), final("do I pay a fee?")).Matched, 1)
	})
}

func TestExclusions(t *testing.T) {
	c := tracker("Cancellation", "cancel my contract")
	c.Exclusions = []string{"cancellation policy", "free trial"}
	d := newDetector(t, tracking.Options{Encoder: &wordEncoder{same: map[string]string{"agreement": "contract"}}}, c, tracker("Other", "free trial"))
	for text, want := range map[string]int{
		"cancel my contract": 1,
		"I read the cancellation policy so cancel my contract":     0,
		"I read the cancellation policy. Cancel my contract.":      1,
		"Cancel my agreement.":                                     1,
		"In the free trial cancel my agreement.":                   1, // the other tracker's phrase
		"I had two free trials. Well, cancel my contract. Thanks.": 2,
	} {
		require.Len(t, match(t, d.NewSession("c"), final(text)).Matched, want, text)
	}
}

func TestNegativeExamples(t *testing.T) {
	background, err := tracking.NewBackground(t.Context(), &wordEncoder{}, []string{"hello there", "okay then"}, []string{"my card is lost", "one two"})
	require.NoError(t, err)
	for name, opts := range map[string]tracking.Options{
		"by the nearest phrase": {Encoder: &wordEncoder{}}, "by the discriminant too": {Encoder: &wordEncoder{}, Background: background},
	} {
		t.Run(name, func(t *testing.T) {
			c := tracker("Cancellation", "cancel my contract", "cancel that contract")
			c.Threshold = 1e-6
			text := "cancel my appointment"
			require.Len(t, match(t, newDetector(t, opts, c).NewSession("c"), final(text)).Matched, 1)
			c.NegativeExamples = []string{"cancel my appointment please"}
			d := newDetector(t, opts, c)
			require.Empty(t, match(t, d.NewSession("c"), final(text)).Matched)
			require.Len(t, match(t, d.NewSession("c"), final("cancel a contract")).Matched, 1)
		})
	}
	t.Run("a phrase inside of a negative example does not match there", func(t *testing.T) {
		c := tracker("Cancellation", "cancel it")
		c.NegativeExamples = []string{"cancel it later"}
		d := newDetector(t, tracking.Options{}, c)
		require.Len(t, match(t, d.NewSession("c"), final("please cancel it")).Matched, 1)
		require.Empty(t, match(t, d.NewSession("c"), final("please cancel it later")).Matched)
	})
}

func TestDamagedWords(t *testing.T) {
	for name, test := range map[string]struct {
		phrase, text string
		score        float64
	}{
		"sounds alike":              {"cancel my contract", "i want to council my contract", 0.9},
		"a letter is missing":       {"my manager is rude", "my manger is rude", 0.9},
		"torn apart":                {"I would like a refund", "i would like a re fund", 1},
		"torn and misheard":         {"book an appointment", "book an a point meant", 0.9},
		"spelled":                   {"cancel my contract", "c a n c e l my contract", 1},
		"sounds another":            {"I was charged twice", "i was changed twice", 0},
		"too short a phrase":        {"cancel", "council", 0},
		"too much is damaged":       {"cancel my subscription", "council my sub scripts hun", 0},
		"short words must be right": {"I can not log in", "i can not lock in", 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDetector(t, tracking.Options{}, tracker("T", test.phrase))
			got := match(t, d.NewSession("c"), final(test.text)).Matched
			if test.score == 0 {
				require.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			require.InDelta(t, test.score, got[0].Score, 1e-9)
		})
	}
}

func TestDelay(t *testing.T) {
	d := newDetector(t, tracking.Options{}, tracker("T", "my contract"))
	u := final("my contract is what I call about")
	u.Model, u.LatencyMS = "m", 250
	m := match(t, d.NewSession("c"), u).Matched[0]
	require.GreaterOrEqual(t, m.DelayMS, u.EndMS-m.EndMS+250)
	require.Less(t, m.DelayMS, u.EndMS-m.EndMS+1250)
}
