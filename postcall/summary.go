package postcall

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/operatord/operatord/conversation"
)

const (
	summaryTrackers = 5                // trackers named in a summary; the rest are counted
	notableWait     = 10 * time.Second // a shorter wait of a caller is not worth mentioning
)

// summarize says in one sentence what happened on the line. It uses only facts that are on record.
func summarize(rec record, analysis conversation.Analysis) string {
	c := &rec.conversation
	if c.AnsweredAt == nil {
		return sentence(unanswered(c))
	}
	if c.Status == conversation.Voicemail {
		return sentence(fmt.Sprintf("The operator called %s and reached an answering machine%s", party(c), afterWait(c)))
	}
	return sentence(opening(rec, analysis.Metrics), topics(rec.matches), closing(c, analysis.Sentiment))
}

// sentence joins the clauses that are not empty.
func sentence(clauses ...string) string {
	return strings.Join(slices.DeleteFunc(clauses, func(s string) bool { return s == "" }), "; ") + "."
}

// unanswered tells of a conversation that never began.
func unanswered(c *conversation.Conversation) string {
	waited := lasted(waiting(c))
	if c.Direction == conversation.Inbound {
		switch c.Cause {
		case conversation.CauseCallerCancelled:
			return fmt.Sprintf("%s gave up after waiting %s, before the call was answered", caller(c), waited)
		default:
			return fmt.Sprintf("%s could not be put through%s", caller(c), because(c))
		}
	}
	called := "The operator called " + party(c)
	switch c.Status {
	case conversation.Busy:
		return called + ", but the line was busy"
	case conversation.NoAnswer:
		return fmt.Sprintf("%s, but nobody answered within %s", called, waited)
	case conversation.Voicemail:
		return called + " and reached an answering machine"
	case conversation.Queued, conversation.InProgress, conversation.Completed, conversation.Failed:
		return called + ", but the call failed" + because(c)
	}
	return called
}

// because gives the reason of a failed set-up as a clause.
func because(c *conversation.Conversation) string {
	reason, known := map[conversation.Cause]string{
		conversation.CauseDeclined:  "the call was declined",
		conversation.CauseBadNumber: "the number cannot be reached",
		conversation.CauseTrunkAuth: "the trunk refused to place it",
		conversation.CauseCodec:     "the two sides have no codec in common",
		conversation.CauseShutdown:  "the operator was being shut down",
	}[c.Cause]
	if !known {
		reason = strings.TrimRight(lowerFirst(c.Reason), ". ")
	}
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// opening tells who was on the line and for how long.
func opening(rec record, m conversation.Metrics) string {
	c := &rec.conversation
	length := lasted(time.Duration(c.DurationMS) * time.Millisecond)
	if greeter := rec.greeter(); greeter != "" {
		return machineOpening(c, greeter, m)
	}
	if m.CallerWords > 0 {
		if c.Direction == conversation.Outbound {
			return fmt.Sprintf("The operator called %s and they spoke for %s", party(c), length)
		}
		return fmt.Sprintf("%s spoke with the operator for %s%s", caller(c), length, afterLongWait(c))
	}
	said := "without saying a word"
	if m.AgentWords == 0 {
		said = "and nobody said a word"
	}
	if c.Direction == conversation.Outbound {
		return fmt.Sprintf("The operator called %s, who was on the line for %s %s", party(c), length, said)
	}
	return fmt.Sprintf("%s was on the line for %s %s", caller(c), length, said)
}

// machineOpening tells of a call in which one side was an answering machine although nobody noticed in time.
func machineOpening(c *conversation.Conversation, greeter conversation.Role, m conversation.Metrics) string {
	switch {
	case c.Direction == conversation.Outbound:
		return fmt.Sprintf("The operator called %s and reached an answering machine%s", party(c), afterWait(c))
	case greeter == conversation.RoleCaller:
		return caller(c) + " was an answering machine"
	case m.CallerWords == 0:
		return caller(c) + " reached an answering machine and left no message"
	}
	talk := time.Duration(m.CallerTalkMS) * time.Millisecond
	return fmt.Sprintf("%s reached an answering machine and left a message of %s", caller(c), lasted(talk))
}

// topics names the trackers that matched, in the order in which they first did.
func topics(matches []conversation.Match) string {
	var names []string
	for _, m := range matches {
		if !m.Provisional && !slices.Contains(names, m.Tracker) {
			names = append(names, m.Tracker)
		}
	}
	if len(names) == 0 {
		return ""
	}
	if extra := len(names) - summaryTrackers; extra > 0 {
		names = append(names[:summaryTrackers:summaryTrackers], fmt.Sprintf("%d more", extra))
	}
	return list(names) + " came up"
}

// closing tells how the customer felt and how the call ended.
func closing(c *conversation.Conversation, sentiment conversation.Sentiment) string {
	customer := "the caller"
	if c.Direction == conversation.Outbound {
		customer = "the customer"
	}
	mood := map[conversation.Sentiment]string{
		conversation.SentimentOverlyNegative: "was very unhappy",
		conversation.SentimentNegative:       "was unhappy",
		conversation.SentimentPositive:       "was pleased",
		conversation.SentimentOverlyPositive: "was very pleased",
	}[sentiment]
	end, subject := ending(c, customer)
	switch {
	case mood == "":
		return strings.TrimSpace(subject + " " + end)
	case subject == customer:
		return fmt.Sprintf("%s %s and %s", customer, mood, end)
	default:
		return fmt.Sprintf("%s %s, and %s %s", customer, mood, subject, end)
	}
}

// ending says what ended an answered call, and who or what did that.
func ending(c *conversation.Conversation, customer string) (predicate, subject string) {
	if c.Transferred {
		return "was transferred", customer
	}
	switch c.Cause {
	case conversation.CauseMediaTimeout:
		return "was cut off because no more audio arrived", "the call"
	case conversation.CauseMaxDuration:
		return "was ended at the longest time allowed", "the call"
	case conversation.CauseShutdown:
		return "was ended by a shutdown of the operator", "the call"
	case conversation.CauseNodeRestart:
		return "was cut off by a crash of the operator", "the call"
	case conversation.CauseInternal:
		return "was cut off by a fault of the operator", "the call"
	default:
	}
	switch c.EndedBy {
	case conversation.PartyRemote:
		return "hung up", customer
	case conversation.PartyOperator:
		return "hung up", "the operator"
	case conversation.PartySystem:
		return "was ended by the system", "the call"
	}
	return "ended", "the call"
}
