// Package media carries the audio of one leg between RTP and PCM: a Receiver turns RTP packets into a steady stream of
// 20 ms frames (jitter buffer, decoding, loss concealment, resampling), a Sender does the reverse, and a Session joins
// both over one UDP socket. A WebRTC leg uses a Receiver and a Sender over its own transport.
//
// All PCM that enters or leaves the package is 16 kHz mono int16 in frames of FrameSamples samples. The package knows
// nothing of SIP dialogs, calls or text. Session descriptions are in media/sdp, WAV files in media/wav.
package media
