package tracking

// Negated reports whether a phrase says that something is not so: "I do not want to cancel", "I can not pay".
func Negated(phrase string) bool { return len(negations(tokenize(phrase))) > 0 }
