package postcall

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/operatord/operatord/conversation"
)

// caller names who called us, at the start of a sentence.
func caller(c *conversation.Conversation) string {
	if name := party(c); name != "" {
		return "Caller " + name
	}
	return "An unknown caller"
}

// party names the customer: by name if known, else by number.
func party(c *conversation.Conversation) string {
	for _, p := range c.Participants {
		if p.Role == conversation.RoleCaller && p.Name != "" {
			return p.Name
		}
	}
	if c.Direction == conversation.Outbound {
		return number(c.To)
	}
	return number(c.From)
}

// number shortens a SIP or tel URI to its user part and leaves everything else as it is.
func number(address string) string {
	scheme, rest, found := strings.Cut(strings.Trim(address, "<> "), ":")
	if !found || (scheme != "sip" && scheme != "sips" && scheme != "tel") {
		return address
	}
	rest, _, _ = strings.Cut(rest, ";")
	if user, _, found := strings.Cut(rest, "@"); found {
		return user
	}
	return rest
}

// waiting is the time from the start of a conversation to its answer, or to its end if there was none.
func waiting(c *conversation.Conversation) time.Duration {
	switch {
	case c.AnsweredAt != nil:
		return c.AnsweredAt.Sub(c.CreatedAt)
	case c.EndedAt != nil:
		return c.EndedAt.Sub(c.CreatedAt)
	}
	return 0
}

func afterWait(c *conversation.Conversation) string {
	return " after " + lasted(waiting(c))
}

func afterLongWait(c *conversation.Conversation) string {
	if waiting(c) < notableWait {
		return ""
	}
	return " after waiting " + lasted(waiting(c))
}

// lasted writes a duration as people say it, in its two largest units.
func lasted(d time.Duration) string {
	seconds := int64(d.Round(time.Second) / time.Second)
	hours, minutes, seconds := seconds/3600, seconds/60%60, seconds%60
	switch {
	case hours > 0 && minutes > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	case hours > 0:
		return fmt.Sprintf("%d h", hours)
	case minutes > 0 && seconds > 0:
		return fmt.Sprintf("%d min %d s", minutes, seconds)
	case minutes > 0:
		return fmt.Sprintf("%d min", minutes)
	case seconds <= 0:
		return "less than a second"
	}
	return fmt.Sprintf("%d s", seconds)
}

// list joins names as in "a, b and c".
func list(names []string) string {
	last := len(names) - 1
	if last <= 0 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

func lowerFirst(s string) string {
	if s == "" {
		return ""
	}
	r, size := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[size:]); unicode.IsUpper(next) {
		return s // an abbreviation
	}
	return string(unicode.ToLower(r)) + s[size:]
}
