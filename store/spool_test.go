package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func records(texts ...string) [][]byte {
	var list [][]byte
	for _, text := range texts {
		list = append(list, []byte(text))
	}
	return list
}

func TestSpool(t *testing.T) {
	reopen := func(t *testing.T, path string, limit int64) *spool {
		t.Helper()
		s, torn, err := openSpool(path, limit)
		require.NoError(t, err)
		require.Zero(t, torn)
		t.Cleanup(func() { _ = s.close() }) // a test that closes it itself has checked the error
		return s
	}
	t.Run("records come out in the order they went in", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "spool")
		s := reopen(t, path, 1000)
		require.NoError(t, s.push(records("a", "bb", "")))
		require.NoError(t, s.push(records("ccc")))
		got, err := s.peek(2)
		require.NoError(t, err)
		require.Equal(t, records("a", "bb"), got)
		require.NoError(t, s.drop(2))
		got, err = s.peek(10)
		require.NoError(t, err)
		require.Equal(t, records("", "ccc"), got)

		again := reopen(t, path, 1000)
		require.Equal(t, 4, again.len(), "only memory knows what was dropped")
		require.NoError(t, s.drop(2))
		require.Zero(t, reopen(t, path, 1000).len())
	})
	t.Run("what does not fit is refused whole", func(t *testing.T) {
		s := reopen(t, filepath.Join(t.TempDir(), "spool"), 5)
		require.NoError(t, s.push(records("ab")))
		require.ErrorIs(t, s.push(records("c", "d")), errSpoolFull)
		require.Equal(t, 1, s.len())
		require.NoError(t, s.push(records("c")))
	})
	t.Run("a write that fails leaves nothing behind", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "spool")
		s := reopen(t, path, 1000)
		require.NoError(t, s.push(records("a")))
		writable := s.file
		readOnly, err := os.Open(path)
		require.NoError(t, err)
		s.file = readOnly
		require.Error(t, s.push(records("b")))
		require.Equal(t, 1, s.len())
		s.file = writable
		require.NoError(t, readOnly.Close())
		require.NoError(t, s.push(records("c")))
		got, err := s.peek(10)
		require.NoError(t, err)
		require.Equal(t, records("a", "c"), got)
	})
}

func FuzzOpenSpool(f *testing.F) {
	for _, seed := range []string{"", "\n", "{}\n", "{}\n{", "a\n\nb\nc", "\x00\xff\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "spool")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		s, torn, err := openSpool(path, 1<<30)
		require.NoError(t, err)
		require.NoError(t, s.push(records("last")))
		got, err := s.peek(s.len())
		require.NoError(t, err)
		joined := append(bytes.Join(got, []byte("\n")), '\n')
		require.Equal(t, string(content[:len(content)-int(torn)])+"last\n", string(joined))
		require.NoError(t, s.close())
	})
}
