package upkeep

import (
	"runtime"
	"syscall"
)

// The lowest ordinary class and level of ioprio_set(2).
const (
	ioprioThread = 1
	ioprioLowest = 2<<13 | 7
)

// lowerPriority gives this thread what processor and disk time nobody else wants. The
// thread ends with its goroutine, which must not be unlocked from it.
func lowerPriority() {
	runtime.LockOSThread()
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), 19)
	_, _, _ = syscall.Syscall(syscall.SYS_IOPRIO_SET, ioprioThread, uintptr(syscall.Gettid()), ioprioLowest) // #nosec G115
}
