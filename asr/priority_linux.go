package asr

import "golang.org/x/sys/unix"

// workerNice is the nice value of decoding threads: enough for the scheduler to let a thread that moves audio run at once.
const workerNice = 5

// lowerPriority makes the calling thread give way to the others of the process. Without the right to do so all works, only
// with more jitter under load.
func lowerPriority() {
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, workerNice) // on Linux 0 is the calling thread
}
