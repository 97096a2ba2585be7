#include "shim.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

// Each thread keeps its own last error: a call and what it logs happen on one thread.
static _Thread_local char last_error[256];

static void keep_error(enum ggml_log_level level, const char *text, void *user_data) {
    (void)user_data;
    if (level == GGML_LOG_LEVEL_ERROR) {
        snprintf(last_error, sizeof last_error, "%s", text);
    }
}

static void take_error(char *error, int n) {
    snprintf(error, n, "%s", last_error);
    last_error[0] = '\0';
}

void asr_log_init(void) { whisper_log_set(keep_error, NULL); }

struct whisper_context *asr_load(const char *path, char *error, int n) {
    struct whisper_context_params p = whisper_context_default_params();
    p.use_gpu = false;
    struct whisper_context *ctx = whisper_init_from_file_with_params_no_state(path, p);
    take_error(error, n);
    return ctx;
}

struct whisper_state *asr_new_state(struct whisper_context *ctx, char *error, int n) {
    struct whisper_state *state = whisper_init_state(ctx);
    take_error(error, n);
    return state;
}

static bool aborted(void *flag) { return atomic_load_explicit((_Atomic int32_t *)flag, memory_order_relaxed) != 0; }

int asr_decode(struct whisper_context *ctx, struct whisper_state *state, const float *samples, int count,
               struct asr_params p, char *error, int n) {
    enum whisper_sampling_strategy strategy = p.beam_size > 1 ? WHISPER_SAMPLING_BEAM_SEARCH : WHISPER_SAMPLING_GREEDY;
    struct whisper_full_params full = whisper_full_default_params(strategy);
    full.n_threads = 1; // more would start threads per call and spin at barriers
    full.audio_ctx = p.audio_ctx;
    full.max_tokens = p.max_tokens;
    full.language = p.language;
    full.initial_prompt = p.prompt;
    full.no_context = true; // a state serves many callers: one's words must not prompt another's
    full.single_segment = true;
    full.no_timestamps = true; // with them small models end early, and their word times are no use (measured)
    full.suppress_nst = true;
    full.temperature_inc = 0; // the caller retries in its own way
    full.greedy.best_of = 1;
    full.beam_search.beam_size = p.beam_size;
    full.print_progress = false;
    full.print_timestamps = false;
    full.abort_callback = aborted;
    full.abort_callback_user_data = p.abort;
    int rc = whisper_full_with_state(ctx, state, full, samples, count);
    take_error(error, n);
    return rc;
}

struct whisper_vad_context *asr_vad_load(const char *path, char *error, int n) {
    struct whisper_vad_context_params p = whisper_vad_default_context_params();
    p.n_threads = 1;
    p.use_gpu = false;
    struct whisper_vad_context *vad = whisper_vad_init_from_file_with_params(path, p);
    take_error(error, n);
    return vad;
}

float asr_vad_speech(struct whisper_vad_context *vad, const float *window, int count) {
    if (!whisper_vad_detect_speech_no_reset(vad, window, count) || whisper_vad_n_probs(vad) < 1) {
        return -1;
    }
    return whisper_vad_probs(vad)[0];
}
