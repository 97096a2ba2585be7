package attendant

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// table finds the profile of a called number. An exact number wins over any prefix, a longer prefix over a shorter one.
type table struct {
	numbers  map[string]string
	prefixes []prefix // longest first
}

type prefix struct{ digits, profile string }

func (t *table) add(r Route) error {
	switch {
	case r.Number != "" && r.Prefix != "":
		return errors.New("prefix: not allowed together with number")
	case r.Number != "":
		return t.addNumber(Number(r.Number), r.Profile)
	case r.Prefix != "":
		return t.addPrefix(Number(r.Prefix), r.Profile)
	}
	return errors.New("number: a route needs a number or a prefix")
}

func (t *table) addNumber(number, profile string) error {
	if number == "" {
		return errors.New("number: empty")
	}
	if _, taken := t.numbers[number]; taken {
		return fmt.Errorf("number: %q is routed twice", number)
	}
	if t.numbers == nil {
		t.numbers = make(map[string]string)
	}
	t.numbers[number] = profile
	return nil
}

func (t *table) addPrefix(digits, profile string) error {
	if digits == "" {
		return errors.New("prefix: empty; use default to take every number")
	}
	if slices.ContainsFunc(t.prefixes, func(p prefix) bool { return p.digits == digits }) {
		return fmt.Errorf("prefix: %q is routed twice", digits)
	}
	t.prefixes = append(t.prefixes, prefix{digits: digits, profile: profile})
	slices.SortFunc(t.prefixes, func(a, b prefix) int { return len(b.digits) - len(a.digits) })
	return nil
}

// lookup returns the profile of number, or "" if no route takes it.
func (t *table) lookup(number string) string {
	if profile, found := t.numbers[number]; found {
		return profile
	}
	for _, p := range t.prefixes {
		if strings.HasPrefix(number, p.digits) {
			return p.profile
		}
	}
	return ""
}

// Number returns the part of an address that routes compare: the user of a SIP URI or the subscriber of a tel URI,
// without parameters, and without the visual separators of RFC 3966 section 5.1.1 if it is a telephone number. A name is
// kept as it stands. The international prefix is not interpreted: "+49" and "0049" are different numbers.
func Number(address string) string {
	user := address
	for _, scheme := range []string{"sips:", "sip:", "tel:"} {
		if len(user) >= len(scheme) && strings.EqualFold(user[:len(scheme)], scheme) {
			user = user[len(scheme):]
			break
		}
	}
	user, _, _ = strings.Cut(user, "@")
	user, _, _ = strings.Cut(user, ";")
	digits := strings.Map(dropSeparator, user)
	if strings.Trim(digits, "0123456789*#+") != "" || digits == "" {
		return user
	}
	return digits
}

func dropSeparator(r rune) rune {
	if strings.ContainsRune("-.() ", r) {
		return -1
	}
	return r
}
