#!/bin/bash
# Makes the shop's click log, target/shop/access.log, unless it is there already; the same bytes each time.
set -euo pipefail

shop=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$shop/../.." && pwd)
log=$root/target/shop/access.log
sum=$(sed -n 's/^sha256 = "\(.*\)"$/\1/p' "$shop/facts.toml")

if [ ! -f "$log" ] || [ "$(sha256sum <"$log" | cut -d' ' -f1)" != "$sum" ]; then
  data=$("$shop/unpack.sh")
  cargo run --quiet --locked --manifest-path "$root/Cargo.toml" --example shop-clicks -- --data "$data" --out "$log"
fi
echo "shop: click log $log ($(wc -l <"$log") lines)"
