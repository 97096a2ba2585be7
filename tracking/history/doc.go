// Package history works with trackers over past conversations: it tries a draft before it is saved, matches history again
// when a tracker has changed, finds what customers say that no tracker covers, and counts what people say of the matches.
//
// It matches with the detector of the live path. What it reads comes through Archive; where its results lie is the business of
// the stores that it declares. Long work is done in jobs that go on where they were interrupted.
package history
