#!/usr/bin/env bash
# Installs the system packages that building and testing need, on Debian and Ubuntu. Nothing is done when all are there.
#   scripts/deps.sh build      compiler, cmake, ninja, libopus
#   scripts/deps.sh test       the same, and the SIP peers of the tests
#   scripts/deps.sh browser    the same, and Chromium
# Elsewhere, or without root and sudo, it says what is missing.
set -euo pipefail

say() { printf 'deps: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

case "${1:-build}" in
  build) packages=(g++ cmake ninja-build pkg-config libopus-dev) ;;
  test)  packages=(g++ cmake ninja-build pkg-config libopus-dev sip-tester baresip-core) ;;
  browser) packages=(g++ cmake ninja-build pkg-config libopus-dev sip-tester baresip-core) ;;
  *)     die "unknown set '$1': build, test or browser" ;;
esac

for tool in go node npm; do
  command -v "$tool" >/dev/null || die "$tool is missing: install Go 1.26 and Node.js 20 or newer"
done
go_version=$(cd / && go version | sed -E 's/^go version go([0-9]+)\.([0-9]+).*/\1 \2/')
read -r major minor <<<"$go_version"
[ "$major" -gt 1 ] || [ "$minor" -ge 21 ] || die "Go 1.26 is needed, found $(go version)"
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || die "Node.js 20 or newer is needed, found $(node --version)"

missing=()
if command -v dpkg-query >/dev/null; then
  for p in "${packages[@]}"; do
    dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
  done
  # Ubuntu's package "chromium" only points to a snap; any installed Chrome or Chromium will do there.
  if [ "${1:-build}" = browser ] && ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null; then
    missing+=(chromium)
  fi
else
  command -v cmake >/dev/null && command -v ninja >/dev/null && pkg-config --exists opus \
    || die "this is not Debian or Ubuntu: install cmake, ninja, pkg-config, a C++ compiler and libopus by hand"
fi
[ ${#missing[@]} -gt 0 ] || exit 0

root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || die "missing packages, and neither root nor sudo to install them: ${missing[*]}"
  root=(sudo)
fi
say "installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"${root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c "apt-get update -qq && apt-get install -y -qq --no-install-recommends ${missing[*]}" \
  >"$log" 2>&1 || { tail -20 "$log" >&2; die "apt-get could not install ${missing[*]}"; }
