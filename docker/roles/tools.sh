# The container that the stock clients are run in. The two that are run most stay warm (tools/warm.sh); one that ends, as
# where memory is short, is started again.
. /opt/stack/roles/lib.sh
. /opt/stack/tools/warm.sh
keep_warm() { # NAME HEAP CLASSPATH MAIN
  while :; do
    (java_run "$2" "/opt/stack/tools/warm:$CONF/tools:$CONF/hadoop:$3" -Dlog4j2.configurationFile=log4j2.properties \
      "$4" "$(warm_port "$1")") || say "the warm $1 ended"
    sleep 1
  done
}
trap 'pkill java; exit 0' TERM INT
keep_warm hdfs 256m "$JARS/hdfs/*" WarmFs &
keep_warm beeline 192m "$JARS/beeline/*" WarmBeeline &
wait
