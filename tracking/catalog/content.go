package catalog

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// Content is what people decide about a tracker: a tracking.Tracker without identity, version and times. Its JSON form is
// what the API accepts and what files hold.
type Content struct {
	Name             string            `json:"name" minLength:"1" maxLength:"200" doc:"Unique, case-sensitive" example:"Cancellation"`
	Description      string            `json:"description,omitempty" maxLength:"2000"`
	Categories       []string          `json:"categories,omitempty" example:"[\"retention\"]"`
	Vocabulary       []string          `json:"vocabulary" minItems:"1" maxItems:"500" doc:"Phrases that mean it, each once; no parentheses or brackets" example:"[\"I want to cancel my contract\"]"`
	Threshold        float64           `json:"threshold,omitempty" minimum:"0" maximum:"1" doc:"How closely a sentence must mean a phrase; 0 is the default"`
	Role             conversation.Role `json:"role,omitempty" enum:"caller,agent" doc:"Whose words are matched; anyone's if absent"`
	Languages        []string          `json:"languages,omitempty" doc:"BCP 47 tags; any language if absent" example:"[\"en-US\"]"`
	Exclusions       []string          `json:"exclusions,omitempty" doc:"A sentence with one of these does not match"`
	NegativeExamples []string          `json:"negative_examples,omitempty" doc:"Sentences that must not match"`
	Stance           tracking.Stance   `json:"stance,omitzero" doc:"What becomes of a phrase that is negated, asked, supposed or reported: match, ignore or separate"`
	Actions          []tracking.Action `json:"actions,omitempty" doc:"What a match sets off"`
	AlertsPerHour    int               `json:"alerts_per_hour,omitempty" minimum:"0" maximum:"10000" doc:"How many matches an hour set off actions; 0 is no limit"`
	Enabled          bool              `json:"enabled" required:"false" default:"true"`
	Library          string            `json:"library,omitempty" doc:"Name of the library entry it was made from"`
}

// ContentOf returns the content of t.
func ContentOf(t tracking.Tracker) Content {
	return Content{
		Name: t.Name, Description: t.Description, Categories: t.Categories, Vocabulary: t.Vocabulary, Threshold: t.Threshold,
		Role: t.Role, Languages: t.Languages, Exclusions: t.Exclusions, NegativeExamples: t.NegativeExamples, Stance: t.Stance,
		Actions: t.Actions, AlertsPerHour: t.AlertsPerHour, Enabled: t.Enabled, Library: t.Library,
	}
}

// tracker returns t with the content c. Spaces around texts are no part of them.
func (c Content) tracker(t tracking.Tracker) tracking.Tracker {
	t.Name, t.Description, t.Library = strings.TrimSpace(c.Name), strings.TrimSpace(c.Description), c.Library
	t.Categories, t.Vocabulary, t.Languages = trimmed(c.Categories), trimmed(c.Vocabulary), trimmed(c.Languages)
	t.Exclusions, t.NegativeExamples = trimmed(c.Exclusions), trimmed(c.NegativeExamples)
	t.Threshold, t.Role, t.Stance, t.Enabled = c.Threshold, c.Role, c.Stance, c.Enabled
	t.Actions, t.AlertsPerHour = slices.Clone(c.Actions), c.AlertsPerHour
	return t
}

func trimmed(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, strings.TrimSpace(s))
	}
	return out
}

// Changed returns the names of the members in which two contents differ, sorted.
func Changed(a, b Content) []string {
	before, after := members(a), members(b)
	changed := []string{}
	for name := range after {
		if !reflect.DeepEqual(before[name], after[name]) {
			changed = append(changed, name)
		}
	}
	for name := range before {
		if _, there := after[name]; !there {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	return changed
}

// members returns the JSON form of c by member. Spaces around texts, empty lists and absent ones make no difference.
func members(c Content) map[string]any {
	c = ContentOf(c.tracker(tracking.Tracker{}))
	data, err := json.Marshal(c)
	if err != nil { // a threshold that is not a number
		return map[string]any{"threshold": c.Threshold}
	}
	m := map[string]any{}
	_ = json.Unmarshal(data, &m) // it was made above
	return m
}

// names returns the members of a content in the order of its JSON form.
func names() []string {
	var list []string
	for field := range reflect.TypeFor[Content]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		list = append(list, name)
	}
	return list
}

// Patch returns the content of t after a JSON merge patch (RFC 7396): members that are null are removed, and lists are
// replaced as a whole. See Decode for the errors.
func Patch(t tracking.Tracker, patch []byte) (Draft, error) {
	changes, err := object("", patch)
	if err != nil {
		return Draft{}, err
	}
	merged := map[string]any{}
	maps.Copy(merged, members(ContentOf(t)))
	for name, raw := range changes {
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return Draft{}, &tracking.MemberError{Member: name, Problem: "is not JSON"}
		}
		merged[name] = merge(merged[name], value)
		if merged[name] == nil {
			delete(merged, name)
		}
	}
	data, err := json.Marshal(merged)
	if err != nil {
		return Draft{}, err
	}
	return Decode(data)
}

// merge is the function MergePatch of RFC 7396 section 2.
func merge(target, patch any) any {
	changes, isObject := patch.(map[string]any)
	if !isObject {
		return patch
	}
	merged := map[string]any{}
	if old, ok := target.(map[string]any); ok {
		maps.Copy(merged, old)
	}
	for name, value := range changes {
		if value == nil {
			delete(merged, name)
			continue
		}
		merged[name] = merge(merged[name], value)
	}
	return merged
}
