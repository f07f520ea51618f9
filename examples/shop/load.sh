#!/bin/bash
# Loads the shop into the stack's MariaDB (docker/stack.env says where), with the host's mariadb
# client or, where there is none, the one in the database's container.
#
# Does nothing when this very data set and schema are loaded, whatever has happened to the rows
# since: a load writes to the binary log, and a pipeline would take all rows for new. What is made
# up about the customers (people/) is loaded behind it, and by itself when only that has changed.
#
#   load.sh [--force]       --force loads again
#   STACK_ENV=FILE          other connection settings of the same form
set -euo pipefail
export LC_ALL=C # the order of the files is the order of their bytes

shop=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$shop/../.." && pwd)

die() { echo "error: $1" >&2; exit 1; }

case ${1:-} in
  '') force=no ;;
  --force) force=yes ;;
  *) die "unknown argument $1; usage: load.sh [--force]" ;;
esac

settings=${STACK_ENV:-$root/docker/stack.env}
[ -r "$settings" ] || die "cannot read the connection settings in $settings"
. "$settings"
password_file=$(cd "$root" && realpath "$SHOP_PASSWORD_FILE")
# The environment of a process is its owner's to read, its arguments are everybody's.
MYSQL_PWD=$(cat "$password_file") || die "cannot read the shop's password in $password_file"
export MYSQL_PWD

if client=$(command -v mariadb || command -v mysql); then
  client=("$client" --no-defaults --host="$STACK_HOST" --port="$MARIADB_PORT" --protocol=tcp)
else
  command -v docker >/dev/null || die "no mariadb client and no docker; install mariadb-client"
  client=(docker exec -i -e MYSQL_PWD "$COMPOSE_PROJECT_NAME-mariadb"
    mariadb --no-defaults --host=localhost --port="$MARIADB_PORT" --protocol=tcp)
fi
sql() { "${client[@]}" --user="$SHOP_USER" --local-infile=1 --batch --skip-column-names --execute="$1"; }

fingerprint="online retail, sha256 $(cat "$shop"/data/*.tar.xz "$shop"/*.sql | sha256sum | cut -d' ' -f1)"
loaded=$(sql "SELECT schema_comment FROM information_schema.schemata WHERE schema_name = 'shop'" </dev/null) ||
  die "cannot ask the shop's database at $STACK_HOST:$MARIADB_PORT; is the stack up?"

if [ "$force" = no ] && [ "$loaded" = "$fingerprint" ]; then
  echo "shop: loaded already"
else
  started=$SECONDS
  data=$("$shop/unpack.sh")
  # The place of a line in all files comes first: orders and their lines are numbered by it.
  awk 'FNR > 1 { print ++place "," $0 }' "$data"/*.csv |
    sql "$(cat "$shop/schema.sql" "$shop/load.sql")
         ALTER DATABASE shop COMMENT = '$fingerprint';" ||
    die "cannot load the shop into $STACK_HOST:$MARIADB_PORT; run it again when the cause above is gone"
  echo "shop: loaded in $((SECONDS - started)) s"
fi

# What is made up follows from the rows above, so their fingerprint is part of its own.
people=$(cat "$shop"/people/{schema,names,fill,service}.sql)
fingerprint="Made up by a fixed seed: nobody of these exists. sha256 $(echo "$fingerprint $people" | sha256sum | cut -d' ' -f1)"
loaded=$(sql "SELECT table_comment FROM information_schema.tables
              WHERE table_schema = 'shop' AND table_name = 'customer_profiles'" </dev/null)
if [ "$force" = no ] && [ "$loaded" = "$fingerprint" ]; then
  echo "shop: people are loaded already"
else
  started=$SECONDS
  sql "$people
       ALTER TABLE customer_profiles COMMENT = '$fingerprint';" </dev/null ||
    die "cannot load the shop's people into $STACK_HOST:$MARIADB_PORT; run it again when the cause above is gone"
  echo "shop: people loaded in $((SECONDS - started)) s"
fi
