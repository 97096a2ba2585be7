package asr

import (
	"strings"
	"time"

	"github.com/operatord/operatord/conversation"
)

// turn is one stretch of speech, from its first window until a pause as long as the endpoint. It counts in windows.
type turn struct {
	id     conversation.ID
	start  int64     // position in the stream of its first sample, which lies before the speech
	pcm    []int16   // whole windows; only ever appended to, so that decodes may share it
	probs  []float32 // of speech, one per window
	first  int       // window in which speech begins
	last   int       // window in which speech was heard last
	speech int       // windows that are likely speech
	lastAt time.Time // when the window last arrived

	hypothesis Result // newest, of the open turn
	stable     int    // words at its beginning that the one before had too
	partialEnd int    // windows when the last partial was due
	published  bool   // a partial was sent

	partial *job     // that waits or runs
	final   *job     // likewise; speculative while the turn is open
	early   *outcome // of the speculative job
	retried bool     // decoded a second time
	done    bool     // text is final, or gap says why there is none
	text    Result
	gap     conversation.Notice
}

// windowDuration is how long a window lasts.
const windowDuration = WindowSamples * time.Second / SampleRate

// windows returns the number of windows that last d or just longer.
func windows(d time.Duration) int { return int((d + windowDuration - 1) / windowDuration) }

// add appends a window.
func (t *turn) add(window []int16, p float32, at time.Time) {
	t.pcm = append(t.pcm, window...)
	t.probs = append(t.probs, p)
	if p >= speechPossible {
		t.last, t.lastAt = len(t.probs)-1, at
	}
	if p >= speechLikely {
		t.speech++
	}
}

// silence returns the number of windows since speech was heard.
func (t *turn) silence() int { return len(t.probs) - 1 - t.last }

// position returns the position in the stream at which a window of the turn begins.
func (t *turn) position(window int) int64 { return t.start + int64(window)*WindowSamples }

// heard returns the turn's audio up to a little after its last speech.
func (t *turn) heard() []int16 {
	end := min(len(t.probs), t.last+1+trailing) * WindowSamples
	return t.pcm[:end:end]
}

// spoken returns how long the speech lasts from beginning to end, pauses included.
func (t *turn) spoken() time.Duration { return time.Duration(t.last+1-t.first) * windowDuration }

// agree takes r as the turn's newest hypothesis and notes how much of it the one before said too (LocalAgreement-2,
// Macháček and others 2023): words that two hypotheses share hardly change any more.
func (t *turn) agree(r Result) {
	t.stable = 0
	for t.stable < min(len(r.Words), len(t.hypothesis.Words)) && r.Words[t.stable].Text == t.hypothesis.Words[t.stable].Text {
		t.stable++
	}
	t.hypothesis = r
}

// stableChars returns the length in bytes of the stable beginning of the hypothesis' text.
func (t *turn) stableChars() int { return len(Result{Words: t.hypothesis.Words[:t.stable]}.Text()) }

// timedWords spreads the words over the windows that hold speech, each as long as its share of the letters. Whisper's own
// word times come from its attention or from timestamp tokens; small models give neither reliably.
func (t *turn) timedWords(r Result, ms func(position int64) int64) []conversation.Word {
	var voiced []int // windows with speech
	for w := t.first; w <= t.last && w < len(t.probs); w++ {
		if t.probs[w] >= speechPossible {
			voiced = append(voiced, w)
		}
	}
	total := len(strings.ReplaceAll(r.Text(), " ", ""))
	if len(voiced) == 0 || total == 0 {
		return nil
	}
	words := make([]conversation.Word, len(r.Words))
	letters := 0
	for i, w := range r.Words {
		begin := voiced[min(letters*len(voiced)/total, len(voiced)-1)]
		letters += len(w.Text)
		end := max(begin, voiced[min((letters*len(voiced)-1)/total, len(voiced)-1)])
		words[i] = conversation.Word{
			Text: w.Text, StartMS: ms(t.position(begin)), EndMS: ms(t.position(end + 1)), Confidence: w.Confidence,
		}
	}
	return words
}

// dip returns the window between from and to at which the turn is best cut: where speech is least likely over three
// windows, and how likely it is there.
func (t *turn) dip(from, to int) (window int, p float32) {
	window, p = to, 2
	for w := max(from, 1); w < min(to, len(t.probs)-1); w++ {
		if mean := (t.probs[w-1] + t.probs[w] + t.probs[w+1]) / 3; mean <= p {
			window, p = w, mean
		}
	}
	return window, p
}
