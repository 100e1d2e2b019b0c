//go:build linux

package main

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// cpu is user and system time of all threads since the process started, those
// that have ended included, to the nanosecond: the kernel's CPU clock of the
// process (clock_getcpuclockid(3)).
func (p *process) cpu() (time.Duration, error) {
	const scheduler = 2 // CPUCLOCK_SCHED
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid)<<3|scheduler, &ts); err != nil {
		return 0, os.NewSyscallError("clock_gettime", err)
	}
	return time.Duration(ts.Nano()), nil
}
