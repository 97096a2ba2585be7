package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/encoder"
	"github.com/operatord/operatord/tracking/library"
)

// nearDuplicate is the cosine from which two phrases say the same.
const nearDuplicate = 0.95

// What the library is worth at least on those of our own turns that changed no phrase, as recognised speech. The figures are a little below those of docs/library.md: a change of
// the detector or of a phrase that costs more than that should be noticed.
const (
	leastPrecision = 0.80
	leastRecall    = 0.55
)

// bundled returns the bundled encoder. The tests share it, since encoding the library takes seconds.
var bundled = sync.OnceValues(func() (*remembering, error) {
	e, err := encoder.Open("../../../../weights/all-MiniLM-L6-v2.q8_0.gguf", encoder.Options{})
	if err != nil {
		return nil, err
	}
	return remember(e, "")
})

func openBundled(t *testing.T) *remembering {
	t.Helper()
	e, err := bundled()
	require.NoError(t, err)
	return e
}

func TestNoPhraseIsCloseToOneOfAnotherEntry(t *testing.T) {
	e := openBundled(t)
	type phrase struct{ entry, text string }
	var phrases []phrase
	var texts []string
	for _, entry := range library.Entries() {
		for _, text := range entry.Vocabulary {
			phrases = append(phrases, phrase{entry.Name, text})
			texts = append(texts, text)
		}
	}
	vectors, err := e.Embed(t.Context(), texts)
	require.NoError(t, err)
	for i := range phrases {
		for j := range i {
			if phrases[i].entry == phrases[j].entry {
				continue
			}
			var cosine float32
			for k := range vectors[i] {
				cosine += vectors[i][k] * vectors[j][k]
			}
			if cosine > nearDuplicate {
				t.Errorf("%q and %q have a cosine of %.3f", phrases[i], phrases[j], cosine)
			}
		}
	}
}

func TestLibraryOnOurOwnTurns(t *testing.T) {
	d, err := newDetector(openBundled(t))
	require.NoError(t, err)
	m, err := newMeasurement(d, io.Discard)
	require.NoError(t, err)
	from, err := readMaterial("../../testdata/turns.tsv", "")
	require.NoError(t, err)
	from.turns = slices.DeleteFunc(from.turns, func(t turn) bool { return !t.held })
	wanted := map[string]bool{}
	for _, turn := range from.turns {
		for _, name := range append(turn.wanted, turn.allowed...) {
			require.Contains(t, m.figures, name)
		}
		for _, name := range turn.wanted {
			wanted[name] = true
		}
	}
	require.Len(t, wanted, len(m.entries), "there is a turn for every entry")

	require.NoError(t, m.run(t.Context(), from))
	t.Logf("typed: %v; recognised: %v", m.held.typed, m.held.heard)
	held := m.held.heard
	require.GreaterOrEqual(t, float64(held.right)/float64(held.right+held.wrong), leastPrecision)
	require.GreaterOrEqual(t, float64(held.right)/float64(held.right+held.missed), leastRecall)
}

func TestTally(t *testing.T) {
	var sum tally
	for _, d := range []tally{decision(true, true), decision(true, false), decision(false, true), decision(false, false)} {
		sum.add(d)
	}
	require.Equal(t, tally{right: 1, wrong: 1, missed: 1}, sum)
	require.Equal(t, "precision 0.50, recall 0.50", sum.String())
	require.Equal(t, "precision –, recall –", tally{}.String())
	require.Equal(t, "2.5", perThousand(5, 2000))
}

func TestDialogueTurnsAreSorted(t *testing.T) {
	m := material{sets: map[string][]row{}}
	for _, labels := range []string{"thankyou<div>confirmation", "closeaccount<div>contentonly", "outofdomain"} {
		m.addDialogueTurn(map[string]string{"labels": labels, "text": labels})
	}
	require.Len(t, m.sets, 2)
	require.Len(t, m.sets[backgroundSet], 1)
	require.Equal(t, []string{"closeaccount", "contentonly"}, m.sets["multidogo"][0].labels)
}

// literal is an encoder that puts all texts at right angles, so that only literal matches remain.
type literal struct{}

func (literal) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i := range vectors {
		vectors[i] = make([]float32, 384)
	}
	return vectors, nil
}
func (literal) Dimensions() int { return 384 }
func (literal) Name() string    { return "literal" }

func TestRowsAreCountedByTheirLabels(t *testing.T) {
	d, err := tracking.New(tracking.Options{Encoder: literal{}, IDs: &conversation.IDs{}})
	require.NoError(t, err)
	m, err := newMeasurement(d, io.Discard)
	require.NoError(t, err)
	m.mapping = mapping{"Cancellation": {"set": {Right: []string{"leave"}, Related: []string{"grumble"}}, backgroundSet: {Related: []string{"bye"}}}}
	phrase := "I want to cancel my contract"
	require.NoError(t, m.run(t.Context(), material{sets: map[string][]row{
		"set": {
			{[]string{"leave"}, "so " + phrase},
			{[]string{"leave"}, "so long"},
			{[]string{"leave"}, phrase + "."},
			{[]string{"other"}, "so " + phrase},
			{[]string{"grumble"}, "so " + phrase},
		},
		backgroundSet: {{[]string{"ok"}, phrase}, {[]string{"bye"}, phrase}, {[]string{"ok"}, "okay"}},
	}}))
	f := m.figures["Cancellation"]
	require.Equal(t, tally{right: 1, wrong: 1, missed: 1}, f.public)
	require.Equal(t, figures{public: f.public, background: 2, typedAlarms: 1, heardAlarms: 1}, *f)

	var document strings.Builder
	require.NoError(t, m.report(&document))
	require.Contains(t, document.String(), " | – | – | 0.50 | 0.50 | 2 | 500.0 | 500.0 | set leave |\n")
	require.Contains(t, document.String(), " | – | – | – | – | – | 0.0 | 0.0 | no mapping |\n")
}
