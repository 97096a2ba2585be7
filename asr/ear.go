package asr

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/operatord/operatord/conversation"
)

// How turns are found and decoded. Speech opens a turn when openLikely of the last openWindows windows are likely speech:
// a click is shorter. A cut beginning costs small models many words and a cut end few, hence the leading windows; half a
// second of either made the bundled model worse by one word in a hundred.
const (
	openWindows = 4
	openLikely  = 3
	leading     = 10 // windows before the speech that are decoded with it, 320 ms
	trailing    = 8  // windows after it, 256 ms

	minSpeechWindows = 5 // likely speech below 160 ms is not decoded

	speculateAfter = 7               // windows of silence after which a turn has probably ended, 224 ms
	commitAfter    = 4 * time.Second // speech before such a pause that need not be decoded again
	shortAfter     = 2 * time.Second // before MaxTurn such a pause ends it
	cutSearch      = 3 * time.Second // how far back a turn that is too long is searched for a place to cut it
	cutAnyway      = 5 * time.Second // beyond MaxTurn it is cut where it hurts least

	longPartial     = 8 * time.Second // what is longer is decoded more rarely, in proportion
	partialLifetime = 1500 * time.Millisecond
	finalDeadline   = 400 * time.Millisecond // after the end of the turn; orders the finals of all streams
	lateAfter       = 5 * time.Second        // finals later than this are marked as late

	vadRetry = 10 * time.Second // between attempts to make a detector
)

// ear is what the goroutine of a stream knows. Only that goroutine uses it, but for waiting.
type ear struct {
	rec     *Recognizer
	opts    StreamOptions
	inbox   *inbox
	log     *slog.Logger
	waiting atomic.Int64 // samples of the turns that have ended and are not decoded yet

	engine   Engine // nil until the recognizer has one
	vad      VAD
	detector *detector
	degraded bool  // said so
	retry    int64 // position at which to try again to make the detector

	window  []int16 // fills up to WindowSamples
	pos     int64   // of the window's first sample
	history history
	open    *turn   // nil while nobody speaks
	pending []*turn // ended, waiting for their text, oldest first
}

func newEar(r *Recognizer, opts StreamOptions, in *inbox) *ear {
	log := r.opts.Logger.With("conversation_id", string(opts.ConversationID), "role", string(opts.Role))
	return &ear{rec: r, opts: opts, inbox: in, log: log, window: make([]int16, 0, WindowSamples)}
}

// run serves the inbox until the stream is closed and everything is decoded or given up.
func (e *ear) run() {
	defer func() {
		if e.vad != nil {
			_ = e.vad.Close() // gives memory back; nothing to tell anybody
		}
	}()
	var b batch
	for {
		b = e.inbox.take(b)
		for _, o := range b.outcomes {
			e.decoded(o)
		}
		e.listen(b)
		if b.closing {
			e.finish()
		}
		if b.abandoned {
			e.abandon()
		}
		e.flush()
		e.count()
		if b.closing && len(e.pending) == 0 {
			return
		}
	}
}

// count publishes how much speech waits to be decoded.
func (e *ear) count() {
	n := 0
	for _, t := range e.pending {
		n += len(t.pcm)
	}
	e.waiting.Store(int64(n))
}

// listen takes the audio of a batch window by window.
func (e *ear) listen(b batch) {
	pcm := b.pcm
	for _, piece := range b.pieces {
		if piece.lost > 0 {
			e.lose(piece.lost)
		}
		for part := pcm[:piece.samples]; len(part) > 0; {
			n := min(len(part), WindowSamples-len(e.window))
			e.window = append(e.window, part[:n]...)
			part = part[n:]
			if len(e.window) == WindowSamples {
				e.step(piece.at)
			}
		}
		pcm = pcm[piece.samples:]
	}
}

// step hears the full window, which arrived at the given time.
func (e *ear) step(at time.Time) {
	if p, ok := e.hear(); ok {
		if e.open == nil {
			e.idle(p, at)
		} else {
			e.speaking(p, at)
		}
	}
	e.pos += WindowSamples
	e.window = e.window[:0]
}

// hear returns the probability that the window is speech; false if there is no way to know.
func (e *ear) hear() (float32, bool) {
	if e.detector == nil && !e.ready() {
		return 0, false
	}
	p, err := e.detector.speech(e.window)
	if err != nil {
		e.log.Error("voice activity detection failed", "err", err)
		e.gap(e.pos, e.pos+WindowSamples, CodeFailed, "Voice activity detection failed.")
		e.vad.Reset()
		return 0, true
	}
	return p, true
}

// ready makes the detector if the recognizer has an engine by now, and otherwise says once that the stream is degraded.
func (e *ear) ready() bool {
	engine := e.rec.engine.Load()
	if engine == nil {
		e.degrade("There is no transcription: the speech model is not loaded.")
		return false
	}
	if e.pos < e.retry {
		return false
	}
	vad, err := (*engine).NewVAD()
	if err != nil {
		e.retry = e.pos + int64(samples(vadRetry))
		e.log.Error("no voice activity detection", "err", err)
		e.degrade("There is no transcription: voice activity detection does not work.")
		return false
	}
	e.engine, e.vad, e.detector = *engine, vad, newDetector(vad)
	if e.pos > 0 {
		e.gap(0, e.pos, CodeNotReady, "The speech model was not loaded yet.")
	}
	return true
}

func (e *ear) degrade(message string) {
	if e.degraded {
		return
	}
	e.degraded = true
	if e.opts.OnDegraded != nil {
		e.opts.OnDegraded(conversation.Notice{Code: CodeNotReady, Message: message, StartMS: e.ms(e.pos)})
	}
}

// lose accounts for samples that never came: what was being said ends there.
func (e *ear) lose(n int) {
	from := e.pos
	e.end()
	e.pos += int64(len(e.window) + n)
	e.window = e.window[:0]
	e.history.clear()
	if e.detector != nil {
		e.vad.Reset()
		e.gap(from, e.pos, CodeOverflow, "Audio came faster than it could be taken.")
	}
}

// idle hears a window while nobody speaks, and opens a turn when somebody begins to.
func (e *ear) idle(p float32, at time.Time) {
	e.history.add(e.window, p)
	if e.history.likely() < openLikely {
		return
	}
	t := &turn{id: e.rec.opts.IDs.Next(time.Now())}
	e.history.unload(t, at)
	t.start = e.pos + WindowSamples - int64(len(t.pcm))
	t.partialEnd = t.tail.first
	e.open = t
}

// speaking hears a window of the open turn, and decides whether to decode or to end it.
func (e *ear) speaking(p float32, at time.Time) {
	t := e.open
	t.add(e.window, p, at)
	switch silence := t.silence(); {
	case silence == 0 && t.guess != nil:
		e.resume(t)
	case silence == 0:
		e.partial(t)
	case silence >= windows(e.rec.opts.Endpoint), silence >= speculateAfter && t.length() > e.rec.opts.MaxTurn-shortAfter:
		e.end()
		return
	case silence == min(speculateAfter, windows(e.rec.opts.Endpoint)/2):
		e.speculate(t)
	}
	if t.length() > e.rec.opts.MaxTurn {
		e.cut()
	}
}

// resume goes on with a turn after a short pause. What precedes it has been or is being decoded; if that is long enough to
// be understood by itself it becomes a part, and otherwise it will be decoded again with what follows.
func (e *ear) resume(t *turn) {
	if t.guess.spoken() < commitAfter {
		e.unspeculate(t)
		return
	}
	if t.guess.job != nil {
		e.rec.pool.promote(t.guess.job, time.Now().Add(finalDeadline))
	}
	t.commit()
}

// cut ends a turn that has become too long at its deepest dip, and goes on with the rest as a new turn, unless there is no
// dip yet and the turn may become longer still.
func (e *ear) cut() {
	t := e.open
	n := len(t.probs)
	w, p := t.dip(max(n-windows(cutSearch), t.tail.first+1), n-leading)
	if w <= t.tail.first || p >= speechPossible && t.length() < e.rec.opts.MaxTurn+cutAnyway {
		return
	}
	e.unspeculate(t)
	rest := &turn{id: e.rec.opts.IDs.Next(time.Now()), start: t.position(w), lastAt: t.lastAt}
	for i := w; i < n; i++ {
		rest.add(t.pcm[i*WindowSamples:(i+1)*WindowSamples], t.probs[i], t.lastAt)
	}
	t.pcm, t.probs = t.pcm[:w*WindowSamples:w*WindowSamples], t.probs[:w:w]
	t.tail.last = min(t.tail.last, w-1)
	e.end()
	e.open = rest
}

// end ends the open turn, if there is one: what was decoded early becomes its last part, or that is decoded now.
func (e *ear) end() {
	t := e.open
	if t == nil {
		return
	}
	e.open = nil
	e.history.clear()
	e.dropPartial(t)
	e.pending = append(e.pending, t)
	switch {
	case t.guess != nil && t.guess.job != nil:
		e.rec.pool.promote(t.guess.job, time.Now().Add(finalDeadline))
		fallthrough
	case t.guess != nil:
		t.parts = append(t.parts, t.guess)
	case t.tail.speech >= minSpeechWindows:
		p := t.tail
		t.parts = append(t.parts, &p)
		e.decode(t, &p, finalKind)
	}
	t.guess = nil
}

// finish ends the stream's audio: the rest of a window is heard as if silence followed.
func (e *ear) finish() {
	if n := len(e.window); n > 0 {
		e.window = append(e.window, make([]int16, WindowSamples-n)...)
		e.step(time.Now())
	}
	e.end()
}

// abandon gives up every part that is not decoded yet.
func (e *ear) abandon() {
	for _, t := range e.pending {
		for _, p := range t.parts {
			if !p.decided {
				e.rec.pool.revoke(p.job)
				p.job, p.err, p.decided = nil, ErrStopped, true
			}
		}
	}
}
