package relay

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// Test vectors of RFC 5769.
const (
	vectorRequest = `000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74
		002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020
		000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf`
	vectorResponse4 = `0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220
		002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96`
	vectorResponse6 = `010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220
		002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c`
	vectorLongTerm = `000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b90000
		0015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700
		00080014f67024656dd64a3e02b8e0712e85c9a28ca89666`

	vectorPassword = "VOkJxbRl1RmTxUk/WvJxBt"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVectors(t *testing.T) {
	for _, v := range []struct{ name, text, mapped string }{
		{"request", vectorRequest, ""},
		{"IPv4 response", vectorResponse4, "192.0.2.1:32853"},
		{"IPv6 response", vectorResponse6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"},
	} {
		m, err := parse(unhex(t, v.text), nil)
		if err != nil || !m.fingerprinted || !m.signedBy([]byte(vectorPassword)) || m.signedBy([]byte("x")) {
			t.Errorf("%s: %v, fingerprint %v, signed %v", v.name, err, m.fingerprinted, m.signedBy([]byte(vectorPassword)))
		}
		if v.mapped == "" {
			continue
		}
		value, _ := m.get(attrXORMappedAddress)
		if a, ok := m.decodeAddress(value); !ok || a.String() != v.mapped {
			t.Errorf("%s: mapped %v", v.name, a)
		}
		w := newMessage(methodBinding, classSuccess, m.id).addAddress(attrXORMappedAddress, netip.MustParseAddrPort(v.mapped))
		again, err := parse(w.finish(true), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := again.get(attrXORMappedAddress); string(got) != string(value) {
			t.Errorf("%s: address written as %x, want %x", v.name, got, value)
		}
	}
	m, err := parse(unhex(t, vectorLongTerm), nil)
	if err != nil || !m.signedBy(longTermKey("マトリックス", "example.org", "TheMatrIX")) {
		t.Errorf("long-term vector: %v", err)
	}
}

// TestFlippedBits: no bit of a signed and fingerprinted message may change.
func TestFlippedBits(t *testing.T) {
	raw := unhex(t, vectorRequest)
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			if m, err := parse(raw, nil); err == nil && m.fingerprinted && m.signedBy([]byte(vectorPassword)) {
				t.Errorf("byte %d bit %d may be flipped", i, bit)
			}
			raw[i] ^= 1 << bit
		}
	}
}

// TestPassword fixes what coturn and others compute from a shared secret.
func TestPassword(t *testing.T) {
	// printf 1800000000:k7q2m4x6a3b5c7d2e4f6g2h4j6 | openssl dgst -sha1 -hmac north -binary | base64
	if got := password("north", "1800000000:k7q2m4x6a3b5c7d2e4f6g2h4j6"); got != "KkdqjTfL6Y3N5aWTDzPLvuAFJBE=" {
		t.Errorf("password %q", got)
	}
}

func TestParseCredential(t *testing.T) {
	for _, c := range []struct {
		name, login string
		expires     int64
		ok          bool
	}{
		{"1800000000:abc", "abc", 1800000000, true},
		{"1800000000:@ann:matrix.org", "@ann:matrix.org", 1800000000, true},
		{"1800000000", "1800000000", 1800000000, true},
		{"1800000000:", "1800000000:", 1800000000, true},
		{"abc", "", 0, false},
		{"", "", 0, false},
		{":abc", "", 0, false},
		{"abc:1800000000", "", 0, false},
		{"-1:abc", "", 0, false},
		{"+1:abc", "", 0, false},
		{" 1:abc", "", 0, false},
		{"1e9:abc", "", 0, false},
		{"99999999999999999999:abc", "", 0, false},
		{"18446744073709551615:abc", "", 0, false},
	} {
		got, ok := parseCredential(c.name)
		if ok != c.ok || ok && (got.login != c.login || !got.expires.Equal(time.Unix(c.expires, 0))) {
			t.Errorf("%q: %+v %v", c.name, got, ok)
		}
	}
}

func TestNonce(t *testing.T) {
	n, now := newNonces(), time.Now()
	a, b := netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort("192.0.2.1:1001")
	nonce := n.issue(now, a)
	if len(nonce) != nonceLen {
		t.Errorf("%d characters", len(nonce))
	}
	other := newNonces()
	for name, ok := range map[string]bool{
		"fresh":         n.valid(now, nonce, a),
		"in its life":   n.valid(now.Add(9*time.Minute), nonce, a),
		"not too old":   !n.valid(now.Add(nonceLife+time.Second), nonce, a),
		"not elsewhere": !n.valid(now, nonce, b),
		"not another's": !other.valid(now, nonce, a),
		"not cut":       !n.valid(now, nonce[:len(nonce)-1], a),
		"not empty":     !n.valid(now, nil, a),
	} {
		if !ok {
			t.Error(name)
		}
	}
}

func FuzzCredential(f *testing.F) {
	f.Add("1800000000:abc")
	f.Add("abc")
	f.Fuzz(func(t *testing.T, name string) {
		c, ok := parseCredential(name)
		if ok && (c.name != name || c.login == "" || c.expires.Unix() < 0) {
			t.Fatalf("%q: %+v", name, c)
		}
	})
}
