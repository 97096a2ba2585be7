package tracking_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// wordEncoder is a bag of words: each word has a random direction, or that of the word it stands for, so that a test says
// which sentences mean the same.
type wordEncoder struct {
	same map[string]string // a word and the word it stands for
	mu   sync.Mutex
	err  error
	seen []string
}

const wordDimensions = 64

func (e *wordEncoder) Dimensions() int { return wordDimensions }
func (e *wordEncoder) Name() string    { return "words" }

func (e *wordEncoder) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

func (e *wordEncoder) texts() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.seen)
}

func (e *wordEncoder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := errors.Join(e.err, ctx.Err()); err != nil {
		return nil, err
	}
	e.seen = append(e.seen, texts...)
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = e.vector(text)
	}
	return vectors, nil
}

func (e *wordEncoder) vector(text string) []float32 {
	v := make([]float32, wordDimensions)
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		word = strings.Trim(word, ".,?!")
		if other, known := e.same[word]; known {
			word = other
		}
		h := fnv.New64a()
		_, _ = h.Write([]byte(word))
		rng := rand.New(rand.NewPCG(h.Sum64(), 0))
		for i := range v {
			v[i] += float32(rng.NormFloat64())
		}
	}
	return unit(v)
}

func unit(v []float32) []float32 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(max(sum, 1e-9)))
	}
	return v
}

func newDetector(tb testing.TB, opts tracking.Options, trackers ...tracking.Tracker) *tracking.Detector {
	tb.Helper()
	opts.IDs = &conversation.IDs{}
	d, err := tracking.New(opts)
	require.NoError(tb, err)
	require.NoError(tb, d.SetTrackers(tb.Context(), trackers))
	return d
}

func tracker(name string, phrases ...string) tracking.Tracker {
	return tracking.Tracker{ID: conversation.ID("1" + name), Name: name, Version: 3, Vocabulary: phrases, Enabled: true}
}

func final(text string) conversation.Utterance {
	return conversation.Utterance{ID: "u1", Role: conversation.RoleCaller, Text: text, Final: true, StartMS: 1000, EndMS: 3000}
}

func partial(text string) conversation.Utterance {
	u := final(text)
	u.Final, u.StableChars = false, len(text)
	return u
}

func match(tb testing.TB, s *tracking.Session, u conversation.Utterance) tracking.Result {
	tb.Helper()
	result, err := s.Match(tb.Context(), u)
	require.NoError(tb, err)
	return result
}

func TestNewValidates(t *testing.T) {
	_, err := tracking.New(tracking.Options{})
	require.Error(t, err)
	background, err := tracking.BundledBackground()
	require.NoError(t, err)
	_, err = tracking.New(tracking.Options{IDs: &conversation.IDs{}, Background: background})
	require.ErrorContains(t, err, "without an encoder")
	_, err = tracking.New(tracking.Options{IDs: &conversation.IDs{}, Background: background, Encoder: &wordEncoder{}})
	require.ErrorContains(t, err, "does not suit")
}

func TestLiteralMatchSaysWhatAndWhere(t *testing.T) {
	d := newDetector(t, tracking.Options{}, tracker("Cancellation", "cancel my contract"))
	u := final("Well – I'm CANCELLING my contracts today.")
	got := match(t, d.NewSession("c1"), u).Matched
	require.Len(t, got, 1)
	m := got[0]
	require.NotEmpty(t, m.ID)
	require.Equal(t, conversation.Match{
		ID: m.ID, ConversationID: "c1", UtteranceID: "u1", Role: conversation.RoleCaller, TrackerID: "1Cancellation",
		Tracker: "Cancellation", TrackerVersion: 3, Phrase: "cancel my contract", Text: "CANCELLING my contracts",
		Start: 13, End: 36, StartMS: 1000 + 2000*13/43, EndMS: 1000 + 2000*36/43, Score: 1, Method: conversation.MethodLiteral,
	}, m)
	require.Len(t, u.Text, 43)
}

func TestLiteralMatching(t *testing.T) {
	for name, test := range map[string]struct{ phrase, text, want string }{
		"word for word":               {"refund my money", "please refund my money now", "refund my money"},
		"inflected":                   {"your price is ridiculous", "Your prices is ridiculous", "Your prices is ridiculous"},
		"contraction in the text":     {"I can not log in", "sorry I can't log in", "I can't log in"},
		"contraction in the phrase":   {"can't afford that", "I cannot afford that", "cannot afford that"},
		"typographic apostrophe":      {"I do not have the budget", "I don’t have the budget", "I don’t have the budget"},
		"no apostrophe":               {"it does not work", "it doesnt work", "it doesnt work"},
		"across punctuation":          {"it is too expensive", "it is, too expensive!", "it is, too expensive"},
		"not inside a word":           {"can", "the toucan sings", ""},
		"not the beginning of one":    {"can", "candles burn", ""},
		"not with a gap":              {"cancel my contract", "cancel today my contract", ""},
		"longest phrase wins":         {"my money", "give me my money back", "my money"},
		"other script":                {"отменить договор", "Хочу ОТМЕНИТЬ договор!", "ОТМЕНИТЬ договор"},
		"composed and decomposed":     {"café closed", "the cafe\u0301 closed early", "cafe\u0301 closed"},
		"at the very end":             {"too expensive", "that is too expensive", "too expensive"},
		"possessive of the word":      {"manager", "your manager's name", "manager's"},
		"phrase longer than the text": {"I want my money back", "money", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDetector(t, tracking.Options{}, tracker("T", test.phrase))
			got := match(t, d.NewSession("c"), final(test.text)).Matched
			if test.want == "" {
				require.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			require.Equal(t, test.want, got[0].Text)
			require.Equal(t, test.phrase, got[0].Phrase)
		})
	}
	t.Run("one match per tracker, at its longest phrase", func(t *testing.T) {
		d := newDetector(t, tracking.Options{}, tracker("T", "money", "my money back", "back"), tracker("U", "my money"))
		got := match(t, d.NewSession("c"), final("money money, I want my money back, back")).Matched
		require.Len(t, got, 2)
		require.Equal(t, "my money", got[0].Phrase)
		require.Equal(t, "my money back", got[1].Phrase)
	})
}

func TestTrackersChooseTheirSpeaker(t *testing.T) {
	agentOnly := tracker("Promotion", "special offer")
	agentOnly.Role = conversation.RoleAgent
	off := tracker("Off", "special offer")
	off.Enabled = false
	encoder := &wordEncoder{}
	d := newDetector(t, tracking.Options{Encoder: encoder}, agentOnly, off)
	s := d.NewSession("c")
	require.Empty(t, match(t, s, final("special offer")).Matched)
	u := final("special offer")
	u.Role = conversation.RoleAgent
	require.Len(t, match(t, s, u).Matched, 1)
}

func TestMeaning(t *testing.T) {
	encoder := &wordEncoder{same: map[string]string{"terminate": "cancel", "agreement": "contract", "pals": "contract"}}
	d := newDetector(t, tracking.Options{Encoder: encoder}, tracker("Cancellation", "cancel my contract", "stop everything"),
		tracker("Refund", "money back", "reimburse me"))
	s := d.NewSession("c")

	t.Run("other words for the same are found", func(t *testing.T) {
		d := newDetector(t, tracking.Options{Encoder: encoder}, tracker("Cancellation", "cancel my contract"))
		got := match(t, d.NewSession("c"), final("terminate my agreement")).Matched
		require.Len(t, got, 1)
		require.Equal(t, conversation.MethodMeaning, got[0].Method)
		require.Equal(t, "cancel my contract", got[0].Phrase)
		require.InDelta(t, 1, got[0].Score, 1e-3)
	})
	t.Run("the best window is the span", func(t *testing.T) {
		d := newDetector(t, tracking.Options{Encoder: encoder}, tracker("Cancellation", "cancel my contract"))
		text := "Good morning. The weather is lovely over here. Terminate my agreement. Have you seen the game last night?"
		got := match(t, d.NewSession("c"), final(text)).Matched
		require.Len(t, got, 1)
		require.Equal(t, "Terminate my agreement.", got[0].Text)
	})
	t.Run("nothing fires on other talk", func(t *testing.T) {
		require.Empty(t, match(t, s, final("good morning how are you")).Matched)
	})
	t.Run("a partial is matched literally only", func(t *testing.T) {
		before := encoder.texts()
		require.Empty(t, match(t, s, partial("terminate my agreement")).Matched)
		require.Equal(t, before, encoder.texts())
	})
	t.Run("a tracker's threshold counts", func(t *testing.T) {
		eager := tracker("Cancellation", "cancel my contract")
		for threshold, want := range map[float64]int{0.3: 1, 0.9: 0} {
			eager.Threshold = threshold
			d := newDetector(t, tracking.Options{Encoder: encoder}, eager)
			require.Len(t, match(t, d.NewSession("c"), final("terminate a subscription agreement early")).Matched, want, threshold)
		}
	})
	t.Run("empty and wordless finals are quiet", func(t *testing.T) {
		for _, text := range []string{"", " ", "?!", "\xff\xfe"} {
			require.Empty(t, match(t, s, final(text)).Matched)
		}
	})
}

func TestDiscriminantTellsNeighboursApart(t *testing.T) {
	encoder := &wordEncoder{same: map[string]string{"halt": "stop"}}
	var turns, bank []string
	for i := range 300 {
		turns = append(turns, fmt.Sprintf("please hello w%d x%d", i, i*7))
		bank = append(bank, fmt.Sprintf("card please y%d z%d", i, i*3))
	}
	background, err := tracking.NewBackground(t.Context(), encoder, turns, bank)
	require.NoError(t, err)
	d := newDetector(t, tracking.Options{Encoder: encoder, Background: background},
		tracker("Stop card", "stop my card", "stop this card", "stop card payments"), tracker("Order card", "order my card", "order this card"))
	got := match(t, d.NewSession("c"), final("halt my card")).Matched
	require.Len(t, got, 1)
	require.Equal(t, "Stop card", got[0].Tracker)
	require.Empty(t, match(t, d.NewSession("c"), final("please hello card")).Matched)
}

func TestPartialsAreProvisional(t *testing.T) {
	d := newDetector(t, tracking.Options{Encoder: &wordEncoder{same: map[string]string{"agreement": "contract"}}},
		tracker("Cancellation", "cancel my contract"), tracker("Refund", "money back"))
	t.Run("announced once, confirmed under the same ID", func(t *testing.T) {
		s := d.NewSession("c")
		first := match(t, s, partial("I cancel my contract")).Matched
		require.Len(t, first, 1)
		require.True(t, first[0].Provisional)
		require.Empty(t, match(t, s, partial("I cancel my contract and want")).Matched)
		confirmed := match(t, s, final("I cancel my contract and want my money back"))
		require.Empty(t, confirmed.Withdrawn)
		require.Len(t, confirmed.Matched, 2)
		require.Equal(t, first[0].ID, confirmed.Matched[0].ID)
		require.False(t, confirmed.Matched[0].Provisional)
		require.NotEqual(t, first[0].ID, confirmed.Matched[1].ID)
	})
	t.Run("confirmed by meaning when the words changed", func(t *testing.T) {
		s := d.NewSession("c")
		first := match(t, s, partial("cancel my contract")).Matched
		got := match(t, s, final("cancel my agreement")).Matched
		require.Len(t, got, 1)
		require.Equal(t, first[0].ID, got[0].ID)
		require.Equal(t, conversation.MethodMeaning, got[0].Method)
	})
	t.Run("withdrawn when the final does not say it", func(t *testing.T) {
		s := d.NewSession("c")
		first := match(t, s, partial("cancel my contract")).Matched
		result := match(t, s, final("good morning how are you"))
		require.Empty(t, result.Matched)
		require.Equal(t, first, result.Withdrawn)
		require.Empty(t, match(t, s, final("good morning how are you")).Withdrawn, "withdrawn once")
	})
	t.Run("unstable words wait", func(t *testing.T) {
		u := partial("cancel my contract")
		u.StableChars = len("cancel my")
		require.Empty(t, match(t, d.NewSession("c"), u).Matched)
	})
	t.Run("utterances do not mix", func(t *testing.T) {
		s := d.NewSession("c")
		first := match(t, s, partial("cancel my contract")).Matched
		other := final("hello")
		other.ID, other.Role = "u2", conversation.RoleAgent
		require.Empty(t, match(t, s, other).Withdrawn)
		require.Equal(t, first, match(t, s, final("hello")).Withdrawn)
	})
}

func TestTimesComeFromWords(t *testing.T) {
	d := newDetector(t, tracking.Options{}, tracker("T", "my contract"))
	u := final("Cancel my contract, my friend.")
	for i, w := range strings.Fields(u.Text) {
		u.Words = append(u.Words, conversation.Word{Text: w, StartMS: int64(1000 + 100*i), EndMS: int64(1090 + 100*i)})
	}
	got := match(t, d.NewSession("c"), u).Matched
	require.Len(t, got, 1)
	require.Equal(t, "my contract", got[0].Text)
	require.Equal(t, int64(1100), got[0].StartMS)
	require.Equal(t, int64(1290), got[0].EndMS)
}

func TestEncoderFailureLeavesLiteralMatching(t *testing.T) {
	encoder := &wordEncoder{}
	registry := prometheus.NewRegistry()
	d := newDetector(t, tracking.Options{Encoder: encoder, Registerer: registry}, tracker("Cancellation", "cancel my contract"),
		tracker("Refund", "money back"))
	s := d.NewSession("c")
	broken := errors.New("broken")
	encoder.fail(broken)
	result, err := s.Match(t.Context(), final("cancel my contract"))
	require.ErrorIs(t, err, tracking.ErrEncoder)
	require.ErrorIs(t, err, broken)
	require.Len(t, result.Matched, 1)
	result, err = s.Match(t.Context(), final("cancel my contract"))
	require.NoError(t, err, "an error is returned once per session")
	require.Len(t, result.Matched, 1)

	require.ErrorIs(t, d.SetTrackers(t.Context(), []tracking.Tracker{tracker("New", "something new")}), tracking.ErrEncoder)
	require.NoError(t, d.SetTrackers(t.Context(), []tracking.Tracker{tracker("New", "money back")}), "known phrases need no encoder")
	encoder.fail(nil)
	result, err = s.Match(t.Context(), final("money back"))
	require.NoError(t, err)
	require.Equal(t, "New", result.Matched[0].Tracker)
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP operatord_tracking_errors_total Final utterances that could not be matched by meaning because the encoder failed or was too slow.
# TYPE operatord_tracking_errors_total counter
operatord_tracking_errors_total 2
# HELP operatord_tracking_matches_total Confirmed matches by the method that found them.
# TYPE operatord_tracking_matches_total counter
operatord_tracking_matches_total{method="literal"} 3
operatord_tracking_matches_total{method="meaning"} 0
`), "operatord_tracking_errors_total", "operatord_tracking_matches_total"))
}

func TestSetTrackersKeepsTheOldSetOnError(t *testing.T) {
	d := newDetector(t, tracking.Options{}, tracker("Old", "cancel my contract"))
	require.ErrorIs(t, d.SetTrackers(t.Context(), []tracking.Tracker{{Name: "x"}}), conversation.ErrInvalid)
	require.Len(t, match(t, d.NewSession("c"), final("cancel my contract")).Matched, 1)
	require.NoError(t, d.SetTrackers(t.Context(), nil))
	require.Empty(t, match(t, d.NewSession("c"), final("cancel my contract")).Matched)
}

func TestSetTrackersEncodesOnlyNewPhrases(t *testing.T) {
	encoder := &wordEncoder{}
	d := newDetector(t, tracking.Options{Encoder: encoder}, tracker("A", "one", "two"), tracker("B", "two"))
	require.Equal(t, 2, encoder.texts())
	require.NoError(t, d.SetTrackers(t.Context(), []tracking.Tracker{tracker("A", "two", "three")}))
	require.Equal(t, 3, encoder.texts())
}

func TestMatchingGoesOnWhileTrackersChange(t *testing.T) {
	d := newDetector(t, tracking.Options{Encoder: &wordEncoder{}}, tracker("Cancellation", "cancel my contract"))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			set := []tracking.Tracker{tracker("Cancellation", "cancel my contract"), tracker("Other", fmt.Sprintf("number %d", i))}
			if err := d.SetTrackers(t.Context(), set); err != nil {
				t.Error(err)
			}
		}
	})
	s := d.NewSession("c")
	for n := range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				u := partial("I cancel my contract")
				u.ID = conversation.ID(strconv.Itoa(n))
				a, errA := s.Match(t.Context(), u)
				u.Final = true
				b, errB := s.Match(t.Context(), u)
				if errA != nil || errB != nil || len(a.Matched) != 1 || len(b.Matched) != 1 || a.Matched[0].ID != b.Matched[0].ID {
					t.Error(a, b, errA, errB)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzMatch(f *testing.F) {
	set := tracking.Samples()
	for _, text := range []string{"", "I can't", "don't don't don't", "’'’'", "no no no longer", "a\u0301'\u0301b", "\xff cancel \xf0\x90", "ﷺ 3.5 o'clock"} {
		f.Add(text, 3)
	}
	d := newDetector(f, tracking.Options{Encoder: &wordEncoder{}}, set...)
	f.Fuzz(func(t *testing.T, text string, stable int) {
		s := d.NewSession("c")
		u := partial(text)
		u.StableChars = stable
		match(t, s, u)
		for _, m := range match(t, s, final(text)).Matched {
			require.Equal(t, text[m.Start:m.End], m.Text)
			require.NotEmpty(t, m.Text)
			require.LessOrEqual(t, m.StartMS, m.EndMS)
		}
	})
}
