#!/usr/bin/env bash
# Builds libwhisper and libllama (static, one ggml) from the pinned whisper.cpp source and leaves them in
#   ${XDG_CACHE_HOME:-~/.cache}/operatord/native/<version>-<key>/{include,lib}
# where <key> covers the source, the build flags and the compiler. Prints that folder as its last line.
# Nothing is done when the folder is complete.
#   WHISPER_CPP_DIR=/path   build from this whisper.cpp source tree instead of the pinned archive
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
version=1.9.1
archive=nodejs-whisper@0.3.1   # an npm package that carries the complete whisper.cpp 1.9.1 source tree
integrity=sha512-ceoilUVraRuR5FnNyXpGQT2auAR48Oc3AQBEmkXnVpSn9iN6yVRzQBFCqVTGWbk6Wdi95NhvwXNzFvuR7erLWw==

say() { printf 'native: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
need() { command -v "$1" >/dev/null || die "$1 is missing; run 'make deps' (or install the package that provides it)"; }

for tool in cmake ninja c++ sha256sum; do need "$tool"; done

source_id="$integrity"
[ -z "${WHISPER_CPP_DIR:-}" ] || source_id=$(git -C "$WHISPER_CPP_DIR" rev-parse HEAD 2>/dev/null || realpath "$WHISPER_CPP_DIR")
key=$(cat "$here/native/CMakeLists.txt" <(echo "$source_id") <(c++ --version | head -1) <(uname -m) | sha256sum | cut -c1-12)
out=${XDG_CACHE_HOME:-$HOME/.cache}/operatord/native/$version-$key
[ -f "$out/complete" ] && { echo "$out"; exit 0; }

mkdir -p "$(dirname "$out")"
exec 9>"$out.lock"
flock -w 3600 9 || die "another build of $out has held its lock for an hour"
[ -f "$out/complete" ] && { echo "$out"; exit 0; }

work=$(mktemp -d "$out.build.XXXXXX")
trap 'rm -rf "$work"' EXIT
src=${WHISPER_CPP_DIR:-}
if [ -z "$src" ]; then
  need npm; need node
  say "fetching $archive (whisper.cpp $version source)"
  (cd "$work" && npm pack --silent "$archive" >/dev/null) || die "could not fetch $archive with npm; is the npm registry reachable?"
  got=sha512-$(node -e 'const c=require("crypto"),f=require("fs");process.stdout.write(c.createHash("sha512").update(f.readFileSync(process.argv[1])).digest("base64"))' "$work"/nodejs-whisper-*.tgz)
  [ "$got" = "$integrity" ] || die "$archive: integrity is $got, expected $integrity"
  tar -xzf "$work"/nodejs-whisper-*.tgz -C "$work" package/cpp/whisper.cpp || die "unpacking $archive: is the disk full?"
  src=$work/package/cpp/whisper.cpp
fi
[ -f "$src/include/whisper.h" ] || die "$src is not a whisper.cpp source tree (no include/whisper.h)"

say "building libwhisper and libllama (about 5 minutes of one core; log: $out.log)"
cmake -S "$here/native" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DWHISPER_CPP_DIR="$src" >"$out.log" 2>&1 \
  && nice -n "${NATIVE_NICE:-0}" ninja -C "$work/build" whisper llama >>"$out.log" 2>&1 \
  || { tail -30 "$out.log" >&2; die "the build failed; the whole log is $out.log"; }

rm -rf "$out" && mkdir -p "$out/include" "$out/lib"
cp "$src"/include/*.h "$src"/ggml/include/*.h "$src"/examples/talk-llama/llama.h "$out/include/"
find "$work/build" -name '*.a' -exec cp {} "$out/lib/" \;
cp "$src/LICENSE" "$out/"
touch "$out/complete"
say "done: $out"
echo "$out"
