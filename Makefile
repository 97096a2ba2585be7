# Every target sets up what it needs and is quick when repeated. `make help` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PKG := ./...
LINT_VERSION := v2.15.0
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/operatord
LINT := $(CACHE)/tools/golangci-lint-$(LINT_VERSION)/golangci-lint

# Packages whose tests run many goroutines; `make race` runs them under the race detector.
RACE_PKGS := ./conversation ./media/... ./sip ./webrtc ./asr ./tracking ./call ./attendant ./dialer ./jobs ./postcall/... ./webhook ./store/... ./api ./app

# Loads the environment for cgo. The native libraries exist once `native` has run.
env_vars = eval "$$(scripts/env.sh)"

##@ Using it

demo: build ## place real test calls to a fresh daemon, transcribed and tracked live, with a page to look at
	@bin/operatord-demo

run: build ## run the daemon with its default configuration (data in ./data)
	@bin/operatord serve

##@ Building

build: native ui ## build bin/operatord
	@$(env_vars); go build -ldflags "-s -w -X main.version=$(VERSION)" -o bin/ ./cmd/operatord ./cmd/operatord-demo

deps: ## install the system packages that building needs (apt; asks sudo when not root)
	@scripts/deps.sh build

native: deps ## build whisper.cpp and llama from their pinned source (cached)
	@scripts/native.sh >/dev/null

ui: web/dist/index.html ## build the page

UI_SOURCES := $(shell find web/ui/src web/ui/public web/ui/*.json web/ui/*.ts web/ui/index.html -type f 2>/dev/null)

web/dist/index.html: web/ui/node_modules/.package-lock.json $(UI_SOURCES)
	@echo "ui: building the page" >&2
	@cd web/ui && npm run --silent build

web/ui/node_modules/.package-lock.json: web/ui/package-lock.json
	@command -v npm >/dev/null || { echo "ui: error: npm is missing: install Node.js 20 or newer" >&2; exit 1; }
	@echo "ui: installing packages from the lock file" >&2
	@cd web/ui && npm ci --silent --no-audit --no-fund

generate: ## regenerate what is generated from the code
	@$(env_vars); go generate $(PKG)

env: native ## print the environment for building by hand: eval "$$(make env)"
	@scripts/env.sh

##@ Checking

test: test-deps native ui ## run every test except the end-to-end ones
	@$(env_vars); go test $$(go list $(PKG) | grep -v /e2e)
	@cd web/ui && npm run --silent test

test-deps:
	@scripts/deps.sh test

race: test-deps native ## run the tests of the concurrent packages under the race detector
	@$(env_vars); go test -race $(RACE_PKGS)

fuzz: native ## fuzz every parser for a few seconds each
	@$(env_vars); scripts/fuzz.sh

e2e: browser-deps build ## place real calls: sipp, baresip, Chromium, kill -9
	@$(env_vars); go test -count=1 -parallel 8 -timeout 20m ./e2e/...

browser-deps:
	@scripts/deps.sh browser

ui-test: browser-deps build ## test the page in a real browser
	@cd web/ui && npm run --silent test:browser

lint: native ui $(LINT) ## vet, lint and check formatting
	@$(env_vars); $(LINT) run $(PKG)
	@cd web/ui && npm run --silent lint

$(LINT):
	@echo "lint: building golangci-lint $(LINT_VERSION)" >&2
	@mkdir -p $(@D) && cd / && GOFLAGS= GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

fmt: $(LINT) ## format everything
	@$(env_vars); $(LINT) fmt $(PKG)

bench: build ## print the measured figures as ratios against their baselines
	@$(env_vars); go test -run '^$$' -bench . -benchmem $(PKG) | grep -vE '^(ok|PASS|goos|goarch|cpu|\?)'

# The sets are public; docs/quality.md names them and where they come from.
TRACKER_SETS ?= clinc150 banking77 hwu64

bench-trackers: native ## measure tracker detection on public sets and renew docs/quality.md: make bench-trackers DATA=folder
	@test -d "$(DATA)" || { echo "bench-trackers: DATA=folder with the sets that docs/quality.md names" >&2; exit 1; }
	@$(env_vars); go run ./cmd/operatord bench trackers $(foreach s,$(TRACKER_SETS),--set "$(DATA)/$(s).tsv") --k 10 --k 5 --k 3 \
		--background "$(DATA)/multidogo.tsv" --document docs/quality.md

##@ Keeping house

clean: ## remove build output (the caches of native libraries and tools stay)
	rm -rf bin web/dist/assets web/dist/index.html web/ui/node_modules

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo run build deps native ui generate env test test-deps race fuzz e2e browser-deps ui-test lint fmt bench bench-trackers clean help
