package tracking

// literalIndex finds phrases word for word: a trie over stems. A search costs one walk per word of the utterance, however
// many phrases there are.
type literalIndex struct {
	stems map[string]int32
	next  map[edge]int32
	ends  map[int32][]phraseRef // phrases that end in a node; several trackers may share one
	nodes int32
}

type edge struct{ node, stem int32 }

// phraseRef names a phrase by the positions of its tracker and of itself in the compiled set.
type phraseRef struct{ tracker, phrase int }

// literalHit is a phrase found at tokens[first:last+1].
type literalHit struct {
	phraseRef
	first, last int
}

func newLiteralIndex() *literalIndex {
	return &literalIndex{stems: make(map[string]int32), next: make(map[edge]int32), ends: make(map[int32][]phraseRef)}
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

// search calls found for every phrase in tokens, from left to right.
func (x *literalIndex) search(tokens []token, found func(literalHit)) {
	ids := make([]int32, len(tokens))
	for i, t := range tokens {
		id, known := x.stems[t.stem]
		if !known {
			id = -1
		}
		ids[i] = id
	}
	for first := range ids {
		var node int32
		for last := first; last < len(ids) && ids[last] >= 0; last++ {
			child, known := x.next[edge{node, ids[last]}]
			if !known {
				break
			}
			node = child
			for _, ref := range x.ends[node] {
				found(literalHit{ref, first, last})
			}
		}
	}
}
