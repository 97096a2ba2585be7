package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// Draft is content that came from outside, with what its sender said it was made from.
type Draft struct {
	Content
	ID      conversation.ID // empty if not said
	Version int             // 0 if not said
}

// Decode reads a draft from JSON. Members that only the daemon sets are accepted, so that an answer can be edited and sent
// back, and a tracker is enabled unless the draft says otherwise. All members that do not exist or have the wrong type are
// reported at once, as *tracking.MemberError values; whether the values are allowed is not checked here.
func Decode(data []byte) (Draft, error) {
	d := Draft{Content: Content{Enabled: true}}
	members, err := object("", data)
	if err != nil {
		return d, err
	}
	return d, assignObject("", members, d.targets())
}

// targets returns where each member goes; nil is for members that are ignored.
func (d *Draft) targets() map[string]any {
	return map[string]any{
		"name": &d.Name, "description": &d.Description, "categories": &d.Categories, "vocabulary": &d.Vocabulary,
		"threshold": &d.Threshold, "role": (*string)(&d.Role), "languages": &d.Languages, "exclusions": &d.Exclusions,
		"negative_examples": &d.NegativeExamples, "stance": &d.Stance, "actions": &d.Actions,
		"alerts_per_hour": &d.AlertsPerHour, "enabled": &d.Enabled, "library": &d.Library,
		"id": (*string)(&d.ID), "version": &d.Version,
		"updated_by": nil, "created_at": nil, "updated_at": nil, "live_version": nil, "warnings": nil, "changed": nil,
	}
}

// object splits a JSON object into its members.
func object(place string, data []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	err := json.Unmarshal(data, &members)
	if err == nil && members != nil {
		return members, nil
	}
	if place == "" {
		place = "body"
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, &tracking.MemberError{Member: place, Problem: fmt.Sprintf("is not JSON: %s at byte %d", syntax, syntax.Offset)}
	}
	return nil, &tracking.MemberError{Member: place, Problem: "want an object, got " + kind(data)}
}

// assignObject writes members to their targets.
func assignObject(place string, members map[string]json.RawMessage, targets map[string]any) error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(members)) {
		path := name
		if place != "" {
			path = place + "." + name
		}
		target, known := targets[name]
		if !known {
			problems = append(problems, &tracking.MemberError{Member: path, Problem: "there is no such member"})
			continue
		}
		if raw := members[name]; target != nil && string(raw) != "null" {
			problems = append(problems, assign(path, raw, target))
		}
	}
	return errors.Join(problems...)
}

// assign writes one value to its target.
func assign(path string, raw json.RawMessage, target any) error {
	switch t := target.(type) {
	case *[]string:
		return assignList(path, raw, "a list of text", t, func(path string, raw json.RawMessage, s *string) error {
			return assign(path, raw, s)
		})
	case *[]tracking.Action:
		return assignList(path, raw, "a list of actions", t, func(path string, raw json.RawMessage, a *tracking.Action) error {
			return assignMembers(path, raw, map[string]any{"type": (*string)(&a.Type), "target": &a.Target})
		})
	case *tracking.Stance:
		return assignMembers(path, raw, map[string]any{
			"negation": (*string)(&t.Negation), "question": (*string)(&t.Question),
			"conditional": (*string)(&t.Conditional), "reported": (*string)(&t.Reported),
		})
	}
	if err := json.Unmarshal(raw, target); err != nil {
		return &tracking.MemberError{Member: path, Problem: "want " + wanted(target) + ", got " + kind(raw)}
	}
	return nil
}

func assignMembers(path string, raw json.RawMessage, targets map[string]any) error {
	members, err := object(path, raw)
	if err != nil {
		return err
	}
	return assignObject(path, members, targets)
}

// maxItems bounds the work on one list, and the number of problems in it; no list of a tracker may be as long.
const maxItems = 1000

func assignList[T any](path string, raw json.RawMessage, want string, list *[]T, one func(string, json.RawMessage, *T) error) error {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return &tracking.MemberError{Member: path, Problem: "want " + want + ", got " + kind(raw)}
	}
	if len(items) > maxItems {
		return &tracking.MemberError{Member: path, Problem: fmt.Sprintf("more than %d", maxItems)}
	}
	*list = make([]T, len(items))
	var problems []error
	for i, item := range items {
		problems = append(problems, one(fmt.Sprintf("%s[%d]", path, i), item, &(*list)[i]))
	}
	return errors.Join(problems...)
}

// wanted says what kind of value a target takes.
func wanted(target any) string {
	switch target.(type) {
	case *bool:
		return "true or false"
	case *int:
		return "a whole number"
	case *float64:
		return "a number"
	}
	return "text"
}

// kind says what kind of value a JSON text is.
func kind(raw []byte) string {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return "something else"
	}
	switch v.(type) {
	case nil:
		return "nothing"
	case bool:
		return "true or false"
	case float64:
		return "a number"
	case string:
		return "text"
	case []any:
		return "a list"
	}
	return "an object"
}
