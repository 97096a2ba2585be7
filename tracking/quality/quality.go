// Package quality measures a tracking.Detector, the code of the live path, on labelled text.
//
// A set is rows of (split, label, text). A task draws k training phrases of a label as the vocabulary of its tracker, keeps
// some of the labels as trackers, and matches the test rows: a tracker is right when it fires on a row of its own label.
package quality

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// Row is one labelled sentence.
type Row struct{ Split, Label, Text string }

// ReadSet reads a tab-separated file whose first line is "split label text".
func ReadSet(path string) ([]Row, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read labelled set: %w", err)
	}
	defer f.Close()
	var rows []Row
	scanner := bufio.NewScanner(f)
	for line := 1; scanner.Scan(); line++ {
		cells := strings.Split(scanner.Text(), "\t")
		if len(cells) != 3 {
			return nil, fmt.Errorf("read labelled set %s: line %d has %d columns, not 3", path, line, len(cells))
		}
		if line > 1 {
			rows = append(rows, Row{cells[0], cells[1], cells[2]})
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read labelled set %s: %w", path, err)
	}
	return rows, nil
}

// notTrackers are labels that say something about the talk and not about its content.
var notTrackers = []string{ //nolint:gochecknoglobals // a constant
	"oos", "yes", "no", "maybe", "thank_you", "greeting", "goodbye", "repeat", "general_quirky", "general_greet",
}

// Task says how trackers are made of a set.
type Task struct {
	Phrases int     // k, of each tracker
	Open    float64 // share of the labels that are trackers; the rows of the others are distractors
	Rows    int     // test rows to match at most, sampled; 0 is all
	Seed    uint64  // of the draw
}

// Draw returns the trackers and the test rows of a task. The same seed draws the same ones.
func (t Task) Draw(rows []Row) (trackers []tracking.Tracker, test []Row) {
	rng := rand.New(rand.NewPCG(t.Seed, 1)) //nolint:gosec // a reproducible choice, not a secret
	training := make(map[string][]string)
	for _, r := range rows {
		switch {
		case slices.Contains(notTrackers, r.Label) && r.Label != "oos":
		case r.Split == "test":
			test = append(test, r)
		case r.Split == "train" && r.Label != "oos":
			training[r.Label] = append(training[r.Label], r.Text)
		}
	}
	labels := make([]string, 0, len(training))
	for label := range training {
		labels = append(labels, label)
	}
	slices.Sort(labels)
	shuffle(rng, labels)
	for _, label := range labels[:int(t.Open*float64(len(labels))+0.5)] {
		texts := training[label]
		shuffle(rng, texts)
		tracker := tracking.Tracker{Name: label, Version: 1, Enabled: true}
		for _, text := range texts {
			if len(tracker.Vocabulary) == t.Phrases {
				break
			}
			tracker.Vocabulary = append(tracker.Vocabulary, text)
			if tracker.Validate() != nil { // a duplicate, or brackets
				tracker.Vocabulary = tracker.Vocabulary[:len(tracker.Vocabulary)-1]
			}
		}
		trackers = append(trackers, tracker)
	}
	shuffle(rng, test)
	if t.Rows > 0 {
		test = test[:min(t.Rows, len(test))]
	}
	return trackers, test
}

func shuffle[T any](rng *rand.Rand, s []T) {
	rng.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}

// Figures counts the decisions (row, tracker) of a task.
type Figures struct{ Right, Wrong, Missed int }

// Precision returns the share of matches that were right.
func (f Figures) Precision() float64 { return ratio(f.Right, f.Right+f.Wrong) }

// Recall returns the share of wanted matches that were found.
func (f Figures) Recall() float64 { return ratio(f.Right, f.Right+f.Missed) }

// F1 returns the harmonic mean of precision and recall.
func (f Figures) F1() float64 { return ratio(2*f.Right, 2*f.Right+f.Wrong+f.Missed) }

func (f Figures) String() string {
	return fmt.Sprintf("F1 %.3f  precision %.3f  recall %.3f", f.F1(), f.Precision(), f.Recall())
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// Plus returns the sum of two counts.
func (f Figures) Plus(g Figures) Figures {
	return Figures{f.Right + g.Right, f.Wrong + g.Wrong, f.Missed + g.Missed}
}

// Add counts one row: the trackers that fired and the one that should have, or "".
func (f *Figures) Add(fired []string, want string) {
	hit := false
	for _, name := range fired {
		if name == want {
			hit = true
			continue
		}
		f.Wrong++
	}
	switch {
	case hit:
		f.Right++
	case want != "":
		f.Missed++
	}
}

// Match matches typed texts, each as an utterance of its own, and returns the matches of each.
func Match(ctx context.Context, d *tracking.Detector, texts []string) ([][]conversation.Match, error) {
	matches := make([][]conversation.Match, len(texts))
	for i, text := range texts {
		u := conversation.Utterance{Role: conversation.RoleCaller, Text: text, Final: true, EndMS: 1000}
		result, err := d.NewSession("").Match(ctx, u)
		if err != nil {
			return nil, fmt.Errorf("match row %d: %w", i, err)
		}
		matches[i] = result.Matched
	}
	return matches, nil
}

// Run draws a task and measures the detector on it. The detector's trackers are replaced.
func (t Task) Run(ctx context.Context, d *tracking.Detector, rows []Row) (Figures, error) {
	trackers, test := t.Draw(rows)
	if len(trackers) == 0 || len(test) == 0 {
		return Figures{}, errors.New("measure: the set has no training or no test rows")
	}
	if err := d.SetTrackers(ctx, trackers); err != nil {
		return Figures{}, err
	}
	texts := make([]string, len(test))
	for i, r := range test {
		texts[i] = r.Text
	}
	matches, err := Match(ctx, d, texts)
	if err != nil {
		return Figures{}, err
	}
	var figures Figures
	for i, r := range test {
		figures.Add(Names(matches[i]), Wanted(trackers, r.Label))
	}
	return figures, nil
}

// Names returns the trackers of matches.
func Names(matches []conversation.Match) []string {
	names := make([]string, len(matches))
	for i := range matches {
		names[i] = matches[i].Tracker
	}
	return names
}

// Wanted returns the tracker that should fire on a row of the label, or "" if none should.
func Wanted(trackers []tracking.Tracker, label string) string {
	if slices.ContainsFunc(trackers, func(t tracking.Tracker) bool { return t.Name == label }) {
		return label
	}
	return ""
}
