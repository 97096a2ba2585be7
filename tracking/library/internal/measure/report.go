package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/library"
)

// page is the document. Its figures come from the measurement alone.
var page = template.Must(template.New("library").Parse(`# The tracker library

<!-- Written by tracking/library/internal/measure; do not edit. -->

{{.Entries}} ready trackers with {{.Phrases}} phrases of this project's own writing, in {{len .Categories}} categories. Add one with
` + "`POST /api/v1/tracker-library/{name}/add`" + `; it is an ordinary tracker from then on.

## What they are worth

Measured with the detector of the live path, the bundled encoder and the whole library in it at once, so that every entry
competes with all others, at the thresholds that a fresh tracker has.

* **Own turns**: {{.OwnTurns}} turns of this project's own writing (` + "`tracking/library/testdata/turns.tsv`" + `), about two for each entry in other words
  than its phrases, some of several sentences, some in which nothing should fire, some that deny what an entry means. Who wrote the
  phrases wrote them too, and weak entries were found with them: take these figures for an upper bound. As typed text: {{.Own}}; as recognised
  speech, which matches at lower scores: {{.Heard}}.
* **Public sets**: test rows of clinc150 ({{index .Rows "clinc150"}}), banking77 ({{index .Rows "banking77"}}) and hwu64 ({{index .Rows "hwu64"}}), and the labelled turns of
  multidogo ({{index .Rows "multidogo"}}), for the entries that have an honest counterpart among their labels
  (` + "`tracking/library/internal/measure/mapping.yaml`" + `). Every row of another label of the same set counts as wrong when the entry fires, save labels that
  are too close to judge. No sentence of these sets is in a vocabulary. All mapped entries together: {{.Public}}.
* **Alarms**: matches per 1,000 of the {{index .Rows "background"}} multidogo turns that say nothing an entry means ("yes", names, numbers, thanks), as typed text
  and as recognised speech. They are what customers write; entries that listen to agents were shown them all the same. The background
  statistics of the detector come from a sample of these turns.

P is precision, R is recall; a dash stands for nothing to divide by. Figures from two or three turns are coarse. Repeat it with

    go run ./tracking/library/internal/measure -sets DIR
{{range .Categories}}
## {{.Name}}

| tracker | hears | phrases | own turns P | R | public P | R | rows | alarms typed | recognised | labels |
|---|---|---|---|---|---|---|---|---|---|---|
{{range .Lines}}{{.}}
{{end}}{{end}}`)) //nolint:gochecknoglobals // a constant

// section is one category of the document.
type section struct {
	Name  string
	Lines []string
}

// report writes the document.
func (m *measurement) report(w io.Writer) error {
	var own, public tally
	phrases := 0
	for i := range m.entries {
		f := m.figures[m.entries[i].Name]
		own.add(f.own)
		public.add(f.public)
		phrases += len(m.entries[i].Vocabulary)
	}
	return page.Execute(w, map[string]any{
		"Entries": len(m.entries), "Phrases": phrases, "OwnTurns": m.rows[ownSet], "Own": own, "Heard": m.heardOwn,
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
		rows = fmt.Sprint(n)
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
