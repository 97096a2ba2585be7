#!/usr/bin/env bash
# Prints the environment that Go needs to build against the native libraries, as shell exports:
#   eval "$(make env)"
# It builds them first when they are missing.
set -euo pipefail
native=$("$(dirname "$0")/native.sh")
echo "export CGO_CFLAGS='-O2 -I$native/include'"
echo "export CGO_LDFLAGS='-L$native/lib -lllama -lwhisper -lggml -lggml-cpu -lggml-base -lm -lstdc++ -lpthread'"
echo "export GOFLAGS='-tags=nolibopusfile -buildvcs=false'"
