package main

import (
	_ "embed"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/library"
)

//go:embed page.md.tmpl
var page string

// section is one category of the document.
type section struct {
	Name  string
	Lines []string
}

// report writes the document.
func (m *measurement) report(w io.Writer) error {
	var public tally
	phrases := 0
	for i := range m.entries {
		f := m.figures[m.entries[i].Name]
		public.add(f.public)
		phrases += len(m.entries[i].Vocabulary)
	}
	document, err := template.New("library").Parse(page)
	if err != nil {
		return err
	}
	return document.Execute(w, map[string]any{
		"Entries": len(m.entries), "Phrases": phrases, "OwnTurns": m.rows[ownSet], "Held": m.held.typed, "HeldHeard": m.held.heard,
		"Tuned": m.tuned.typed, "TunedHeard": m.tuned.heard,
		"Public": public, "Rows": m.rows, "Categories": m.sections(),
	})
}

func (m *measurement) sections() []section {
	var sections []section
	for _, name := range library.Categories() {
		s := section{Name: strings.ToUpper(name[:1]) + name[1:]}
		for i := range m.entries {
			if m.entries[i].Categories[0] == name {
				s.Lines = append(s.Lines, m.line(&m.entries[i]))
			}
		}
		sections = append(sections, s)
	}
	return sections
}

// line returns the row of one entry.
func (m *measurement) line(e *tracking.Tracker) string {
	f := m.figures[e.Name]
	hears := "anyone"
	if e.Role != "" {
		hears = string(e.Role)
	}
	var mapped []string
	for _, set := range slices.Sorted(maps.Keys(m.mapping[e.Name])) {
		for _, label := range m.mapping[e.Name][set].Right {
			mapped = append(mapped, set+" "+label)
		}
	}
	if len(mapped) == 0 {
		mapped = []string{"no mapping"}
	}
	rows := "–"
	if n := f.public.right + f.public.missed; n > 0 {
		rows = strconv.Itoa(n)
	}
	return fmt.Sprintf("| %s | %s | %d | %s | %s | %s | %s | %s | %s | %s | %s |", e.Name, hears, len(e.Vocabulary),
		f.own.precision(), f.own.recall(), f.public.precision(), f.public.recall(), rows,
		perThousand(f.typedAlarms, f.background), perThousand(f.heardAlarms, f.background), strings.Join(mapped, ", "))
}

func (t tally) precision() string { return share(t.right, t.right+t.wrong) }

func (t tally) recall() string { return share(t.right, t.right+t.missed) }

// String returns both figures for running text.
func (t tally) String() string {
	return fmt.Sprintf("precision %s, recall %s", t.precision(), t.recall())
}

func share(a, b int) string {
	if b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", float64(a)/float64(b))
}

func perThousand(alarms, turns int) string {
	if turns == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", 1000*float64(alarms)/float64(turns))
}
