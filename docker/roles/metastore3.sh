# Hive metastore 3.1.3, standalone on Derby: it keeps the Thrift client honest about the old line.
# The Derby folder is made aside and moved into place.
. /opt/stack/roles/lib.sh
path="$CONF/hive3:$CONF/hadoop:$JARS/hive3/*"
export METASTORE_HOME=$JARS/schema/hive3

if [ ! -d /data/metastore_db ]; then
  rm -rf /data/new
  java "@$CONF/jvm.flags" -Xmx192m -cp "$path" -Dlog4j2.configurationFile=log4j2.properties -Dsakia.derby=/data/new \
    org.apache.hadoop.hive.metastore.tools.MetastoreSchemaTool -dbType derby -initSchema
  mv /data/new /data/metastore_db
fi
cd /data
wait_hdfs
java_run 256m "$path" -Dlog4j2.configurationFile=log4j2.properties -Dsakia.derby=/data/metastore_db \
  org.apache.hadoop.hive.metastore.HiveMetaStore -p "$OLD_METASTORE_PORT"
