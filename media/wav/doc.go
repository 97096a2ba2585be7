// Package wav records calls into WAV files and plays WAV files as frames for a media.Stream.
package wav

import "time"

// Limits of a recorder if the options leave them open.
const (
	DefaultQueue = 500             // 10 s of audio
	DefaultSync  = 2 * time.Second // a killed process loses at most this much
)
