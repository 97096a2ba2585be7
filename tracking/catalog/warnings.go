package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/operatord/operatord/tracking"
)

// A vocabulary does best with between fewPhrases and manyPhrases phrases: fewer leave out ways to say it, more tend to be
// about several things.
const (
	fewPhrases  = 5
	manyPhrases = 50
)

// From duplicateCosine on, two phrases mean the same as far as the sentence encoder can tell. Two phrases of which one is
// negated contradict each other when they are closer than contradictionCosine and share most words: what is close alone is
// often said with a negation and without ("my card isn't activated yet", "I have to activate my card"). Of the 1,400
// phrases of the library of ready trackers, two pairs are reported.
const (
	duplicateCosine     = 0.93
	contradictionCosine = 0.80
	contradictionWords  = 0.7 // of the shorter phrase
)

// A phrase fires too often when it matched in more than oftenShare of the conversations of the last oftenDays days, of which
// there must be enough to tell.
const (
	oftenShare         = 0.3
	oftenDays          = 30
	oftenConversations = 20
)

// checkTimeout bounds how long a request waits for the warnings that need the sentence encoder.
const checkTimeout = 3 * time.Second

// Code names a kind of warning.
type Code string

// The warnings.
const (
	FewPhrases        Code = "few_phrases"
	ManyPhrases       Code = "many_phrases"
	NearDuplicate     Code = "near_duplicate"
	Contradiction     Code = "contradiction"
	FiresOften        Code = "fires_often"
	ActionUnavailable Code = "action_unavailable"
	UnknownEndpoint   Code = "unknown_endpoint"
	NotChecked        Code = "not_checked"
)

// Warning is something about a tracker that works but is probably not meant or not wise.
type Warning struct {
	Code    Code   `json:"code" enum:"few_phrases,many_phrases,near_duplicate,contradiction,fires_often,action_unavailable,unknown_endpoint,not_checked"`
	Member  string `json:"member" example:"vocabulary[3]"`
	Message string `json:"message"`
}

// Warnings returns what is doubtful about each of the trackers. It waits a few seconds at most; what could not be checked in
// that time is a warning of its own.
func (c *Catalog) Warnings(ctx context.Context, trackers ...tracking.Tracker) [][]Warning {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	lists := make([][]Warning, len(trackers))
	for i := range trackers {
		w := warnings{tracker: &trackers[i], list: []Warning{}}
		w.checkSize()
		w.checkActions(c.opts.Endpoints)
		w.checkExclusions()
		c.checkMeaning(ctx, &w)
		c.checkFrequency(ctx, &w)
		lists[i] = w.list
	}
	return lists
}

// warnings collects what is doubtful about one tracker.
type warnings struct {
	tracker *tracking.Tracker
	list    []Warning
}

func (w *warnings) add(code Code, member, format string, args ...any) {
	w.list = append(w.list, Warning{Code: code, Member: member, Message: fmt.Sprintf(format, args...)})
}

func (w *warnings) checkSize() {
	switch n := len(w.tracker.Vocabulary); {
	case n < fewPhrases:
		w.add(FewPhrases, "vocabulary", "has %d phrases; with %d or more, other ways to say it are found more often", n, fewPhrases)
	case n > manyPhrases:
		w.add(ManyPhrases, "vocabulary", "has %d phrases; with more than %d, consider whether they are about one matter", n, manyPhrases)
	}
}

func (w *warnings) checkActions(endpoints []string) {
	for i, a := range w.tracker.Actions {
		member := fmt.Sprintf("actions[%d]", i)
		switch {
		case a.Type == tracking.ActionSay, a.Type == tracking.ActionTransfer:
			w.add(ActionUnavailable, member, "is kept, but this version of the daemon cannot do it: %s", a.Type)
		case a.Type == tracking.ActionWebhook && !slices.Contains(endpoints, a.Target):
			w.add(UnknownEndpoint, member+".target", "no webhook of the configuration has the name %q", a.Target)
		}
	}
}

// checkExclusions finds phrases that an exclusion keeps from ever matching.
func (w *warnings) checkExclusions() {
	for i, p := range w.tracker.Vocabulary {
		for j, x := range w.tracker.Exclusions {
			if strings.Contains(words(p), words(x)) {
				w.add(Contradiction, fmt.Sprintf("vocabulary[%d]", i), "never matches: it holds exclusions[%d] %q", j, x)
			}
		}
	}
}

// words returns the words of a text with a space around each, in lower case.
func words(s string) string {
	return " " + strings.ToLower(strings.Join(strings.Fields(s), " ")) + " "
}

// checkMeaning compares the phrases with each other and with the negative examples.
func (c *Catalog) checkMeaning(ctx context.Context, w *warnings) {
	if c.opts.Encoder == nil {
		return
	}
	phrases, examples := w.tracker.Vocabulary, w.tracker.NegativeExamples
	vectors, err := c.opts.Encoder.Embed(ctx, slices.Concat(phrases, examples))
	if err != nil {
		w.add(NotChecked, "vocabulary", "the meanings of the phrases were not compared: %s", err)
		return
	}
	for i, p := range phrases {
		for j, q := range phrases[:i] {
			w.compare(i, j, p, q, cosine(vectors[i], vectors[j]))
		}
		for j := range examples {
			if cosine(vectors[i], vectors[len(phrases)+j]) >= duplicateCosine {
				w.add(Contradiction, fmt.Sprintf("vocabulary[%d]", i), "means the same as negative_examples[%d] %q", j, examples[j])
			}
		}
	}
}

// compare looks at two phrases of one vocabulary.
func (w *warnings) compare(i, j int, p, q string, cosine float32) {
	member := fmt.Sprintf("vocabulary[%d]", i)
	switch {
	case cosine >= contradictionCosine && tracking.Negated(p) != tracking.Negated(q) && shared(p, q) >= contradictionWords:
		w.add(Contradiction, member, "says the opposite of vocabulary[%d] %q", j, q)
	case cosine >= duplicateCosine:
		w.add(NearDuplicate, member, "means the same as vocabulary[%d] %q", j, q)
	}
}

// shared returns which part of the words of the shorter phrase the longer one has too.
func shared(p, q string) float64 {
	a, b := strings.Fields(strings.ToLower(p)), strings.Fields(strings.ToLower(q))
	if len(a) > len(b) {
		a, b = b, a
	}
	n := 0
	for _, word := range a {
		if slices.Contains(b, word) {
			n++
		}
	}
	return float64(n) / float64(max(1, len(a)))
}

// cosine returns how close two vectors of length 1 are.
func cosine(a, b []float32) float32 { return blas32.Implementation().Sdot(len(a), a, 1, b, 1) }

// checkFrequency finds phrases that matched in a large part of the recent conversations.
func (c *Catalog) checkFrequency(ctx context.Context, w *warnings) {
	since := c.now().AddDate(0, 0, -oftenDays)
	counts, conversations, err := c.opts.Store.CountPhrases(ctx, w.tracker.Name, since)
	if err != nil {
		c.log.Warn("count phrases", "tracker", w.tracker.Name, "err", err)
		w.add(NotChecked, "vocabulary", "how often the phrases match could not be looked up")
		return
	}
	if conversations < oftenConversations {
		return
	}
	for i, p := range w.tracker.Vocabulary {
		if share := float64(counts[p]) / float64(conversations); share > oftenShare {
			w.add(FiresOften, fmt.Sprintf("vocabulary[%d]", i), "matched in %.0f %% of the %d conversations of the last %d days",
				100*share, conversations, oftenDays)
		}
	}
}
