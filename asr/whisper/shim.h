// The few functions of whisper.cpp that the Go bindings lack: contexts without a default state, decoding with a state of
// one's own, abortion, and the streaming voice activity detector. Nothing here calls back into Go.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <whisper.h>

// asr_params are the decoding parameters that change from call to call.
struct asr_params {
    int beam_size;       // hypotheses searched; 1 is greedy
    int audio_ctx;       // encoder window in units of 20 ms
    int max_tokens;
    const char *language;
    const char *prompt;  // may be null
    int32_t *abort;      // another thread makes it non-zero to end the call early
};

// asr_log_init silences whisper.cpp except for errors, which are kept for asr_last_error. Call it before anything else.
void asr_log_init(void);

// Each of the following leaves the last error whisper.cpp logged, or an empty string, in error (n bytes).
struct whisper_context *asr_load(const char *path, char *error, int n);
struct whisper_state *asr_new_state(struct whisper_context *ctx, char *error, int n);
int asr_decode(struct whisper_context *ctx, struct whisper_state *state, const float *samples, int count,
               struct asr_params p, char *error, int n);
struct whisper_vad_context *asr_vad_load(const char *path, char *error, int n);

// asr_vad_speech returns the probability of speech in one window, or a negative number.
float asr_vad_speech(struct whisper_vad_context *vad, const float *window, int count);
