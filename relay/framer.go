package relay

import (
	"encoding/binary"
	"errors"
	"net"
	"time"
)

var errFrame = errors.New("neither a STUN message nor ChannelData of a permitted length")

// framer cuts a byte stream into STUN messages and ChannelData (RFC 8656
// section 12.5). It holds one frame and what came with it, never more.
type framer struct {
	conn net.Conn
	wire *wire // below TLS, or nil
	buf  [streamBuffer]byte
	r, w int
}

// streamBuffer is what is read at once: the packets of a video frame, so that
// they leave together.
const streamBuffer = 16<<10 + maxFrame

// next returns the next whole frame, valid until the following call. wait is
// the time by which it must have begun; each must be whole wholeFrame after that,
// or by wait when nothing has been received before.
func (f *framer) next(wait time.Time) ([]byte, error) {
	deadline, begun := wait, false
	for {
		n, err := frameSize(f.buf[f.r:f.w])
		if err != nil {
			return nil, err
		}
		if n > 0 && f.w-f.r >= n {
			frame := f.buf[f.r : f.r+n]
			f.r += n
			return frame, nil
		}
		if f.w > f.r && !begun {
			begun = true
			if d := time.Now().Add(wholeFrame); d.Before(deadline) {
				deadline = d
			}
		}
		if err := f.fill(deadline); err != nil {
			return nil, err
		}
	}
}

// withFollowing extends the ChannelData frame that next has just returned by the
// whole ones that came right behind it.
func (f *framer) withFollowing(frame []byte) []byte {
	start := f.r - len(frame)
	for f.r < f.w && f.buf[f.r]>>6 == 1 {
		n, err := frameSize(f.buf[f.r:f.w])
		if err != nil || n == 0 || f.w-f.r < n {
			break
		}
		f.r += n
	}
	return f.buf[start:f.r]
}

// fill reads once behind what there is.
func (f *framer) fill(deadline time.Time) error {
	if f.r > 0 {
		f.w = copy(f.buf[:], f.buf[f.r:f.w])
		f.r = 0
	}
	if err := f.conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	n, err := f.conn.Read(f.buf[f.w:])
	f.w += n
	if n > 0 {
		f.gather()
		return nil
	}
	return err
}

// gather takes the TLS records that came together with the one just read. An
// error comes again at the next read.
func (f *framer) gather() {
	if f.wire == nil {
		return
	}
	f.wire.patchy = true
	for f.w < len(f.buf) {
		n, err := f.conn.Read(f.buf[f.w:])
		f.w += n
		if err != nil {
			break
		}
	}
	f.wire.patchy = false
}

// frameSize returns the length of the frame that b begins with, padding
// included; 0 if that cannot be told yet.
func frameSize(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if b[0]>>6 > 1 {
		return 0, errFrame
	}
	if len(b) < 4 {
		return 0, nil
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if b[0]>>6 == 0 {
		if n&3 != 0 {
			return 0, errFrame
		}
		n += stunHeaderLen
	} else {
		n = 4 + (n+3)&^3
	}
	if n > maxFrame {
		return 0, errFrame
	}
	return n, nil
}
