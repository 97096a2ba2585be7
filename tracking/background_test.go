package tracking_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/tracking"
)

func TestBundledBackground(t *testing.T) {
	background, err := tracking.BundledBackground()
	require.NoError(t, err)
	require.Equal(t, "all-MiniLM-L6-v2", background.Encoder())
	turns, bank := background.Counts()
	require.Equal(t, 3000, turns)
	require.Equal(t, 3875, bank)
}

func TestBackgroundFile(t *testing.T) {
	background, err := tracking.NewBackground(t.Context(), &wordEncoder{}, []string{"hello", "okay"}, []string{"my card is lost"})
	require.NoError(t, err)
	var file bytes.Buffer
	_, err = background.WriteTo(&file)
	require.NoError(t, err)
	content := file.Bytes()

	t.Run("is read as it was written", func(t *testing.T) {
		again, err := tracking.ReadBackground(bytes.NewReader(content))
		require.NoError(t, err)
		require.Equal(t, background, again)
	})
	t.Run("is refused when damaged", func(t *testing.T) {
		for n := 0; n < len(content); n += 97 {
			_, err := tracking.ReadBackground(bytes.NewReader(content[:n]))
			require.Error(t, err)
		}
		_, err := tracking.ReadBackground(bytes.NewReader(bytes.Repeat([]byte{0xff}, 1<<10)))
		require.Error(t, err)
		damaged := bytes.Clone(content)
		copy(damaged[len(damaged)-4:], []byte{0, 0, 0xc0, 0x7f}) // NaN
		_, err = tracking.ReadBackground(bytes.NewReader(damaged))
		require.Error(t, err)
	})
	t.Run("needs sentences", func(t *testing.T) {
		_, err := tracking.NewBackground(t.Context(), &wordEncoder{}, nil, []string{"a"})
		require.Error(t, err)
	})
}
