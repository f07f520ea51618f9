#!/bin/bash
# Unpacks the data set and prints the folder of its CSV files, one a day.
# Does nothing when that folder holds the archive already; a folder that is there is complete.
#
#   unpack.sh [FOLDER]      default: target/shop in the checkout
set -euo pipefail

shop=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$shop/../../target/shop}
archive=$shop/data/uci-online-retail-by-day.tar.xz

die() { echo "error: $1" >&2; exit 1; }

command -v xz >/dev/null || die "cannot unpack $archive without xz; install xz-utils"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
sum=$(sha256sum <"$archive" | cut -d' ' -f1)

if [ "$(cat "$folder/by-day/archive.sha256" 2>/dev/null)" != "$sum" ]; then
  part=$(mktemp -d "$folder/unpack.XXXXXX")
  trap 'rm -rf "$part"' EXIT
  tar -xJf "$archive" -C "$part" --no-same-owner || die "cannot unpack $archive"
  echo "$sum" >"$part/uci-online-retail/by-day/archive.sha256"
  rm -rf "$folder/by-day"
  mv "$part/uci-online-retail/by-day" "$folder/by-day"
fi
echo "$folder/by-day"
