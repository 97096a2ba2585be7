package asr

import "golang.org/x/sys/unix"

// workerNice is added to the nice value of decoding threads: enough for the scheduler to let a thread that moves audio run
// at once.
const workerNice = 5

// lowerPriority makes the calling thread give way to the others of the process. Without the right to do so all works, only
// with more jitter under load.
func lowerPriority() {
	const self = 0                                        // on Linux the calling thread
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, self) // the system call returns 20 minus the nice value
	if err == nil {
		_ = unix.Setpriority(unix.PRIO_PROCESS, self, min(20-raw+workerNice, 19))
	}
}
