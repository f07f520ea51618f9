# Sourced by the scripts of docker/bin: where things are, keys, and how a failure is told.
# shellcheck shell=bash
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DOCKER_DIR=$ROOT/docker
PATH=$PATH:/usr/sbin:/sbin
# Another file of the same form gives a second stack, with names and ports of its own.
# Absolute: what reads it stands in other directories.
STACK_ENV=$(realpath "${STACK_ENV:-$DOCKER_DIR/stack.env}")
CACHE=${SAKIA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sakia}
set -a
# shellcheck source=../stack.env
. "$STACK_ENV"
set +a
# Another stack may be a layer over docker/: a folder with its compose file and what it lays over conf, roles and tools.
STACK_LAYER=${STACK_LAYER:-}
COMPOSE_YAML=${STACK_LAYER:+$STACK_LAYER/}compose.yaml

say() { echo "sakia: $*"; }
die() { echo "sakia: error: $*" >&2; exit 1; }

# One change at a time: a second `make stack-up` waits for the first. Scripts called by a holder hold it too.
lock() {
  [ -z "${SAKIA_LOCKED:-}" ] || return 0
  mkdir -p "$CACHE"
  exec 9>"$CACHE/lock"
  flock --nonblock 9 || { say "waiting for another run of this"; flock 9; }
  export SAKIA_LOCKED=1
}

# key_of PATH...: a short hash of the files' contents and their names below docker/, the same in every checkout.
key_of() {
  (cd "$DOCKER_DIR" && find "$@" -type f | LC_ALL=C sort | while read -r file; do
    echo "${file##"$ROOT"/}"
    cat "$file"
  done) | sha256sum | cut -c1-12
}

image_ref() { echo "$IMAGE_NAME:$(key_of Dockerfile)"; }

# The MySQL server of the tests is not a role of the stack: its names stand here, so that it never restarts the stack.
MYSQL_BASE_IMAGE=debian:sid-slim
MYSQL_BASE_SUITE=sid
mysql_image_ref() { echo "sakia-mysql:$(key_of mysql/Dockerfile)"; }
jars_dir() { echo "$CACHE/jars/$(key_of jars/jars.lock jars/PatchHandler.java jars/dag bin/jars)"; }

# The newer plugin when there is one, else the distribution's docker-compose.
compose() {
  if docker compose version >/dev/null 2>&1; then
    docker compose --file "$DOCKER_DIR/$COMPOSE_YAML" "$@"
  else
    docker-compose --file "$DOCKER_DIR/$COMPOSE_YAML" "$@"
  fi
}
