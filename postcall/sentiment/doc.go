// Package sentiment finds the mood of a customer in what they said on a call.
//
// Each sentence gets a score from -1 to 1: a ridge regression on its sentence vector and its lexicon valence, trained on
// human ratings. The scores of a conversation are averaged so that feelings count more than facts and the end more than
// the beginning, and the average is cut into the tags of conversation.Sentiment. Without a sentence encoder the lexicon
// works alone, less well.
//
// The lexicon is that of VADER (C.J. Hutto and E.E. Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment
// Analysis of Social Media Text", ICWSM 2014), without its emoticons. README.md says how the weights were made and how
// well the tags agree with people.
package sentiment
