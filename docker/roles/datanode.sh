# DataNode DATA_PORT HTTP_PORT IPC_PORT [OPTION...]: the three differ by their ports and volumes only.
. /opt/stack/roles/lib.sh
java_run 192m "$CONF/hadoop:$JARS/hdfs/*" org.apache.hadoop.hdfs.server.datanode.DataNode \
  "-Ddfs.datanode.address=0.0.0.0:$1" "-Ddfs.datanode.http.address=0.0.0.0:$2" "-Ddfs.datanode.ipc.address=0.0.0.0:$3" "${@:4}"
