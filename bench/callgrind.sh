#!/usr/bin/env bash
# Counts the instructions that decoding and encoding a fixed input takes: callgrind.sh check|bless
#
# check fails when a count is more than TOLERANCE percent above bench/callgrind.baseline; bless writes that file anew.
# Seconds depend on the machine and its load, instructions hardly. The program holds the sources of what is counted and
# little else, and its dependencies are those of the tests (which is why a test is named), compiled already. Counts are
# comparable only among themselves, and another compiler may move them: then bless, in a commit of its own.
. "$(dirname "${BASH_SOURCE[0]}")/../docker/bin/lib.sh"

CASES="read parquet avro"
TOLERANCE=5
BASELINE=$ROOT/bench/callgrind.baseline
command -v valgrind >/dev/null || die "valgrind is not installed; run: make setup"

cd "$ROOT"
program=$(cargo build --locked --quiet --workspace --bin encode-fixed --test offline \
  --message-format=json-render-diagnostics |
  sed -n 's/.*"name":"encode-fixed".*"executable":"\([^"]*\)".*/\1/p')
[ -x "$program" ] || die "cargo did not say where it put encode-fixed"

# Only what happens inside measured_... is counted: not the start of the process, not the making of the input.
count() {
  local out=$scratch/$1
  valgrind --tool=callgrind --collect-atstart=no '--toggle-collect=*measured_*' "--callgrind-out-file=$out" \
    "$program" "$1" > "$out.log" 2>&1 || { tail -n 20 "$out.log" >&2; die "encode-fixed $1 failed under valgrind (above)"; }
  sed -n 's/^\(totals\|summary\): \([0-9]*\).*/\2/p' "$out" | head -n 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
compiler=$(rustc --version | cut -d' ' -f1,2)
status=0
lines=""
for case in $CASES; do
  now=$(count "$case")
  [ "${now:-0}" -gt 1000000 ] || die "only ${now:-no} instructions counted for $case: the counted function was not found"
  lines+="$case $now"$'\n'
  [ "${1:-}" != bless ] || continue
  was=$(awk -v name="$case" '$1 == name { print $2 }' "$BASELINE")
  [ -n "$was" ] || die "bench/callgrind.baseline does not know $case; run: make callgrind-bless"
  change=$(awk -v now="$now" -v was="$was" 'BEGIN { printf "%+.2f", 100 * (now - was) / was }')
  say "callgrind: $case $now instructions, $change % against the baseline"
  if [ $((now * 100)) -gt $((was * (100 + TOLERANCE))) ]; then status=1; fi
done
if [ "${1:-}" = bless ]; then
  printf '# Instructions of bench/encode by case, as make callgrind-bless counted them with %s.\n%s' "$compiler" "$lines" > "$BASELINE"
  say "callgrind: wrote bench/callgrind.baseline"
elif [ $status -ne 0 ]; then
  sed -n 's/^#.* with \(.*\)\.$/the baseline was counted with \1/p' "$BASELINE" >&2
  die "encoding takes over $TOLERANCE % more instructions than before (compiler now: $compiler); find out why, or, if that is the price of something wanted: make callgrind-bless"
fi
exit $status
