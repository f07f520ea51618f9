# HBase: master, region server and ZooKeeper in one process. ZooKeeper's data is not kept: everything that must
# last is in HDFS, and a fresh ZooKeeper has no dead session to wait for after a kill.
. /opt/stack/roles/lib.sh
rm -rf /run/hbase
mkdir -p /run/hbase
wait_hdfs
java_run 448m "$CONF/hbase:$CONF/hadoop:$JARS/hbase/*" org.apache.hadoop.hbase.master.HMaster start
