package quality_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/quality"
)

// TestNegationBlocksMeaning holds minimal pairs for the sample trackers; none of the affirmed forms stands in a vocabulary.
// The sentence vectors of a pair are nearly the same, so that only the guard can tell them apart.
func TestNegationBlocksMeaning(t *testing.T) {
	d := bundledDetector(t, openEncoder(t))
	require.NoError(t, d.SetTrackers(t.Context(), tracking.Samples()))
	for _, test := range []struct{ tracker, said, denied string }{
		{"Cancellation", "I wish to cancel my contract", "I do not wish to cancel my contract"},
		{"Cancellation", "I want to cancel the contract now", "I don't want to cancel the contract now"},
		{"Cancellation", "I am going to close my account", "I am not going to close my account"},
		{"Cancellation", "we plan to cancel our subscription", "we never planned to cancel our subscription"},
		{"Cancellation", "I don't want your service any more, cancel my account", "I love your service, don't cancel my account"},
		{"Cancellation", "I don't know how to cancel my subscription", "I do not intend to cancel my subscription"},
		{"Pricing objection", "it is really too expensive for me", "it is not really too expensive for me"},
		{"Pricing objection", "the prices are too high", "the prices are not too high"},
		{"Refund request", "I think I was charged twice", "I don't think I was charged twice"},
		{"Refund request", "I want a refund for this", "I don't want a refund for this"},
		{"Refund request", "can't you give me a refund", "you can't give me a refund"},
		{"Escalation", "I want to speak with your manager", "I don't want to speak with your manager"},
		{"Escalation", "could I talk to a supervisor please", "I do not need to talk to a supervisor"},
		{"Appointment", "I would like to schedule an appointment", "I would not like to schedule an appointment"},
		{"Appointment", "I need to book an appointment with you", "there is no need to book an appointment with you"},
		{"Technical trouble", "my internet isn't working", "my internet is working"},
		{"Technical trouble", "the app crashes all the time", "the app never crashes"},
		{"Technical trouble", "I am unable to log in", "I am able to log in"},
		{"Competitor mention", "I am changing to another provider", "I am not changing to another provider"},
		{"Gratitude", "you were very helpful", "you were not very helpful"},
	} {
		matches, err := quality.Match(t.Context(), d, []string{test.said, test.denied})
		require.NoError(t, err)
		if !contains(matches[0], test.tracker) {
			t.Errorf("%s: %q is missed", test.tracker, test.said)
		}
		if contains(matches[1], test.tracker) {
			t.Errorf("%s: %q fires: %+v", test.tracker, test.denied, matches[1])
		}
	}
}

func contains(matches []conversation.Match, tracker string) bool {
	return slices.Contains(quality.Names(matches), tracker)
}
