package quality

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/operatord/operatord/tracking"
)

// Row is one labelled sentence.
type Row struct{ Split, Label, Text string }

// ReadSet reads a tab-separated file whose first line names its columns, label and text among them, and split where the set
// has one.
func ReadSet(path string) ([]Row, error) {
	var rows []Row
	err := eachRow(path, []string{"label", "text"}, func(row map[string]string) {
		rows = append(rows, Row{row["split"], row["label"], row["text"]})
	})
	if err != nil {
		return nil, fmt.Errorf("read labelled set: %w", err)
	}
	return rows, nil
}

// ReadBackground reads turns in which nothing should fire: a tab-separated file with a column text, or a file with one turn
// per line. Where there is a column labels, as in MultiDoGO, only the turns that say nothing are taken.
func ReadBackground(path string) ([]string, error) {
	var turns []string
	err := eachRow(path, []string{"text"}, func(row map[string]string) {
		if labels, has := row["labels"]; has && !saysNothing(labels) {
			return
		}
		turns = append(turns, row["text"])
	})
	if err != nil {
		return nil, fmt.Errorf("read background: %w", err)
	}
	return turns, nil
}

// saysNothing reports whether all labels of a turn, joined by "<div>", are of the talk itself.
func saysNothing(labels string) bool {
	for label := range strings.SplitSeq(labels, "<div>") {
		switch label {
		case "contentonly", "confirmation", "rejection", "thankyou", "openinggreeting", "closinggreeting":
		default:
			return false
		}
	}
	return true
}

// maxLine bounds one row of a set.
const maxLine = 1 << 20

// eachRow reads a tab-separated file. A file without the required columns in its first line is taken as one text per line if
// only text is required.
func eachRow(path string, required []string, visit func(row map[string]string)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	scanner.Buffer(nil, maxLine)
	var columns []string
	for line := 1; scanner.Scan(); line++ {
		cells := strings.Split(strings.TrimSuffix(scanner.Text(), "\r"), "\t")
		if columns == nil {
			columns = cells
			if missing := slices.IndexFunc(required, func(c string) bool { return !slices.Contains(cells, c) }); missing < 0 {
				continue
			} else if len(required) > 1 {
				return fmt.Errorf("%s: the first line names no column %q", path, required[missing])
			}
			columns = required
		}
		if len(cells) != len(columns) {
			return fmt.Errorf("%s: line %d has %d columns, not %d", path, line, len(cells), len(columns))
		}
		row := make(map[string]string, len(columns))
		for i, c := range columns {
			row[c] = cells[i]
		}
		visit(row)
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if columns == nil {
		return fmt.Errorf("%s: no rows", path)
	}
	return nil
}

// isOutside reports whether a label stands for everything that no label covers: its rows are distractors.
func isOutside(label string) bool {
	switch strings.ToLower(label) {
	case "oos", "none", "other", "background", "":
		return true
	}
	return false
}

// isTalk reports whether a label says something about the talk and not about its content; its rows are left out.
func isTalk(label string) bool {
	switch strings.ToLower(label) {
	case "yes", "no", "maybe", "thank_you", "thanks", "thankyou", "greeting", "goodbye", "repeat", "confirmation", "rejection",
		"openinggreeting", "closinggreeting", "contentonly", "general_quirky", "general_greet":
		return true
	}
	return false
}

// Task says how trackers are made of a set.
type Task struct {
	Phrases int     // k, of each tracker
	Open    float64 // share of the labels that are trackers; the rows of the others are distractors
	Rows    int     // test rows to match at most, sampled; 0 is all
	Seed    uint64  // of the draw
}

// Draw returns the trackers and the test rows of a task. The same seed draws the same ones. Phrases come from the training
// rows; in a set without a test split they come from all rows, and are taken out of the test.
func (t Task) Draw(rows []Row) (trackers []tracking.Tracker, test []Row) {
	rng := rand.New(rand.NewPCG(t.Seed, 1)) // a reproducible choice, not a secret
	split := slices.ContainsFunc(rows, func(r Row) bool { return r.Split == "test" })
	training := make(map[string][]string)
	for _, r := range rows {
		if isTalk(r.Label) {
			continue
		}
		if !split || r.Split == "test" {
			test = append(test, r)
		}
		if (!split || r.Split == "train") && !isOutside(r.Label) {
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
		trackers = append(trackers, newTracker(label, texts, t.Phrases))
	}
	if !split {
		test = without(test, trackers)
	}
	return trackers, sample(test, t.Rows)
}

// newTracker returns a tracker with the first valid phrases of some texts.
func newTracker(label string, texts []string, phrases int) tracking.Tracker {
	tracker := tracking.Tracker{Name: label, Version: 1, Enabled: true}
	for _, text := range texts {
		if len(tracker.Vocabulary) == phrases {
			break
		}
		tracker.Vocabulary = append(tracker.Vocabulary, text)
		if tracker.Validate() != nil { // a duplicate, or brackets
			tracker.Vocabulary = tracker.Vocabulary[:len(tracker.Vocabulary)-1]
		}
	}
	return tracker
}

// without leaves out the rows that are phrases.
func without(rows []Row, trackers []tracking.Tracker) []Row {
	phrases := make(map[string]bool)
	for i := range trackers {
		for _, p := range trackers[i].Vocabulary {
			phrases[p] = true
		}
	}
	return slices.DeleteFunc(rows, func(r Row) bool { return phrases[r.Text] })
}

// sampleSeed is that of the test rows; all draws of a set share them, so that each is encoded once.
const sampleSeed = 7

func sample(rows []Row, n int) []Row {
	rng := rand.New(rand.NewPCG(sampleSeed, 1)) // a reproducible choice, not a secret
	shuffle(rng, rows)
	if n > 0 {
		rows = rows[:min(n, len(rows))]
	}
	return rows
}

func shuffle[T any](rng *rand.Rand, s []T) {
	rng.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}
