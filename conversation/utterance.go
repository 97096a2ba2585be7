package conversation

// Utterance is one turn of speech by one participant. While the turn is open it is sent several times as a partial with
// the same ID and growing text; the final replaces them and never changes.
type Utterance struct {
	ID             ID      `json:"id"`
	ConversationID ID      `json:"conversation_id"`
	Role           Role    `json:"role"`
	Text           string  `json:"text"`
	StableChars    int     `json:"stable_chars,omitempty"` // of a partial: bytes at the start of Text that two hypotheses agreed on
	Final          bool    `json:"final"`
	StartMS        int64   `json:"start_ms"` // media time of the first speech
	EndMS          int64   `json:"end_ms"`   // media time of the last speech heard so far
	Words          []Word  `json:"words,omitempty"`
	Confidence     float64 `json:"confidence"`           // mean token probability, 0 to 1
	Model          string  `json:"model,omitempty"`      // name of the speech model
	Late           bool    `json:"late,omitempty"`       // recognised so late that live reactions should not act on it
	LatencyMS      int64   `json:"latency_ms,omitempty"` // of a final: from the last speech to this hypothesis
}

// Word is one word of an utterance with its media time.
type Word struct {
	Text       string  `json:"text"`
	StartMS    int64   `json:"start_ms"`
	EndMS      int64   `json:"end_ms"`
	Confidence float64 `json:"confidence"`
}

// Method says how a tracker's phrase was found.
type Method string

// MethodLiteral is a phrase found word for word (inflections included); MethodMeaning one found by the sentence encoder.
const (
	MethodLiteral Method = "literal"
	MethodMeaning Method = "meaning"
)

// Match is a span of an utterance that means one of a tracker's phrases. At most one is emitted per utterance and
// tracker, that of the best phrase. A provisional match was found in a partial: the final either confirms it with a match
// of the same ID that is not provisional, or withdraws it.
type Match struct {
	ID             ID      `json:"id"`
	ConversationID ID      `json:"conversation_id"`
	UtteranceID    ID      `json:"utterance_id"`
	Role           Role    `json:"role"` // of the speaker
	TrackerID      ID      `json:"tracker_id"`
	Tracker        string  `json:"tracker"` // its name when it matched
	TrackerVersion int     `json:"tracker_version"`
	Phrase         string  `json:"phrase"` // the phrase of the vocabulary that matched best
	Text           string  `json:"text"`   // the matched words as they stand in the utterance
	Start          int     `json:"start"`  // byte offset of Text in the utterance
	End            int     `json:"end"`    // byte offset behind Text
	StartMS        int64   `json:"start_ms"`
	EndMS          int64   `json:"end_ms"`
	Score          float64 `json:"score"` // 0 to 1; literal matches score 1
	Method         Method  `json:"method"`
	Provisional    bool    `json:"provisional,omitempty"`
	// Stance is set when the phrase was not simply asserted and its tracker wants such matches told apart: negated,
	// question, conditional or reported.
	Stance string `json:"stance,omitempty"`
	// DelayMS is the time from the end of the matched words to the moment the match was found.
	DelayMS int64 `json:"delay_ms,omitempty"`
	// Reactions are what the match set off, as the actions of its tracker ask; most matches set off nothing.
	Reactions []Reaction `json:"reactions,omitempty"`
	// RerunID names the re-run of history that found the match; it is empty for one that was found as it was said.
	RerunID ID `json:"rerun_id,omitempty"`
}

// Reaction is something that a match sets off. A webhook is sent the match; an alert is an event of its own.
type Reaction struct {
	Type   ReactionType `json:"type"`
	Target string       `json:"target,omitempty"` // webhook: the name of the endpoint; tag: the tag
}

// ReactionType names a kind of reaction.
type ReactionType string

// The kinds of reactions.
const (
	ReactionAlert   ReactionType = "alert"
	ReactionWebhook ReactionType = "webhook"
	ReactionTag     ReactionType = "tag"
)
