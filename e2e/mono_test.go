package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-audio/audio"
	gowav "github.com/go-audio/wav"
	"github.com/stretchr/testify/require"
)

// mono writes the first channel of a WAV file to a file of its own and returns its path.
func mono(t *testing.T, path string) string {
	t.Helper()
	in, err := os.Open(path)
	require.NoError(t, err)
	defer in.Close()
	decoder := gowav.NewDecoder(in)
	buffer, err := decoder.FullPCMBuffer()
	require.NoError(t, err)
	channels := buffer.Format.NumChannels
	left := &audio.IntBuffer{Format: &audio.Format{NumChannels: 1, SampleRate: buffer.Format.SampleRate}, SourceBitDepth: 16}
	for i := 0; i < len(buffer.Data); i += channels {
		left.Data = append(left.Data, buffer.Data[i])
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "mono.wav"))
	require.NoError(t, err)
	encoder := gowav.NewEncoder(out, buffer.Format.SampleRate, 16, 1, 1)
	require.NoError(t, encoder.Write(left))
	require.NoError(t, encoder.Close())
	require.NoError(t, out.Close())
	return out.Name()
}
