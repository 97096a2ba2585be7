package weights_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/weights"
)

func TestUnpack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache", "models")
	paths, err := weights.Unpack(t.Context(), dir)
	require.NoError(t, err)
	for path, size := range map[string]int64{paths.Speech: 11762944, paths.Encoder: 25279168, paths.VAD: 885098} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, size, info.Size())
	}

	t.Run("whole files are left alone", func(t *testing.T) {
		before, err := os.Stat(paths.VAD)
		require.NoError(t, err)
		again, err := weights.Unpack(t.Context(), dir)
		require.NoError(t, err)
		require.Equal(t, paths, again)
		after, err := os.Stat(paths.VAD)
		require.NoError(t, err)
		require.True(t, os.SameFile(before, after))
	})
	t.Run("a damaged file is written again", func(t *testing.T) {
		whole, err := os.ReadFile(paths.VAD)
		require.NoError(t, err)
		damaged := append([]byte(nil), whole...)
		damaged[1000] ^= 1
		require.NoError(t, os.WriteFile(paths.VAD, damaged, 0o600))
		_, err = weights.Unpack(t.Context(), dir)
		require.NoError(t, err)
		got, err := os.ReadFile(paths.VAD)
		require.NoError(t, err)
		require.Equal(t, whole, got)
	})
}

func TestUnpackConcurrently(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		wg.Go(func() { _, errs[i] = weights.Unpack(t.Context(), dir) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	leftovers, err := filepath.Glob(filepath.Join(dir, "*", "*.tmp-*"))
	require.NoError(t, err)
	require.Empty(t, leftovers)
}

func TestUnpackErrors(t *testing.T) {
	t.Run("a file where the folder should be", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		_, err := weights.Unpack(t.Context(), file)
		require.ErrorContains(t, err, "unpack model ggml-micro.en.bin")
	})
	t.Run("a device without room", func(t *testing.T) {
		_, err := weights.Unpack(t.Context(), "/proc/self/fd")
		require.Error(t, err)
	})
	t.Run("a cancelled context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := weights.Unpack(ctx, t.TempDir())
		require.ErrorIs(t, err, context.Canceled)
	})
}
