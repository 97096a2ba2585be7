// Package tracking finds trackers in what was said: text in, matches out.
//
// A Tracker is a name with a vocabulary, the example phrases that stand for it. A Detector compiles the enabled trackers
// and swaps them in while matching goes on; a Session matches the utterances of one conversation. A phrase is found word
// for word (inflections and contractions included) or by meaning, with sentence vectors from an Encoder. Whatever was
// found, a negation that the phrase does not have itself blocks it: "I do not want to cancel" is no cancellation. What becomes of
// questions, conditions and reports is the tracker's policy (Stance). Scores are calibrated: one threshold means the same with
// every encoder, vocabulary and kind of turn.
//
// The package knows no audio, no storage and no network, and imports no cgo: the bundled encoder is tracking/encoder, one
// behind an embeddings service tracking/remote, the measurements are in tracking/quality.
package tracking
