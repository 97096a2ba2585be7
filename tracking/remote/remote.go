// Package remote turns sentences into vectors with a service that speaks the OpenAI embeddings protocol (POST /v1/embeddings):
// a server of one's own, or a provider. What is said on calls is sent to it.
package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options configures Open.
type Options struct {
	URL   string // of the endpoint: https://host/v1/embeddings
	Model string // as the service calls it; also the name of the encoder
	Token string // sent as a bearer token; may be empty
	// Dimensions is the length of the vectors; 0 asks the service with a first request.
	Dimensions int
	Timeout    time.Duration     // of one attempt; 0 is DefaultTimeout
	Batch      int               // texts of one request at most; 0 is DefaultBatch
	Attempts   int               // of one request at most; 0 is DefaultAttempts
	Parallel   int               // requests at once at most; 0 is DefaultParallel
	Transport  http.RoundTripper // nil is that of net/http
}

// The defaults of Options. A turn of speech waits for its vectors, so that few attempts are better than many.
const (
	DefaultTimeout  = 5 * time.Second
	DefaultBatch    = 64
	DefaultAttempts = 3
	DefaultParallel = 4
)

// Bounds of an answer and of the wait before another attempt.
const (
	maxDimensions = 8192
	maxBody       = 64 << 20
	maxErrorBody  = 512
	firstPause    = 200 * time.Millisecond
	longestPause  = 5 * time.Second
	maxNameChars  = 200 // a background file keeps the name
)

// StatusError is the refusal of a service.
type StatusError struct {
	Code    int
	Message string // the beginning of the body

	retryAfter time.Duration
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("embeddings service: status %d: %s", e.Code, e.Message)
}

// Encoder is a service. It is safe for concurrent use.
type Encoder struct {
	opts   Options
	client *http.Client
	slots  chan struct{} // a value for each running request; its capacity is Parallel
}

// Open returns an encoder; unless the dimensions are given, it sends a first request to learn them.
func Open(ctx context.Context, opts Options) (*Encoder, error) {
	u, err := url.Parse(opts.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("embeddings service: %w", err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("embeddings service: %q is not an http or https URL", opts.URL)
	case opts.Model == "" || len(opts.Model) > maxNameChars:
		return nil, errors.New("embeddings service: a name of a model is required")
	case opts.Dimensions < 0 || opts.Dimensions > maxDimensions || opts.Batch < 0 || opts.Attempts < 0 || opts.Parallel < 0 || opts.Timeout < 0:
		return nil, errors.New("embeddings service: a setting is out of its range")
	}
	defaults(&opts)
	e := &Encoder{opts: opts, client: &http.Client{Transport: opts.Transport}, slots: make(chan struct{}, opts.Parallel)}
	if opts.Dimensions > 0 {
		return e, nil
	}
	vectors, err := e.request(ctx, []string{"hello"})
	if err != nil {
		return nil, err
	}
	e.opts.Dimensions = len(vectors[0])
	return e, nil
}

func defaults(o *Options) {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Batch == 0 {
		o.Batch = DefaultBatch
	}
	if o.Attempts == 0 {
		o.Attempts = DefaultAttempts
	}
	if o.Parallel == 0 {
		o.Parallel = DefaultParallel
	}
}

// Name returns the name of the model.
func (e *Encoder) Name() string { return e.opts.Model }

// Dimensions returns the length of every vector.
func (e *Encoder) Dimensions() int { return e.opts.Dimensions }

// Close closes the idle connections.
func (e *Encoder) Close() error {
	e.client.CloseIdleConnections()
	return nil
}

// Embed returns one vector of length 1 per text, in order. It sends the texts in batches, one behind the other, and repeats
// a request that failed for a reason that may pass.
func (e *Encoder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, 0, len(texts))
	for len(vectors) < len(texts) {
		rest := texts[len(vectors):]
		batch, err := e.request(ctx, rest[:min(e.opts.Batch, len(rest))])
		if err != nil {
			return nil, err
		}
		vectors = append(vectors, batch...)
	}
	return vectors, nil
}

// request embeds one batch, in as many attempts as are allowed.
func (e *Encoder) request(ctx context.Context, texts []string) ([][]float32, error) {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the embeddings service: %w", context.Cause(ctx))
	}
	for attempt := 1; ; attempt++ {
		vectors, err := e.attempt(ctx, texts)
		if err == nil || attempt == e.opts.Attempts || !mayPass(ctx, err) {
			return vectors, err
		}
		if err := pause(ctx, attempt, err); err != nil {
			return nil, err
		}
	}
}

// mayPass reports whether another attempt may succeed.
func mayPass(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	if refused, ok := errors.AsType[*StatusError](err); ok {
		return refused.Code == http.StatusTooManyRequests || refused.Code >= http.StatusInternalServerError
	}
	return !errors.Is(err, errAnswer)
}

// errAnswer marks an answer that makes no sense; asking again would not change it.
var errAnswer = errors.New("embeddings service: unusable answer")

// pause waits before another attempt: as long as the service asks for, or twice as long each time.
func pause(ctx context.Context, attempt int, cause error) error {
	wait := firstPause << (attempt - 1)
	wait += rand.N(wait) // spreads callers, no secret
	if refused, ok := errors.AsType[*StatusError](cause); ok && refused.retryAfter > wait {
		wait = refused.retryAfter
	}
	timer := time.NewTimer(min(wait, longestPause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errors.Join(cause, context.Cause(ctx))
	}
}

type requestBody struct {
	Model          string   `json:"model"`
	Input          []string `json:"input"`
	EncodingFormat string   `json:"encoding_format"`
}

type responseBody struct {
	Data []struct {
		Index     int       `json:"index"`
		Embedding []float32 `json:"embedding"`
	} `json:"data"`
}

func (e *Encoder) attempt(ctx context.Context, texts []string) ([][]float32, error) {
	ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
	defer cancel()
	body, err := json.Marshal(requestBody{Model: e.opts.Model, Input: nonEmpty(texts), EncodingFormat: "float"})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.opts.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if e.opts.Token != "" {
		request.Header.Set("Authorization", "Bearer "+e.opts.Token)
	}
	response, err := e.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("embeddings service: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, refusal(response)
	}
	var answer responseBody
	if err := json.NewDecoder(io.LimitReader(response.Body, maxBody)).Decode(&answer); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("embeddings service: %w", context.Cause(ctx))
		}
		return nil, fmt.Errorf("%w: %w", errAnswer, err)
	}
	return e.vectorsOf(&answer, len(texts))
}

func refusal(response *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorBody)) // the status tells enough without it
	e := &StatusError{Code: response.StatusCode, Message: strings.ToValidUTF8(strings.TrimSpace(string(text)), "")}
	if after, err := time.ParseDuration(response.Header.Get("Retry-After") + "s"); err == nil && after > 0 {
		e.retryAfter = min(after, longestPause)
	}
	return e
}

// nonEmpty replaces empty texts, which services refuse.
func nonEmpty(texts []string) []string {
	input := make([]string, len(texts))
	for i, text := range texts {
		if input[i] = strings.ToValidUTF8(text, " "); strings.TrimSpace(text) == "" {
			input[i] = "."
		}
	}
	return input
}

// vectorsOf checks an answer and brings its vectors into order and to length 1.
func (e *Encoder) vectorsOf(answer *responseBody, n int) ([][]float32, error) {
	vectors := make([][]float32, n)
	want := e.opts.Dimensions
	for _, d := range answer.Data {
		if d.Index < 0 || d.Index >= n || vectors[d.Index] != nil {
			return nil, fmt.Errorf("%w: vector %d of %d", errAnswer, d.Index, n)
		}
		if want == 0 && len(d.Embedding) <= maxDimensions {
			want = len(d.Embedding)
		}
		if len(d.Embedding) != want || want == 0 {
			return nil, fmt.Errorf("%w: vector of %d dimensions, not %d", errAnswer, len(d.Embedding), want)
		}
		if !normalize(d.Embedding) {
			return nil, fmt.Errorf("%w: vector without direction", errAnswer)
		}
		vectors[d.Index] = d.Embedding
	}
	for i, v := range vectors {
		if v == nil {
			return nil, fmt.Errorf("%w: %d vectors for %d texts, none for number %d", errAnswer, len(answer.Data), n, i)
		}
	}
	return vectors, nil
}

// normalize scales v to length 1; it reports whether v has a direction.
func normalize(v []float32) bool {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		return false
	}
	scale := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= scale
	}
	return true
}
