package sip

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// splitList splits a header value at the commas that are outside quotes and angle brackets (RFC 3261 section 7.3.1).
// It returns the trimmed, non-empty parts.
func splitList(value string) []string { return splitOutside(value, ',') }

func splitOutside(value string, sep byte) []string {
	var parts []string
	start, quoted, depth := 0, false, 0
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" {
			parts = append(parts, s)
		}
	}
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			depth++
		case c == '>':
			depth = max(0, depth-1)
		case c == sep && depth == 0:
			add(value[start:i])
			start = i + 1
		}
	}
	add(value[min(start, len(value)):])
	return parts
}

// headerList returns every element of every header field called name, in order.
func headerList(msg sipmsg.Message, name string) []string {
	var all []string
	for _, h := range msg.GetHeaders(name) {
		all = append(all, splitList(h.Value())...)
	}
	return all
}

// headerValue returns the value of the first header field called name, or "".
func headerValue(msg sipmsg.Message, name string) string {
	if hs := msg.GetHeaders(name); len(hs) > 0 {
		return strings.TrimSpace(hs[0].Value())
	}
	return ""
}

// reason is what the Reason header fields of a message say (RFC 3326).
type reason struct {
	q850 int    // Q.850 cause, 0 if there is none
	text string // the text of the Q.850 cause, else of the SIP one
}

func parseReason(msg sipmsg.Message) reason {
	var r reason
	for _, v := range headerList(msg, "Reason") {
		fields := splitOutside(v, ';')
		protocol := strings.ToUpper(strings.TrimSpace(fields[0]))
		cause, text := 0, ""
		for _, f := range fields[1:] {
			key, val, _ := strings.Cut(f, "=")
			val = strings.Trim(strings.TrimSpace(val), `"`)
			switch strings.ToLower(strings.TrimSpace(key)) {
			case "cause":
				cause = boundedInt(val, 999)
			case "text":
				text = val
			}
		}
		switch {
		case protocol == "Q.850" && cause <= 127 && r.q850 == 0:
			r.q850 = cause
			if text != "" {
				r.text = text
			}
		case r.text == "":
			r.text = text
		}
	}
	return r
}

// retryAfter returns the delay of a Retry-After header, 0 if there is none (RFC 3261 section 20.33).
func retryAfter(msg sipmsg.Message) time.Duration {
	digits, _, _ := strings.Cut(headerValue(msg, "Retry-After"), ";")
	digits, _, _ = strings.Cut(digits, "(")
	return time.Duration(boundedInt(strings.TrimSpace(digits), 24*3600)) * time.Second
}

// boundedInt returns the decimal s, or 0 if it is not a number from 0 to limit.
func boundedInt(s string, limit int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > limit {
		return 0
	}
	return n
}

// mediaType returns the lower-case type/subtype of a Content-Type value.
func mediaType(value string) string {
	value, _, _ = strings.Cut(value, ";")
	return strings.ToLower(strings.TrimSpace(value))
}

// clean returns s if it can stand in a header: no line breaks or other control characters, which would let its author
// write headers of their own.
func clean(what, s string) (string, error) {
	for _, r := range s {
		if r < 0x20 || r == 0x7f {
			return "", fmt.Errorf("%w %s: control character", ErrInvalid, what)
		}
	}
	return strings.TrimSpace(s), nil
}

// isToken reports whether s is a token (RFC 3261 section 25.1), as header names must be.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("-.!%*_+`'~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// ownHeader reports whether name is one of the header fields that make a message what it is, which a caller of Dial may not set.
func ownHeader(name string) bool {
	switch strings.ToLower(name) {
	case "via", "v", "from", "f", "to", "t", "call-id", "i", "cseq", "contact", "m", "max-forwards", "route",
		"record-route", "content-length", "l", "content-type", "c", "content-encoding", "e", "authorization",
		"proxy-authorization", "require", "proxy-require", "supported", "k", "allow":
		return true
	}
	return false
}

// parseURI parses a SIP or SIPS URI given by a caller.
func parseURI(what, s string) (sipmsg.Uri, error) {
	s, err := clean(what, s)
	if err != nil {
		return sipmsg.Uri{}, err
	}
	if strings.ContainsAny(s, "<>\" ") {
		return sipmsg.Uri{}, fmt.Errorf("%w %s %q", ErrInvalid, what, s)
	}
	var uri sipmsg.Uri
	if err := sipmsg.ParseUri(s, &uri); err != nil {
		return sipmsg.Uri{}, fmt.Errorf("%w %s %q: %w", ErrInvalid, what, s, err)
	}
	if (uri.Scheme != "sip" && uri.Scheme != "sips") || uri.Host == "" {
		return sipmsg.Uri{}, fmt.Errorf("%w %s %q: not a sip URI", ErrInvalid, what, s)
	}
	return uri, nil
}
