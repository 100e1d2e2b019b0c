// Plainpion is what pion/turn v4.1.4 makes of itself: the example server of its
// documentation, with its own handler for shared secrets, as a yardstick for
// the abuse checks. It prints where it listens as parley does.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v4"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() error {
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	udp, err := net.ListenPacket("udp4", tcp.Addr().String())
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	pair := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	secure, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		return err
	}
	admin, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	relay := &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}
	logs := logging.NewDefaultLoggerFactory()
	logs.DefaultLogLevel = logging.LogLevelInfo
	_, err = turn.NewServer(turn.ServerConfig{
		Realm: "parley", LoggerFactory: logs,
		AuthHandler:       turn.LongTermTURNRESTAuthHandler(os.Getenv("SECRET"), logs.NewLogger("auth")),
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: relay}},
		ListenerConfigs: []turn.ListenerConfig{
			{Listener: tcp, RelayAddressGenerator: relay}, {Listener: secure, RelayAddressGenerator: relay},
		},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, `{"msg":"Parley is ready.","url":"https://%s","relay":"%s","admin":"http://%s"}`+"\n",
		secure.Addr(), udp.LocalAddr(), admin.Addr())
	return http.Serve(admin, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "go_goroutines", runtime.NumGoroutine())
	}))
}
