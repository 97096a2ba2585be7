package asr

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newTestLoad(t *testing.T) *load {
	t.Helper()
	m, err := newMetrics(nil)
	require.NoError(t, err)
	return newLoad(time.Second, 2, m)
}

func TestLoadGivesUpPartialsFirst(t *testing.T) {
	l := newTestLoad(t)
	busy := func(share float64) {
		for range 20 {
			l.add(time.Duration(share*2*float64(loadTick)), partialKind, Params{})
			l.tick(loadTick)
		}
	}
	for _, step := range []struct {
		share     float64
		interval  time.Duration
		speculate bool
		thorough  bool
	}{
		{0.3, time.Second, true, true},
		{0.6, 2 * time.Second, true, true},
		{0.8, 4 * time.Second, true, true},
		{0.9, 0, false, true},
		{1, 0, false, false},
		{0.1, time.Second, true, true}, // and back
	} {
		busy(step.share)
		require.Equal(t, step.interval, l.partialInterval())
		require.Equal(t, step.speculate, l.speculate())
		require.Equal(t, step.thorough, l.thorough())
	}
}

func TestLoadSearchesLessOnASlowMachine(t *testing.T) {
	l := newTestLoad(t)
	final := func(took time.Duration, p Params) {
		for range 20 {
			l.add(took, finalKind, p)
		}
	}
	final(500*time.Millisecond, Params{Best: true})
	require.True(t, l.thorough())
	final(900*time.Millisecond, Params{Best: true})
	require.False(t, l.thorough())
	final(450*time.Millisecond, Params{})
	require.False(t, l.thorough(), "the thorough search would take twice as long")
	final(9*time.Second, Params{Best: true, FullContext: true})
	final(200*time.Millisecond, Params{})
	require.True(t, l.thorough())
}
