# Sourced by sqoop and yarn: where Sqoop's jars, settings and scratch files are.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/../../docker/bin/lib.sh"

JARS=$("$ROOT/bench/jars" sqoop)
WORK=${BENCH_WORK:-$CACHE/bench/work}
CONF=$WORK/sqoop-conf
FLAGS=$CONF/jvm.flags

# Settings with the places of this machine filled in. The JVM's own compiler and collector stay as they are by default:
# the stack's daemons run on the quick compiler alone, a peer must not.
render() {
  rm -rf "$CONF" && mkdir -p "$CONF"
  cp "$ROOT"/bench/conf/hadoop/* "$ROOT"/bench/sqoop/conf/* "$CONF/"
  sed -i "s|@JARS@|$JARS|g; s|@CONF@|$CONF|g; s|@WORK@|$WORK|g; s|@FLAGS@|$FLAGS|g" "$CONF"/*.xml
  grep -v -e SerialGC -e TieredStopAtLevel -e ExitOnOutOfMemory "$DOCKER_DIR/conf/jvm.flags" > "$FLAGS"
}
[ -f "$FLAGS" ] || render
