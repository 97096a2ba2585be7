package tracking

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/text/language"

	"github.com/operatord/operatord/conversation"
)

// Limits of what a tracker holds beside its vocabulary.
const (
	MaxLanguages        = 20
	MaxNegativeExamples = 200
	MaxExampleChars     = 1000 // of one negative example
	MaxActions          = 20
	MaxTargetChars      = 500 // of an action's target
	MaxAlertsPerHour    = 10_000
)

// MemberError is one thing that is wrong with a tracker. It matches conversation.ErrInvalid.
type MemberError struct {
	Member  string // as in the JSON form, for example vocabulary[3]
	Problem string // reads on after the member
}

func (e *MemberError) Error() string {
	return conversation.ErrInvalid.Error() + " " + e.Member + ": " + e.Problem
}

// Unwrap returns conversation.ErrInvalid.
func (e *MemberError) Unwrap() error { return conversation.ErrInvalid }

// MemberErrors returns the member errors that err joins, in their order.
func MemberErrors(err error) []*MemberError {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var list []*MemberError
		for _, e := range joined.Unwrap() {
			list = append(list, MemberErrors(e)...)
		}
		return list
	}
	if e, ok := err.(*MemberError); ok { //nolint:errorlint // one link of the chain at a time: further down there may be several
		return []*MemberError{e}
	}
	if err = errors.Unwrap(err); err != nil {
		return MemberErrors(err)
	}
	return nil
}

// validatePolicy reports what is wrong with the members that say when a vocabulary applies and what follows from a match.
func (t *Tracker) validatePolicy(report func(member, problem string)) {
	if len(t.Languages) > MaxLanguages {
		report("languages", fmt.Sprintf("more than %d", MaxLanguages))
	}
	for i, tag := range t.Languages {
		if _, err := language.Parse(tag); err != nil {
			report(fmt.Sprintf("languages[%d]", i), fmt.Sprintf("%q is not a BCP 47 language tag such as en-US", tag))
		}
	}
	checkPhrases(report, "exclusions", t.Exclusions)
	if len(t.NegativeExamples) > MaxNegativeExamples {
		report("negative_examples", fmt.Sprintf("more than %d", MaxNegativeExamples))
	}
	for i, example := range t.NegativeExamples {
		checkText(report, fmt.Sprintf("negative_examples[%d]", i), example, MaxExampleChars)
	}
	t.Stance.validate(report)
	if len(t.Actions) > MaxActions {
		report("actions", fmt.Sprintf("more than %d", MaxActions))
	}
	for i, a := range t.Actions {
		a.validate(report, fmt.Sprintf("actions[%d]", i))
	}
	if t.AlertsPerHour < 0 || t.AlertsPerHour > MaxAlertsPerHour {
		report("alerts_per_hour", fmt.Sprintf("not between 0 and %d", MaxAlertsPerHour))
	}
}

func (s *Stance) validate(report func(member, problem string)) {
	for _, m := range []struct {
		name     string
		handling Handling
	}{{"negation", s.Negation}, {"question", s.Question}, {"conditional", s.Conditional}, {"reported", s.Reported}} {
		switch m.handling {
		case HandleDefault, HandleMatch, HandleIgnore, HandleSeparate:
		default:
			report("stance."+m.name, fmt.Sprintf("%q is not match, ignore or separate", m.handling))
		}
	}
}

func (a *Action) validate(report func(member, problem string), member string) {
	switch a.Type {
	case ActionAlert:
		if a.Target != "" {
			report(member+".target", "an alert has no target")
		}
	case ActionWebhook, ActionTag, ActionSay, ActionTransfer:
		checkText(report, member+".target", a.Target, MaxTargetChars)
	default:
		report(member+".type", fmt.Sprintf("%q is not alert, webhook, tag, say or transfer", a.Type))
	}
}

// checkPhrases reports what is wrong with a list of phrases, each of which may occur once.
func checkPhrases(report func(member, problem string), list string, phrases []string) {
	if len(phrases) > MaxPhrases {
		report(list, fmt.Sprintf("more than %d phrases", MaxPhrases))
	}
	first := make(map[string]int, len(phrases))
	for i, p := range phrases {
		member := fmt.Sprintf("%s[%d]", list, i)
		checkText(report, member, p, MaxPhraseChars)
		if strings.ContainsAny(p, "()[]") {
			report(member, "holds a parenthesis or bracket")
		}
		if strings.TrimSpace(p) != "" && !strings.ContainsFunc(p, isWordRune) {
			report(member, "has no word")
		}
		key := strings.ToLower(strings.Join(strings.Fields(p), " "))
		if j, taken := first[key]; taken {
			report(member, fmt.Sprintf("repeats %s[%d]", list, j))
			continue
		}
		first[key] = i
	}
}
