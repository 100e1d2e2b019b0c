//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/pion/turn/v4"
)

// relayPion is a TURN server as pion's examples write it: the library with one
// UDP socket, and TCP and TLS where they are asked for. It takes the address,
// and that of TLS with certificate and key behind it.
func relayPion(ctx context.Context, args []string) error {
	if len(args) != 1 && len(args) != 4 {
		return errors.New("relay-pion takes an address, or two and the files of certificate and key")
	}
	generator := &turn.RelayAddressGeneratorPortRange{
		RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1", MinPort: relayPortMin, MaxPort: relayPortMax, MaxRetries: 1000,
	}
	udp, err := net.ListenPacket("udp4", args[0])
	if err != nil {
		return err
	}
	tcp, err := net.Listen("tcp4", args[0])
	if err != nil {
		return err
	}
	listeners := []turn.ListenerConfig{{Listener: tcp, RelayAddressGenerator: generator}}
	if len(args) == 4 {
		certificate, err := tls.LoadX509KeyPair(args[2], args[3])
		if err != nil {
			return err
		}
		secure, err := tls.Listen("tcp4", args[1], &tls.Config{Certificates: []tls.Certificate{certificate}})
		if err != nil {
			return err
		}
		listeners = append(listeners, turn.ListenerConfig{Listener: secure, RelayAddressGenerator: generator})
	}
	server, err := turn.NewServer(turn.ServerConfig{
		Realm:             benchRealm,
		AuthHandler:       turn.LongTermTURNRESTAuthHandler(benchSecret, nil),
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: generator}},
		ListenerConfigs:   listeners,
	})
	if err != nil {
		return err
	}
	<-ctx.Done()
	return server.Close()
}
