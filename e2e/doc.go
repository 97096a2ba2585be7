// Package e2e holds the end-to-end tests: the whole daemon, in this process or as a process of its own, called by real
// SIP peers and browsers over loopback. It has no code but tests.
package e2e
