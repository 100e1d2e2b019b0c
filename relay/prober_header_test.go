package relay_test

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// changed is a copy of a message with one byte replaced.
func changed(b []byte, at int, to byte) []byte {
	b = slices.Clone(b)
	b[at] = to
	return b
}

// headerChecks: what is no request of ours is never answered, and does no harm
// to the client who sent it.
func headerChecks() []check {
	binding, full := message(tBinding), message(tBinding, text(aSoftware, "probe"))
	silent := map[string][]byte{
		"wrong cookie":         changed(binding, 4, 0x20),
		"no cookie (RFC 3489)": changed(changed(binding, 4, 0), 7, 0),
		"attribute longer than the message": func() []byte {
			b := slices.Clone(full)
			binary.BigEndian.PutUint16(b[22:], 400)
			return b
		}(),
		"attribute longer by its padding": func() []byte {
			b := slices.Clone(full)
			binary.BigEndian.PutUint16(b[22:], 9)
			return b
		}(),
		"attribute length 65535": func() []byte {
			b := slices.Clone(full)
			binary.BigEndian.PutUint16(b[22:], 0xffff)
			return b
		}(),
		"short MESSAGE-INTEGRITY":                 message(tAllocate, relayUDP, tlv{aIntegrity, make([]byte, 16)}),
		"empty MESSAGE-INTEGRITY":                 message(tAllocate, relayUDP, tlv{aIntegrity, nil}),
		"wrong FINGERPRINT":                       changed(fingerprinted(binding), 27, fingerprinted(binding)[27]^1),
		"short FINGERPRINT":                       message(tBinding, tlv{aFingerprint, []byte{1, 2}}),
		"FINGERPRINT not last":                    appendTLV(fingerprinted(binding), text(aSoftware, "late")),
		"FINGERPRINT twice":                       fingerprinted(fingerprinted(binding)),
		"FINGERPRINT of another message":          append(message(tBinding, num(aFingerprint, 0))[:24], fingerprinted(binding)[24:]...),
		"Binding indication":                      message(tBinding | indicationBit),
		"Binding success":                         message(tBinding | successBit),
		"Binding error":                           message(tBinding|errorBits, num(aErrorCode, 0x0400)),
		"Allocate indication":                     message(tAllocate | indicationBit),
		"Allocate success":                        message(tAllocate | successBit),
		"Allocate error":                          message(tAllocate|errorBits, num(aErrorCode, 0x0401)),
		"Data indication":                         message(tData, text(aData, "x")),
		"unknown method":                          message(0x00ef),
		"highest method":                          message(0x3eef),
		"method 0":                                message(0x0000),
		"Send request":                            message(0x0006),
		"Data request":                            message(0x0007),
		"Connect (RFC 6062)":                      message(0x000a),
		"ConnectionBind (RFC 6062)":               message(0x000b),
		"Send without anything":                   message(tSend),
		"Send with an unknown required attribute": message(tSend, tlv{0x7fff, nil}, text(aData, "x")),
		"ChannelData of nobody":                   {0x40, 0, 0, 4, 1, 2, 3, 4},
		"ChannelData of nobody, empty":            {0x7f, 0xff, 0, 0},
	}
	var list []check
	for name, b := range silent {
		list = append(list, check{name: "silence/" + name, run: func(c *client) { c.silence(b) }})
	}
	return append(list, framingChecks()...)
}

// framingChecks: what over UDP is a bad datagram ends a stream, whose frames
// cannot be told apart any more.
func framingChecks() []check {
	bad := map[string][]byte{
		"STUN length not a multiple of 4": {0, 1, 0, 2, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0, 0},
		"STUN length wraps":               {0, 1, 0xff, 0xec, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
		"STUN length beyond any datagram": {0, 1, 0x10, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
		"ChannelData length wraps":        {0x40, 0, 0xff, 0xfc, 0, 0, 0, 0, 0, 0, 0, 0},
		"ChannelData length 65535":        {0x40, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0},
		"RTP":                             {0x80, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1},
		"DTLS hello":                      {0x16, 0xfe, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1},
		"all ones":                        bytes.Repeat([]byte{0xff}, 64),
		"HTTP":                            []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
	}
	var list []check
	for name, b := range bad {
		list = append(list, check{name: "framing/" + name, run: func(c *client) {
			if !c.stream() {
				c.silence(b)
				return
			}
			c.write(b)
			c.ends()
		}})
	}
	for name, n := range map[string]int{"empty datagram": 0, "one byte": 1, "header cut short": 19} {
		list = append(list, check{name: "framing/" + name, run: func(c *client) {
			b := message(tBinding)
			if !c.stream() {
				c.silence(b[:n])
				return
			}
			c.write(b[:n])
			c.write(b[n:]) // makes it whole
			if r, err := readReply(c.read()); err != nil || r.id != string(b[8:20]) {
				c.Fatalf("%+v %v", r, err)
			}
		}})
	}
	return append(list, check{name: "framing/longer than the header says", run: func(c *client) {
		b := append(message(tBinding), 0, 0, 0, 0)
		if !c.stream() {
			c.silence(b)
			return
		}
		c.write(b) // the rest begins the next frame
		if r, err := readReply(c.read()); err != nil || r.code() != 0 {
			c.Fatalf("%+v %v", r, err)
		}
	}}, check{name: "framing/many frames in one piece", run: func(c *client) {
		if !c.stream() {
			return
		}
		first, second := message(tBinding), message(tBinding)
		c.write(append(slices.Clone(first), second...))
		for _, b := range [][]byte{first, second} {
			if r, err := readReply(c.read()); err != nil || r.id != string(b[8:20]) {
				c.Fatalf("%+v %v", r, err)
			}
		}
	}})
}

// ends waits for the server to close the connection without a word.
func (c *client) ends() {
	c.Helper()
	if n, err := c.readRaw(); err == nil || n != 0 {
		c.Fatalf("%d bytes (%v), want the end of the connection", n, err)
	}
}

func bindingChecks() []check {
	mapped := func(c *client, r *reply) {
		c.Helper()
		if r.code() != 0 || r.address(aMapped) != c.local() || len(r.attrs) != 1 || r.integrity != 0 {
			c.Fatalf("code %d, mapped %v, want %v alone: %x", r.code(), r.address(aMapped), c.local(), r.raw)
		}
	}
	return []check{
		{name: "binding/mapped address", run: func(c *client) { mapped(c, c.ask(message(tBinding))) }},
		{name: "binding/FINGERPRINT comes back", run: func(c *client) {
			r := c.ask(fingerprinted(message(tBinding)))
			mapped(c, r)
			if !r.finger {
				c.Fatal("no FINGERPRINT in the answer")
			}
		}},
		{name: "binding/no FINGERPRINT unasked", run: func(c *client) {
			if c.ask(message(tBinding)).finger {
				c.Fatal("FINGERPRINT makes the answer larger")
			}
		}},
		{name: "binding/optional attributes are ignored", run: func(c *client) {
			mapped(c, c.ask(message(tBinding, text(aSoftware, "abc"), tlv{0xff00, []byte{1}}, tlv{0x8fff, nil})))
		}},
		{name: "binding/one unknown attribute", run: func(c *client) {
			if r := c.refused(message(tBinding, tlv{0x7f00, nil}), 420); !bytes.Equal(r.get(aUnknown), []byte{0x7f, 0}) {
				c.Fatalf("UNKNOWN-ATTRIBUTES %x", r.get(aUnknown))
			}
		}},
		{name: "binding/many unknown attributes", run: func(c *client) {
			var many []tlv
			for i := range uint16(40) {
				many = append(many, tlv{0x7f00 + i, nil})
			}
			r := c.refused(message(tBinding, many...), 420)
			if !bytes.Equal(r.get(aUnknown), []byte{0x7f, 0, 0x7f, 1, 0x7f, 2, 0x7f, 3}) {
				c.Fatalf("UNKNOWN-ATTRIBUTES %x, want the first four", r.get(aUnknown))
			}
		}},
		{name: "binding/smallest request is not amplified", run: func(c *client) { c.small(message(tBinding)) }},
		{name: "binding/unknown attribute is not amplified", run: func(c *client) { c.small(message(tBinding, tlv{0x7f00, nil})) }},
		{name: "binding/retransmission", run: func(c *client) {
			b := message(tBinding)
			if x, y := c.ask(b), c.ask(b); !bytes.Equal(x.raw, y.raw) {
				c.Fatalf("%x, then %x", x.raw, y.raw)
			}
		}},
		{name: "binding/credentials are not wanted", run: func(c *client) { mapped(c, c.ask(c.request(tBinding))) }},
	}
}

// small checks that an answer is at most three times its request on the wire,
// IPv4 and UDP headers included.
func (c *client) small(b []byte) {
	c.Helper()
	if r := c.ask(b); len(r.raw)+28 > 3*(len(b)+28) {
		c.Fatalf("%d bytes for %d", len(r.raw), len(b))
	}
}
