package tracking_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

func TestLoadBackground(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "models")
	encoder := &wordEncoder{}
	computed := 0
	load := func() *tracking.Background {
		b, err := tracking.LoadBackground(t.Context(), encoder, dir, func(string) { computed++ })
		require.NoError(t, err)
		return b
	}
	first := load()
	require.Equal(t, "words", first.Encoder())
	turns, bank := first.Counts()
	require.Equal(t, 3000, turns)
	require.Greater(t, bank, 3000)

	t.Run("is kept", func(t *testing.T) {
		require.Equal(t, first, load())
		require.Equal(t, 1, computed)
	})
	t.Run("a damaged file is computed anew", func(t *testing.T) {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		require.NoError(t, err)
		require.Len(t, files, 1)
		require.NoError(t, os.Truncate(files[0], 1000))
		require.Equal(t, first, load())
		require.Equal(t, 2, computed)
	})
	t.Run("the bundled encoder has its own", func(t *testing.T) {
		b, err := tracking.LoadBackground(t.Context(), &instantEncoder{}, dir, nil)
		require.NoError(t, err)
		bundled, err := tracking.BundledBackground()
		require.NoError(t, err)
		require.Equal(t, bundled, b)
	})
	t.Run("makes a detector for its encoder", func(t *testing.T) {
		d, err := tracking.New(tracking.Options{Encoder: encoder, Background: first, IDs: &conversation.IDs{}})
		require.NoError(t, err)
		require.NoError(t, d.SetTrackers(t.Context(), tracking.Samples()))
		got := match(t, d.NewSession("c"), final("please cancel this account now")).Matched
		require.Len(t, got, 1)
		require.Equal(t, "Cancellation", got[0].Tracker)
	})
}
