# ZooKeeper, for finding a HiveServer2. It starts empty: the servers register again.
. /opt/stack/roles/lib.sh
rm -rf /run/zookeeper
java_run 64m "$CONF/hive4:$JARS/hive4/*" -Dlog4j2.configurationFile=hive-log4j2.properties \
  org.apache.zookeeper.server.ZooKeeperServerMain "$ZOOKEEPER_PORT" /run/zookeeper
