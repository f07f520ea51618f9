# HBase's Thrift gateway (thrift1), of the 2.4 line.
. /opt/stack/roles/lib.sh
java_run 192m "$CONF/hbase:$CONF/hadoop:$JARS/gateway/*" org.apache.hadoop.hbase.thrift.ThriftServer start \
  -p "$HBASE_THRIFT_PORT" --infoport "$HBASE_THRIFT_HTTP_PORT"
