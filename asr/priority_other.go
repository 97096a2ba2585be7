//go:build !linux

package asr

// lowerPriority does nothing: only Linux has priorities of threads.
func lowerPriority() {}
