package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority is a small ACME server (RFC 8555): it issues for whoever passes a
// TLS-ALPN-01 handshake (RFC 8737) or an HTTP-01 request at the address given.
// It does not check signatures of requests.
type authority struct {
	*httptest.Server
	key  *ecdsa.PrivateKey
	root *x509.Certificate

	mu      sync.Mutex
	target  string            // guarded by mu; where challenges are validated
	kind    string            // guarded by mu; the challenge offered
	orders  int               // guarded by mu
	state   map[string]string // guarded by mu; authz, order
	chain   []byte            // guarded by mu; of the last order
	contact []string          // guarded by mu
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{kind: "tls-alpn-01", state: map[string]string{}}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.root, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for path, handle := range map[string]func(payload []byte) (int, any){
		"/account": a.account, "/order": a.order, "/order/1": a.orderState, "/authz": a.authz, "/challenge": a.challenge, "/finalize": a.finalize,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { a.answer(w, r, handle) })
	}
	mux.HandleFunc("/certificate", func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		w.Header().Set("Replay-Nonce", "n")
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(a.chain)
	})
	mux.HandleFunc("/nonce", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Replay-Nonce", "n") })
	mux.HandleFunc("/directory", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"newNonce": a.URL + "/nonce", "newAccount": a.URL + "/account", "newOrder": a.URL + "/order", "revokeCert": a.URL + "/r", "keyChange": a.URL + "/k"})
	})
	a.Server = httptest.NewTLSServer(mux)
	t.Cleanup(a.Close)
	return a
}

// answer unpacks the JWS of a request and writes what handle says.
func (a *authority) answer(w http.ResponseWriter, r *http.Request, handle func([]byte) (int, any)) {
	var jws struct{ Payload string }
	_ = json.NewDecoder(r.Body).Decode(&jws)
	payload, _ := base64.RawURLEncoding.DecodeString(jws.Payload)
	status, body := handle(payload)
	w.Header().Set("Replay-Nonce", "n")
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/account":
		w.Header().Set("Location", a.URL+"/account/1")
	case "/order", "/order/1", "/finalize":
		w.Header().Set("Location", a.URL+"/order/1")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (a *authority) account(payload []byte) (int, any) {
	var account struct{ Contact []string }
	_ = json.Unmarshal(payload, &account)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.contact = account.Contact
	return http.StatusCreated, map[string]any{"status": "valid"}
}

func (a *authority) order([]byte) (int, any) {
	a.mu.Lock()
	a.orders++
	a.state["order"], a.state["authz"] = "pending", "pending"
	a.mu.Unlock()
	_, body := a.orderState(nil)
	return http.StatusCreated, body
}

func (a *authority) orderState([]byte) (int, any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return http.StatusOK, map[string]any{
		"status": a.state["order"], "authorizations": []string{a.URL + "/authz"}, "finalize": a.URL + "/finalize", "certificate": a.URL + "/certificate",
		"identifiers": []map[string]string{{"type": "dns", "value": "call.example.org"}},
	}
}

func (a *authority) authz([]byte) (int, any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return http.StatusOK, map[string]any{
		"status": a.state["authz"], "identifier": map[string]string{"type": "dns", "value": "call.example.org"},
		"challenges": []map[string]string{{"type": a.kind, "url": a.URL + "/challenge", "token": "token", "status": a.state["authz"]}},
	}
}

func (a *authority) challenge([]byte) (int, any) {
	a.mu.Lock()
	kind, target := a.kind, a.target
	a.mu.Unlock()
	state := "valid"
	if err := map[string]func(string) error{"tls-alpn-01": validateALPN, "http-01": validateHTTP}[kind](target); err != nil {
		state = "invalid"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state["authz"] = state
	if state == "valid" {
		a.state["order"] = "ready"
	}
	return http.StatusOK, map[string]any{"type": kind, "url": a.URL + "/challenge", "token": "token", "status": state}
}

func validateALPN(target string) error {
	conn, err := tls.Dial("tcp", target, &tls.Config{InsecureSkipVerify: true, ServerName: "call.example.org", NextProtos: []string{"acme-tls/1"}})
	if err != nil {
		return err
	}
	defer conn.Close()
	state := conn.ConnectionState()
	identifier := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}
	for _, e := range state.PeerCertificates[0].Extensions {
		if e.Id.Equal(identifier) && state.NegotiatedProtocol == "acme-tls/1" {
			return nil
		}
	}
	return fmt.Errorf("no challenge certificate over %q", state.NegotiatedProtocol)
}

func validateHTTP(target string) error {
	request, _ := http.NewRequest(http.MethodGet, "http://"+target+"/.well-known/acme-challenge/token", nil)
	request.Host = "call.example.org"
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), "token.") {
		return fmt.Errorf("%s: %s", response.Status, body)
	}
	return nil
}

func (a *authority) finalize(payload []byte) (int, any) {
	var request struct{ CSR string }
	_ = json.Unmarshal(payload, &request)
	der, _ := base64.RawURLEncoding.DecodeString(request.CSR)
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil || !slices.Equal(csr.DNSNames, []string{"call.example.org"}) {
		return http.StatusBadRequest, map[string]string{"type": "urn:ietf:params:acme:error:badCSR"}
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		DNSNames: csr.DNSNames, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leaf, err := x509.CreateCertificate(rand.Reader, template, a.root, csr.PublicKey, a.key)
	if err != nil {
		return http.StatusInternalServerError, nil
	}
	a.mu.Lock()
	a.chain = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})...)
	a.state["order"] = "valid"
	a.mu.Unlock()
	return a.orderState(nil)
}

// acmeOptions trust the authority through a CA file.
func acmeOptions(t *testing.T, a *authority, dir string) Options {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return Options{Mode: "acme", DataDir: dir, PublicURL: "https://Call.example.org", Email: "me@example.org", DirectoryURL: a.URL + "/directory", CAFile: ca}
}

// client trusts what the authority issues.
func (a *authority) client(name string, protos ...string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	return &tls.Config{RootCAs: pool, ServerName: name, NextProtos: protos}
}

func (a *authority) set(kind, target string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kind, a.target = kind, target
}

func (a *authority) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.orders
}

func TestACMEOverTLSALPN(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	p := newProvider(t, acmeOptions(t, a, dir))
	addr := serve(t, p.TLSConfig())
	a.set("tls-alpn-01", addr)
	if _, _, err := dial(t, addr, a.client("call.example.org")); err == nil || a.count() != 0 {
		t.Errorf("before the first order: %v, %d orders by visitors", err, a.count())
	}
	if !p.NotAfter().IsZero() {
		t.Error("an expiry without a certificate")
	}
	if err := p.Reload(); err != nil {
		t.Fatal(err)
	}
	for _, protos := range [][]string{nil, {"http/1.1"}, {"stun.turn"}, {"something"}} {
		if _, _, err := dial(t, addr, a.client("call.example.org", protos...)); err != nil {
			t.Errorf("offering %q: %v", protos, err)
		}
	}
	if _, _, err := dial(t, addr, a.client("other.example.org")); err == nil {
		t.Error("another name was served")
	}
	nameless := a.client("")
	nameless.InsecureSkipVerify = true // there is no name to verify
	if _, leaf, err := dial(t, addr, nameless); err != nil || leaf.VerifyHostname("call.example.org") != nil {
		t.Errorf("a client that names no host: %v", err)
	}
	if left := time.Until(p.NotAfter()); left < 80*24*time.Hour {
		t.Errorf("NotAfter is %v away", left)
	}
	if a.count() != 1 || !slices.Equal(a.contact, []string{"mailto:me@example.org"}) {
		t.Errorf("%d orders, contact %q", a.count(), a.contact)
	}

	again := newProvider(t, acmeOptions(t, a, dir)) // a restart finds the certificate in data_dir
	if err := again.Reload(); err != nil || a.count() != 1 {
		t.Errorf("after a restart: %v, %d orders", err, a.count())
	}
	if info, err := os.Stat(filepath.Join(dir, "acme", "call.example.org")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key is stored as %v, %v", info, err)
	}
}

func TestACMEOverHTTPInTheGroup(t *testing.T) {
	a := newAuthority(t)
	p := newProvider(t, acmeOptions(t, a, t.TempDir()))
	web := httptest.NewServer(p.HTTPHandler())
	defer web.Close()
	a.set("http-01", strings.TrimPrefix(web.URL, "http://"))
	addr := serve(t, p.TLSConfig())

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	for deadline := time.Now().Add(patience); p.NotAfter().IsZero(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("Run obtained no certificate")
		}
	}
	if _, _, err := dial(t, addr, a.client("call.example.org")); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPlainHTTPIsSentOn(t *testing.T) {
	p := newProvider(t, acmeOptions(t, newAuthority(t), t.TempDir()))
	handler := p.HTTPHandler()
	for _, c := range []struct {
		method, path, host, location string
		status                       int
	}{
		{"GET", "/r/abc?x=1", "call.example.org", "https://Call.example.org/r/abc?x=1", http.StatusFound},
		{"GET", "/", "evil.example", "https://Call.example.org/", http.StatusFound},
		{"POST", "/login", "call.example.org", "", http.StatusBadRequest},
		{"GET", "/.well-known/acme-challenge/x", "call.example.org:5002", "", http.StatusNotFound},
		{"GET", "/.well-known/acme-challenge/x", "evil.example", "", http.StatusForbidden},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Host = c.host
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("Location") != c.location {
			t.Errorf("%s %s of %s: %d to %q", c.method, c.path, c.host, w.Code, w.Header().Get("Location"))
		}
	}
	if newProvider(t, selfSignedOptions(t.TempDir())).HTTPHandler() != nil {
		t.Error("a handler for challenges without an authority")
	}
}

func TestACMENeedsANameAndItsCA(t *testing.T) {
	for _, opts := range []Options{
		{Mode: "acme", PublicURL: ""}, {Mode: "acme", PublicURL: "https://203.0.113.9"},
		{Mode: "acme", PublicURL: "https://call.example.org", CAFile: "/nonexistent"},
	} {
		if _, err := New(opts); err == nil {
			t.Errorf("%+v was taken", opts)
		}
	}
}
