// Package library is the managed library: ready trackers for the usual matters of a telephone call, by category. Its
// phrases are of this project's own writing. An entry is taken over as an ordinary tracker, which its owner may edit;
// Diff says how far it has moved from its entry and Reset takes it back.
//
// The package knows nothing of where trackers are kept. What the entries are worth is measured: docs/library.md.
package library

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

//go:embed entries/*.yaml
var files embed.FS

// load reads the embedded files once.
var load = sync.OnceValue(mustRead) //nolint:gochecknoglobals // a constant that has to be parsed

// language is the language that all entries are written in.
const language = "en"

// category is the form of one file.
type category struct {
	Category string  `yaml:"category"`
	Trackers []entry `yaml:"trackers"`
}

// entry is the form of one tracker in a file.
type entry struct {
	Name             string            `yaml:"name"`
	Description      string            `yaml:"description"`
	Role             conversation.Role `yaml:"role"`
	Threshold        float64           `yaml:"threshold"`
	Stance           stance            `yaml:"stance"`
	Vocabulary       []string          `yaml:"vocabulary"`
	Exclusions       []string          `yaml:"exclusions"`
	NegativeExamples []string          `yaml:"negative_examples"`
}

type stance struct {
	Negation    tracking.Handling `yaml:"negation"`
	Question    tracking.Handling `yaml:"question"`
	Conditional tracking.Handling `yaml:"conditional"`
	Reported    tracking.Handling `yaml:"reported"`
}

// tracker returns e as a tracker that is enabled and has no identity yet.
func (e *entry) tracker(category string) tracking.Tracker {
	return tracking.Tracker{
		Name: e.Name, Description: e.Description, Categories: []string{category}, Languages: []string{language},
		Role: e.Role, Threshold: e.Threshold, Stance: tracking.Stance(e.Stance),
		Vocabulary: e.Vocabulary, Exclusions: e.Exclusions, NegativeExamples: e.NegativeExamples,
		Enabled: true, Library: e.Name,
	}
}

// Entries returns all entries by category and name. Each is an enabled tracker without identity, version and times; its only
// category is that of the entry, and its Library is its own name. The caller owns the result.
func Entries() []tracking.Tracker {
	loaded := load()
	entries := make([]tracking.Tracker, len(loaded))
	for i := range loaded {
		entries[i] = clone(loaded[i])
	}
	return entries
}

// Categories returns the categories of the library, sorted.
func Categories() []string {
	var categories []string
	for _, e := range load() {
		categories = append(categories, e.Categories...)
	}
	slices.Sort(categories)
	return slices.Compact(categories)
}

// Entry returns the entry of a name, as Entries does, or an error matching conversation.ErrNotFound. Names are
// case-sensitive.
func Entry(name string) (tracking.Tracker, error) {
	for _, e := range load() {
		if e.Name == name {
			return clone(e), nil
		}
	}
	return tracking.Tracker{}, fmt.Errorf("library entry %q: %w", name, conversation.ErrNotFound)
}

// clone returns t with lists of its own.
func clone(t tracking.Tracker) tracking.Tracker {
	for _, list := range []*[]string{&t.Categories, &t.Languages, &t.Vocabulary, &t.Exclusions, &t.NegativeExamples} {
		*list = slices.Clone(*list)
	}
	return t
}

func mustRead() []tracking.Tracker {
	entries, err := read(files)
	if err != nil {
		panic("library: " + err.Error()) //nolint:forbidigo // the embedded files are constants
	}
	return entries
}

// read returns the trackers of every file in the folder entries, by category and name.
func read(fsys fs.FS) ([]tracking.Tracker, error) {
	names, err := fs.Glob(fsys, "entries/*.yaml")
	if err != nil {
		return nil, err
	}
	var entries []tracking.Tracker
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		var c category
		if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&c); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for i := range c.Trackers {
			entries = append(entries, c.Trackers[i].tracker(c.Category))
		}
	}
	slices.SortFunc(entries, func(a, b tracking.Tracker) int {
		return cmp.Or(cmp.Compare(a.Categories[0], b.Categories[0]), cmp.Compare(a.Name, b.Name))
	})
	return entries, nil
}
