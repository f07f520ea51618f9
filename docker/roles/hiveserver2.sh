# HiveServer2 4.0.1 with Tez in its own JVM, in a folder of its own: hiveserver2 [FLAG...]
. /opt/stack/roles/lib.sh
rm -rf /run/hiveserver2
mkdir -p /run/hiveserver2/cwd
cd /run/hiveserver2/cwd
wait_hdfs
hdfs_folders
wait_for "the metastore's port" port_open "$METASTORE_PORT"
# hive4-dag first: see dag_jars in bin/jars. It plans statements all the time it lives: the quick compiler alone,
# which suits the other roles, costs it a sixth more.
java_run 1024m "$CONF/hive4:$CONF/hadoop:$JARS/hive4-dag/*:$JARS/hive4/*:$JARS/hive4-hbase/*" \
  -XX:TieredStopAtLevel=4 -Djava.io.tmpdir=/run/hiveserver2 -Dlog4j2.configurationFile=log4j2.properties \
  "$@" org.apache.hive.service.server.HiveServer2
