// Package wav records calls into WAV files and plays WAV files as frames for a media.Stream. A recording is stereo,
// 16-bit, 16 kHz, the caller on the left and the agent on the right, and can be played at any time while it grows.
package wav

import "errors"

var (
	// ErrFormat is returned for a file that is not a WAV file, or of a kind that the operation does not support.
	ErrFormat = errors.New("unsupported WAV file")
	// ErrSlow is returned by Close if all went well except that the disk did not keep up with the call.
	ErrSlow = errors.New("recording has gaps because the disk was too slow")
)
