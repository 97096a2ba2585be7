#include "shim.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "llama.h"

struct encoder_worker {
    struct llama_context *ctx;
    struct llama_batch batch;
    int max_tokens;
    int max_sequences;
    int dimensions;
};

// The library logs through one process-wide callback. Go must not be called from its threads, so the last error is kept here.
static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static char log_last[256];
static pthread_once_t log_once = PTHREAD_ONCE_INIT;

static void keep_error(enum ggml_log_level level, const char *text, void *user) {
    (void)user;
    if (level != GGML_LOG_LEVEL_ERROR || text == NULL || text[0] == '\0' || text[0] == '\n') {
        return;
    }
    pthread_mutex_lock(&log_mutex);
    strncpy(log_last, text, sizeof(log_last) - 1);
    pthread_mutex_unlock(&log_mutex);
}

static void start_library(void) {
    llama_log_set(keep_error, NULL);
    llama_backend_init();
}

void encoder_last_error(char *buf, size_t size) {
    pthread_mutex_lock(&log_mutex);
    strncpy(buf, log_last, size - 1);
    buf[size - 1] = '\0';
    pthread_mutex_unlock(&log_mutex);
}

struct llama_model *encoder_load(const char *path) {
    pthread_once(&log_once, start_library);
    struct llama_model_params params = llama_model_default_params();
    params.n_gpu_layers = 0;
    return llama_model_load_from_file(path, params);
}

void encoder_free_model(struct llama_model *model) { llama_model_free(model); }

int encoder_dimensions(const struct llama_model *model) { return llama_model_n_embd(model); }

int encoder_trained_context(const struct llama_model *model) { return llama_model_n_ctx_train(model); }

int encoder_meta(const struct llama_model *model, const char *key, char *buf, size_t size) {
    return llama_model_meta_val_str(model, key, buf, size);
}

int encoder_tokenize(const struct llama_model *model, const char *text, int len, int32_t *tokens, int max) {
    return llama_tokenize(llama_model_get_vocab(model), text, len, tokens, max, true, false);
}

static struct llama_context *new_context(struct llama_model *model, int max_tokens, int max_sequences, int threads,
                                         enum llama_pooling_type pooling) {
    struct llama_context_params params = llama_context_default_params();
    params.embeddings = true;
    params.n_ctx = max_tokens;
    params.n_batch = max_tokens;
    params.n_ubatch = max_tokens;
    params.n_seq_max = max_sequences;
    params.n_threads = threads;
    params.n_threads_batch = threads;
    params.pooling_type = pooling;
    params.kv_unified = true;
    params.offload_kqv = false;
    params.op_offload = false;
    params.no_perf = true;
    return llama_init_from_model(model, params);
}

struct encoder_worker *encoder_worker_new(struct llama_model *model, int max_tokens, int max_sequences, int threads) {
    struct llama_context *ctx = new_context(model, max_tokens, max_sequences, threads, LLAMA_POOLING_TYPE_UNSPECIFIED);
    if (ctx != NULL && llama_pooling_type(ctx) == LLAMA_POOLING_TYPE_NONE) {
        // A file that names no pooling of its own gets the mean of its tokens.
        llama_free(ctx);
        ctx = new_context(model, max_tokens, max_sequences, threads, LLAMA_POOLING_TYPE_MEAN);
    }
    if (ctx == NULL) {
        return NULL;
    }
    struct encoder_worker *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        llama_free(ctx);
        return NULL;
    }
    w->ctx = ctx;
    w->batch = llama_batch_init(max_tokens, 0, 1);
    w->max_tokens = max_tokens;
    w->max_sequences = max_sequences;
    w->dimensions = llama_model_n_embd(model);
    return w;
}

void encoder_worker_free(struct encoder_worker *w) {
    llama_batch_free(w->batch);
    llama_free(w->ctx);
    free(w);
}

int encoder_run(struct encoder_worker *w, const int32_t *tokens, const int32_t *lengths, int n, float *out) {
    if (n > w->max_sequences) {
        return -1;
    }
    struct llama_batch *b = &w->batch;
    int k = 0;
    for (int s = 0; s < n; s++) {
        if (lengths[s] <= 0 || k + lengths[s] > w->max_tokens) {
            return -1;
        }
        for (int i = 0; i < lengths[s]; i++, k++) {
            b->token[k] = tokens[k];
            b->pos[k] = i;
            b->n_seq_id[k] = 1;
            b->seq_id[k][0] = s;
            b->logits[k] = 1;
        }
    }
    b->n_tokens = k;
    int status = llama_encode(w->ctx, *b);
    if (status != 0) {
        return status;
    }
    for (int s = 0; s < n; s++) {
        const float *v = llama_get_embeddings_seq(w->ctx, s);
        if (v == NULL) {
            return -2;
        }
        memcpy(out + (size_t)s * w->dimensions, v, sizeof(float) * w->dimensions);
    }
    return 0;
}
