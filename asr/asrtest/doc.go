// Package asrtest makes package asr testable without a speech model: an engine that understands audio made by itself, and
// the recorded test calls.
package asrtest
