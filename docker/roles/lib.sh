# Sourced by every role: where things are, how a JVM is started, how to wait for another role.
# Roles wait for a condition with a deadline, never for a time; when it passes, the container exits and says why.
set -eu

CONF=/opt/stack/conf
JARS=/opt/jars
JAVA_FLAGS=("@$CONF/jvm.flags")

say() { echo "role: $*"; }
die() { echo "role: $*" >&2; exit 1; }

# wait_for WHAT COMMAND...: until the command succeeds, at most 180 s.
wait_for() {
  local what=$1; shift
  local deadline=$((SECONDS + 180))
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || die "waited 180 s for $what"
    sleep 0.3
  done
}

port_open() { (exec 3<>"/dev/tcp/localhost/$1"); }

# One request to the NameNode's web port, answered on standard output.
namenode_http() {
  local answer
  exec 3<>"/dev/tcp/localhost/$NAMENODE_HTTP_PORT"
  printf '%s %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" "$2" >&3
  answer=$(cat <&3)
  exec 3<&-
  echo "$answer"
}

# HDFS takes writes: the NameNode's JMX page shows safe mode as an empty string.
hdfs_writable() {
  [[ $(namenode_http GET '/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo') == *'"Safemode" : ""'* ]]
}

# hdfs_mkdir PATH MODE: through WebHDFS, which costs no JVM; the mode is set on one that is there, too.
hdfs_mkdir() {
  [[ $(namenode_http PUT "/webhdfs/v1$1?op=MKDIRS&user.name=root") == *'{"boolean":true}'* ]] &&
    [[ $(namenode_http PUT "/webhdfs/v1$1?op=SETPERMISSION&permission=$2&user.name=root") == *' 200 '* ]]
}
wait_hdfs() { wait_for "HDFS out of safe mode" hdfs_writable; }

# The folders that Hive needs.
hdfs_folders() {
  local dir
  for dir in /tmp /user /warehouse; do
    hdfs_mkdir "$dir" 1777 || die "cannot make $dir in HDFS"
  done
}

# A user's ticket, where the stack has such.
login() { :; }

# java_run HEAP CLASSPATH MAIN ARGS...: becomes the JVM, so that SIGTERM reaches it.
java_run() {
  local heap=$1 path=$2; shift 2
  exec java "${JAVA_FLAGS[@]}" "-Xmx$heap" -cp "$path" "$@"
}

# What a stack that is laid over this one does in another way.
if [ -e /opt/stack/roles/secure.sh ]; then . /opt/stack/roles/secure.sh; fi
