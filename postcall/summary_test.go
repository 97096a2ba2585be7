package postcall

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
)

func TestSummaries(t *testing.T) {
	const caller, agent = conversation.RoleCaller, conversation.RoleAgent
	talk := []conversation.Utterance{turn(agent, 0, 900, "How can I help?"), turn(caller, 1000, 2000, "I want to cancel.")}
	matches := func(names ...string) []conversation.Match {
		var matches []conversation.Match
		for _, name := range names {
			matches = append(matches, conversation.Match{Tracker: name})
		}
		return matches
	}
	tests := map[string]struct {
		direction    conversation.Direction
		from, to     string
		wait, length time.Duration // length 0: never answered
		end          conversation.End
		utterances   []conversation.Utterance
		matches      []conversation.Match
		transferred  bool
		sentiment    conversation.Sentiment
		want         string
	}{
		"angry caller": {
			from: "sip:1001@127.0.0.1:5062;transport=udp", length: 53 * time.Second, utterances: talk,
			matches:   matches("Cancellation", "Refund request", "Cancellation", "Pricing objection"),
			sentiment: conversation.SentimentOverlyNegative, end: completed(conversation.PartyRemote),
			want: "Caller 1001 spoke with the operator for 53 s; Cancellation, Refund request and Pricing objection came up; " +
				"the caller was very unhappy and hung up.",
		},
		"neutral caller after a long wait": {
			from: "+49301234567", wait: 75 * time.Second, length: 125 * time.Second, utterances: talk,
			sentiment: conversation.SentimentNeutral, end: completed(conversation.PartyOperator),
			want: "Caller +49301234567 spoke with the operator for 2 min 5 s after waiting 1 min 15 s; the operator hung up.",
		},
		"pleased caller, the operator hangs up": {
			from: "1001", length: 3700 * time.Second, utterances: talk, matches: matches("Renewal"),
			sentiment: conversation.SentimentPositive, end: completed(conversation.PartyOperator),
			want: "Caller 1001 spoke with the operator for 1 h 1 min; Renewal came up; the caller was pleased, and the operator hung up.",
		},
		"transferred caller": {
			from: "1001", length: 40 * time.Second, utterances: talk, transferred: true,
			sentiment: conversation.SentimentNegative, end: completed(conversation.PartyOperator),
			want: "Caller 1001 spoke with the operator for 40 s; the caller was unhappy and was transferred.",
		},
		"many trackers": {
			from: "1001", length: 40 * time.Second, utterances: talk, matches: matches("A", "B", "C", "D", "E", "F", "G"),
			sentiment: conversation.SentimentNeutral, end: completed(conversation.PartyRemote),
			want: "Caller 1001 spoke with the operator for 40 s; A, B, C, D, E and 2 more came up; the caller hung up.",
		},
		"silent call": {
			from: "1001", length: 32 * time.Second, sentiment: conversation.SentimentNotApplicable, end: completed(conversation.PartyRemote),
			want: "Caller 1001 was on the line for 32 s and nobody said a word; the caller hung up.",
		},
		"caller who says nothing": {
			from: "1001", length: 32 * time.Second, sentiment: conversation.SentimentNotApplicable, utterances: talk[:1],
			end:  conversation.End{Status: conversation.Completed, By: conversation.PartySystem, Cause: conversation.CauseMediaTimeout},
			want: "Caller 1001 was on the line for 32 s without saying a word; the call was cut off because no more audio arrived.",
		},
		"message left on an answering machine": {
			from: "1001", length: 24 * time.Second, sentiment: conversation.SentimentNotApplicable, end: completed(conversation.PartyRemote),
			utterances: []conversation.Utterance{
				turn(agent, 800, 8700, "Please leave a message after the tone."), turn(caller, 10_000, 22_000, "Call me back."),
			},
			want: "Caller 1001 reached an answering machine and left a message of 12 s; the caller hung up.",
		},
		"caller gives up": {
			from: "1001", wait: 8 * time.Second,
			end:  conversation.End{Status: conversation.Failed, By: conversation.PartyRemote, Cause: conversation.CauseCallerCancelled},
			want: "Caller 1001 gave up after waiting 8 s, before the call was answered.",
		},
		"inbound set-up fails": {
			end:  conversation.End{Status: conversation.Failed, Cause: conversation.CauseCodec},
			want: "An unknown caller could not be put through: the two sides have no codec in common.",
		},
		"outbound talk": {
			direction: conversation.Outbound, to: "sip:1002@example.com", wait: 6 * time.Second, length: 41 * time.Second,
			utterances: talk, matches: matches("Appointment"), sentiment: conversation.SentimentOverlyPositive,
			end:  completed(conversation.PartyRemote),
			want: "The operator called 1002 and they spoke for 41 s; Appointment came up; the customer was very pleased and hung up.",
		},
		"outbound silence": {
			direction: conversation.Outbound, to: "1002", length: 5 * time.Second, end: completed(conversation.PartyRemote),
			utterances: talk[:1], sentiment: conversation.SentimentNotApplicable,
			want: "The operator called 1002, who was on the line for 5 s without saying a word; the customer hung up.",
		},
		"outbound busy": {
			direction: conversation.Outbound, to: "1002",
			end:  conversation.End{Status: conversation.Busy, Cause: conversation.CauseBusy, SIPCode: 486},
			want: "The operator called 1002, but the line was busy.",
		},
		"outbound no answer": {
			direction: conversation.Outbound, to: "1002", wait: 30 * time.Second,
			end:  conversation.End{Status: conversation.NoAnswer, Cause: conversation.CauseNoAnswer},
			want: "The operator called 1002, but nobody answered within 30 s.",
		},
		"outbound declined": {
			direction: conversation.Outbound, to: "1002",
			end:  conversation.End{Status: conversation.Failed, Cause: conversation.CauseDeclined, SIPCode: 603},
			want: "The operator called 1002, but the call failed: the call was declined.",
		},
		"outbound failure without a known cause": {
			direction: conversation.Outbound, to: "1002",
			end:  conversation.End{Status: conversation.Failed, Cause: conversation.CauseSetupError, Reason: "SIP 500 from the trunk."},
			want: "The operator called 1002, but the call failed: SIP 500 from the trunk.",
		},
		"outbound failure without a reason": {
			direction: conversation.Outbound, to: "1002",
			end:  conversation.End{Status: conversation.Failed, Cause: conversation.CauseSetupError},
			want: "The operator called 1002, but the call failed.",
		},
		"outbound voicemail": {
			direction: conversation.Outbound, to: "1002", wait: 7 * time.Second, length: 9 * time.Second,
			end:  conversation.End{Status: conversation.Voicemail, By: conversation.PartyOperator, Cause: conversation.CauseVoicemail},
			want: "The operator called 1002 and reached an answering machine after 7 s.",
		},
		"crash": {
			from: "1001", length: 20 * time.Second, utterances: talk, sentiment: conversation.SentimentNeutral,
			end:  conversation.End{Status: conversation.Completed, By: conversation.PartySystem, Cause: conversation.CauseNodeRestart},
			want: "Caller 1001 spoke with the operator for 20 s; the call was cut off by a crash of the operator.",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.direction == "" {
				test.direction = conversation.Inbound
			}
			at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
			c := conversation.New("1700000000000001", test.direction, conversation.ChannelSIP, test.from, test.to, at)
			if test.length > 0 {
				require.NoError(t, c.Answer(at.Add(test.wait)))
			}
			require.NoError(t, c.Finish(test.end, at.Add(test.wait+test.length)))
			c.Transferred = test.transferred
			rec := record{conversation: c, utterances: test.utterances, matches: test.matches}
			analysis := conversation.Analysis{Metrics: measure(c.DurationMS, rec.utterances), Sentiment: test.sentiment}
			require.Equal(t, test.want, summarize(rec, analysis))
		})
	}
}

func completed(by conversation.Party) conversation.End {
	return conversation.End{Status: conversation.Completed, By: by, Cause: conversation.CauseNormal}
}
