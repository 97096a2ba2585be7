package tracking

// EffectiveThreshold returns the score from which t matches a typed sentence by meaning: its own, or the default for as many
// phrases as it has.
func (t *Tracker) EffectiveThreshold() float64 {
	if t.Threshold != 0 {
		return t.Threshold
	}
	return defaultThreshold(len(t.Vocabulary))
}
