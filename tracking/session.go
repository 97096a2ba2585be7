package tracking

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/operatord/operatord/conversation"
)

// Result is what one version of an utterance changed.
type Result struct {
	Matched   []conversation.Match // new matches, by their place; on a final also the provisional ones it confirms
	Withdrawn []conversation.Match // provisional matches that the final did not confirm, as they were sent
}

// Session matches the utterances of one conversation. It is safe for concurrent use by the two sides of a call; the
// versions of one utterance must come one after the other.
type Session struct {
	detector       *Detector
	conversationID conversation.ID

	mu          sync.Mutex
	provisional map[conversation.ID]byTracker // by utterance, then by the name of the tracker; until the final
	failed      bool                          // an encoder error was returned already
}

// byTracker holds one match per tracker name, which is unique in a set.
type byTracker map[string]conversation.Match

// NewSession returns a session for one conversation. It needs no closing.
func (d *Detector) NewSession(id conversation.ID) *Session {
	return &Session{detector: d, conversationID: id, provisional: make(map[conversation.ID]byTracker)}
}

// Match matches one version of an utterance. There is at most one match per utterance and tracker, that of the best phrase.
//
// A partial is matched literally, in its stable part (Utterance.StableChars) only, and a tracker is reported once, as
// provisional. The final is matched literally and by meaning: it confirms a provisional match with one of the same ID, which
// may stand elsewhere or have another phrase by now, or withdraws it. A final with empty text withdraws all.
//
// The result is valid even with an error. An error matching ErrEncoder says that this final was matched literally only; it is
// returned for the first such utterance of the session and only counted for the others, which is enough to call a
// conversation degraded once. Match waits for the encoder until ctx ends; a partial never waits.
func (s *Session) Match(ctx context.Context, u conversation.Utterance) (Result, error) {
	d := s.detector
	started := time.Now()
	set := d.current.Load()
	r := set.read(&u)
	found := set.matchLiteral(r)
	if !u.Final {
		defer d.metrics.observe(stagePartial, started)
		return Result{Matched: s.announce(&u, found, started)}, nil
	}
	defer d.metrics.observe(stageFinal, started)
	var err error
	if d.encoder != nil {
		var meant []finding
		meant, err = set.matchMeaning(ctx, d.encoder, r, found)
		found = append(found, meant...)
	}
	result := s.settle(&u, found, started)
	for i := range result.Matched {
		d.metrics.matches.WithLabelValues(string(result.Matched[i].Method)).Inc()
	}
	return result, s.report(err)
}

// announce returns provisional matches for the findings in the stable part that were not announced before.
func (s *Session) announce(u *conversation.Utterance, found []finding, started time.Time) []conversation.Match {
	s.mu.Lock()
	defer s.mu.Unlock()
	var matches []conversation.Match
	for _, f := range sorted(found) {
		if _, sent := s.provisional[u.ID][f.tracker.name]; sent || f.end > u.StableChars {
			continue
		}
		m := s.match(u, f, started)
		m.Provisional = true
		if s.provisional[u.ID] == nil {
			s.provisional[u.ID] = make(byTracker)
		}
		s.provisional[u.ID][m.Tracker] = m
		matches = append(matches, m)
	}
	return matches
}

// settle returns the matches of a final, and forgets the provisional ones.
func (s *Session) settle(u *conversation.Utterance, found []finding, started time.Time) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	announced := s.provisional[u.ID]
	delete(s.provisional, u.ID)
	var result Result
	for _, f := range sorted(found) {
		m := s.match(u, f, started)
		if old, sent := announced[m.Tracker]; sent {
			m.ID = old.ID
			delete(announced, m.Tracker)
		}
		result.Matched = append(result.Matched, m)
	}
	for _, m := range announced {
		result.Withdrawn = append(result.Withdrawn, m)
	}
	slices.SortFunc(result.Withdrawn, func(a, b conversation.Match) int { return cmp.Compare(a.ID, b.ID) })
	return result
}

// sorted returns the findings by their place in the text.
func sorted(found []finding) []finding {
	slices.SortFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end), cmp.Compare(a.tracker.name, b.tracker.name))
	})
	return found
}

// match returns a new match for a finding.
func (s *Session) match(u *conversation.Utterance, f finding, started time.Time) conversation.Match {
	startMS, endMS := times(u, f.start, f.end)
	return conversation.Match{
		ID:             s.detector.ids.Next(s.detector.now()),
		ConversationID: s.conversationID,
		UtteranceID:    u.ID,
		Role:           u.Role,
		TrackerID:      f.tracker.id,
		Tracker:        f.tracker.name,
		TrackerVersion: f.tracker.version,
		Phrase:         f.phrase,
		Text:           u.Text[f.start:f.end],
		Start:          f.start,
		End:            f.end,
		StartMS:        startMS,
		EndMS:          endMS,
		Score:          f.score,
		Method:         f.method,
		Stance:         f.stance,
		DelayMS:        delay(u, endMS, started),
	}
}

// delay returns the milliseconds from the end of the matched words until now, for recognised speech: the rest of the turn,
// recognition, and matching since it started. A partial does not say how long its recognition took, so that its delay is
// a lower bound.
func delay(u *conversation.Utterance, endMS int64, started time.Time) int64 {
	if u.Model == "" {
		return 0
	}
	return max(0, u.EndMS-endMS) + u.LatencyMS + time.Since(started).Milliseconds()
}

// report counts an encoder error and returns it the first time.
func (s *Session) report(err error) error {
	if err == nil {
		return nil
	}
	s.detector.metrics.errors.Inc()
	s.mu.Lock()
	first := !s.failed
	s.failed = true
	s.mu.Unlock()
	if first || errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
