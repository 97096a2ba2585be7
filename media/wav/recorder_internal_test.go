package wav

import (
	"bufio"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/media"
)

func TestFullDiskIsReportedAndStopsNothing(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	require.NoError(t, err)
	r, err := NewRecorder(RecorderOptions{Path: filepath.Join(t.TempDir(), "none.wav"), Sync: media.FrameDuration})
	require.NoError(t, err)
	r.file, r.out = full, bufio.NewWriter(full)
	r.running.Go(r.run)

	frame := make([]int16, media.FrameSamples)
	r.Write(frame, frame)
	require.Eventually(t, func() bool { return r.Err() != nil }, 10*time.Second, time.Millisecond)
	for range 10 {
		r.Write(frame, frame)
	}
	require.ErrorIs(t, r.Close(), syscall.ENOSPC)
	require.EqualValues(t, 10, r.Dropped())
}
