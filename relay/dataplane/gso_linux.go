//go:build linux && !portable

package dataplane

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// segmentationWorks tells whether this kernel's UDP segmentation can be trusted:
// not before 5.12, and 7.0 to 7.1.4 mangle the headers when all segments are
// equally long.
func segmentationWorks() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	return goodRelease(unix.ByteSliceToString(u.Release[:]))
}

func goodRelease(release string) bool {
	v := [3]int{}
	for i, part := range strings.SplitN(release, ".", 3) {
		end := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' })
		if end < 0 {
			end = len(part)
		}
		v[i], _ = strconv.Atoi(part[:end])
	}
	switch {
	case v[0] < 5 || v[0] == 5 && v[1] < 12:
		return false
	case v[0] == 7 && (v[1] == 0 || v[1] == 1 && v[2] < 5):
		return false
	}
	return true
}
