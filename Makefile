# Parley. `make run` starts it on this machine, `make test` installs what the
# tests need (as root: Debian packages; npm packages) and runs all of them.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
GO      ?= go
FUZZ    ?= 20000x
# bcrypt is slow on purpose; with each of its accesses watched, ten times so.
RACE    := -race -gcflags=golang.org/x/crypto/blowfish=-race=false

.PHONY: run run-lan build check test deps browser e2e screenshots fuzz manual deb package-test release soak bench bench-setup abuse-table clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/parley ./cmd/parley

run: build
	bin/parley serve

# For a phone on the same Wi-Fi: HTTPS with a certificate of its own making,
# every interface, addresses of the LAN allowed as relay and as peers.
run-lan: export PARLEY_HTTP_LISTEN ?= :8443
run-lan: export PARLEY_TLS_MODE ?= self-signed
run-lan: export PARLEY_AUTH_MODE ?= open
run-lan: export PARLEY_RELAY_LISTEN ?= :3478
run-lan: export PARLEY_RELAY_ALLOW_PRIVATE_EXTERNAL ?= true
run-lan: export PARLEY_RELAY_ALLOWED_PEERS ?= 10.0.0.0/8,172.16.0.0/12,192.168.0.0/16
# The address of the interface that leads out; written, because a machine with
# containers has several and "auto" may take another one.
run-lan: export PARLEY_RELAY_EXTERNAL_IP ?= $(or $(shell ip -4 route get 203.0.113.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p'),auto)
run-lan: build
	bin/parley serve

# Fast checks, no installation: formatting, vet (for other systems too: without
# Linux the portable data plane stands in), Go tests with the race detector,
# JavaScript types and unit tests where npm packages are there.
check:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'gofmt wants:'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	@for os in darwin windows; do GOOS=$$os $(GO) vet ./... || { echo "it does not build for $$os"; exit 1; }; done
	$(GO) test $(RACE) -vet=off -shuffle=on -parallel 4 -timeout 10m ./...
	@$(MAKE) --no-print-directory fuzz
	cd web && timeout 300 node --test test/*.test.js
	@if [ -d web/node_modules ]; then cd web && npx --no-install tsc --noEmit; else echo 'web/node_modules is absent: the type check runs in make test'; fi

# Every fuzz target for a short while; seeds and findings live in testdata/fuzz.
# A count and no time: at the end of a time Go now and then reports a target
# that was merely interrupted as failed. `make fuzz FUZZ=10m` is the long form.
fuzz:
	@for dir in $$(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9]*' $$dir/*_test.go | cut -c6-); do \
	    echo "fuzz $$dir $$f"; $(GO) test ./$$dir -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZ) -fuzzminimizetime 10x -timeout 5m || exit 1; \
	  done; \
	done

deps:
	./.ci/deps

test: deps build
	@INTEROP=required $(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory browser
	@$(MAKE) --no-print-directory package-test
	@$(MAKE) --no-print-directory soak SOAK=60s CHURN=20s

# The browser cases run one after the other: two cores play two calls badly.
browser: build
	cd web && NATLAB=core timeout 1800 node --test --test-concurrency=1 e2e/*.test.mjs e2e/natlab/*.test.mjs

# Calls through real NATs, firewalls and bad networks, all of them (as root, in
# network namespaces of their own). What failed stands in web/e2e/out/natlab.
e2e: deps build
	cd web && timeout 3600 node --test --test-concurrency=1 --test-reporter=spec e2e/natlab/*.test.mjs

# The manual page of the configuration, after a change of config.toml.
manual:
	MANUAL=write $(GO) test -count=1 -run '^TestManualPage' ./cmd/internal/config

# Pictures of every kind of page, for people to look at.
screenshots: deps build
	cd web && timeout 600 node e2e/screenshots.mjs

# The Debian package, for this machine or `make deb ARCH=arm64`. A version that
# is no number (no tag yet) becomes one that grows with each commit.
ARCH        ?= $(shell $(GO) env GOARCH)
DEB_VERSION ?= $(shell git describe --tags --match 'v[0-9]*' 2>/dev/null | sed 's/^v//;s/-/+/g' | grep . || echo 0.0.$$(git rev-list --count HEAD 2>/dev/null || echo 0))
DEB         ?= bin/parley_$(DEB_VERSION)_$(ARCH).deb
# As a program of its own: as a dependency it would bring a hundred modules.
NFPM        ?= $(GO) run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4

deb:
	@mkdir -p bin/deb
	CGO_ENABLED=0 GOARCH=$(ARCH) $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/deb/parley ./cmd/parley
	sed 's|^#data_dir = .*|data_dir = "/var/lib/parley"|' config.toml >bin/deb/config.toml
	gzip -9nc systemd/parley.1 >bin/deb/parley.1.gz
	gzip -9nc systemd/parley.toml.5 >bin/deb/parley.toml.5.gz
	GOARCH= DEB_ARCH=$(ARCH) DEB_VERSION=$(DEB_VERSION) $(NFPM) package -f systemd/deb/nfpm.yaml -p deb -t $(DEB)

package-test:
	./systemd/deb/test.sh

# Static programs for the usual servers, each with its version inside.
release:
	@mkdir -p bin/release
	for arch in amd64 arm64; do \
	  CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/release/parley-$(VERSION)-linux-$$arch ./cmd/parley || exit 1; \
	  $(MAKE) --no-print-directory deb ARCH=$$arch DEB=bin/release/parley_$(DEB_VERSION)_$$arch.deb || exit 1; \
	done
	cd bin/release && sha256sum parley*$(VERSION)-linux-* parley_$(DEB_VERSION)_* >SHA256SUMS

# A server under pairs of people, crashes, reloads, a full disk and a lack of
# descriptors (as root): it must have in the end what it had near the start.
# Then realistic calls through the relay alone, every byte of them counted.
SOAK  ?= 30m
CHURN ?= 11m

soak: build
	$(GO) run ./cmd/loadgen soak -d $(SOAK)
	$(GO) run ./cmd/loadgen churn -d $(CHURN)

# From joining to the first picture at 40 ms to the server, beside the tutorials' way.
bench-setup: deps build
	cd web && timeout 5400 node e2e/natlab/setup.mjs

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# What attacks cost this server and, beside it, a plain pion/turn v4.1.4.
abuse-table:
	ABUSE_TABLE=1 $(GO) test -count=1 -run '^TestAbuse$$' -v ./cmd/parley

clean:
	rm -rf bin web/e2e/out
