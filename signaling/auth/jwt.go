package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	minSecret  = 32   // bytes of an HS256 secret: as long as what it signs with
	minRSABits = 2048 // NIST SP 800-131A
	// clockSkew is how far ahead of ours the clock of the application may run.
	clockSkew = time.Minute
)

// JWTKey is one key of an application that signs its users in.
type JWTKey struct {
	Name string // the file's, for messages
	Data []byte // a PEM public key, or an HS256 secret of at least 32 bytes
}

// Check says what New would find wrong with the key.
func (k JWTKey) Check() error {
	_, err := parseJWTKey(k)
	return err
}

// jwtKey is a key with the only algorithms that it verifies: the header of a
// token never chooses.
type jwtKey struct {
	methods []string
	key     any
	grant   string
}

func parseJWTKey(k JWTKey) (jwtKey, error) {
	grant := fingerprint("jwt", string(k.Data))
	if block, _ := pem.Decode(k.Data); block != nil {
		key, methods, err := publicKey(block)
		return jwtKey{methods, key, grant}, err
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(k.Data), "\n"), "\r")
	if looksPublic(secret) {
		return jwtKey{}, errors.New("this looks like a public key that is not PEM, and would be used as a secret that everybody knows: convert it to PEM")
	}
	if len(secret) < minSecret {
		return jwtKey{}, errors.New("an HS256 secret needs at least 32 bytes: make one with openssl rand -hex 32")
	}
	return jwtKey{[]string{"HS256"}, []byte(secret), grant}, nil
}

// looksPublic finds public keys in a form other than PEM.
func looksPublic(secret string) bool {
	for _, p := range []string{"-----BEGIN", "ssh-", "ecdsa-sha2-", "{"} {
		if strings.HasPrefix(strings.TrimSpace(secret), p) {
			return true
		}
	}
	_, pkix := x509.ParsePKIXPublicKey([]byte(secret))
	_, cert := x509.ParseCertificate([]byte(secret))
	_, pkcs := x509.ParsePKCS1PublicKey([]byte(secret))
	return pkix == nil || cert == nil || pkcs == nil
}

func publicKey(block *pem.Block) (key any, methods []string, err error) {
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = cert.PublicKey
		}
	default:
		return nil, nil, errors.New("this PEM block is no public key: write the output of openssl pkey -pubout")
	}
	if err != nil {
		return nil, nil, errors.New("this PEM block is damaged: write the output of openssl pkey -pubout")
	}
	methods, err = methodsOf(key)
	return key, methods, err
}

// methodsOf gives the algorithms of a key's own family, RFC 7518 section 3.1 and
// RFC 8037.
func methodsOf(key any) ([]string, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSABits {
			return nil, errors.New("this RSA key has fewer than 2048 bits: make a longer one")
		}
		return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, nil
	case *ecdsa.PublicKey:
		name := map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[k.Curve.Params().BitSize]
		if name != "" {
			return []string{name}, nil
		}
	case ed25519.PublicKey:
		return []string{"EdDSA"}, nil
	}
	return nil, errors.New("this kind of key is not supported: use RSA, P-256, P-384, P-521 or Ed25519")
}

// jwtClaims is what a JWT may say about a user.
type jwtClaims struct {
	jwt.RegisteredClaims
	Name  string           `json:"name"`
	Room  *string          `json:"room"`
	Relay *bool            `json:"relay"`
	Roles jwt.ClaimStrings `json:"roles"`

	grant  string
	signed string // header and claims as they were signed; a signature can be written in several ways
}

// verifyJWT gives the claims of a token that one of the keys has signed and that
// may be used now.
func (p *proofs) verifyJWT(token string, now time.Time) (*jwtClaims, error) {
	refused := unauthorized("This token was not signed by an application that is known here.")
	if len(token) > maxToken {
		return nil, refused
	}
	for _, k := range p.jwtKeys {
		c := &jwtClaims{grant: k.grant, signed: token[:strings.LastIndexByte(token, '.')+1]}
		parser := jwt.NewParser(jwt.WithValidMethods(k.methods), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
		t, err := parser.ParseWithClaims(token, c, func(*jwt.Token) (any, error) { return k.key, nil })
		if err == nil && t.Valid {
			return c, c.judge(t, now)
		}
	}
	return nil, refused
}

// judge reads the claims of a token whose signature is good, RFC 7519 section
// 4.1 and RFC 7515 section 4.1.11.
func (c *jwtClaims) judge(t *jwt.Token, now time.Time) error {
	_, critical := t.Header["crit"]
	switch ahead := now.Add(clockSkew); {
	case critical:
		return unauthorized("This token asks for an extension that is not supported.")
	case c.ExpiresAt == nil:
		return unauthorized("This token has no exp claim. The application must say how long it counts.")
	case !now.Before(c.ExpiresAt.Time):
		return unauthorized("This token has expired. Get a new one from the application.")
	case c.NotBefore != nil && ahead.Before(c.NotBefore.Time), c.IssuedAt != nil && ahead.Before(c.IssuedAt.Time):
		return unauthorized("This token counts later only. Compare the clocks of the application and of this server.")
	case c.Subject == "":
		return unauthorized("This token has no sub claim. The application must name the user.")
	case c.Room != nil && !roomOK(*c.Room):
		return unauthorized("The room in this token has a name that no room can have.")
	}
	return nil
}
