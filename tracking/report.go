package tracking

// reportAt reports whether what stands behind the token at i is said, thought or done by somebody else.
func reportAt(tokens []token, i int) bool {
	switch tokens[i].word {
	case "says", "said", "saying", "told", "tells", "claimed", "claims", "thinks", "thought", "believes", "believed", "mentioned", "mentions",
		"asked", "asks", "promised", "promises", "shouted", "wrote", "writes", "suggested", "suggests", "insisted", "insists",
		"complained", "complains", "explained", "explains", "swears", "reckons", "feels":
		return isOthersSaying(tokens, i)
	case "say", "tell", "think", "claim", "believe":
		return isOneOf(wordAt(tokens, i-1), "they", "people", "reviews", "friends", "parents", "neighbours", "neighbors", "all", "always") &&
			!isOneOf(wordAt(tokens, i-2), "do", "did", "i")
	case "heard", "read":
		return isOneOf(wordAt(tokens, i-1), "i", "we", "have") && !isOneOf(wordAt(tokens, i+1), "you", "your")
	case "according":
		return wordAt(tokens, i+1) == "to"
	}
	return isOthersDeed(tokens, i)
}

// isOthersSaying reports whether the verb of saying at i has a subject other than the speaker.
func isOthersSaying(tokens []token, i int) bool {
	for j := i - 1; j >= 0 && j >= i-4; j-- {
		if tokens[j].clauseEnd && j < i-1 {
			return false
		}
		switch tokens[j].word {
		case "was", "were", "been", "got":
			return isOneOf(tokens[i].word, "told", "promised", "asked") // "I was told"
		case "i", "we", "to", "me", "let":
			return false
		case "he", "she", "they", "you", "who", "it", "people", "somebody", "someone", "everybody", "everyone":
			return true
		}
		if isDeterminer(tokens[j].word) {
			return true
		}
	}
	return false
}

func isDeterminer(word string) bool {
	return isOneOf(word, "my", "your", "our", "his", "her", "their", "the", "this", "that", "one", "a", "some")
}

// isOthersDeed reports whether the token at i ends a subject of the speaker's circle: "my wife", "my brother's card".
func isOthersDeed(tokens []token, i int) bool {
	if isOneOf(tokens[i].word, "he", "she") {
		return beginsClause(tokens, i) && isWish(wordAt(tokens, i+1))
	}
	if i == 0 || !isKin(tokens[i].word) || !isOneOf(tokens[i-1].word, "my", "our", "his", "her", "their") || !beginsClause(tokens, i-1) {
		return false
	}
	next := wordAt(tokens, i+1)
	return next != "" && !tokens[i].clauseEnd && next != "and" && next != "or"
}

// isWish reports whether a third person's intention follows.
func isWish(word string) bool {
	return isOneOf(word, "wants", "wanted", "wishes", "wished", "would", "intends", "plans", "planned", "hopes", "needs", "needed", "tried")
}

// isKin reports whether the word is a person of somebody's circle.
func isKin(word string) bool {
	return isOneOf(word, "wife", "husband", "partner", "son", "daughter", "kid", "kids", "child", "children", "mother", "father", "mom",
		"mum", "dad", "parents", "brother", "sister", "friend", "friends", "neighbour", "neighbor", "neighbours", "neighbors", "boss",
		"colleague", "colleagues", "coworker", "roommate", "flatmate", "girlfriend", "boyfriend", "uncle", "aunt", "cousin",
		"grandmother", "grandfather", "grandma", "grandpa", "lawyer", "doctor", "accountant", "landlord", "tenant", "assistant", "family")
}
