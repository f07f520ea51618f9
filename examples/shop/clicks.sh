#!/bin/bash
# Makes the shop's click log, target/shop/access.log, unless it is there already; the same bytes each time. Builds the
# generator if neither `make build` nor the tests did.
set -euo pipefail

shop=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$shop/../.." && pwd)
log=$root/target/shop/access.log
sum=$(sed -n 's/^sha256 = "\(.*\)"$/\1/p' "$shop/facts.toml")

if [ ! -f "$log" ] || [ "$(sha256sum <"$log" | cut -d' ' -f1)" != "$sum" ]; then
  data=$("$shop/unpack.sh")
  generator=${CARGO_TARGET_DIR:-$root/target}/debug/shop-clicks
  [ -x "$generator" ] || cargo build --locked --manifest-path "$root/Cargo.toml" --workspace --bins
  "$generator" --data "$data" --out "$log"
fi
echo "shop: click log $log ($(wc -l <"$log") lines)"
