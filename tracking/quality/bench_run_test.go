package quality_test

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/tracking/quality"
)

// bag is an encoder whose vectors are bags of words.
type bag struct{}

func (bag) Name() string    { return "bag" }
func (bag) Dimensions() int { return 128 }

func (bag) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		v := make([]float32, 128)
		var sum float64
		for word := range strings.FieldsSeq(strings.ToLower(text) + " .") {
			h := fnv.New64a()
			_, _ = h.Write([]byte(strings.Trim(word, ".,")))
			rng := rand.New(rand.NewPCG(h.Sum64(), 0))
			for j := range v {
				v[j] += float32(rng.NormFloat64())
			}
		}
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		for j := range v {
			v[j] /= float32(math.Sqrt(sum))
		}
		vectors[i] = v
	}
	return vectors, nil
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// colors is a set without a split: four labels, told apart by one word.
func colors() string {
	var b strings.Builder
	b.WriteString("label\ttext\n")
	for _, label := range []string{"red", "green", "blue", "oos"} {
		for i := range 8 {
			b.WriteString(label + "\tpaint house " + strings.Repeat("really ", i%4) + label + " " + label + " number" + string(rune('a'+i)) + "\n")
		}
	}
	return b.String()
}

func TestRun(t *testing.T) {
	path := write(t, "colors.tsv", colors())
	report, err := quality.Run(t.Context(), quality.Options{
		Encoder: bag{}, Phrases: []int{4}, Open: 0.67, Draws: 2, LongRows: 5, Background: []string{"good morning", "okay"},
	}, []string{path})
	require.NoError(t, err)
	require.Len(t, report.Sets, 1)
	s := report.Sets[0]
	require.Equal(t, "colors", s.Set)
	require.Equal(t, 2*(32-8), s.Rows, "phrases are taken out of the test")
	require.Greater(t, s.PrecisionAtRecall80, 0.5)
	require.Zero(t, s.BackgroundAlarmsPer1000)
	require.Positive(t, s.MicrosPerUtterance)
	require.Len(t, s.Baselines, 4)
	require.Zero(t, s.Baselines["exact"].F1)
	require.Len(t, report.Pairs, 6)

	t.Run("JSON has the documented members", func(t *testing.T) {
		content, err := json.Marshal(report)
		require.NoError(t, err)
		var members struct{ Sets []map[string]any }
		require.NoError(t, json.Unmarshal(content, &members))
		for _, m := range []string{
			"set", "k", "open", "draws", "threshold", "f1", "precision", "recall", "precision_at_recall_80",
			"background_alarms_per_1000", "long_turn_f1", "long_turn_unpunctuated_f1", "us_per_utterance", "baselines",
		} {
			require.Contains(t, members.Sets[0], m)
		}
	})
	t.Run("a document is renewed", func(t *testing.T) {
		doc := write(t, "quality.md", "before\n<!-- figures: written by `make bench-trackers` -->\nold\n<!-- end of figures -->\nafter\n")
		require.NoError(t, report.Document(doc))
		content, err := os.ReadFile(doc)
		require.NoError(t, err)
		require.Regexp(t, `(?s)^before.*\| colors \| 4 \|.*after\n$`, string(content))
		require.NotContains(t, string(content), "old")
		plot, err := os.ReadFile(strings.TrimSuffix(doc, ".md") + ".svg")
		require.NoError(t, err)
		require.Contains(t, string(plot), "</svg>")
		require.Error(t, report.Document(write(t, "other.md", "no marks")))
	})
	t.Run("a table is written", func(t *testing.T) {
		var b strings.Builder
		require.NoError(t, report.WriteText(&b))
		require.Contains(t, b.String(), "colors")
	})
}

func TestReadSet(t *testing.T) {
	rows, err := quality.ReadSet(write(t, "a.tsv", "split\tlabel\ttext\r\ntest\trefund\tmoney back\r\n"))
	require.NoError(t, err)
	require.Equal(t, []quality.Row{{Split: "test", Label: "refund", Text: "money back"}}, rows)
	for name, content := range map[string]string{"empty": "", "no columns": "a\tb\n1\t2\n", "ragged": "label\ttext\nonly\n"} {
		t.Run(name, func(t *testing.T) {
			_, err := quality.ReadSet(write(t, "b.tsv", content))
			require.Error(t, err)
		})
	}
}

func TestReadBackground(t *testing.T) {
	turns, err := quality.ReadBackground(write(t, "lines.txt", "good morning\nthank you\n"))
	require.NoError(t, err)
	require.Equal(t, []string{"good morning", "thank you"}, turns)
	turns, err = quality.ReadBackground(write(t, "labels.tsv", "labels\ttext\nthankyou<div>confirmation\tyes thanks\nrefund\tmoney back\n"))
	require.NoError(t, err)
	require.Equal(t, []string{"yes thanks"}, turns)
}
