package tracking_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/tracking"
)

// TestNegationBlocksLiteralMatches holds minimal pairs: the same phrase stands in both texts, and only one means it.
func TestNegationBlocksLiteralMatches(t *testing.T) {
	for _, test := range []struct{ phrase, said, denied string }{
		{"cancel my contract", "I want to cancel my contract", "I do not want to cancel my contract"},
		{"cancel my contract", "please cancel my contract", "please don't cancel my contract"},
		{"cancel my contract", "no cancel my contract", "I would never cancel my contract"},
		{"cancel my contract", "No. Cancel my contract.", "No, I don't want you to cancel my contract."},
		{"cancel my contract", "can't you just cancel my contract", "you can't just cancel my contract"},
		{"cancel my contract", "why don't you cancel my contract", "I told you don't cancel my contract"},
		{"cancel my contract", "I do not like it so cancel my contract", "I do not think I want to cancel my contract"},
		{"cancel my contract", "I don't like you and cancel my contract", "I am calling without any wish to cancel my contract"},
		{"cancel my contract", "I do not know how to cancel my contract", "I am not about to cancel my contract"},
		{"it is too expensive", "no it is too expensive", "I would not say it is too expensive"},
		{"it is too expensive", "I don't want it, it is too expensive", "it's not that it is too expensive"},
		{"speak to your manager", "could you not let me speak to your manager", "I do not need to speak to your manager"},
		{"speak to your manager", "not only that let me speak to your manager", "nobody wants to speak to your manager"},
		{"refund my money", "no thank you refund my money", "you will not refund my money"},
		{"I was charged twice", "I did not know I was charged twice", "I never said I was charged twice"},
		{"book an appointment", "I have no time but want to book an appointment", "instead of trying to book an appointment I wait"},
		{"book an appointment", "I can't wait to book an appointment", "there is no need to book an appointment"},
		{"a better deal", "I don't want your promotion I found a better deal", "I don't want a better deal"},
		{"leave your name", "don't hesitate to leave your name", "rather than leave your name hang up"},
		{"I no longer want this", "I no longer want this", "it is not true that I no longer want this"},
		{"I can not log in", "I can't log in", "never say I can not log in"},
		{"close my account", "whether or not you like it close my account", "I would neither move nor close my account"},
	} {
		d := newDetector(t, tracking.Options{}, tracker("T", test.phrase))
		require.Len(t, match(t, d.NewSession("c"), final(test.said)).Matched, 1, test.said)
		require.Empty(t, match(t, d.NewSession("c"), final(test.denied)).Matched, test.denied)
	}
}
