package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// ErrInUse is returned by Open when another process has the database open.
var ErrInUse = errors.New("in use")

// fileLock keeps a second daemon from opening the same database. The kernel drops it when the process dies, however it
// dies; the file that carries it stays and holds the last owner's process number.
type fileLock struct {
	mu   sync.Mutex
	file *os.File // nil once released
}

func lockFile(path string) (*fileLock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		pathErr, ok := errors.AsType[*fs.PathError](err)
		if !ok {
			return nil, err
		}
		return nil, fmt.Errorf("folder must exist and be writable: %w", pathErr.Err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(fmt.Errorf("%w by %s", ErrInUse, owner(file)), file.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
	}
	// The number is for people only; the lock holds without it.
	_ = file.Truncate(0)
	_, _ = file.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	return &fileLock{file: file}, nil
}

func owner(file *os.File) string {
	buf := make([]byte, 20)
	n, _ := file.ReadAt(buf, 0) // a short file is read whole and reported as io.EOF
	if pid := strings.TrimSpace(string(buf[:n])); pid != "" {
		return "process " + pid
	}
	return "another process"
}

// Release gives the lock up. It may be called again.
func (l *fileLock) Release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	file := l.file
	l.file = nil
	return file.Close()
}
