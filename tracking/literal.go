package tracking

import "strings"

// literalIndex finds phrases word for word: a trie over stems. A search costs one walk per word of the utterance, however
// many phrases there are. Words that a speech model misheard, tore apart or ran together are followed too, as long as most of
// the phrase is intact.
type literalIndex struct {
	stems  map[string]int32
	next   map[edge]int32
	ends   map[int32][]phraseRef // phrases that end in a node; several trackers may share one
	nodes  int32
	words  map[string]int32      // stem of each long word of the phrases
	sounds map[string][]spelling // long words by what they sound like
	shorts map[string][]spelling // long words by what remains when one letter is missing
}

type edge struct{ node, stem int32 }

// spelling is a word of a phrase and its stem.
type spelling struct {
	word string
	stem int32
}

// phraseRef names a phrase by the positions of its tracker and of itself in the compiled set.
type phraseRef struct{ tracker, phrase int }

// literalHit is a phrase found at tokens[first:last+1].
type literalHit struct {
	phraseRef
	first, last int
	damaged     int // words that are not those of the phrase but sound or look like them
}

// Bounds of what passes for a damaged phrase.
const (
	longWord      = 5 // letters from which a word is recognised though it is damaged
	intactPerFlaw = 2 // words that a damaged one needs beside it
	maxPieces     = 3 // that a word is torn into
	spelledOut    = 3 // letters from which single letters in a row are taken for a spelled word
)

func newLiteralIndex() *literalIndex {
	return &literalIndex{
		stems: make(map[string]int32), next: make(map[edge]int32), ends: make(map[int32][]phraseRef),
		words: make(map[string]int32), sounds: make(map[string][]spelling), shorts: make(map[string][]spelling),
	}
}

func (x *literalIndex) add(tokens []token, ref phraseRef) {
	if len(tokens) == 0 {
		return
	}
	var node int32
	for _, t := range tokens {
		id, known := x.stems[t.stem]
		if !known {
			id = int32(len(x.stems))
			x.stems[t.stem] = id
		}
		x.addWord(t.word, id)
		e := edge{node, id}
		child, known := x.next[e]
		if !known {
			x.nodes++
			child = x.nodes
			x.next[e] = child
		}
		node = child
	}
	x.ends[node] = append(x.ends[node], ref)
}

// addWord makes a long word findable when it is damaged.
func (x *literalIndex) addWord(word string, id int32) {
	if _, known := x.words[word]; known || len(word) < longWord {
		return
	}
	x.words[word] = id
	s := spelling{word, id}
	if sound := soundOf(word); len(sound) > 1 {
		x.sounds[sound] = append(x.sounds[sound], s)
	}
	for i := range len(word) {
		short := word[:i] + word[i+1:]
		x.shorts[short] = append(x.shorts[short], s)
	}
}

// step is a way on from a word of the utterance: the stem of a phrase's word that it may be, and where it ends.
type step struct {
	stem    int32
	to      int
	damaged bool
}

// stepsFrom returns the ways on from the token at i.
func (x *literalIndex) stepsFrom(tokens []token, i int) []step {
	var steps []step
	add := func(stem int32, to int, damaged bool) {
		for _, s := range steps {
			if s.stem == stem && s.to == to {
				return
			}
		}
		steps = append(steps, step{stem, to, damaged})
	}
	t := tokens[i]
	if id, known := x.stems[t.stem]; known {
		add(id, i+1, false)
	}
	if len(t.word) >= longWord {
		x.resembling(t.word, func(id int32) { add(id, i+1, true) })
	}
	if spelled, to := spelledAt(tokens, i); to > i {
		if id, known := x.stems[stem(spelled)]; known {
			add(id, to, false)
		}
	}
	x.joined(tokens, i, add)
	return steps
}

// joined adds the words of the phrases that the tokens from i on are the pieces of.
func (x *literalIndex) joined(tokens []token, i int, add func(stem int32, to int, damaged bool)) {
	var b strings.Builder
	b.WriteString(tokens[i].word)
	for to := i + 1; to < len(tokens) && to < i+maxPieces; to++ {
		if tokens[to-1].clauseEnd || tokens[to].contracted {
			return
		}
		b.WriteString(tokens[to].word)
		word := b.String()
		if len(word) < longWord {
			continue
		}
		if id, known := x.words[word]; known {
			add(id, to+1, false)
		}
		for _, s := range x.sounds[soundOf(word)] {
			if editsWithin(word, s.word, len(s.word)/2) {
				add(s.stem, to+1, true)
			}
		}
	}
}

// resembling calls found for the words of the phrases that sound like word, or differ from it by one letter too many or too
// few. Letters that were replaced by ones that sound differently make another word: "changed" is not "charged".
func (x *literalIndex) resembling(word string, found func(stem int32)) {
	for _, s := range x.sounds[soundOf(word)] {
		if editsWithin(word, s.word, len(s.word)/2) {
			found(s.stem)
		}
	}
	for _, s := range x.shorts[word] {
		found(s.stem)
	}
	for i := range len(word) {
		if id, known := x.words[word[:i]+word[i+1:]]; known {
			found(id)
		}
	}
}

// spelledAt joins the single letters from i on, and returns where they end; i if they are no spelled word.
func spelledAt(tokens []token, i int) (word string, to int) {
	var b strings.Builder
	for to = i; to < len(tokens) && len(tokens[to].word) == 1; to++ {
		b.WriteString(tokens[to].word)
	}
	if to-i < spelledOut {
		return "", i
	}
	return b.String(), to
}

// search calls found for every phrase in tokens, from left to right.
func (x *literalIndex) search(tokens []token, found func(literalHit)) {
	if len(x.stems) == 0 {
		return
	}
	w := walk{index: x, tokens: tokens, steps: make([][]step, len(tokens)), found: found}
	for i := range tokens {
		w.steps[i] = x.stepsFrom(tokens, i)
	}
	for w.first = range tokens {
		w.from(0, w.first, progress{})
	}
}

// walk is one search through the trie.
type walk struct {
	index  *literalIndex
	tokens []token
	steps  [][]step
	found  func(literalHit)
	first  int
}

// progress counts the words of a phrase that were passed.
type progress struct{ intact, damaged, content int }

// from goes on from a node of the trie and a token. Its depth is bounded by the length of the phrases.
func (w *walk) from(node int32, at int, p progress) {
	if at >= len(w.tokens) {
		return
	}
	for _, s := range w.steps[at] {
		child, known := w.index.next[edge{node, s.stem}]
		if !known {
			continue
		}
		q := p
		switch {
		case s.damaged:
			q.damaged++
		case isContent(w.tokens[at].word):
			q.content++
			q.intact++
		default:
			q.intact++
		}
		if q.damaged > maxDamaged {
			continue
		}
		if q.damaged == 0 || q.intact >= q.damaged*intactPerFlaw && (q.content > 0 || q.intact > intactPerFlaw) {
			for _, ref := range w.index.ends[child] {
				w.found(literalHit{ref, w.first, s.to - 1, q.damaged})
			}
		}
		w.from(child, s.to, q)
	}
}

// maxDamaged bounds the ways a search follows.
const maxDamaged = 2
