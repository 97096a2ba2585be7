package quality_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/tracking/quality"
)

// TestPairs measures the minimal pairs with the bundled encoder. The pairs of the held part may be counted, not read, by
// those who work on the detector.
func TestPairs(t *testing.T) {
	pairs := quality.Pairs()
	require.Greater(t, len(pairs), 300)
	results, err := quality.RunPairs(t.Context(), bundledDetector(t, openEncoder(t)), pairs)
	require.NoError(t, err)
	right, all := map[string]int{}, map[string]int{}
	count := func(key string, r quality.PairResult) {
		all[key]++
		if r.Right() {
			right[key]++
		}
	}
	for _, r := range results {
		part := "development"
		if r.Held {
			part = "held"
		}
		for _, key := range []string{"all", part, r.Kind, r.Kind + ", " + part} {
			count(key, r)
		}
		if !r.Held && !r.Right() {
			t.Logf("%s %s: missed %v %q, fired %v %q", r.Kind, r.Tracker, r.Missed, r.Fires, r.Fired, r.Silent)
		}
	}
	for key, n := range all {
		t.Logf("%-26s %3d of %3d, %.3f", key, right[key], n, float64(right[key])/float64(n))
	}
	for _, key := range []string{"all", "held", quality.KindNegation} {
		require.GreaterOrEqual(t, float64(right[key])/float64(all[key]), 0.9, key)
	}
}
