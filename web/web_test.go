package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// built is what a build leaves.
func built() fstest.MapFS {
	return fstest.MapFS{
		".gitkeep":            {},
		"index.html":          {Data: []byte("<!doctype html><title>operatord</title>")},
		"favicon.svg":         {Data: []byte("<svg/>")},
		"assets/main-a1b2.js": {Data: []byte(strings.Repeat("let x = 1;\n", 500))},
		"assets/f-c3.woff2":   {Data: []byte("font")},
	}
}

func request(t *testing.T, h http.Handler, method, path string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(data)
}

func TestPage(t *testing.T) {
	h, err := newHandler(built())
	require.NoError(t, err)
	for _, path := range []string{"/", "/index.html", "/conversations/1763726400000001"} {
		res := request(t, h, http.MethodGet, path)
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		require.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
		require.Equal(t, "no-cache", res.Header.Get("Cache-Control"))
		require.Contains(t, res.Header.Get("Content-Security-Policy"), "script-src 'self';")
		require.Contains(t, text(t, res), "<title>operatord</title>")
	}
}

func TestAssets(t *testing.T) {
	h, err := newHandler(built())
	require.NoError(t, err)

	t.Run("with a hash in the name are kept for good", func(t *testing.T) {
		res := request(t, h, http.MethodGet, "/assets/main-a1b2.js")
		require.Equal(t, "public, max-age=31536000, immutable", res.Header.Get("Cache-Control"))
		require.Contains(t, res.Header.Get("Content-Type"), "javascript")
		require.Empty(t, res.Header.Get("Content-Encoding"))
	})
	t.Run("are compressed for who takes that", func(t *testing.T) {
		res := request(t, h, http.MethodGet, "/assets/main-a1b2.js", "Accept-Encoding", "br, gzip")
		require.Equal(t, "gzip", res.Header.Get("Content-Encoding"))
		reader, err := gzip.NewReader(bytes.NewReader([]byte(text(t, res))))
		require.NoError(t, err)
		plain, err := io.ReadAll(reader)
		require.NoError(t, err)
		require.Equal(t, built()["assets/main-a1b2.js"].Data, plain)
	})
	t.Run("are not sent again unchanged", func(t *testing.T) {
		tag := request(t, h, http.MethodGet, "/").Header.Get("Etag")
		require.Equal(t, http.StatusNotModified, request(t, h, http.MethodGet, "/", "If-None-Match", tag).StatusCode)
		require.Equal(t, http.StatusOK, request(t, h, http.MethodGet, "/", "If-None-Match", `"other"`).StatusCode)
	})
	t.Run("have a type whatever the machine knows", func(t *testing.T) {
		require.Equal(t, "font/woff2", request(t, h, http.MethodGet, "/assets/f-c3.woff2").Header.Get("Content-Type"))
	})
	t.Run("that are missing are not found", func(t *testing.T) {
		require.Equal(t, http.StatusNotFound, request(t, h, http.MethodGet, "/assets/gone.js").StatusCode)
		require.Equal(t, http.StatusNotFound, request(t, h, http.MethodGet, "/.gitkeep").StatusCode)
		require.Equal(t, http.StatusNotFound, request(t, h, http.MethodGet, "/../web.go").StatusCode)
	})
	t.Run("are only read", func(t *testing.T) {
		require.Empty(t, text(t, request(t, h, http.MethodHead, "/")))
		require.Equal(t, http.StatusMethodNotAllowed, request(t, h, http.MethodPost, "/").StatusCode)
	})
}

func TestWithoutBuildThePageSaysWhatToDo(t *testing.T) {
	h, err := newHandler(fstest.MapFS{".gitkeep": {}})
	require.NoError(t, err)
	res := request(t, h, http.MethodGet, "/")
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, text(t, res), "make build")
}

func TestEmbeddedFilesCanBeServed(t *testing.T) {
	h, err := Handler()
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, request(t, h, http.MethodGet, "/").StatusCode)
}
