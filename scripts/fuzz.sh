#!/usr/bin/env bash
# Runs every fuzz test for FUZZ_TIME (default 5s) on top of its seeds.
set -euo pipefail
go list ./... | while read -r pkg; do
  dir=$(go list -f '{{.Dir}}' "$pkg")
  { grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go 2>/dev/null || true; } | sed 's/^func //' | while read -r name; do
    echo "fuzz: $pkg $name"
    go test "$pkg" -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZ_TIME:-5s}" </dev/null
  done
done
