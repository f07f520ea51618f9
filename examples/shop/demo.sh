#!/bin/bash
# The demo: the pipeline over the shop, then what it made, asked of Hive through the stock beeline and of HBase.
# `make demo` brings up the stack, loads the shop and builds sakia first.
set -euo pipefail

shop=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$shop/../.." && pwd)
sakia=${CARGO_TARGET_DIR:-$root/target}/debug/sakia

# Prints what the stock beeline answers to a query of this folder; its log only when it fails.
ask() { # what, name of the query
  printf '\n== %s\n' "$1"
  local log
  log=$(mktemp)
  "$root/docker/bin/tool" beeline --silent=true --outputformat=table -e "$(grep -v '^--' "$shop/queries/$2.hql")" \
    2>"$log" || { cat "$log" >&2; rm -f "$log"; exit 1; }
  rm -f "$log"
}

printf '== sakia run examples/shop/pipeline.toml\n'
"$sakia" run "$shop/pipeline.toml"
ask "Hive: revenue by month and by the tier of the country a customer had when ordering" revenue
ask "Hive: clicks of people by hour of the day and by stage" clicks
ask "Hive: the history of customer 12370" history
ask "Hive: sessions of people by month, and what became of their carts" sessions
ask "Hive: how far sessions came on the way to an order, by device" funnel
printf '\n== HBase: customer 12370, sakia lookup examples/shop/pipeline.toml --key 12370\n'
"$sakia" lookup "$shop/pipeline.toml" --key 12370
