package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/operatord/operatord/asr/wer"
	"github.com/operatord/operatord/conversation"
)

// report prints what was found in each call against what should be found.
func report(w io.Writer, results []result) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nCALL\tSTATUS\tWORDS WRONG\tTRACKERS FOUND\tMISSED\tBEYOND THE LIST\tSENTIMENT\tEXPECTED\tLATENCY (p50)")
	var expected, found int
	for _, r := range results {
		hits, missed, beyond := r.compare()
		expected += len(hits) + len(missed)
		found += len(hits)
		tag := ""
		if r.analysis != nil {
			tag = string(r.analysis.Sentiment)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d ms\n", r.sample.Name, r.final.Status, r.wordErrors(),
			list(hits), list(missed), list(beyond), tag, r.sample.ExpectedSentiment, median(r.latency))
	}
	_ = table.Flush() // standard output; nothing could be done
	fmt.Fprintf(w, "\n%d of %d expected trackers found. The bundled speech model is a small one, trained for this demo on synthetic voices:\nfor real callers pull a real one (bin/operatord models pull base.en).\n", found, expected)
}

// compare splits the trackers into those expected and found, expected and missed, and found beyond the list.
func (r result) compare() (hits, missed, beyond []string) {
	matched := map[string]bool{}
	for _, m := range r.matches {
		matched[m.Tracker] = true
	}
	for _, name := range r.sample.ExpectedTrackers {
		if matched[name] {
			hits = append(hits, name)
		} else {
			missed = append(missed, name)
		}
		delete(matched, name)
	}
	for name := range matched {
		beyond = append(beyond, name)
	}
	slices.Sort(beyond)
	return hits, missed, beyond
}

func list(names []string) string { return cmp.Or(strings.Join(names, ", "), "-") }

func median(values []int64) int64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// wordErrors compares what was recognised of each side with what the recording says.
func (r result) wordErrors() string {
	var wrong, spoken int
	for _, role := range []conversation.Role{conversation.RoleCaller, conversation.RoleAgent} {
		var said, heard []string
		for _, turn := range r.sample.Turns {
			if turn.Role == string(role) {
				said = append(said, turn.Text)
			}
		}
		for _, u := range r.heard {
			if u.Role == role {
				heard = append(heard, u.Text)
			}
		}
		counts := wer.Compare(strings.Join(said, " "), strings.Join(heard, " "))
		wrong, spoken = wrong+counts.Errors(), spoken+counts.Words
	}
	if spoken == 0 {
		return fmt.Sprintf("%d of 0", wrong)
	}
	return fmt.Sprintf("%d of %d (%.0f %%)", wrong, spoken, 100*float64(wrong)/float64(spoken))
}
