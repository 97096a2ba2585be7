// The few libllama calls an encoder needs, on plain C types, so that no llama struct is laid out on the Go side.
#ifndef OPERATORD_ENCODER_SHIM_H
#define OPERATORD_ENCODER_SHIM_H

#include <stddef.h>
#include <stdint.h>

struct llama_model;
struct encoder_worker;

// encoder_load returns NULL if the file is no model; encoder_last_error then tells why.
struct llama_model *encoder_load(const char *path);
void encoder_free_model(struct llama_model *model);
int encoder_dimensions(const struct llama_model *model);
int encoder_trained_context(const struct llama_model *model);
// encoder_meta copies a string of the file's metadata; it returns its length or -1.
int encoder_meta(const struct llama_model *model, const char *key, char *buf, size_t size);

// encoder_tokenize returns the number of tokens, or minus the number needed if max is too small.
int encoder_tokenize(const struct llama_model *model, const char *text, int len, int32_t *tokens, int max);

// A worker is one context with its batch; only one thread may use it at a time.
struct encoder_worker *encoder_worker_new(struct llama_model *model, int max_tokens, int max_sequences, int threads);
void encoder_worker_free(struct encoder_worker *w);
// encoder_run encodes n token sequences that lie one behind the other in tokens, and writes one pooled vector each to out.
int encoder_run(struct encoder_worker *w, const int32_t *tokens, const int32_t *lengths, int n, float *out);

// encoder_last_error copies the last error the library logged, on any thread.
void encoder_last_error(char *buf, size_t size);

#endif
