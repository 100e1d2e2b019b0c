package signaling

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSplitFrame(t *testing.T) {
	var f frame
	in := ` {"t":"signal","id":12,"ack":7,"room":"r","to":"p_x","data":{"to":"inner","a":[1,-2.5e+3,true,false,null,"\u00e4\n"]},"x":{}} `
	if !splitFrame([]byte(in), &f) {
		t.Fatal("refused")
	}
	for got, want := range map[string]string{
		string(f.t): `"signal"`, string(f.id): "12", string(f.ack): "7", string(f.room): `"r"`, string(f.to): `"p_x"`,
		string(f.data): `{"to":"inner","a":[1,-2.5e+3,true,false,null,"\u00e4\n"]}`,
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	deep := strings.Repeat(`{"a":`, maxDepth+1) + "1" + strings.Repeat("}", maxDepth+1)
	for _, bad := range []string{"", "[]", `"t"`, "{", `{"t"}`, `{"t":}`, `{"t":1,}`, `{t:1}`, `{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":+1}`,
		`{"a":tru}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, "{\"a\":\"\n\"}", "{\"a\":\"\xff\"}", `{} {}`, `{"a":[1,]}`, `{"a":[1 2]}`, deep} {
		if splitFrame([]byte(bad), &f) {
			t.Errorf("accepted %s", bad)
		}
	}
}

func TestRawCounter(t *testing.T) {
	for in, want := range map[string]int64{"1": 1, "0": 0, "9007199254740992": 1 << 53, "9007199254740993": -1, "-1": -1, "1.0": -1,
		"1e3": -1, `"1"`: -1, "null": -1, "": -1, "99999999999999999999": -1} {
		got, ok := rawCounter([]byte(in))
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%s: %d, want %d", in, got, want)
		}
	}
}

// FuzzSplitFrame holds the scanner against encoding/json.
func FuzzSplitFrame(f *testing.F) {
	for _, seed := range []string{`{"t":"ping","ack":57}`, `{"t":"signal","id":1,"room":"r","to":"*","data":{"pc":"x","candidate":null}}`,
		`{"a":[[],{},"\ud800\"",-0.0e-1]}`, `{"t":"\u0074","id":1}`, "\ufeff{}", `{"a":1`, "{\"\x7f\":0}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var fr frame
		got := splitFrame(b, &fr)
		trimmed := bytes.TrimLeft(b, " \t\r\n")
		want := utf8.Valid(b) && json.Valid(b) && len(trimmed) > 0 && trimmed[0] == '{'
		if got && !want {
			t.Fatalf("accepted %q", b)
		}
		if !got && want && depth(b) <= maxDepth {
			t.Fatalf("refused %q", b)
		}
		if !got {
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(b, &members); err != nil {
			t.Fatal(err)
		}
		for key, raw := range map[string][]byte{"t": fr.t, "id": fr.id, "ack": fr.ack, "room": fr.room, "to": fr.to, "data": fr.data} {
			if raw != nil && !json.Valid(raw) {
				t.Fatalf("%s is %q", key, raw)
			}
			if s, ok := rawString(raw); ok {
				var want string
				if json.Unmarshal(raw, &want) != nil || want != string(s) {
					t.Fatalf("%s: %q is not %q", key, s, want)
				}
			}
		}
	})
}

// depth is an upper bound of the nesting of b.
func depth(b []byte) int {
	return bytes.Count(b, []byte("{")) + bytes.Count(b, []byte("["))
}

// FuzzEvents checks that what is put together by hand is JSON.
func FuzzEvents(f *testing.F) {
	f.Add("standup", "Ann", `{"pc":"x"}`)
	f.Add("r", "\"\\</script>\u2028", `"\u0000"`)
	f.Fuzz(func(t *testing.T, roomName, name, data string) {
		if !validRoom(roomName) || !json.Valid([]byte(data)) || !utf8.ValidString(data) {
			return
		}
		h, err := New(Options{Identify: nobody, Key: []byte("k")})
		if err != nil {
			t.Fatal(err)
		}
		p := &peer{hub: h, id: "p_x", who: Identity{User: "u_x", Name: name}}
		r := h.newRoom(roomName, kindLink)
		r.title = name
		if _, err := r.enter(p, entry{}); err != nil {
			t.Fatal(err)
		}
		r.setAway(p, true)
		for _, body := range [][]byte{
			signalBody(roomName, p.id, []byte(data), true), r.peerEventLocked("leave", r.members[0], "left"),
			okBody(7, joined{r.snapshotFor(p), 2}), fields(errorFields{Code: name}), fields(struct{}{}),
		} {
			if b := newEvent("t", body).appendTo(nil, 9); !json.Valid(b) {
				t.Fatalf("not JSON: %s", b)
			}
		}
	})
}
