// Package quality measures a tracking.Detector, the code of the live path, on labelled text.
//
// A set is rows of (split, label, text). A task draws k phrases of a label as the vocabulary of its tracker, keeps some of the
// labels as trackers, and matches the test rows: a tracker is right when it fires on a row of its own label. Beside the
// detector stand simple baselines on the same draws. Minimal pairs measure what labelled sets do not hold.
package quality
