package api

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking/history"
)

// describe adds to the document what the domain types cannot say about themselves: the values of their enumerations.
func describe(doc *huma.OpenAPI) {
	enums := map[string]map[string][]any{
		"Conversation": {
			"status": values(conversation.Statuses()...), "direction": directions(), "channel": channels(),
			"ended_by": values(conversation.PartyRemote, conversation.PartyOperator, conversation.PartySystem),
		},
		"Utterance": {"role": roles()},
		"Match":     {"role": roles(), "method": values(conversation.MethodLiteral, conversation.MethodMeaning)},
		"Recommendation": {
			"state": values(history.RecommendationOpen, history.RecommendationAccepted, history.RecommendationDismissed),
			"trend": values(history.TrendRising, history.TrendSteady, history.TrendFalling),
		},
		"Rerun": {"state": values(history.RerunWaiting, history.RerunRunning, history.RerunCompleted, history.RerunCancelled,
			history.RerunFailed)},
		"Review": {"verdict": values(history.VerdictRight, history.VerdictWrong, history.VerdictMissed)},
		"Analysis": {"sentiment": values(conversation.SentimentNotApplicable, conversation.SentimentOverlyNegative,
			conversation.SentimentNegative, conversation.SentimentNeutral, conversation.SentimentPositive, conversation.SentimentOverlyPositive)},
	}
	enums["Listed"], enums["ReviewedMatch"] = enums["Conversation"], enums["Match"]
	schemas := doc.Components.Schemas.Map()
	for name, members := range enums {
		for member, allowed := range members {
			if schema := schemas[name]; schema != nil && schema.Properties[member] != nil {
				schema.Properties[member].Enum = allowed
			}
		}
	}
}

func directions() []any { return values(conversation.Inbound, conversation.Outbound) }

func channels() []any {
	return values(conversation.ChannelSIP, conversation.ChannelWebRTC, conversation.ChannelAudio, conversation.ChannelVideo,
		conversation.ChannelText, conversation.ChannelStream)
}

func roles() []any { return values(conversation.RoleCaller, conversation.RoleAgent) }

func values[T ~string](list ...T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}
