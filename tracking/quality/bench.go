package quality

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// Options says what Run measures.
type Options struct {
	Encoder    tracking.Encoder     // required
	Statistics *tracking.Background // of the encoder
	Phrases    []int                // k of each tracker; every set is measured with each
	Open       float64              // share of the labels that are trackers
	Draws      int
	Rows       int      // test rows of a draw at most; 0 is all
	LongRows   int      // rows of a draw that are also said between two others; 0 is none
	Background []string // turns in which nothing should fire; may be empty
	Progress   func(string)
}

// bench measures sets.
type bench struct {
	opts     Options
	vectors  *vectorCache
	detector *tracking.Detector
}

// lowThreshold lets the detector report nearly every score, so that one run gives the figures at any threshold.
const lowThreshold = 0.01

// Run measures sets, and the minimal pairs. Every text is encoded once.
func Run(ctx context.Context, opts Options, paths []string) (*Report, error) {
	if opts.Encoder == nil || len(opts.Phrases) == 0 || opts.Draws < 1 || !(opts.Open > 0 && opts.Open <= 1) {
		return nil, errors.New("bench: an encoder, phrases, draws and a share of open labels above 0 and up to 1 are required")
	}
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	b := &bench{opts: opts, vectors: newVectorCache(opts.Encoder)}
	var err error
	b.detector, err = tracking.New(tracking.Options{Encoder: b.vectors, Background: opts.Statistics, IDs: &conversation.IDs{}})
	if err != nil {
		return nil, err
	}
	report := &Report{Encoder: opts.Encoder.Name()}
	for _, path := range paths {
		rows, err := ReadSet(path)
		if err != nil {
			return nil, err
		}
		for _, k := range opts.Phrases {
			set, err := b.measure(ctx, strings.TrimSuffix(filepath.Base(path), ".tsv"), k, rows)
			if err != nil {
				return nil, fmt.Errorf("measure %s: %w", path, err)
			}
			report.Sets = append(report.Sets, set)
		}
	}
	opts.Progress("minimal pairs")
	results, err := RunPairs(ctx, b.detector, Pairs())
	if err != nil {
		return nil, err
	}
	report.Pairs = Summarize(results)
	return report, nil
}

// measure measures one set with k phrases, drawn anew Draws times; the figures are those of all draws together.
func (b *bench) measure(ctx context.Context, name string, k int, rows []Row) (SetReport, error) {
	report := SetReport{
		Set: name, K: k, Open: b.opts.Open, Draws: b.opts.Draws,
		Threshold: tracking.DefaultThreshold, Baselines: make(map[string]Baseline),
	}
	m := measured{baselines: make(map[string]*baselineDecisions)}
	for draw := range b.opts.Draws {
		b.opts.Progress(fmt.Sprintf("%s, k = %d: draw %d of %d", name, k, draw+1, b.opts.Draws))
		task := Task{Phrases: k, Open: b.opts.Open, Rows: b.opts.Rows, Seed: uint64(draw)}
		trackers, test := task.Draw(rows)
		if len(trackers) == 0 || len(test) == 0 {
			return SetReport{}, errors.New("no phrases or no test rows")
		}
		if err := b.draw(ctx, &m, trackers, test); err != nil {
			return SetReport{}, err
		}
	}
	m.fill(&report)
	return report, nil
}

// measured is what the draws of a set gave.
type measured struct {
	whole, long, unpunctuated decisions
	background                decisions
	baselines                 map[string]*baselineDecisions
	took                      time.Duration
	timed                     int
}

// draw measures the trackers and rows of one draw.
func (b *bench) draw(ctx context.Context, m *measured, trackers []tracking.Tracker, test []Row) error {
	if err := b.detector.SetTrackers(ctx, withThreshold(trackers, lowThreshold)); err != nil {
		return err
	}
	if err := b.match(ctx, &m.whole, trackers, test); err != nil {
		return err
	}
	var background []Row
	for _, text := range b.opts.Background {
		background = append(background, Row{Text: text})
	}
	background = sample(background, b.opts.Rows)
	if err := b.match(ctx, &m.background, trackers, background); err != nil {
		return err
	}
	long := test[:min(b.opts.LongRows, len(test))]
	if err := b.match(ctx, &m.long, trackers, between(long, true)); err != nil {
		return err
	}
	if err := b.match(ctx, &m.unpunctuated, trackers, between(long, false)); err != nil {
		return err
	}
	if err := b.measureBaselines(ctx, m, trackers, test, background); err != nil {
		return err
	}
	return b.time(ctx, m, trackers, test)
}

func withThreshold(trackers []tracking.Tracker, threshold float64) []tracking.Tracker {
	set := make([]tracking.Tracker, len(trackers))
	copy(set, trackers)
	for i := range set {
		set[i].Threshold = threshold
	}
	return set
}

// match adds the decisions of the detector about some rows.
func (b *bench) match(ctx context.Context, d *decisions, trackers []tracking.Tracker, rows []Row) error {
	names := namesOf(trackers)
	err := b.vectors.note(ctx, func() error {
		for _, r := range rows {
			if _, err := matchText(ctx, b.detector, r.Text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		matches, err := matchText(ctx, b.detector, r.Text)
		if err != nil {
			return err
		}
		scores := make(map[string]float64, len(matches))
		for i := range matches {
			scores[matches[i].Tracker] = matches[i].Score
		}
		d.add(scores, wanted(names, r.Label))
	}
	return nil
}

// wanted returns the tracker that should fire on a row of the label, or "".
func wanted(names map[string]bool, label string) string {
	if names[label] {
		return label
	}
	return ""
}

func namesOf(trackers []tracking.Tracker) map[string]bool {
	names := make(map[string]bool, len(trackers))
	for i := range trackers {
		names[trackers[i].Name] = true
	}
	return names
}

// timedRows is how many rows of a draw are timed.
const timedRows = 500

// time measures the matching itself, with given vectors and the shipped threshold.
func (b *bench) time(ctx context.Context, m *measured, trackers []tracking.Tracker, test []Row) error {
	if err := b.detector.SetTrackers(ctx, trackers); err != nil {
		return err
	}
	test = test[:min(timedRows, len(test))]
	started := time.Now()
	for _, r := range test {
		if _, err := matchText(ctx, b.detector, r.Text); err != nil {
			return err
		}
	}
	m.took += time.Since(started)
	m.timed += len(test)
	return nil
}

// matchText matches a typed text, as an utterance of its own.
func matchText(ctx context.Context, d *tracking.Detector, text string) ([]conversation.Match, error) {
	u := conversation.Utterance{Role: conversation.RoleCaller, Text: text, Final: true, EndMS: 1000}
	result, err := d.NewSession("").Match(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("match %q: %w", text, err)
	}
	return result.Matched, nil
}

// Match matches typed texts, each as an utterance of its own, and returns the matches of each.
func Match(ctx context.Context, d *tracking.Detector, texts []string) ([][]conversation.Match, error) {
	matches := make([][]conversation.Match, len(texts))
	for i, text := range texts {
		var err error
		if matches[i], err = matchText(ctx, d, text); err != nil {
			return nil, err
		}
	}
	return matches, nil
}

// Names returns the trackers of matches.
func Names(matches []conversation.Match) []string {
	names := make([]string, len(matches))
	for i := range matches {
		names[i] = matches[i].Tracker
	}
	return names
}
