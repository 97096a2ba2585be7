package quality

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Report is what a bench found; its JSON form is that of `operatord bench trackers --json`.
type Report struct {
	Encoder string        `json:"encoder"`
	Sets    []SetReport   `json:"sets"`
	Pairs   []PairFigures `json:"pairs"`
}

// SetReport is what came of one set.
type SetReport struct {
	Set       string  `json:"set"`
	K         int     `json:"k"`
	Open      float64 `json:"open"`
	Draws     int     `json:"draws"`
	Threshold float64 `json:"threshold"`
	Figures
	BackgroundAlarmsPer1000 float64             `json:"background_alarms_per_1000"`
	LongTurnF1              float64             `json:"long_turn_f1"`
	LongTurnUnpunctuatedF1  float64             `json:"long_turn_unpunctuated_f1"`
	MicrosPerUtterance      float64             `json:"us_per_utterance"` // with given vectors
	BestThreshold           float64             `json:"best_threshold"`   // what nobody knows beforehand, to compare
	BestF1                  float64             `json:"best_f1"`
	Rows                    int                 `json:"rows"` // decided, all draws together
	Baselines               map[string]Baseline `json:"baselines"`
}

// PairFigures counts the minimal pairs of one kind.
type PairFigures struct {
	Kind  string  `json:"kind"`
	Pairs int     `json:"pairs"`
	Wrong int     `json:"wrong"`
	Right float64 `json:"right"` // share
	Held  float64 `json:"held"`  // share that is right of those that were not looked at
}

// fill sets the figures of a report.
func (m *measured) fill(r *SetReport) {
	r.Figures = m.whole.at(r.Threshold)
	r.BestThreshold, r.BestF1 = m.whole.best()
	r.LongTurnF1 = m.long.at(r.Threshold).F1
	r.LongTurnUnpunctuatedF1 = m.unpunctuated.at(r.Threshold).F1
	r.BackgroundAlarmsPer1000 = m.background.alarms(r.Threshold)
	r.Rows = m.whole.rows
	if m.timed > 0 {
		r.MicrosPerUtterance = float64(m.took.Microseconds()) / float64(m.timed)
	}
	for name, d := range m.baselines {
		r.Baselines[name] = Baseline{
			Threshold: d.threshold, Figures: d.whole.at(d.threshold), BackgroundAlarmsPer1000: d.background.alarms(d.threshold),
		}
	}
}

// alarms returns how often trackers fire per 1,000 rows.
func (d *decisions) alarms(threshold float64) float64 {
	right, wrong := d.count(threshold)
	return 1000 * ratio(right+wrong, d.rows)
}

// Summarize counts pair results by kind, in their order.
func Summarize(results []PairResult) []PairFigures {
	var figures []PairFigures
	var held, heldRight int
	for i, r := range results {
		if i == 0 || r.Kind != results[i-1].Kind {
			figures = append(figures, PairFigures{Kind: r.Kind})
			held, heldRight = 0, 0
		}
		f := &figures[len(figures)-1]
		f.Pairs++
		if !r.Right() {
			f.Wrong++
		}
		if r.Held {
			held++
			if r.Right() {
				heldRight++
			}
		}
		f.Right, f.Held = ratio(f.Pairs-f.Wrong, f.Pairs), ratio(heldRight, held)
	}
	return figures
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SET\tk\tMETHOD\tF1\tPRECISION\tRECALL\tP AT R 0.8\tALARMS/1000\tLONG F1\tUNPUNCTUATED\tµs")
	for i := range r.Sets {
		s := &r.Sets[i]
		fmt.Fprintf(table, "%s\t%d\tdetector\t%.3f\t%.3f\t%.3f\t%.3f\t%.1f\t%.3f\t%.3f\t%.0f\n", s.Set, s.K, s.F1, s.Precision, s.Recall,
			s.PrecisionAtRecall80, s.BackgroundAlarmsPer1000, s.LongTurnF1, s.LongTurnUnpunctuatedF1, s.MicrosPerUtterance)
		for _, name := range BaselineNames() {
			b := s.Baselines[name]
			fmt.Fprintf(table, "\t\t%s\t%.3f\t%.3f\t%.3f\t%.3f\t%.1f\t\t\t\n", name, b.F1, b.Precision, b.Recall, b.PrecisionAtRecall80,
				b.BackgroundAlarmsPer1000)
		}
	}
	fmt.Fprintln(table, "\nMINIMAL PAIRS\tPAIRS\tWRONG\tRIGHT\tRIGHT, HELD OUT")
	for _, p := range r.Pairs {
		fmt.Fprintf(table, "%s\t%d\t%d\t%.3f\t%.3f\n", p.Kind, p.Pairs, p.Wrong, p.Right, p.Held)
	}
	return table.Flush()
}

// BaselineNames returns the baselines in the order in which they are shown.
func BaselineNames() []string { return []string{"exact", "stem", "tfidf", "cosine"} }
