package quality

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

//go:embed testdata/pairs.tsv
var pairsTSV string

//go:embed testdata/pair_trackers.tsv
var pairTrackersTSV string

// Pair is two texts that differ in little; a tracker must fire on the one and not on the other. testdata/README.md says
// how they were written.
type Pair struct {
	Held          bool   // not looked at while the detector was tuned
	Kind          string // KindNegation and so on
	Tracker       string
	Fires, Silent string
}

// The kinds of pairs.
const (
	KindNegation    = "negation"
	KindQuestion    = "question"
	KindConditional = "conditional"
	KindReported    = "reported"
	KindInflection  = "inflection"
	KindDamage      = "damage"
)

// Pairs returns the minimal pairs of this project.
func Pairs() []Pair {
	var pairs []Pair
	for _, cells := range table(pairsTSV) {
		pairs = append(pairs, Pair{Held: cells[0] == "held", Kind: cells[1], Tracker: cells[2], Fires: cells[3], Silent: cells[4]})
	}
	return pairs
}

// table returns the rows of an embedded file without its heading.
func table(content string) [][]string {
	var rows [][]string
	for line := range strings.Lines(content) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows[1:]
}

// PairTrackers returns the trackers of the pairs: the samples and a few more. Kind names the stance that they ignore beside
// negation, so that a pair of that kind can be told apart.
func PairTrackers(kind string) []tracking.Tracker {
	set := tracking.Samples()
	for _, cells := range table(pairTrackersTSV) {
		i := slices.IndexFunc(set, func(t tracking.Tracker) bool { return t.Name == cells[0] })
		if i < 0 {
			i = len(set)
			set = append(set, tracking.Tracker{Name: cells[0], Version: 1, Enabled: true})
		}
		set[i].Vocabulary = append(set[i].Vocabulary, cells[1])
	}
	for i := range set {
		switch kind {
		case KindQuestion:
			set[i].Stance.Question = tracking.HandleIgnore
		case KindConditional:
			set[i].Stance.Conditional = tracking.HandleIgnore
		case KindReported:
			set[i].Stance.Reported = tracking.HandleIgnore
		}
	}
	return set
}

// PairResult is what came of a pair.
type PairResult struct {
	Pair
	Missed bool // it did not fire where it should
	Fired  bool // it fired where it should not
}

// Right reports whether both texts were told apart.
func (r PairResult) Right() bool { return !r.Missed && !r.Fired }

// RunPairs matches pairs, each against all trackers of PairTrackers. Those of damage are matched as recognised speech. The
// detector's trackers are replaced.
func RunPairs(ctx context.Context, d *tracking.Detector, pairs []Pair) ([]PairResult, error) {
	var results []PairResult
	kinds := make(map[string][]Pair)
	for _, p := range pairs {
		kinds[p.Kind] = append(kinds[p.Kind], p)
	}
	for _, kind := range []string{KindNegation, KindQuestion, KindConditional, KindReported, KindInflection, KindDamage} {
		if err := d.SetTrackers(ctx, PairTrackers(kind)); err != nil {
			return nil, err
		}
		for _, p := range kinds[kind] {
			fires, err := firesOn(ctx, d, p, p.Fires)
			if err != nil {
				return nil, err
			}
			silent, err := firesOn(ctx, d, p, p.Silent)
			if err != nil {
				return nil, err
			}
			results = append(results, PairResult{Pair: p, Missed: !fires, Fired: silent})
		}
	}
	return results, nil
}

func firesOn(ctx context.Context, d *tracking.Detector, p Pair, text string) (bool, error) {
	u := conversation.Utterance{Role: conversation.RoleCaller, Text: text, Final: true, EndMS: 1000}
	if p.Kind == KindDamage {
		u.Model = "recognised"
	}
	result, err := d.NewSession("").Match(ctx, u)
	if err != nil {
		return false, fmt.Errorf("match %q: %w", text, err)
	}
	return slices.Contains(Names(result.Matched), p.Tracker), nil
}
