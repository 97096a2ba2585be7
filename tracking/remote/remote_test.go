package remote_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/tracking/remote"
)

// answer gives the text's length as direction, in reverse order, since a service may answer in any.
func answer(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Model string
		Input []string
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Model == "" {
		http.Error(w, "no model", http.StatusBadRequest)
		return
	}
	var data []string
	for i, text := range slices.Backward(body.Input) {
		data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":[%d,3,0]}`, i, len(text)))
	}
	fmt.Fprintf(w, `{"object":"list","data":[%s],"model":"m","usage":{}}`, strings.Join(data, ","))
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL + "/v1/embeddings"
}

func TestEmbed(t *testing.T) {
	var requests atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.URL.Path != "/v1/embeddings" || r.Header.Get("Authorization") != "Bearer secret" {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		answer(w, r)
	})
	e, err := remote.Open(t.Context(), remote.Options{URL: url, Model: "small", Token: "secret", Batch: 2})
	require.NoError(t, err)
	defer e.Close()
	require.Equal(t, "small", e.Name())
	require.Equal(t, 3, e.Dimensions(), "learnt from the first answer")

	vectors, err := e.Embed(t.Context(), []string{"four", "", "a\xff"})
	require.NoError(t, err)
	require.Len(t, vectors, 3)
	require.InDelta(t, 0.8, vectors[0][0], 1e-6)
	require.InDelta(t, 0.6, vectors[0][1], 1e-6, "vectors have length 1")
	require.Equal(t, int32(3), requests.Load(), "one to learn the dimensions, two batches")
	vectors, err = e.Embed(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, vectors)

	stranger, err := remote.Open(t.Context(), remote.Options{URL: url, Model: "small", Dimensions: 3})
	require.NoError(t, err)
	_, err = stranger.Embed(t.Context(), []string{"hello"})
	refused, ok := errors.AsType[*remote.StatusError](err)
	require.True(t, ok)
	require.Equal(t, http.StatusUnauthorized, refused.Code)
	require.Equal(t, int32(4), requests.Load(), "a refusal is final")
}

func TestUnusableAnswersAreErrors(t *testing.T) {
	for name, body := range map[string]string{
		"not JSON":          "<html>",
		"nothing":           "{}",
		"too few":           `{"data":[{"index":0,"embedding":[1,0]}]}`,
		"twice the same":    `{"data":[{"index":0,"embedding":[1,0]},{"index":0,"embedding":[1,0]}]}`,
		"unknown number":    `{"data":[{"index":0,"embedding":[1,0]},{"index":7,"embedding":[1,0]}]}`,
		"other dimensions":  `{"data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[1,0,0]}]}`,
		"no direction":      `{"data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[0,0]}]}`,
		"beyond all bounds": `{"data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[1e39,0]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int32
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				_, _ = io.WriteString(w, body)
			})
			e, err := remote.Open(t.Context(), remote.Options{URL: url, Model: "m", Dimensions: 2})
			require.NoError(t, err)
			_, err = e.Embed(t.Context(), []string{"a", "b"})
			require.Error(t, err)
			require.Equal(t, int32(1), requests.Load(), "asking again would not help")
		})
	}
}

// roundTrip is a service without a network, so that time can stand still.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func respond(status int, header http.Header) (*http.Response, error) {
	body := `{"data":[{"index":0,"embedding":[1,0]}]}`
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func TestFailuresThatMayPassAreRepeated(t *testing.T) {
	for name, test := range map[string]struct {
		fail func() (*http.Response, error)
		wait time.Duration // at least, in all
	}{
		"overloaded": {func() (*http.Response, error) { return respond(http.StatusServiceUnavailable, http.Header{}) }, 600 * time.Millisecond},
		"asked to wait": {func() (*http.Response, error) {
			return respond(http.StatusTooManyRequests, http.Header{"Retry-After": {"3"}})
		}, 6 * time.Second},
		"unreachable": {func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, 600 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				e, err := remote.Open(t.Context(), remote.Options{
					URL: "http://embeddings/v1/embeddings", Model: "m", Dimensions: 2,
					Transport: roundTrip(func(*http.Request) (*http.Response, error) {
						if requests++; requests < 3 {
							return test.fail()
						}
						return respond(http.StatusOK, http.Header{})
					}),
				})
				require.NoError(t, err)
				started := time.Now()
				vectors, err := e.Embed(t.Context(), []string{"a"})
				require.NoError(t, err)
				require.Equal(t, [][]float32{{1, 0}}, vectors)
				require.GreaterOrEqual(t, time.Since(started), test.wait)
				require.Less(t, time.Since(started), 12*time.Second)

				requests = -10
				_, err = e.Embed(t.Context(), []string{"a"})
				require.Error(t, err, "not for ever")
				require.Equal(t, -7, requests)
			})
		})
	}
}

func TestASilentServiceTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := remote.Open(t.Context(), remote.Options{
			URL: "http://embeddings/v1/embeddings", Model: "m", Dimensions: 2, Timeout: time.Second, Attempts: 2,
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}),
		})
		require.NoError(t, err)
		started := time.Now()
		_, err = e.Embed(t.Context(), []string{"a"})
		require.Error(t, err)
		require.Less(t, time.Since(started), 3*time.Second)
	})
}

func TestOpenValidates(t *testing.T) {
	for name, opts := range map[string]remote.Options{
		"no URL":       {Model: "m"},
		"not http":     {URL: "ftp://host/v1", Model: "m"},
		"no model":     {URL: "http://host/v1/embeddings"},
		"dimensions":   {URL: "http://host/v1/embeddings", Model: "m", Dimensions: 1 << 20},
		"control char": {URL: "http://ho\nst/", Model: "m"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := remote.Open(t.Context(), opts)
			require.Error(t, err)
		})
	}
}
