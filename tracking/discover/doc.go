// Package discover finds what customers keep saying: sentences with their vectors in, named clusters out.
//
// It splits turns into sentences, leaves out the words that only keep a talk going, clusters the rest by meaning, and names
// each cluster by what is typical of it. It is deterministic and pure: it reads no clock, no storage and no network.
package discover
