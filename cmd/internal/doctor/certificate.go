package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// soon is when an expiry is worth a word. ACME certificates are renewed 30 days
// before their end, so less than two weeks means that renewal has failed often.
const soon = 14 * 24 * time.Hour

// certificateOf makes a TLS handshake with the server at addr and returns what
// it showed, whether or not that is to be trusted.
func certificateOf(ctx context.Context, addr, name string) ([]*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.(*tls.Conn).ConnectionState().PeerCertificates, nil
}

// handshakeHint says why a port with TLS does not finish a handshake.
func handshakeHint(err error) string {
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &plain):
		return "the port speaks no TLS: use http:// in the address, or set tls.mode"
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET):
		return "the port hung up: is it the one of http.listen, or of the proxy in front?"
	}
	return "with tls.mode = \"acme\" the authority has given no certificate yet: the server's log says why"
}

// judgeChain says whether browsers take a chain for a name.
func judgeChain(chain []*x509.Certificate, name string) Result {
	leaf := chain[0]
	left := time.Until(leaf.NotAfter)
	end := leaf.NotAfter.UTC().Format("2006-01-02 15:04 MST")
	switch {
	case left <= 0:
		return fail("renew it: with tls.mode = \"acme\" the log says why that failed, with \"files\" replace the file; a clock that is wrong on this machine looks the same",
			"it expired on %s", end)
	case time.Now().Before(leaf.NotBefore):
		return fail("set the clock of the server and of this machine", "it is valid from %s only", leaf.NotBefore.UTC().Format(time.RFC3339))
	case leaf.VerifyHostname(name) != nil:
		return fail("get a certificate for that name, or use one of its names in the address", "it is for %s, not for %s", names(leaf), name)
	}
	if r := judgeIssuer(chain, name); r.Status != OK {
		return r
	}
	if left < soon {
		return warn("renew it: with tls.mode = \"acme\" the log says why that failed", "it ends in %d days, on %s", int(left.Hours()/24), end)
	}
	return ok("valid for %s until %s", name, end)
}

func judgeIssuer(chain []*x509.Certificate, name string) Result {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: name, Intermediates: between})
	var unknown x509.UnknownAuthorityError
	switch {
	case err == nil:
		return ok("")
	case !errors.As(err, &unknown):
		return fail("replace the certificate", "%v", err)
	case bytes.Equal(chain[0].RawIssuer, chain[0].RawSubject):
		return warn("good for a LAN; for the internet set tls.mode = \"acme\" or \"files\"", "it was made by the server itself: browsers warn before they go on")
	case len(chain) == 1:
		return fail("put the intermediate certificates into the file of tls.cert too, below the server's own (often called fullchain.pem)",
			"nobody this machine trusts has signed it, and the server sends no intermediate certificate")
	}
	return fail("install the authority's certificate on every device, or get one from a public authority",
		"its authority %q is not one that this machine trusts", chain[len(chain)-1].Issuer.CommonName)
}

func names(leaf *x509.Certificate) string {
	var all []string
	all = append(all, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		all = append(all, ip.String())
	}
	return listOr(all, "no name at all")
}

func (v *visitor) certificate(ctx context.Context) Result {
	switch {
	case !v.web.IsValid():
		return Result{}
	case !v.https() && localName(v.URL.Hostname()):
		v.trusted = true
		return ok("none is needed for %s", v.URL.Hostname())
	case !v.https():
		return warn("set tls.mode, or put a proxy with https in front", "the address is http: browsers give camera and microphone to https pages alone")
	}
	chain, err := certificateOf(ctx, v.at(), v.URL.Hostname())
	if err != nil {
		at := v.at()
		v.web = netip.Addr{} // every other question to this port would fail for the same reason
		return fail(handshakeHint(err), "no TLS with %s: %v", at, err)
	}
	r := judgeChain(chain, v.URL.Hostname())
	v.trusted = r.Status == OK || r.Status == Warn && judgeIssuer(chain, v.URL.Hostname()).Status == OK
	return r
}

// localName is what browsers take as safe without TLS.
func localName(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
