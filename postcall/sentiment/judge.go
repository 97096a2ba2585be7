package sentiment

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/operatord/operatord/conversation"
)

// Version counts the rules and weights of this package; it changes with them.
const Version = "sentiment/1"

// minWords is how much a customer must have said to have a mood that can be told.
const minWords = 4

// Encoder turns sentences into vectors of length 1. Name says which encoder it is: the weights fit only one.
type Encoder interface {
	Embed(ctx context.Context, texts []string) ([][]float32, error)
	Name() string
}

// Options configures a Judge. Its zero value works on the lexicon alone.
type Options struct {
	Encoder Encoder
	Logger  *slog.Logger // nil discards
}

// Judge scores what customers said. It is safe for concurrent use.
type Judge struct {
	head    Head
	encoder Encoder // nil if there is none that fits the head
	cuts    cuts
	log     *slog.Logger
}

// New returns a Judge. An encoder that the bundled weights were not made for is not used.
func New(options Options) (*Judge, error) {
	head, err := bundledHead()
	if err != nil {
		return nil, err
	}
	j := &Judge{head: head, cuts: lexiconCuts, log: options.Logger}
	if j.log == nil {
		j.log = slog.New(slog.DiscardHandler)
	}
	if options.Encoder != nil && options.Encoder.Name() == head.Encoder {
		j.encoder, j.cuts = options.Encoder, vectorCuts
	} else if options.Encoder != nil {
		j.log.Info("sentiment works on the lexicon alone: its weights are for another encoder",
			"encoder", options.Encoder.Name(), "wanted", head.Encoder)
	}
	return j, nil
}

// Producer names the judge, its version and what it works with.
func (j *Judge) Producer() string {
	if j.encoder == nil {
		return Version + "+lexicon"
	}
	return Version + "+" + j.encoder.Name()
}

// Judge returns the mood of a customer from their final utterances in order of time, and its score from -1 to 1. The tag
// is SentimentNotApplicable, with score 0, when they said fewer than a few words.
func (j *Judge) Judge(ctx context.Context, customer []conversation.Utterance) (conversation.Sentiment, float64, error) {
	var sentences []string
	words := 0
	for _, u := range customer {
		sentences = append(sentences, split(u.Text)...)
		words += len(strings.Fields(u.Text))
	}
	if words < minWords {
		return conversation.SentimentNotApplicable, 0, nil
	}
	scores, err := j.Scores(ctx, sentences)
	if err != nil {
		return conversation.SentimentNotApplicable, 0, err
	}
	score, strong := aggregate(sentences, scores, j.cuts)
	return j.cuts.tag(score, strong), score, nil
}

// Scores returns the score of each text, -1 to 1.
func (j *Judge) Scores(ctx context.Context, texts []string) ([]float64, error) {
	var vectors [][]float32
	if j.encoder != nil {
		var err error
		if vectors, err = j.encoder.Embed(ctx, texts); err != nil {
			return nil, fmt.Errorf("embed %d sentences: %w", len(texts), err)
		}
		if len(vectors) != len(texts) {
			return nil, fmt.Errorf("embed %d sentences: got %d vectors", len(texts), len(vectors))
		}
	}
	scores := make([]float64, len(texts))
	for i, text := range texts {
		var vector []float32
		if vectors != nil {
			vector = vectors[i]
		}
		if vector != nil && len(vector) != len(j.head.Weights) {
			return nil, fmt.Errorf("embed: vector of %d dimensions, want %d", len(vector), len(j.head.Weights))
		}
		scores[i] = j.head.score(vector, Valence(text))
	}
	return scores, nil
}
