package quality

import (
	"fmt"
	"html"
	"os"
	"strings"
)

// The tables of a document stand between these two lines.
const (
	figuresBegin = "<!-- figures: written by `make bench-trackers` -->"
	figuresEnd   = "<!-- end of figures -->"
)

// Document renews the tables of a Markdown file, and the plot beside it (the same name, ending in .svg).
func (r *Report) Document(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("renew document: %w", err)
	}
	before, rest, found := strings.Cut(string(content), figuresBegin)
	_, after, ends := strings.Cut(rest, figuresEnd)
	if !found || !ends {
		return fmt.Errorf("renew document %s: no lines %q and %q", path, figuresBegin, figuresEnd)
	}
	text := before + figuresBegin + "\n\n" + r.markdown() + "\n" + figuresEnd + after
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil { // a document is for everybody
		return fmt.Errorf("renew document: %w", err)
	}
	plot := strings.TrimSuffix(path, ".md") + ".svg"
	if err := os.WriteFile(plot, []byte(r.plot()), 0o644); err != nil { // a document is for everybody
		return fmt.Errorf("renew document: %w", err)
	}
	return nil
}

// markdown returns the tables of the report.
func (r *Report) markdown() string {
	var b strings.Builder
	b.WriteString("| set | k | F1 | precision | recall | P at R 0.8 | best F1 (at) | alarms / 1,000 | long F1 | unpunctuated | µs |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	for i := range r.Sets {
		s := &r.Sets[i]
		fmt.Fprintf(&b, "| %s | %d | **%.3f** | %.3f | %.3f | %.3f | %.3f (%.2f) | %.1f | %.3f | %.3f | %.0f |\n", s.Set, s.K, s.F1,
			s.Precision, s.Recall, s.PrecisionAtRecall80, s.BestF1, s.BestThreshold, s.BackgroundAlarmsPer1000, s.LongTurnF1,
			s.LongTurnUnpunctuatedF1, s.MicrosPerUtterance)
	}
	b.WriteString("\nF1 (precision at recall 0.8) of the detector and of the baselines:\n\n| set | k | detector |")
	for _, name := range BaselineNames() {
		b.WriteString(" " + name + " |")
	}
	b.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(BaselineNames())) + "\n")
	for i := range r.Sets {
		s := &r.Sets[i]
		fmt.Fprintf(&b, "| %s | %d | **%.3f** (%.3f) |", s.Set, s.K, s.F1, s.PrecisionAtRecall80)
		for _, name := range BaselineNames() {
			fmt.Fprintf(&b, " %.3f (%.3f) |", s.Baselines[name].F1, s.Baselines[name].PrecisionAtRecall80)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n| minimal pairs | pairs | wrong | right | right, held out |\n|---|---|---|---|---|\n")
	for _, p := range r.Pairs {
		fmt.Fprintf(&b, "| %s | %d | %d | %.3f | %.3f |\n", p.Kind, p.Pairs, p.Wrong, p.Right, p.Held)
	}
	return b.String()
}

// The measures of the plot, in pixels.
const (
	plotHeight = 220
	plotBar    = 12
	plotGap    = 18
	plotLeft   = 40
)

// plot returns an SVG of the F1 of all methods, a group of bars for each set and k.
func (r *Report) plot() string {
	methods := append([]string{"detector"}, BaselineNames()...)
	colors := []string{"#2563eb", "#d4d4d8", "#a1a1aa", "#71717a", "#f59e0b"}
	group := len(methods)*plotBar + plotGap
	width := plotLeft + len(r.Sets)*group + plotGap
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="10">`+"\n", width, plotHeight+60)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, plotHeight+60)
	for _, f1 := range []float64{0, 0.2, 0.4, 0.6, 0.8, 1} {
		y := plotY(f1)
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="#e4e4e7"/><text x="8" y="%d">%.1f</text>`+"\n", plotLeft-8, width, y, y, y+3, f1)
	}
	for i := range r.Sets {
		s := &r.Sets[i]
		x := plotLeft + i*group
		for j, name := range methods {
			f1 := s.F1
			if j > 0 {
				f1 = s.Baselines[name].F1
			}
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`+"\n", x+j*plotBar, plotY(f1), plotBar-1, plotY(0)-plotY(f1), colors[j])
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text><text x="%d" y="%d">k = %d</text>`+"\n", x, plotHeight+22, html.EscapeString(s.Set), x, plotHeight+34, s.K)
	}
	for j, name := range methods {
		x := plotLeft + j*80
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="9" height="9" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n", x, plotHeight+44, colors[j], x+13, plotHeight+52, name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func plotY(f1 float64) int { return 10 + int((1-f1)*plotHeight) }
