package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const monitoring = root + "/systemd/monitoring"

// expressions are all queries of the dashboard and of the alerts.
func expressions(t *testing.T) []string {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	b, err := os.ReadFile(filepath.Join(monitoring, "dashboard.json"))
	if err == nil {
		err = json.Unmarshal(b, &dashboard)
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, p := range dashboard.Panels {
		for _, q := range p.Targets {
			all = append(all, q.Expr)
		}
	}
	rules, err := os.ReadFile(filepath.Join(monitoring, "parley.rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\s+expr: (.*)$`).FindAllStringSubmatch(string(rules), -1) {
		all = append(all, m[1])
	}
	return all
}

func scrape(t *testing.T, p *program) string {
	t.Helper()
	resp, err := http.Get("http://" + p.socks.Admin.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What the dashboard shows and the alerts watch must be there, and every metric
// of ours must be shown or watched.
func TestDashboardAndAlertsKnowTheMetrics(t *testing.T) {
	metrics := scrape(t, start(t))
	name := regexp.MustCompile(`\b(parley|process|go)_[a-z_]+`)
	used := map[string]bool{}
	queries := expressions(t)
	for _, q := range queries {
		for _, n := range name.FindAllString(q, -1) {
			used[strings.TrimSuffix(n, "_bucket")] = true
			if !strings.Contains(metrics, "\n"+n+"{") && !strings.Contains(metrics, "\n"+n+" ") && !strings.Contains(metrics, "\n# TYPE "+n+" ") {
				t.Errorf("%s: there is no %s", q, n)
			}
		}
	}
	if len(queries) < 25 {
		t.Errorf("%d queries only", len(queries))
	}
	for _, n := range metricNames() {
		if !used[n] {
			t.Errorf("%s is neither shown nor watched", n)
		}
	}
}

func TestMetricsAndAlertsAreWellFormed(t *testing.T) {
	needTool(t, "promtool")
	p := start(t)
	ann, bob := p.signIn("Ann"), p.signIn("Bob")
	echoThroughRelay(t, ann, bob, "udp")
	check := exec.Command("promtool", "check", "metrics")
	check.Stdin = strings.NewReader(scrape(t, p))
	var out bytes.Buffer
	check.Stdout, check.Stderr = &out, &out
	// Its other complaints are about style that the fixed names cannot follow.
	if err := check.Run(); err != nil && !onlyStyle(out.String()) {
		t.Errorf("promtool check metrics: %v\n%s", err, out.String())
	}
	for _, args := range [][]string{{"check", "rules", "parley.rules.yml"}, {"check", "config", "prometheus.yml"}, {"test", "rules", "rules_test.yml"}} {
		c := exec.Command("promtool", args...)
		c.Dir = monitoring
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// onlyStyle says whether a report is about the metrics of the Go runtime alone.
func onlyStyle(report string) bool {
	for line := range strings.Lines(report) {
		if !strings.HasPrefix(line, "go_") && !strings.HasPrefix(line, "process_") {
			return false
		}
	}
	return true
}
