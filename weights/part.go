package weights

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openPart opens the file an unfinished download is kept in, for this process alone. The lock ends with the file, also
// when the process dies. It returns ErrBusy if another download holds it.
func openPart(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = fmt.Errorf("%w: %s", ErrBusy, path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
