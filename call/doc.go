// Package call is the live call: the one place where legs, audio, recognition and tracking meet.
//
// A [Registry] holds the calls of this node. Each [Call] pulls 20 ms frames from its leg, plays the operator's audio,
// gives both sides to the recorder and to speech recognition, and turns what is recognised into matches; everything that
// happens becomes one ordered sequence of events in the [Feed], which the store, the API and the webhooks read.
//
// The package knows no SIP, no HTTP and no SQL: legs, recognizers, detectors, the event store and the operator's plan are
// small interfaces that app satisfies.
package call
