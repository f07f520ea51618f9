# HBase's Thrift gateway, of the 2.4 line: gateway [thrift|thrift2 PORT INFO_PORT FLAG...], else thrift1 as stack.env says.
. /opt/stack/roles/lib.sh
java_run 192m "$CONF/hbase:$CONF/hadoop:$JARS/gateway/*" "${@:4}" "org.apache.hadoop.hbase.${1:-thrift}.ThriftServer" start \
  -p "${2:-$HBASE_THRIFT_PORT}" --infoport "${3:-$HBASE_THRIFT_HTTP_PORT}"
