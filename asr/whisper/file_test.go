package whisper

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzCheck walks damaged model files: whatever they hold, the walk ends, allocates little and does not panic.
func FuzzCheck(f *testing.F) {
	for _, path := range []string{"../../weights/silero-v6.2.0-ggml.bin", "../../weights/ggml-micro.en.bin"} {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		for _, n := range []int{0, 4, 60, 100, 4000} {
			f.Add(data[:n])
		}
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		for _, header := range []func(*modelFile){(*modelFile).speechHeader, (*modelFile).vadHeader} {
			_ = check(bytes.NewReader(data), int64(len(data)), header) // most are refused; none may panic
		}
	})
}
