package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Problem is one thing that is wrong with the configuration.
type Problem struct {
	Key     string // path of the setting, e.g. sip.trunks[1].host, or the name of an environment variable
	Message string
}

// Errors are all that is wrong, in the order found. It is an error.
type Errors []Problem

func (p Errors) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Key + ": " + problem.Message
	}
	return strings.Join(lines, "\n")
}

func (p *Errors) add(key, format string, args ...any) {
	*p = append(*p, Problem{Key: key, Message: fmt.Sprintf(format, args...)})
}

// assign writes a parsed YAML value into target and returns everything that does not fit, with key paths. Members that
// the document leaves out keep what target holds.
func assign(key string, value any, target reflect.Value) Errors {
	if value == nil {
		return nil
	}
	switch {
	case isScalar(target):
		return assignScalar(key, value, target)
	case target.Kind() == reflect.Struct:
		return assignStruct(key, value, target)
	default:
		return assignList(key, value, target)
	}
}

func assignStruct(key string, value any, target reflect.Value) Errors {
	var problems Errors
	members, ok := value.(yaml.MapSlice)
	if !ok {
		problems.add(key, "want a map of settings, got %s", describe(value))
		return problems
	}
	for _, member := range members {
		name := fmt.Sprint(member.Key)
		path := join(key, name)
		field := fieldByKey(target, name)
		if !field.IsValid() {
			problems.add(path, "unknown setting%s", suggestion(target))
			continue
		}
		problems = append(problems, assign(path, member.Value, field)...)
	}
	return problems
}

func assignList(key string, value any, target reflect.Value) Errors {
	var problems Errors
	items, ok := value.([]any)
	if !ok {
		problems.add(key, "want a list, got %s", describe(value))
		return problems
	}
	if len(items) == 0 {
		target.SetZero()
		return nil
	}
	list := reflect.MakeSlice(target.Type(), len(items), len(items))
	for i, item := range items {
		if defaults := newElement(key); defaults != nil {
			list.Index(i).Set(reflect.ValueOf(defaults))
		}
		problems = append(problems, assign(fmt.Sprintf("%s[%d]", key, i), item, list.Index(i))...)
	}
	target.Set(list)
	return problems
}

// assignScalar accepts a scalar of the fitting YAML type; numbers and booleans may stand for text, as in `to: 1001`.
func assignScalar(key string, value any, target reflect.Value) Errors {
	var problems Errors
	switch value.(type) {
	case yaml.MapSlice, []any:
		problems.add(key, "want %s, got %s", wanted(target), describe(value))
		return problems
	}
	if _, isText := value.(string); isText && target.Kind() == reflect.Bool {
		problems.add(key, "want %s, got %s", wanted(target), describe(value))
		return problems
	}
	if err := setText(target, fmt.Sprint(value)); err != nil {
		problems.add(key, "want %s, got %s", wanted(target), describe(value))
	}
	return problems
}

// isScalar reports whether v holds one value written as one word: basic kinds, durations, and types that parse text.
func isScalar(v reflect.Value) bool {
	if _, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()); ok {
		return true
	}
	return v.Kind() != reflect.Struct && v.Kind() != reflect.Slice
}

// setText parses text into a scalar; on an error the scalar keeps what it held.
func setText(target reflect.Value, text string) error {
	parsed := reflect.New(target.Type())
	if err := parseText(parsed.Elem(), text); err != nil {
		return err
	}
	target.Set(parsed.Elem())
	return nil
}

func parseText(target reflect.Value, text string) (err error) {
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](target.Addr()); ok {
		return u.UnmarshalText([]byte(text))
	}
	if d, ok := reflect.TypeAssert[*time.Duration](target.Addr()); ok {
		*d, err = time.ParseDuration(text)
		return err
	}
	switch target.Kind() {
	case reflect.String:
		target.SetString(text)
		return nil
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		target.SetBool(b)
		return err
	case reflect.Int:
		n, err := strconv.Atoi(text)
		target.SetInt(int64(n))
		return err
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		target.SetFloat(f)
		return err
	default:
		return fmt.Errorf("no rule for %s", target.Type())
	}
}

// wanted describes the form a scalar must have.
func wanted(v reflect.Value) string {
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return "a duration such as 500ms or 30s"
	case v.Type().String() == "netip.Prefix":
		return "a network such as 10.0.0.0/8"
	case v.Type().String() == "netip.Addr":
		return "an IP address"
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.Kind() == reflect.Int:
		return "a whole number"
	case v.Kind() == reflect.Float64:
		return "a number"
	}
	return "text"
}

func describe(value any) string {
	switch v := value.(type) {
	case yaml.MapSlice:
		return "a map"
	case []any:
		return "a list"
	default:
		return fmt.Sprintf("%q", fmt.Sprint(v))
	}
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

func keyOf(f reflect.StructField) string { return f.Tag.Get("yaml") }

func fieldByKey(v reflect.Value, key string) reflect.Value {
	for f := range v.Type().Fields() {
		if keyOf(f) == key {
			return v.FieldByIndex(f.Index)
		}
	}
	return reflect.Value{}
}

// suggestion lists the settings that exist beside an unknown one.
func suggestion(v reflect.Value) string {
	var keys []string
	for f := range v.Type().Fields() {
		keys = append(keys, keyOf(f))
	}
	slices.Sort(keys)
	return "; there are " + strings.Join(keys, ", ")
}

// override applies the environment to c. A variable with our prefix that names no setting is a problem, since it is most
// likely a misspelt one.
func override(c *Config, environ []string) Errors {
	var problems Errors
	settings := map[string]setting{}
	collect("", reflect.ValueOf(c).Elem(), settings)
	for _, pair := range environ {
		name, text, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, EnvPrefix) {
			continue
		}
		s, known := settings[strings.TrimPrefix(name, EnvPrefix)]
		if !known {
			problems.add(name, "no such setting")
			continue
		}
		if err := s.set(text); err != nil {
			problems.add(name, "%s: %s", s.key, err)
		}
	}
	return problems
}

// setting is one overridable place in the configuration: a scalar, or a list of scalars.
type setting struct {
	key   string
	value reflect.Value
}

func (s setting) set(text string) error {
	if isScalar(s.value) {
		if err := setText(s.value, text); err != nil {
			return fmt.Errorf("want %s, got %q", wanted(s.value), text)
		}
		return nil
	}
	var parts []string
	if text != "" {
		parts = strings.Split(text, ",")
	}
	list := reflect.MakeSlice(s.value.Type(), len(parts), len(parts))
	for i, part := range parts {
		if err := setText(list.Index(i), strings.TrimSpace(part)); err != nil {
			return fmt.Errorf("want %s, got %q", wanted(list.Index(i)), part)
		}
	}
	s.value.Set(list)
	return nil
}

// collect finds every overridable setting under v, keyed by its name in the environment without the prefix.
func collect(key string, v reflect.Value, into map[string]setting) {
	switch {
	case isScalar(v), v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Struct, isTextList(v):
		into[envName(key)] = setting{key: key, value: v}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			collect(fmt.Sprintf("%s[%d]", key, i), v.Index(i), into)
		}
	default:
		for f := range v.Type().Fields() {
			collect(join(key, keyOf(f)), v.FieldByIndex(f.Index), into)
		}
	}
}

// isTextList reports whether v is a list whose elements parse text although they are structs, such as netip.Prefix.
func isTextList(v reflect.Value) bool {
	if v.Kind() != reflect.Slice {
		return false
	}
	_, ok := reflect.TypeAssert[encoding.TextUnmarshaler](reflect.New(v.Type().Elem()))
	return ok
}

func envName(key string) string {
	return strings.ToUpper(strings.NewReplacer(".", "_", "[", "_", "]", "").Replace(key))
}
