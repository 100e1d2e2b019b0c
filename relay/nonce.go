package relay

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"net/netip"
	"sync"
	"time"
)

const (
	nonceLife = 10 * time.Minute // after that 438 with a new one
	nonceMAC  = 12               // bytes of the HMAC that are kept
	nonceLen  = 22               // characters: 4 bytes of time and the MAC in base64
)

// nonces makes and checks nonces that are bound to the client's address, so
// that the server keeps nothing about a client that has not logged in, and a
// request caught on the way cannot be sent from elsewhere.
type nonces struct{ macs *sync.Pool } // of hash.Hash, all with one secret key

func newNonces() nonces {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, see crypto/rand
	return nonces{&sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

func (n *nonces) issue(now time.Time, client netip.AddrPort) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 4+nonceMAC), uint32(now.Unix()))
	b = append(b, n.mac(b, client)...)
	return base64.RawURLEncoding.AppendEncode(nil, b)
}

func (n *nonces) valid(now time.Time, nonce []byte, client netip.AddrPort) bool {
	if len(nonce) != nonceLen {
		return false
	}
	var b [4 + nonceMAC]byte
	if k, err := base64.RawURLEncoding.Decode(b[:], nonce); err != nil || k != len(b) {
		return false
	}
	if !hmac.Equal(b[4:], n.mac(b[:4], client)) {
		return false
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint32(b[:4])), 0))
	return age < nonceLife && age > -nonceLife
}

func (n *nonces) mac(stamp []byte, client netip.AddrPort) []byte {
	ip := client.Addr().As16()
	h := n.macs.Get().(hash.Hash)
	defer n.macs.Put(h)
	h.Reset()
	h.Write(stamp)
	h.Write(ip[:])
	h.Write(binary.BigEndian.AppendUint16(nil, client.Port()))
	return h.Sum(nil)[:nonceMAC]
}
