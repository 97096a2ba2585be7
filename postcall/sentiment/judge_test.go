package sentiment_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/postcall/sentiment"
	"github.com/operatord/operatord/tracking/encoder"
)

func TestSampleCallsGetTheirTags(t *testing.T) {
	enc, err := encoder.Open("../../weights/all-MiniLM-L6-v2.q8_0.gguf", encoder.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, enc.Close()) })
	calls := []string{"angry-cancellation", "balance-enquiry", "escalation-request", "happy-renewal", "silent-call"}
	for name, options := range map[string]sentiment.Options{"vectors": {Encoder: enc}, "lexicon alone": {}} {
		judge, err := sentiment.New(options)
		require.NoError(t, err)
		for _, call := range calls {
			t.Run(name+"/"+call, func(t *testing.T) {
				said, want := sampleCall(t, call)
				got, score, err := judge.Judge(t.Context(), said)
				require.NoError(t, err)
				require.Equal(t, want, got, "score %.2f", score)
			})
		}
	}
}

// sampleCall returns what the caller of a sample call says and the tag its description asks for.
func sampleCall(t *testing.T, name string) ([]conversation.Utterance, conversation.Sentiment) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../samples/calls", name+".json"))
	require.NoError(t, err)
	var call struct {
		Want  conversation.Sentiment `json:"expected_sentiment"`
		Turns []struct {
			Role conversation.Role `json:"role"`
			Text string            `json:"text"`
		} `json:"turns"`
	}
	require.NoError(t, json.Unmarshal(data, &call))
	var said []conversation.Utterance
	for _, turn := range call.Turns {
		if turn.Role == conversation.RoleCaller {
			said = append(said, conversation.Utterance{Role: turn.Role, Text: turn.Text, Final: true})
		}
	}
	return said, call.Want
}

// fakeEncoder returns the same vector for every text.
type fakeEncoder struct {
	name   string
	vector []float32
	err    error
}

func (f fakeEncoder) Name() string { return f.name }

func (f fakeEncoder) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i := range vectors {
		vectors[i] = f.vector
	}
	return vectors, f.err
}

const bundledEncoder = "all-MiniLM-L6-v2"

func TestJudge(t *testing.T) {
	angry := []conversation.Utterance{{Text: "Your service is terrible and I am furious."}}

	t.Run("a few words have no mood", func(t *testing.T) {
		judge, err := sentiment.New(sentiment.Options{})
		require.NoError(t, err)
		tag, score, err := judge.Judge(t.Context(), []conversation.Utterance{{Text: "Terrible. Hello?"}, {Text: "Awful"}})
		require.NoError(t, err)
		require.Equal(t, conversation.SentimentNotApplicable, tag)
		require.Zero(t, score)
	})
	t.Run("formulas are neutral", func(t *testing.T) {
		judge, err := sentiment.New(sentiment.Options{})
		require.NoError(t, err)
		tag, score, err := judge.Judge(t.Context(), []conversation.Utterance{{Text: "Hello good morning. Yes thank you. All right. Bye."}})
		require.NoError(t, err)
		require.Equal(t, conversation.SentimentNeutral, tag)
		require.Zero(t, score)
	})
	t.Run("an encoder the weights are not for is not used", func(t *testing.T) {
		judge, err := sentiment.New(sentiment.Options{Encoder: fakeEncoder{name: "another", err: errors.New("asked")}})
		require.NoError(t, err)
		tag, _, err := judge.Judge(t.Context(), angry)
		require.NoError(t, err)
		require.Equal(t, conversation.SentimentOverlyNegative, tag)
		require.Equal(t, sentiment.Version+"+lexicon", judge.Producer())
	})
	t.Run("an error of the encoder is returned", func(t *testing.T) {
		cause := errors.New("closed")
		judge, err := sentiment.New(sentiment.Options{Encoder: fakeEncoder{name: bundledEncoder, err: cause}})
		require.NoError(t, err)
		_, _, err = judge.Judge(t.Context(), angry)
		require.ErrorIs(t, err, cause)
	})
	t.Run("a vector of the wrong size is an error", func(t *testing.T) {
		judge, err := sentiment.New(sentiment.Options{Encoder: fakeEncoder{name: bundledEncoder, vector: []float32{1, 0}}})
		require.NoError(t, err)
		_, _, err = judge.Judge(t.Context(), angry)
		require.ErrorContains(t, err, "2 dimensions")
	})
}

func TestValence(t *testing.T) {
	order := []string{ // from worst to best
		"I am so furious with this terrible service",
		"I am furious",
		"it is not good",
		"the door is green",
		"it is good",
		"it is very good",
		"it is very good and I am happy",
	}
	for i := 1; i < len(order); i++ {
		require.Less(t, sentiment.Valence(order[i-1]), sentiment.Valence(order[i]), "%q against %q", order[i-1], order[i])
	}
	require.Zero(t, sentiment.Valence(""))
	require.Positive(t, sentiment.Valence("No thank you"))
	require.Negative(t, sentiment.Valence("the food was good but the service was terrible"))
	require.Positive(t, sentiment.Valence("I don’t hate it"), "typographic apostrophes negate too")
}

func FuzzValence(f *testing.F) {
	for _, seed := range []string{"", "not", "very very very good", "n't", "but but", "\xff", "—'-", "no thanks"} {
		f.Add(seed)
	}
	judge, err := sentiment.New(sentiment.Options{})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		v := sentiment.Valence(text)
		require.True(t, v >= -1 && v <= 1, "valence %v", v)
		_, score, err := judge.Judge(t.Context(), []conversation.Utterance{{Text: text}})
		require.NoError(t, err)
		require.True(t, score >= -1 && score <= 1, "score %v", score)
	})
}
