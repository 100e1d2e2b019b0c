package doctor

import "syscall"

const (
	// udpSegment is UDP_SEGMENT (udp(7)): one write that the kernel cuts into
	// packets.
	udpSegment = 103
	// unsynced is STA_UNSYNC (adjtimex(2)).
	unsynced = 0x40
)

// segments says whether the kernel cuts UDP writes.
func segments() bool {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	return syscall.SetsockoptInt(fd, syscall.IPPROTO_UDP, udpSegment, 1200) == nil
}

// clockSynced asks the kernel whether something disciplines its clock.
func clockSynced() (synced, known bool) {
	var t syscall.Timex
	if _, err := syscall.Adjtimex(&t); err != nil {
		return false, false
	}
	return t.Status&unsynced == 0, true
}

// ownLimit is the limit of descriptors of this process, which a service of the
// same user may not share.
func ownLimit() (uint64, bool) {
	var r syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r)
	return r.Max, err == nil
}
