package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/library"
)

// recognised is the model name of utterances that are matched as recognised speech is.
const recognised = "speech"

// tally counts the decisions of one entry.
type tally struct{ right, wrong, missed int }

func (t *tally) add(o tally) {
	t.right += o.right
	t.wrong += o.wrong
	t.missed += o.missed
}

// figures are what was measured of one entry.
type figures struct {
	own, public              tally
	background               int // turns in which an alarm would be false
	typedAlarms, heardAlarms int // false ones among them, as typed text and as recognised speech
}

// spoken are the decisions of all entries on turns that are matched as typed text and as recognised speech.
type spoken struct{ typed, heard tally }

// measurement is a detector with the whole library and what was found out about each entry.
type measurement struct {
	detector *tracking.Detector
	entries  []tracking.Tracker
	phrases  map[string]bool // all of them, plain
	mapping  mapping
	figures  map[string]*figures
	held     spoken // our own turns that changed no phrase
	tuned    spoken // the others
	rows     map[string]int
	mistakes io.Writer
}

func newMeasurement(d *tracking.Detector, mistakes io.Writer) (*measurement, error) {
	m := &measurement{detector: d, entries: library.Entries(), mistakes: mistakes, figures: make(map[string]*figures), rows: make(map[string]int), phrases: make(map[string]bool)}
	for i := range m.entries {
		m.figures[m.entries[i].Name] = &figures{}
		for _, phrase := range m.entries[i].Vocabulary {
			m.phrases[plain(phrase)] = true
		}
	}
	var err error
	if m.mapping, err = readMapping(); err != nil {
		return nil, err
	}
	for name := range m.mapping {
		if m.figures[name] == nil {
			return nil, fmt.Errorf("mapping.yaml: %q is no entry", name)
		}
	}
	return m, nil
}

// run measures everything. Our own turns are matched as their speakers' are on a call. The public sets hold what customers
// write; every entry is shown them, also one that listens to agents only.
func (m *measurement) run(ctx context.Context, from material) error {
	if err := m.detector.SetTrackers(ctx, m.entries); err != nil {
		return err
	}
	if err := m.runTurns(ctx, from.turns); err != nil {
		return err
	}
	deaf := slices.Clone(m.entries)
	for i := range deaf {
		deaf[i].Role = ""
	}
	if err := m.detector.SetTrackers(ctx, deaf); err != nil {
		return err
	}
	for set, rows := range from.sets {
		m.rows[set] = len(rows)
		run := m.runSet
		if set == backgroundSet {
			run = m.runBackground
		}
		if err := run(ctx, set, rows); err != nil {
			return err
		}
	}
	return nil
}

// fired returns the entries that fire on a text.
func (m *measurement) fired(ctx context.Context, u conversation.Utterance) ([]string, error) {
	u.Final = true
	result, err := m.detector.NewSession("").Match(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("match %q: %w", u.Text, err)
	}
	var names []string
	for i := range result.Matched {
		names = append(names, result.Matched[i].Tracker)
	}
	return names, nil
}

func (m *measurement) runTurns(ctx context.Context, turns []turn) error {
	m.rows[ownSet] = len(turns)
	for _, t := range turns {
		typed, err := m.fired(ctx, conversation.Utterance{Role: t.role, Text: t.text})
		if err != nil {
			return err
		}
		heard, err := m.fired(ctx, conversation.Utterance{Role: t.role, Text: t.text, Model: recognised})
		if err != nil {
			return err
		}
		sum := &m.tuned
		if t.held {
			sum = &m.held
		}
		for name, f := range m.figures {
			wanted := slices.Contains(t.wanted, name)
			if !wanted && slices.Contains(t.allowed, name) {
				continue
			}
			d := m.judge(ownSet, name, t.text, wanted, slices.Contains(typed, name))
			f.own.add(d)
			sum.typed.add(d)
			sum.heard.add(decision(wanted, slices.Contains(heard, name)))
		}
	}
	return nil
}

// runSet leaves rows out that happen to be a phrase word for word: finding those proves nothing.
func (m *measurement) runSet(ctx context.Context, set string, rows []row) error {
	for _, r := range rows {
		if m.phrases[plain(r.text)] {
			continue
		}
		fired, err := m.fired(ctx, conversation.Utterance{Text: r.text})
		if err != nil {
			return err
		}
		for name, sets := range m.mapping {
			known, mapped := sets[set]
			wanted := overlap(r.labels, known.Right)
			if !mapped || !wanted && overlap(r.labels, known.Related) {
				continue
			}
			m.figures[name].public.add(m.judge(set, name, r.text, wanted, slices.Contains(fired, name)))
		}
	}
	return nil
}

func (m *measurement) runBackground(ctx context.Context, set string, rows []row) error {
	for _, r := range rows {
		typed, err := m.fired(ctx, conversation.Utterance{Text: r.text})
		if err != nil {
			return err
		}
		heard, err := m.fired(ctx, conversation.Utterance{Text: r.text, Model: recognised})
		if err != nil {
			return err
		}
		for name, f := range m.figures {
			if overlap(r.labels, m.mapping[name][set].Related) {
				continue
			}
			f.background++
			f.typedAlarms += m.judge("typed background", name, r.text, false, slices.Contains(typed, name)).wrong
			f.heardAlarms += m.judge("recognised background", name, r.text, false, slices.Contains(heard, name)).wrong
		}
	}
	return nil
}

// judge returns the tally of one decision, and prints it if it was a mistake.
func (m *measurement) judge(set, name, text string, wanted, fired bool) tally {
	if wanted != fired {
		kind := "wrong"
		if wanted {
			kind = "missed"
		}
		_, _ = fmt.Fprintf(m.mistakes, "%s\t%s\t%s\t%s\n", set, kind, name, text) // a listing for whoever writes phrases
	}
	return decision(wanted, fired)
}

// plain returns a text in lower case without punctuation at its end.
func plain(text string) string { return strings.ToLower(strings.TrimRight(text, ".?! ")) }

func decision(wanted, fired bool) tally {
	switch {
	case wanted && fired:
		return tally{right: 1}
	case wanted:
		return tally{missed: 1}
	case fired:
		return tally{wrong: 1}
	}
	return tally{}
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}
