package tracking

// EffectiveThreshold returns the score from which t matches: its own, or DefaultThreshold.
func (t *Tracker) EffectiveThreshold() float64 {
	if t.Threshold != 0 {
		return t.Threshold
	}
	return DefaultThreshold
}
