#!/usr/bin/env bash
# Builds sakia as it is released and measures it: run.sh [--quick] [--only REGEX]
. "$(dirname "${BASH_SOURCE[0]}")/../docker/bin/lib.sh"

"$DOCKER_DIR/bin/setup" bench
cd "$ROOT"
cargo build --locked --release --bins
exec python3 bench/run.py --binary "${CARGO_TARGET_DIR:-target}/release/sakia" "$@"
