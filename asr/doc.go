// Package asr turns the audio of one speaker into utterances while it is being spoken.
//
// A [Stream] is one leg of a call. Its goroutine finds the turns of speech in the audio (energy gate, voice activity
// detection with hysteresis, end-of-speech delay) and asks the [Recognizer]'s workers to decode them: now and then while
// a turn is open (partials), early when a pause begins (a speculative final), and once when it has ended (the final). Finals
// are decoded in order of their deadline and are never given up silently; partials are the first thing to go under load.
//
// The package takes plain PCM at [SampleRate] and yields [conversation.Utterance] values. It knows no RTP, no call and no
// C: the speech model and the voice activity detector are an [Engine], which package asr/whisper implements with
// whisper.cpp and package asr/asrtest fakes.
package asr
