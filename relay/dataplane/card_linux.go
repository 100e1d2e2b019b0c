//go:build linux && !portable

package dataplane

import (
	"encoding/binary"
	"net"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// virtioDriver is the network card of most virtual machines.
	virtioDriver = "virtio_net"
	// hostSegmentation has a virtual card pass segments on uncut: the kernel of
	// the host cuts them, or its card does. Some damage them, and the guest
	// cannot tell which.
	hostSegmentation = "tx-udp-segmentation"

	// Of linux/ethtool.h.
	featureNames  = 4 // ETH_SS_FEATURES
	featureLength = 32
	featureBlock  = 16 // struct ethtool_get_features_block: available, requested, active, never changed
	activeAt      = 8
)

// cardsOfHosts returns the network cards that leave segmentation to the host of
// this virtual machine.
func cardsOfHosts() (names []string) {
	list, err := net.Interfaces()
	if err != nil {
		return nil
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = unix.Close(fd) }()
	for _, i := range list {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		info, err := unix.IoctlGetEthtoolDrvinfo(fd, i.Name)
		if err == nil && unix.ByteSliceToString(info.Driver[:]) == virtioDriver && hasFeature(fd, i.Name, hostSegmentation) {
			names = append(names, i.Name)
		}
	}
	return names
}

// hasFeature tells whether a feature of a network card is on, as `ethtool -k`
// does.
func hasFeature(fd int, card, feature string) bool {
	ask := make([]byte, 4+4+8+4) // struct ethtool_sset_info with one length
	binary.NativeEndian.PutUint32(ask, unix.ETHTOOL_GSSET_INFO)
	binary.NativeEndian.PutUint64(ask[8:], 1<<featureNames)
	if ethtool(fd, card, ask) != nil {
		return false
	}
	count := int(binary.NativeEndian.Uint32(ask[16:]))

	names := make([]byte, 12+count*featureLength) // struct ethtool_gstrings
	binary.NativeEndian.PutUint32(names, unix.ETHTOOL_GSTRINGS)
	binary.NativeEndian.PutUint32(names[4:], featureNames)
	binary.NativeEndian.PutUint32(names[8:], uint32(count))
	blocks := (count + 31) / 32
	bits := make([]byte, 8+blocks*featureBlock) // struct ethtool_gfeatures
	binary.NativeEndian.PutUint32(bits, unix.ETHTOOL_GFEATURES)
	binary.NativeEndian.PutUint32(bits[4:], uint32(blocks))
	if ethtool(fd, card, names) != nil || ethtool(fd, card, bits) != nil {
		return false
	}
	for i := range count {
		if name := names[12+i*featureLength:][:featureLength]; unix.ByteSliceToString(name) == feature {
			active := binary.NativeEndian.Uint32(bits[8+i/32*featureBlock+activeAt:])
			return active>>(i%32)&1 != 0
		}
	}
	return false
}

// ethtool passes a request about a network card to its driver, which answers in
// place. All that is asked here needs no privilege.
func ethtool(fd int, card string, b []byte) error {
	var request struct { // struct ifreq
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}
	if len(card) >= len(request.name) || strings.ContainsRune(card, 0) {
		return syscall.EINVAL
	}
	copy(request.name[:], card)
	request.data = unsafe.Pointer(&b[0])
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	runtime.KeepAlive(b)
	if errno != 0 {
		return errno
	}
	return nil
}
