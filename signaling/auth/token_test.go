package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/signaling/auth"
)

const secret = "an HS256 secret of enough bytes, and more"

func publicPEM(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func generate[K any](t *testing.T, k K, err error) K {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (s *site) sign(method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	s.t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// claims are those of Ann for a minute, with changes; nil removes one.
func (s *site) claims(changes jwt.MapClaims) jwt.MapClaims {
	now := s.clock.Now()
	c := jwt.MapClaims{"sub": "ann", "name": "Ann", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	for k, v := range changes {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

func jwtSite(t *testing.T, keys ...[]byte) *site {
	t.Helper()
	var c auth.Credentials
	for _, k := range keys {
		c.JWTKeys = append(c.JWTKeys, auth.JWTKey{Name: "app.pem", Data: k})
	}
	return newSite(t, auth.Options{Mode: "token", Credentials: c})
}

// A key verifies the algorithms of its own family and nothing else.
func TestJWTAlgorithms(t *testing.T) {
	rsaKey, errRSA := rsa.GenerateKey(rand.Reader, 2048)
	rsaPriv := generate(t, rsaKey, errRSA)
	p256, err256 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	generate(t, p256, err256)
	p384, err384 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	generate(t, p384, err384)
	edPub, edPriv, errEd := ed25519.GenerateKey(rand.Reader)
	generate(t, edPriv, errEd)

	rsaPEM := publicPEM(t, rsaPriv.Public())
	keys := map[string][]byte{"rsa": rsaPEM, "p256": publicPEM(t, p256.Public()), "p384": publicPEM(t, p384.Public()),
		"ed": publicPEM(t, edPub), "hs": []byte(secret + "\n")}
	tokens := map[string]struct {
		method jwt.SigningMethod
		key    any
		family string // the one key that takes it; "" for none
	}{
		"RS256": {jwt.SigningMethodRS256, rsaPriv, "rsa"}, "RS512": {jwt.SigningMethodRS512, rsaPriv, "rsa"},
		"PS256": {jwt.SigningMethodPS256, rsaPriv, "rsa"}, "PS384": {jwt.SigningMethodPS384, rsaPriv, "rsa"},
		"ES256": {jwt.SigningMethodES256, p256, "p256"}, "ES384": {jwt.SigningMethodES384, p384, "p384"},
		"EdDSA": {jwt.SigningMethodEdDSA, edPriv, "ed"}, "HS256": {jwt.SigningMethodHS256, []byte(secret), "hs"},
		"HS512":                      {jwt.SigningMethodHS512, []byte(secret), ""},
		"none":                       {jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, ""},
		"HS256 with a public PEM":    {jwt.SigningMethodHS256, rsaPEM, ""},
		"HS256 with the DER":         {jwt.SigningMethodHS256, x509.MarshalPKCS1PublicKey(&rsaPriv.PublicKey), ""},
		"HS256 with an empty secret": {jwt.SigningMethodHS256, []byte{}, ""},
		"HS256 with the newline":     {jwt.SigningMethodHS256, []byte(secret + "\n"), ""},
	}
	all := jwtSite(t, keys["rsa"], keys["p256"], keys["p384"], keys["ed"], keys["hs"])
	for family, key := range keys {
		s := jwtSite(t, key)
		for name, tc := range tokens {
			body := `{"token":` + quote(s.sign(tc.method, tc.key, s.claims(nil))) + `}`
			resp, a := s.login(body)
			if want := tc.family == family; (resp.StatusCode == 200) != want || !want && a.Error.Code != "unauthorized" {
				t.Errorf("%s against the %s key: %d %q", name, family, resp.StatusCode, a.Error.Code)
			}
			if resp, _ := all.login(body); (resp.StatusCode == 200) != (tc.family != "") {
				t.Errorf("%s against all keys: %d", name, resp.StatusCode)
			}
		}
	}
}

func TestJWTClaims(t *testing.T) {
	s := jwtSite(t, []byte(secret))
	now := s.clock.Now()
	for name, tc := range map[string]struct {
		claims jwt.MapClaims
		status int
		user   string
	}{
		"plain":         {nil, 200, `{"user":"u_ann","name":"Ann","guest":false,"roles":["user"],"relay":true,"room":null}`},
		"everything":    {jwt.MapClaims{"room": "class-7", "relay": false, "roles": []string{"boss", "admin"}}, 200, `{"user":"u_ann","name":"Ann","guest":false,"roles":["user","admin"],"relay":false,"room":"class-7"}`},
		"other roles":   {jwt.MapClaims{"roles": []string{"Admin", "root"}}, 200, `{"user":"u_ann","name":"Ann","guest":false,"roles":["user"],"relay":true,"room":null}`},
		"no name":       {jwt.MapClaims{"name": nil}, 200, `{"user":"u_ann","name":"ann","guest":false,"roles":["user"],"relay":true,"room":null}`},
		"capitals":      {jwt.MapClaims{"sub": "Ann"}, 200, `{"user":"u_Ann","name":"Ann","guest":false,"roles":["user"],"relay":true,"room":null}`},
		"odd sub":       {jwt.MapClaims{"sub": "a|b/ü\n~"}, 200, `{"user":"u_a~7cb~2f~c3~bc~0a~7e","name":"Ann","guest":false,"roles":["user"],"relay":true,"room":null}`},
		"mail":          {jwt.MapClaims{"sub": "ann@example.org"}, 200, `{"user":"u_ann@example.org","name":"Ann","guest":false,"roles":["user"],"relay":true,"room":null}`},
		"no exp":        {jwt.MapClaims{"exp": nil}, 401, ""},
		"expired":       {jwt.MapClaims{"exp": now.Unix()}, 401, ""},
		"exp as text":   {jwt.MapClaims{"exp": "tomorrow"}, 401, ""},
		"not yet":       {jwt.MapClaims{"nbf": now.Add(2 * time.Minute).Unix()}, 401, ""},
		"a clock ahead": {jwt.MapClaims{"nbf": now.Add(30 * time.Second).Unix(), "iat": now.Add(30 * time.Second).Unix()}, 200, `{"user":"u_ann","name":"Ann","guest":false,"roles":["user"],"relay":true,"room":null}`},
		"no sub":        {jwt.MapClaims{"sub": nil}, 401, ""},
		"empty sub":     {jwt.MapClaims{"sub": ""}, 401, ""},
		"number as sub": {jwt.MapClaims{"sub": 7}, 401, ""},
		"bad room":      {jwt.MapClaims{"room": "a b"}, 401, ""},
		"empty room":    {jwt.MapClaims{"room": ""}, 401, ""},
		"rooms":         {jwt.MapClaims{"room": []string{"a"}}, 401, ""},
		"relay as text": {jwt.MapClaims{"relay": "no"}, 401, ""},
		"bad name":      {jwt.MapClaims{"name": "a\u202eb"}, 400, ""},
		"name too long": {jwt.MapClaims{"name": strings.Repeat("x", 33)}, 400, ""},
		"a long sub":    {jwt.MapClaims{"sub": strings.Repeat("x", 65)}, 200, `{"user":"u_~~su34l7prebec67ky2jpj5vmd6uwafnhdatvictnrmm5nkzno27uq","name":"Ann","guest":false,"roles":["user"],"relay":true,"room":null}`},
		"uuid, no name": {jwt.MapClaims{"sub": "0b3cfd5e-8a9f-4b4c-9f6c-0a1b2c3d4e5f", "name": nil}, 200, `{"user":"u_0b3cfd5e-8a9f-4b4c-9f6c-0a1b2c3d4e5f","name":"0b3cfd5e-8a9f-4b4c-9f6c-0a1b2c3d","guest":false,"roles":["user"],"relay":true,"room":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			resp, a := s.login(`{"token":` + quote(s.sign(jwt.SigningMethodHS256, []byte(secret), s.claims(tc.claims))) + `}`)
			if resp.StatusCode != tc.status {
				t.Fatalf("%d %s", resp.StatusCode, a.Error.Message)
			}
			if tc.status == 200 && quote(a.User) != tc.user {
				t.Errorf("user\n got %s\nwant %s", quote(a.User), tc.user)
			}
		})
	}
}

func TestJWTCritical(t *testing.T) {
	s := jwtSite(t, []byte(secret))
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, s.claims(nil))
	token.Header["crit"] = []string{"b64"}
	text, err := token.SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	if resp, _ := s.login(`{"token":` + quote(text) + `}`); resp.StatusCode != 401 {
		t.Errorf("a token with crit: %d", resp.StatusCode)
	}
}

// A login by JWT lasts session_ttl, whatever exp says; the JWT itself is one
// login wherever it is used, and can be ended.
func TestJWTAsBearer(t *testing.T) {
	s := jwtSite(t, []byte(secret))
	token := s.sign(jwt.SigningMethodHS256, []byte(secret), s.claims(nil))
	in := s.mustLogin(`{"token":` + quote(token) + `}`)
	if want := s.clock.Now().Add(auth.DefaultSessionTTL); !in.ExpiresAt.Equal(want) {
		t.Errorf("expires %v, want %v", in.ExpiresAt, want)
	}
	one, err := s.hello(token, "ignored", tabKey)
	if err != nil || one.Name != "Ann" || one.User.User != "u_ann" || one.ID != s.id(token) {
		t.Fatalf("%+v, %v", one, err)
	}
	s.clock.Advance(time.Minute)
	if got := s.me(token); got != 401 {
		t.Errorf("an expired JWT: %d", got)
	}
	if got := s.me(in.Token); got != 200 {
		t.Errorf("the login of an expired JWT: %d", got)
	}
	fresh := s.sign(jwt.SigningMethodHS256, []byte(secret), s.claims(nil))
	s.do("POST", "/logout", "", "Authorization", "Bearer "+fresh)
	for _, again := range []string{fresh, fresh[:len(fresh)-1] + "_"} {
		if _, err := s.hello(again, "", tabKey); code(t, err) != "unauthorized" {
			t.Errorf("an ended JWT: %v", err)
		}
	}
	// An end of all the user's logins covers the JWTs made before it.
	before := s.sign(jwt.SigningMethodHS256, []byte(secret), s.claims(jwt.MapClaims{"iat": s.clock.Now().Add(-time.Second).Unix()}))
	undated := s.sign(jwt.SigningMethodHS256, []byte(secret), s.claims(jwt.MapClaims{"iat": nil}))
	if err := s.EndUser("u_ann"); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Second)
	after := s.sign(jwt.SigningMethodHS256, []byte(secret), s.claims(nil))
	if s.me(before) != 401 || s.me(undated) != 401 || s.me(in.Token) != 401 || s.me(after) != 200 {
		t.Errorf("before %d, undated %d, login %d, after %d", s.me(before), s.me(undated), s.me(in.Token), s.me(after))
	}
}

func TestJWTKeys(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no short RSA keys")
	}
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	private, _ := x509.MarshalPKCS8PrivateKey(p256)
	der, _ := x509.MarshalPKIXPublicKey(p256.Public())
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"short secret":  {[]byte("short"), "32 bytes"},
		"padded secret": {[]byte(strings.Repeat("x", 31) + "\n"), "32 bytes"},
		"private":       {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), "no public key"},
		"damaged":       {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der[:40]}), "damaged"},
		"half a PEM":    {publicPEM(t, p256.Public())[:90], "not PEM"},
		"DER":           {der, "not PEM"},
		"ssh":           {[]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"), "not PEM"},
		"JWK":           {[]byte(`{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"}`), "not PEM"},
		"short RSA":     {publicPEM(t, small.Public()), "2048"},
	} {
		_, err := auth.New(auth.Options{Mode: "token", DataDir: t.TempDir(),
			Credentials: auth.Credentials{JWTKeys: []auth.JWTKey{{Name: "/etc/app.key", Data: tc.data}}}})
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "/etc/app.key") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInvite(t *testing.T) {
	for _, mode := range []string{"open", "password", "users", "token"} {
		s := newSite(t, auth.Options{Mode: mode, RelayFor: "members", Credentials: auth.Credentials{Password: sharedHash, Users: accounts()}})
		invite := func(inv auth.Invite) string {
			t.Helper()
			token, expires, err := s.Invite(inv)
			if err != nil || !expires.Equal(s.clock.Now().Add(inv.TTL)) {
				t.Fatalf("Invite: %v, expires %v", err, expires)
			}
			if strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" || len(token) > 200 {
				t.Errorf("token %q", token)
			}
			return token
		}
		guest := invite(auth.Invite{Name: "Eve", Room: "standup", TTL: time.Hour})
		a := s.mustLogin(`{"token":"` + guest + `"}`)
		if a.User.Name != "Eve" || !a.User.Guest || a.User.Relay || a.User.Room == nil || *a.User.Room != "standup" || len(a.User.Roles) != 1 {
			t.Errorf("%s: guest %+v", mode, a.User)
		}
		// Reusable: the next one gets a name beside the first.
		if b := s.mustLogin(`{"token":"` + guest + `"}`); b.User.Name != "Eve 2" || b.User.User == a.User.User {
			t.Errorf("%s: the second %+v", mode, b.User)
		}
		if b := s.mustLogin(`{"token":"` + guest + `","name":"Hal"}`); b.User.Name != "Hal" {
			t.Errorf("%s: the third %+v", mode, b.User)
		}
		if resp, b := s.login(`{"token":"` + guest + `","name":"eve"}`); resp.StatusCode != 409 || b.Error.Code != "name_taken" {
			t.Errorf("%s: a chosen name that is taken: %d", mode, resp.StatusCode)
		}
		if resp, _ := s.login(`{"token":"` + guest + `","name":"Ann"}`); resp.StatusCode != 409 {
			t.Errorf("%s: took the name of an account", mode)
		}
		member := s.mustLogin(`{"token":"` + invite(auth.Invite{TTL: time.Hour, Relay: true, Role: "admin"}) + `","name":"Fay"}`)
		if member.User.Guest || !member.User.Relay || len(member.User.Roles) != 2 || !strings.HasPrefix(member.User.User, "g_") {
			t.Errorf("%s: member %+v", mode, member.User)
		}
		// An invite is no login, and a login no invite.
		if got := s.me(guest); got != 401 {
			t.Errorf("%s: GET /me with an invite: %d", mode, got)
		}
		s.clock.Advance(time.Hour)
		if resp, b := s.login(`{"token":"` + guest + `","name":"Gil"}`); resp.StatusCode != 401 || b.Error.Code != "unauthorized" {
			t.Errorf("%s: expired: %d", mode, resp.StatusCode)
		}
		if s.me(a.Token) != 200 {
			t.Errorf("%s: the login ended with its invite", mode)
		}
	}
}

func TestInviteLimits(t *testing.T) {
	s := newSite(t, auth.Options{})
	for name, inv := range map[string]auth.Invite{
		"no time":   {Name: "A"},
		"negative":  {Name: "A", TTL: -time.Hour},
		"too long":  {Name: "A", TTL: 7*24*time.Hour + time.Second},
		"bad name":  {Name: "a\x00", TTL: time.Hour},
		"bad room":  {Name: "A", TTL: time.Hour, Room: "a/b"},
		"long room": {Name: "A", TTL: time.Hour, Room: strings.Repeat("r", 65)},
		"bad role":  {Name: "A", TTL: time.Hour, Role: "root"},
	} {
		if _, _, err := s.Invite(inv); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
	if _, _, err := s.Invite(auth.Invite{Name: "A", TTL: 7 * 24 * time.Hour, Room: strings.Repeat("r", 64), Role: "user"}); err != nil {
		t.Error(err)
	}
}

// No bit of a token can be changed, and neither kind passes for the other.
func TestForgedTokens(t *testing.T) {
	s := newSite(t, auth.Options{})
	login := s.mustLogin(`{"name":"Bob"}`).Token
	invite, _, err := s.Invite(auth.Invite{Name: "Eve", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	other := newSite(t, auth.Options{}).mustLogin(`{"name":"Bob"}`).Token
	bad := []string{other, "pi_" + login[3:], login + "A", login + "=", login[:len(login)-2], "pl_", "pi_", strings.Repeat("pl_A", 4000)}
	raw, _ := base64.RawURLEncoding.DecodeString(login[3:])
	for i := range raw {
		raw[i] ^= 1
		bad = append(bad, "pl_"+base64.RawURLEncoding.EncodeToString(raw))
		raw[i] ^= 1
	}
	for _, token := range append(bad, "pl_"+invite[3:]) {
		if got := s.me(token); got != 401 {
			t.Fatalf("%.40s: %d", token, got)
		}
		if _, err := s.hello(token, "Bob", tabKey); code(t, err) != "unauthorized" {
			t.Fatalf("hello with %.40s: %v", token, err)
		}
	}
	if s.me(login) != 200 {
		t.Error("the real one is refused")
	}
}

func FuzzOpen(f *testing.F) {
	s, err := auth.New(auth.Options{Mode: "open", DataDir: f.TempDir(), Now: newClock().Now,
		Credentials: auth.Credentials{JWTKeys: []auth.JWTKey{{Name: "k", Data: []byte(secret)}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	invite, _, _ := s.Invite(auth.Invite{Name: "Eve", TTL: time.Hour})
	other, _, _ := auth.NewInvite(f.TempDir(), auth.Invite{Name: "Eve", TTL: time.Hour})
	for _, seed := range []string{"", "pl_", "pi_", other, "pl_" + invite[3:], "e30.e30.", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.", "..", invite[:40]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if token == invite || token == "" {
			return
		}
		if l, err := s.IdentifyHello(request("GET", "/ws", ""), token, "", tabKey); err == nil {
			t.Errorf("%q signs in as %+v", token, l)
		}
		s.Ended(token)
	})
}
