# NameNode. The name directory counts as formatted only once the mark is there: a format that was cut off is redone.
. /opt/stack/roles/lib.sh
path="$CONF/hadoop:$JARS/hdfs/*"

if [ ! -e /data/formatted ]; then
  rm -rf /data/name
  java "@$CONF/jvm.flags" -Xmx128m -cp "$path" org.apache.hadoop.hdfs.server.namenode.NameNode \
    -format -clusterid sakia -nonInteractive
  touch /data/formatted
fi
java_run 256m "$path" org.apache.hadoop.hdfs.server.namenode.NameNode
