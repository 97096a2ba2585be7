package asr

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPartialsOfLongSpeechComeMoreRarely(t *testing.T) {
	for spoken, want := range map[time.Duration]time.Duration{
		0: time.Second, longPartial: time.Second, 2 * longPartial: 2 * time.Second, 10 * time.Minute: 75 * time.Second,
	} {
		require.Equal(t, want, stretch(time.Second, spoken), spoken)
	}
}
