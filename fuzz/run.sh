#!/usr/bin/env bash
# Fuzzes each target for a while: run.sh SECONDS [TARGET...]. Corpora and findings are kept in the cache; a finding ends it.
. "$(dirname "${BASH_SOURCE[0]}")/../docker/bin/lib.sh"

seconds=$1
shift
cd "$ROOT/fuzz"
place=$CACHE/fuzz
export CARGO_TARGET_DIR=$place/target
# What cargo-fuzz gives rustc without a sanitizer, which would need a nightly compiler.
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
host=$(rustc -vV | sed -n 's/^host: //p')
# The versions of the workspace; cargo drops what is not needed here and adds libFuzzer, which Cargo.toml names exactly. The
# network is needed for that once.
cp "$ROOT/Cargo.lock" Cargo.lock
fetch() { cargo fetch --quiet --target "$host" "$@"; }
fetch --offline 2>/dev/null || fetch
packages() { awk -F'"' '/^name = /{name = $2} /^version = /{print name, $2}' "$1" | LC_ALL=C sort; }
others=$(LC_ALL=C comm -13 <(packages "$ROOT/Cargo.lock") <(packages Cargo.lock) | grep -vE '^(arbitrary|libfuzzer-sys|sakia-fuzz) ' || true)
[ -z "$others" ] || die "the fuzz targets would be built with versions that the workspace does not have: ${others//$'\n'/, }"
# With a --target the flags are not for build scripts and macros.
RUSTFLAGS=${RUSTFLAGS//$'\n'/ } cargo build --locked --offline --target "$host"
fuzz=$CARGO_TARGET_DIR/$host/debug/sakia-fuzz

if [ $# -eq 0 ]; then
  all=$("$fuzz")
  # shellcheck disable=SC2086
  set -- $all
fi
for target in "$@"; do
  corpus=$place/corpus/$target
  mkdir -p "$corpus" "$place/findings"
  echo "sakia: fuzzing $target for $seconds s"
  SAKIA_FUZZ_TARGET=$target SAKIA_FUZZ_SEEDS=$corpus "$fuzz" \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$place/findings/$target-" "$corpus" 2>&1 | grep -vE '^#[0-9]+.*(NEW|REDUCE|pulse)'
done
