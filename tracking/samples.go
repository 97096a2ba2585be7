package tracking

import (
	_ "embed"
	"encoding/json"
)

//go:embed samples.json
var samplesJSON []byte

// Samples returns the trackers of the sample calls: ten small vocabularies of this project's own writing, enabled, without
// identity. They are for first steps and tests.
func Samples() []Tracker {
	var samples []Tracker
	if err := json.Unmarshal(samplesJSON, &samples); err != nil {
		panic("tracking: samples.json: " + err.Error()) //nolint:forbidigo // the embedded file is a constant
	}
	return samples
}
