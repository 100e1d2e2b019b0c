//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// soakServer is the server of a soak, with a small disk of its own and few
// descriptors, both of which can run out.
type soakServer struct {
	dir, data  string
	mounted    bool   // data is a small tmpfs
	web, admin string // host:port
	turn       string // host:port
	cmd        *exec.Cmd
	ended      chan error // what the process ended with
	token      string     // of the administrators' API
	log        string     // file
}

const (
	soakDisk        = "2m" // of the tmpfs
	soakDescriptors = 700
	soakData        = "data" // in the folder of a soak
)

// newSoakServer makes the folder and the disk of a server; remove takes both away.
func newSoakServer() (*soakServer, error) {
	dir, err := scratch("soak")
	if err != nil {
		return nil, err
	}
	s := &soakServer{dir: dir, data: filepath.Join(dir, soakData), log: filepath.Join(dir, "log"), ended: make(chan error, 1)}
	if err := os.Mkdir(s.data, 0o700); err != nil {
		return s, err
	}
	if os.Getuid() == 0 {
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+soakDisk+",mode=0700", "tmpfs", s.data).CombinedOutput(); err != nil {
			return s, fmt.Errorf("mount: %w: %s", err, out)
		}
		s.mounted = true
	}
	return s, nil
}

func (s *soakServer) start(ctx context.Context, binary string) (err error) {
	for _, addr := range []*string{&s.web, &s.admin, &s.turn} {
		if *addr, err = freePort(); err != nil {
			return err
		}
	}
	log, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer log.Close()
	path, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	secret := filepath.Join(s.dir, secretFile)
	if err := os.WriteFile(secret, []byte(benchSecret+"\n"), 0o600); err != nil {
		return err
	}
	s.cmd = exec.Command("sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0" serve`, soakDescriptors), path)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr, s.cmd.SysProcAttr = s.dir, log, log, withUs()
	s.cmd.Env = append(os.Environ(), "PARLEY_DATA_DIR="+s.data, "PARLEY_HTTP_LISTEN="+s.web, "PARLEY_ADMIN_LISTEN="+s.admin, "PARLEY_RELAY_LISTEN="+s.turn,
		"PARLEY_RELAY_SECRETS_FILE="+secret, "PARLEY_RELAY_ALLOW_OWN_ADDRESSES=true", // for packets from outside the relay
		"PARLEY_SIGNALING_RESUME_WINDOW=3s", "PARLEY_SIGNALING_MAX_SESSIONS_PER_IP=10000", "PARLEY_SHUTDOWN_GRACE=5s")
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() { s.ended <- s.cmd.Wait() }()
	for end := time.Now().Add(startTime); time.Now().Before(end); {
		if b, err := os.ReadFile(s.log); err == nil && bytes.Contains(b, []byte("Parley is ready.")) {
			token, err := os.ReadFile(filepath.Join(s.data, "admin-token"))
			s.token = strings.TrimSpace(string(token))
			return err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("the server did not start:\n%s", s.logTail())
}

func (s *soakServer) logTail() string {
	b, _ := os.ReadFile(s.log)
	return string(b[max(0, len(b)-4000):])
}

// stopWell ends the server as a service manager does. It must have lived until
// now, end by itself and have nothing of a panic in its log.
func (s *soakServer) stopWell() error {
	select {
	case err := <-s.ended:
		s.cmd = nil
		return fmt.Errorf("the server ended by itself: %v", err)
	default:
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.ended:
		s.cmd = nil
		if err != nil {
			return fmt.Errorf("the server's end: %w", err)
		}
	case <-time.After(patience):
		return errors.New("the server did not stop")
	}
	if b, err := os.ReadFile(s.log); err != nil || bytes.Contains(b, []byte("panic")) || bytes.Contains(b, []byte("goroutine ")) {
		return fmt.Errorf("the log tells of a panic (%v)", err)
	}
	return nil
}

// remove ends what is left and takes the folder away.
func (s *soakServer) remove() error {
	if s == nil {
		return nil
	}
	if s.cmd != nil && s.cmd.Process != nil {
		s.cmd.Process.Kill()
		<-s.ended
	}
	if s.mounted {
		if out, err := exec.Command("umount", s.data).CombinedOutput(); err != nil {
			return fmt.Errorf("umount: %w: %s", err, out)
		}
	}
	return os.RemoveAll(s.dir)
}

func (s *soakServer) reload(context.Context) error { return s.cmd.Process.Signal(syscall.SIGHUP) }

// troubleTime is how long the disk stays full, or descriptors are taken.
const troubleTime = 5 * time.Second

func (s *soakServer) fillDisk(ctx context.Context) error {
	name := filepath.Join(s.data, "ballast")
	defer os.Remove(name)
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for block := make([]byte, 64<<10); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return sleep(ctx, troubleTime)
}

// takeDescriptors opens silent connections until the server has none left.
func (s *soakServer) takeDescriptors(ctx context.Context) error {
	var held []net.Conn
	defer func() {
		for _, c := range held {
			c.Close()
		}
	}()
	for range soakDescriptors {
		c, err := net.DialTimeout("tcp", s.web, time.Second)
		if err != nil {
			break
		}
		held = append(held, c)
	}
	if err := sleep(ctx, troubleTime); err != nil {
		return err
	}
	if b, err := os.ReadFile(s.log); err != nil || !bytes.Contains(b, []byte("too many open files")) {
		return errors.New("the server's descriptors did not run out")
	}
	return nil
}

func (s *soakServer) ask(ctx context.Context, method, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.admin+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	resp, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// contestant is the server as the relay's benchmark knows it.
func (s *soakServer) contestant() *contestant {
	return &contestant{name: ours, process: &process{addr: s.turn}}
}

// figuresAtRest is what a server holds with nobody on it.
type figuresAtRest struct {
	heap, resident          float64 // bytes
	goroutines, descriptors float64
	dropped                 float64 // packets that the relay has counted as dropped
	slow                    float64 // those for clients over TCP that did not keep up
	relayed                 traffic
}

func (f figuresAtRest) String() string {
	return fmt.Sprintf("heap %.1f MB, resident %.1f MB, %.0f goroutines, %.0f descriptors", f.heap/1e6, f.resident/1e6, f.goroutines, f.descriptors)
}

// rest ends the relays of those who were killed, waits until sessions are over,
// collects garbage and takes figures.
func (s *soakServer) rest(ctx context.Context) (f figuresAtRest, err error) {
	list, err := s.ask(ctx, http.MethodGet, "/admin/api/relays")
	if err != nil {
		return f, err
	}
	var relays []struct{ ID string }
	if err := json.Unmarshal(list, &relays); err != nil {
		return f, fmt.Errorf("relays: %w", err)
	}
	for _, r := range relays {
		if _, err := s.ask(ctx, http.MethodDelete, "/admin/api/relays/"+r.ID); err != nil {
			return f, err
		}
	}
	if err := sleep(ctx, settleTime); err != nil {
		return f, err
	}
	for range 3 { // what pools hold is given up at the second collection
		if _, err := s.ask(ctx, http.MethodGet, "/debug/pprof/heap?gc=1"); err != nil {
			return f, err
		}
	}
	text, err := s.ask(ctx, http.MethodGet, "/metrics")
	m := string(text)
	f = figuresAtRest{
		heap: sum(m, "go_memstats_heap_alloc_bytes"), resident: sum(m, "process_resident_memory_bytes"),
		goroutines: sum(m, "go_goroutines"), descriptors: sum(m, "process_open_fds"), dropped: sum(m, "parley_turn_dropped_packets_total"),
		slow: sum(m, `parley_turn_dropped_packets_total{reason="slow_client"}`),
	}
	for d, name := range [...]string{up: "up", down: "down"} {
		f.relayed[d] = volume{int64(sum(m, `parley_turn_relayed_packets_total{direction="`+name+`"}`)), int64(sum(m, `parley_turn_relayed_bytes_total{direction="`+name+`"}`))}
	}
	return f, err
}

// sum adds up the series of one metric.
func sum(metrics, name string) (total float64) {
	for line := range strings.Lines(metrics) {
		rest, found := strings.CutPrefix(line, name)
		if !found || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		v, _ := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(strings.TrimSpace(rest), ' ')+1:]), 64)
		total += v
	}
	return total
}

// What may differ with nobody on the server: 5 %, and a handful, since a timer
// or an idle connection of the scrape may be under way.
const (
	mayGrow = 1.05
	handful = 4
)

func (f figuresAtRest) grownFrom(before figuresAtRest, heapSlack float64) error {
	var errs []error
	for _, c := range []struct {
		name          string
		before, after float64
		slack         float64
	}{
		{"heap", before.heap, f.heap, heapSlack},
		{"goroutines", before.goroutines, f.goroutines, handful},
		{"descriptors", before.descriptors, f.descriptors, handful},
	} {
		if c.after > c.before*mayGrow+c.slack {
			errs = append(errs, fmt.Errorf("%s grew from %.0f to %.0f", c.name, c.before, c.after))
		}
	}
	return errors.Join(errs...)
}
