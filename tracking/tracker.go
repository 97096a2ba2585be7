package tracking

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/operatord/operatord/conversation"
)

// Limits of a set of trackers. They bound the memory of the compiled set and the time of one match, which are measured at
// MaxTrackers trackers of 50 phrases.
const (
	MaxTrackers      = 500
	MaxPhrases       = 500  // of one tracker
	MaxPhraseChars   = 300  // of one phrase
	MaxNameChars     = 200  // of a tracker's name and of a category
	MaxCategories    = 50   // of one tracker
	MaxDescribeChars = 2000 // of a description
)

// Tracker is something a business wants to know was said, with the phrases that stand for it. Its JSON form is the public
// one.
type Tracker struct {
	ID          conversation.ID `json:"id"`
	Name        string          `json:"name"` // unique, case-sensitive
	Version     int             `json:"version"`
	Description string          `json:"description,omitempty"`
	Categories  []string        `json:"categories,omitempty"`
	Vocabulary  []string        `json:"vocabulary"`
	// Threshold is the score from which the tracker matches, 0 to 1; 0 stands for DefaultThreshold. With 1 it matches word for
	// word only.
	Threshold float64           `json:"threshold,omitempty"`
	Role      conversation.Role `json:"role,omitempty"` // whose utterances are matched; empty is anyone's
	// Languages are the BCP 47 tags of the languages the vocabulary is written in; empty is any.
	Languages []string `json:"languages,omitempty"`
	// Exclusions are phrases that, found word for word in a sentence, keep the tracker from matching in it.
	Exclusions []string `json:"exclusions,omitempty"`
	// NegativeExamples are sentences that must not match; they turn the tracker away from their meaning.
	NegativeExamples []string `json:"negative_examples,omitempty"`
	// Stance says what becomes of a phrase that is negated, asked, supposed or reported.
	Stance Stance `json:"stance,omitzero"`
	// Actions are carried out on every confirmed match, within AlertsPerHour.
	Actions []Action `json:"actions,omitempty"`
	// AlertsPerHour is how many matches an hour cause actions; the others are only recorded. 0 is no limit.
	AlertsPerHour int       `json:"alerts_per_hour,omitempty"`
	Enabled       bool      `json:"enabled"`
	Library       string    `json:"library,omitempty"`    // name of the library entry it was made from
	UpdatedBy     string    `json:"updated_by,omitempty"` // who saved this version
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
}

// Handling says what becomes of a phrase found in a stance that is not the plain assertion.
type Handling string

// HandleDefault stands for what the documentation of each member of Stance says. A separate match is a match that names
// its stance, so that its readers can tell it from the others.
const (
	HandleDefault  Handling = ""
	HandleMatch    Handling = "match"
	HandleIgnore   Handling = "ignore"
	HandleSeparate Handling = "separate"
)

// Stance is a tracker's policy for phrases that are not simply said.
type Stance struct {
	Negation    Handling `json:"negation,omitempty"`    // "I do not want to cancel"; default ignore
	Question    Handling `json:"question,omitempty"`    // "do you want to cancel?"; default match
	Conditional Handling `json:"conditional,omitempty"` // "if I wanted to cancel"; default match
	Reported    Handling `json:"reported,omitempty"`    // "my wife wanted to cancel"; default match
}

// Action is something to do on a live match.
type Action struct {
	Type   ActionType `json:"type"`
	Target string     `json:"target,omitempty"` // webhook: name of a configured endpoint; say: the text; transfer: where to; tag: the tag
}

// ActionType names an action.
type ActionType string

// The actions. ActionAlert shows the match as an alert to those who watch.
const (
	ActionAlert    ActionType = "alert"
	ActionWebhook  ActionType = "webhook"
	ActionTag      ActionType = "tag"
	ActionSay      ActionType = "say"
	ActionTransfer ActionType = "transfer"
)

// Validate returns every problem of t at once, each a *MemberError; see MemberErrors.
func (t *Tracker) Validate() error {
	var errs []error
	report := func(member, problem string) { errs = append(errs, invalid(member, problem)) }
	checkText(report, "name", t.Name, MaxNameChars)
	if utf8.RuneCountInString(t.Description) > MaxDescribeChars {
		report("description", fmt.Sprintf("longer than %d characters", MaxDescribeChars))
	}
	if len(t.Categories) > MaxCategories {
		report("categories", fmt.Sprintf("more than %d", MaxCategories))
	}
	for i, c := range t.Categories {
		checkText(report, fmt.Sprintf("categories[%d]", i), c, MaxNameChars)
	}
	if len(t.Vocabulary) == 0 {
		report("vocabulary", "has no phrase")
	}
	checkPhrases(report, "vocabulary", t.Vocabulary)
	if !(t.Threshold >= 0 && t.Threshold <= 1) { // also refuses NaN
		report("threshold", "not between 0 and 1")
	}
	switch t.Role {
	case "", conversation.RoleCaller, conversation.RoleAgent:
	default:
		report("role", fmt.Sprintf("%q is not caller or agent", t.Role))
	}
	t.validatePolicy(report)
	return errors.Join(errs...)
}

// ValidateSet returns every problem of the trackers of one set: those of each tracker, names that occur twice and a set that
// is too large. Errors match conversation.ErrInvalid; a name that occurs twice also matches conversation.ErrConflict.
func ValidateSet(trackers []Tracker) error {
	var errs []error
	if len(trackers) > MaxTrackers {
		errs = append(errs, invalid("trackers", fmt.Sprintf("more than %d", MaxTrackers)))
	}
	first := make(map[string]int, len(trackers))
	for i := range trackers {
		t := &trackers[i]
		if err := t.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("trackers[%d]: %w", i, err))
		}
		if j, taken := first[t.Name]; taken {
			errs = append(errs, fmt.Errorf("%w trackers[%d].name: %q is the name of trackers[%d] too (%w)",
				conversation.ErrInvalid, i, t.Name, j, conversation.ErrConflict))
			continue
		}
		first[t.Name] = i
	}
	return errors.Join(errs...)
}

// checkText reports a one-line text that is empty, too long or unprintable.
func checkText(report func(member, problem string), member, s string, maxChars int) {
	switch {
	case strings.TrimSpace(s) == "":
		report(member, "is empty")
	case utf8.RuneCountInString(s) > maxChars:
		report(member, fmt.Sprintf("longer than %d characters", maxChars))
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		report(member, "holds control characters or is not UTF-8")
	}
}

func invalid(member, problem string) error {
	return &MemberError{Member: member, Problem: problem}
}
