package weights

import (
	"bytes"
	"context"
	"crypto/sha1" // what upstream publishes
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testModel is a made-up model and its content.
type testModel struct {
	Model
	content []byte
}

func newTestModel() testModel {
	content := make([]byte, 1<<20)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range content {
		content[i] = byte(random.Uint32())
	}
	return testModel{Model{Name: "test", SHA1: fmt.Sprintf("%x", sha1.Sum(content))}, content}
}

// serve answers with the content, with ranges as a real server does.
func (m testModel) serve(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, m.File(), time.Unix(0, 0), bytes.NewReader(m.content))
}

func (m testModel) options(t *testing.T, handler http.HandlerFunc) PullOptions {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return PullOptions{Dir: filepath.Join(t.TempDir(), "models"), BaseURL: server.URL, Client: server.Client(), Retry: time.Millisecond}
}

func TestPull(t *testing.T) {
	m := newTestModel()
	var requests []string
	opts := m.options(t, func(w http.ResponseWriter, r *http.Request) {
		requests = append(requests, r.URL.Path)
		m.serve(w, r)
	})
	var done, total int64
	opts.Progress = func(d, n int64) {
		require.GreaterOrEqual(t, d, done)
		done, total = d, n
	}
	path, err := pull(t.Context(), m.Model, opts)
	require.NoError(t, err)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, m.content, got)
	require.EqualValues(t, len(m.content), done)
	require.EqualValues(t, len(m.content), total)
	require.NoFileExists(t, path+".part")

	_, err = pull(t.Context(), m.Model, opts)
	require.NoError(t, err)
	require.Equal(t, []string{"/ggml-test.bin"}, requests, "a model that is there is not downloaded again")
}

func TestPullResumes(t *testing.T) {
	m := newTestModel()
	var ranges []string
	opts := m.options(t, func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		if len(ranges) == 1 { // breaks off in the middle
			w.Header().Set("Content-Length", strconv.Itoa(len(m.content)))
			_, _ = w.Write(m.content[:len(m.content)/2])
			return
		}
		m.serve(w, r)
	})
	path, err := pull(t.Context(), m.Model, opts)
	require.NoError(t, err)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, m.content, got)
	require.Equal(t, []string{"", "bytes=524288-"}, ranges)
}

func TestPullGoesOnWhereAnEarlierCallStopped(t *testing.T) {
	m := newTestModel()
	var ranges []string
	opts := m.options(t, func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		m.serve(w, r)
	})
	require.NoError(t, os.MkdirAll(opts.Dir, 0o755))
	part := filepath.Join(opts.Dir, m.File()+".part")
	for _, test := range []struct {
		name string
		part []byte
		want []string
	}{
		{"a beginning is completed", m.content[:100], []string{"bytes=100-"}},
		{"a whole file is only checked", m.content, []string{"bytes=1048576-"}},
		{"another file's beginning is thrown away", make([]byte, 100), []string{"bytes=100-", ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ranges = nil
			require.NoError(t, os.WriteFile(part, test.part, 0o600))
			path, err := pull(t.Context(), m.Model, opts)
			require.NoError(t, err)
			require.Equal(t, test.want, ranges)
			require.NoError(t, os.Remove(path))
		})
	}
}

func TestPullFromAServerThatCannotResume(t *testing.T) {
	m := newTestModel()
	opts := m.options(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(m.content) })
	require.NoError(t, os.MkdirAll(opts.Dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(opts.Dir, m.File()+".part"), make([]byte, 2<<20), 0o600))
	path, err := pull(t.Context(), m.Model, opts)
	require.NoError(t, err)
	require.NoError(t, verify(path, m.SHA1, ""))
}

func TestPullErrors(t *testing.T) {
	m := newTestModel()
	t.Run("a name that is not in the catalogue", func(t *testing.T) {
		_, err := Pull(t.Context(), PullOptions{Name: "huge", Dir: t.TempDir()})
		require.ErrorIs(t, err, ErrUnknownModel)
		require.ErrorContains(t, err, "base.en")
	})
	t.Run("another content", func(t *testing.T) {
		wrong := m
		wrong.content = []byte("<html>please sign in</html>")
		opts := m.options(t, wrong.serve)
		_, err := pull(t.Context(), m.Model, opts)
		require.ErrorIs(t, err, ErrChecksum)
		require.NoFileExists(t, filepath.Join(opts.Dir, m.File()))
	})
	t.Run("a SHA-256 of the redirecting server that the file has not", func(t *testing.T) {
		opts := m.options(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/cdn" {
				m.serve(w, r)
				return
			}
			w.Header().Set("X-Linked-Etag", fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(nil))))
			http.Redirect(w, r, "/cdn", http.StatusFound)
		})
		_, err := pull(t.Context(), m.Model, opts)
		require.ErrorIs(t, err, ErrChecksum)
		require.ErrorContains(t, err, "SHA-256")
	})
	t.Run("404 is not tried again", func(t *testing.T) {
		requests := 0
		opts := m.options(t, func(w http.ResponseWriter, r *http.Request) {
			requests++
			http.NotFound(w, r)
		})
		_, err := pull(t.Context(), m.Model, opts)
		var status *StatusError
		require.ErrorAs(t, err, &status)
		require.Equal(t, "404 Not Found", status.Status)
		require.Equal(t, 1, requests)
	})
	t.Run("a server that stays broken is given up", func(t *testing.T) {
		requests := 0
		opts := m.options(t, func(w http.ResponseWriter, _ *http.Request) {
			requests++
			w.WriteHeader(http.StatusBadGateway)
		})
		_, err := pull(t.Context(), m.Model, opts)
		require.ErrorContains(t, err, "502 Bad Gateway")
		require.Equal(t, pullAttempts, requests)
	})
	t.Run("a disk that takes nothing", func(t *testing.T) {
		opts := m.options(t, m.serve)
		require.NoError(t, os.WriteFile(opts.Dir, nil, 0o600))
		_, err := pull(t.Context(), m.Model, opts)
		require.ErrorContains(t, err, "not a directory")
	})
	t.Run("a full disk", func(t *testing.T) {
		opts := m.options(t, m.serve)
		require.NoError(t, os.MkdirAll(opts.Dir, 0o755))
		require.NoError(t, os.Symlink("/dev/full", filepath.Join(opts.Dir, m.File()+".part")))
		_, err := pull(t.Context(), m.Model, opts)
		require.ErrorContains(t, err, "no space left on device")
	})
	t.Run("a second download at the same time", func(t *testing.T) {
		opts := m.options(t, m.serve)
		require.NoError(t, os.MkdirAll(opts.Dir, 0o755))
		part, err := openPart(filepath.Join(opts.Dir, m.File()+".part"))
		require.NoError(t, err)
		_, err = pull(t.Context(), m.Model, opts)
		require.ErrorIs(t, err, ErrBusy)
		require.NoError(t, part.Close())
	})
	t.Run("a caller that gives up keeps what has arrived", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		opts := m.options(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(m.content)))
			_, _ = w.Write(m.content[:1000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		opts.Progress = func(int64, int64) { cancel() }
		_, err := pull(ctx, m.Model, opts)
		require.ErrorIs(t, err, context.Canceled)
		got, err := os.ReadFile(filepath.Join(opts.Dir, m.File()+".part"))
		require.NoError(t, err)
		require.Equal(t, m.content[:1000], got)
	})
}

func TestCatalogNamesAreUniqueAndSumsWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range Catalog() {
		require.Len(t, m.SHA1, 2*sha1.Size)
		require.False(t, seen[m.Name] || seen[m.SHA1])
		seen[m.Name], seen[m.SHA1] = true, true
	}
	require.True(t, seen["base.en"])
}
