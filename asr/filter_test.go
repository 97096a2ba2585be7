package asr

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// said returns a result with the words of text, each with the given confidence.
func said(text string, confidence float64) Result {
	var r Result
	for word := range strings.FieldsSeq(text) {
		r.Words = append(r.Words, Word{Text: word, Confidence: confidence})
	}
	return r
}

func TestJudge(t *testing.T) {
	quiet := said("Hello there.", 0.4)
	quiet.NoSpeech = 0.9
	for _, test := range []struct {
		name   string
		result Result
		speech time.Duration
		text   string
		want   verdict
	}{
		{"a sentence", said("I want to cancel.", 0.9), 2 * time.Second, "I want to cancel.", accepted},
		{"nothing", Result{}, 2 * time.Second, "", invented},
		{"no speech by the model's own judgement", quiet, 2 * time.Second, "", invented},
		{"a subtitle credit", said("Thanks for watching!", 0.9), time.Second, "", invented},
		{"a courtesy that was said", said("Thank you.", 0.9), 600 * time.Millisecond, "Thank you.", accepted},
		{"a courtesy over noise", said("Thank you.", 0.4), 600 * time.Millisecond, "", invented},
		{"more than can be said", said("I would like to know what my balance is today", 0.9), 500 * time.Millisecond, "", invented},
		{"a short word in a short time", said("Yes.", 0.9), 160 * time.Millisecond, "Yes.", accepted},
		{
			"a phrase over and over", said("call me back call me back call me back Call me back. goodbye", 0.9), 4 * time.Second,
			"call me back goodbye", repeating,
		},
		{"digits are repeated", said("five five five zero zero zero one", 0.9), 3 * time.Second, "five five five zero zero zero one", accepted},
		{"one word without end", said(strings.Repeat("no ", 9), 0.9), 4 * time.Second, "no", repeating},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, v := judge(test.result, test.speech)
			require.Equal(t, test.want, v)
			require.Equal(t, test.text, got.Text())
		})
	}
}

// countingVAD says that everything is silence and counts what it was asked.
type countingVAD struct{ windows, resets int }

func (v *countingVAD) Speech([]int16) (float32, error) { v.windows++; return 0, nil }
func (v *countingVAD) Reset()                          { v.resets++ }
func (*countingVAD) Close() error                      { return nil }

func TestDetectorSleepsWhileTheLineIsQuiet(t *testing.T) {
	vad := &countingVAD{}
	d := newDetector(vad)
	hear := func(level int16, windows int) {
		window := make([]int16, WindowSamples)
		for i := range window {
			window[i] = level * int16(1-i%2*2)
		}
		for range windows {
			_, err := d.speech(window)
			require.NoError(t, err)
		}
	}
	hear(20, 200) // line noise at -64 dBFS
	require.Equal(t, gateAfter, vad.windows, "it sleeps after a second")
	hear(2000, 1)
	require.Equal(t, gateAfter+gateReplay+1, vad.windows, "it wakes at once and hears what came before")
	require.Equal(t, 1, vad.resets)
}
