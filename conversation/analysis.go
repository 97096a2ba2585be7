package conversation

// Sentiment is the mood of the customer over a whole conversation.
type Sentiment string

// The sentiment tags. SentimentNotApplicable is given when the customer said too little to have one.
const (
	SentimentNotApplicable  Sentiment = "not-applicable"
	SentimentOverlyNegative Sentiment = "overly-negative"
	SentimentNegative       Sentiment = "negative"
	SentimentNeutral        Sentiment = "neutral"
	SentimentPositive       Sentiment = "positive"
	SentimentOverlyPositive Sentiment = "overly-positive"
)

// Analysis is what the post-call steps found out. Producer names them and their versions, so that a result can be told
// from one made later by other rules.
type Analysis struct {
	Sentiment      Sentiment `json:"sentiment"`
	SentimentScore float64   `json:"sentiment_score"` // -1 (worst) to 1 (best)
	Transferred    bool      `json:"transferred"`
	Metrics        Metrics   `json:"metrics"`
	Summary        string    `json:"summary"` // one sentence: what happened on the line
	Producer       string    `json:"producer"`
}

// Metrics are the timings of a conversation, in milliseconds of media time.
type Metrics struct {
	CallerTalkMS   int64 `json:"caller_talk_ms"`
	AgentTalkMS    int64 `json:"agent_talk_ms"`
	SilenceMS      int64 `json:"silence_ms"` // nobody spoke
	OverlapMS      int64 `json:"overlap_ms"` // both spoke
	CallerTurns    int   `json:"caller_turns"`
	AgentTurns     int   `json:"agent_turns"`
	CallerWords    int   `json:"caller_words"`
	AgentWords     int   `json:"agent_words"`
	Interruptions  int   `json:"interruptions"` // a turn that began while the other side was speaking
	LongestPauseMS int64 `json:"longest_pause_ms"`
}
