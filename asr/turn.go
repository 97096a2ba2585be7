package asr

import (
	"slices"
	"strings"
	"time"

	"github.com/operatord/operatord/conversation"
)

// turn is what one speaker says until a pause as long as the endpoint. It counts in windows. A turn is decoded in parts:
// what precedes a short pause needs no second decode when the speaker goes on.
type turn struct {
	id     conversation.ID
	start  int64     // position in the stream of its first sample, which lies before the speech
	pcm    []int16   // whole windows; only ever appended to, so that decodes may share it
	probs  []float32 // of speech, one per window
	lastAt time.Time // when the last window with speech arrived

	parts []*part // over, oldest first
	tail  part    // being spoken
	guess *part   // the tail, decoded early because a pause began; nil while he speaks

	partial    *job   // that waits or runs
	partialEnd int    // windows when the last partial was due
	hypothesis Result // newest, of the open turn
	stable     int    // words at its beginning that the one before had too
	published  bool   // a partial was sent
}

// part is a stretch of a turn that is decoded at once.
type part struct {
	from        int // window at which its audio begins
	first, last int // windows in which its speech begins and was heard last
	speech      int // windows that are likely speech

	job     *job // that waits or runs
	retried bool // it is the second
	decided bool // text is final, or err says why there is none
	text    Result
	err     error
}

// spoken returns how long the speech lasts from beginning to end, pauses included.
func (p *part) spoken() time.Duration { return time.Duration(p.last+1-p.first) * windowDuration }

// windowDuration is how long a window lasts.
const windowDuration = WindowSamples * time.Second / SampleRate

// windows returns the number of windows that last d or just longer.
func windows(d time.Duration) int { return int((d + windowDuration - 1) / windowDuration) }

// add appends a window.
func (t *turn) add(window []int16, p float32, at time.Time) {
	t.pcm = append(t.pcm, window...)
	t.probs = append(t.probs, p)
	if p >= speechPossible {
		t.tail.last, t.lastAt = len(t.probs)-1, at
	}
	if p >= speechLikely {
		t.tail.speech++
	}
}

// silence returns the number of windows since speech was heard.
func (t *turn) silence() int { return len(t.probs) - 1 - t.tail.last }

// length returns how long the turn is, with what precedes the speech and follows it.
func (t *turn) length() time.Duration { return time.Duration(len(t.probs)) * windowDuration }

// position returns the position in the stream at which a window of the turn begins.
func (t *turn) position(window int) int64 { return t.start + int64(window)*WindowSamples }

// begin and end return the positions between which the turn's speech lies.
func (t *turn) begin() int64 {
	if len(t.parts) > 0 {
		return t.position(t.parts[0].first)
	}
	return t.position(t.tail.first)
}

func (t *turn) end() int64 { return t.position(t.tail.last + 1) }

// audio returns a part's audio up to a little after its last speech.
func (t *turn) audio(p *part) []int16 {
	end := min(len(t.probs), p.last+1+trailing) * WindowSamples
	return t.pcm[p.from*WindowSamples : end : end]
}

// commit makes a part of the guess, for the speaker goes on in the newest window.
func (t *turn) commit() {
	now := len(t.probs) - 1
	t.parts = append(t.parts, t.guess)
	t.tail = part{from: max(t.guess.last+1, now-leading), first: now, last: now, speech: 1}
	t.guess = nil
}

// decided reports whether every part is.
func (t *turn) decided() bool {
	return !slices.ContainsFunc(t.parts, func(p *part) bool { return !p.decided })
}

// find returns the part that waits for j, or nil.
func (t *turn) find(j *job) *part {
	if t.guess != nil && t.guess.job == j {
		return t.guess
	}
	if i := slices.IndexFunc(t.parts, func(p *part) bool { return p.job == j }); i >= 0 {
		return t.parts[i]
	}
	return nil
}

// text returns the words of the parts, and then those of tail.
func (t *turn) text(tail Result) Result {
	var all Result
	for _, p := range t.parts {
		all.Words = append(all.Words, p.text.Words...)
	}
	all.Words = append(all.Words, tail.Words...)
	return all
}

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

// timedWords spreads the words of each part over its windows that hold speech, each as long as its share of the letters.
// Whisper's own word times come from its attention or from timestamp tokens; small models give neither reliably.
func (t *turn) timedWords(ms func(position int64) int64) []conversation.Word {
	var words []conversation.Word
	for _, p := range t.parts {
		voiced := t.voiced(p)
		total := len(strings.ReplaceAll(p.text.Text(), " ", ""))
		letters := 0
		for _, w := range p.text.Words {
			begin := voiced[min(letters*len(voiced)/total, len(voiced)-1)]
			letters += len(w.Text)
			end := max(begin, voiced[min((letters*len(voiced)-1)/total, len(voiced)-1)])
			words = append(words, conversation.Word{
				Text: w.Text, StartMS: ms(t.position(begin)), EndMS: ms(t.position(end + 1)), Confidence: w.Confidence,
			})
		}
	}
	return words
}

// voiced returns the windows of p that hold speech; there is always one.
func (t *turn) voiced(p *part) []int {
	var voiced []int
	for w := p.first; w <= p.last; w++ {
		if w == p.first || t.probs[w] >= speechPossible {
			voiced = append(voiced, w)
		}
	}
	return voiced
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
