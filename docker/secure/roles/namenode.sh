# NameNode nn1|nn2. The first formats, the second copies from it. The name directory counts as formatted only once the
# mark is there: a format that was cut off is redone. Nobody fails over by himself: nn1 becomes active at the start if
# nn2 is not; `stack failover` does the rest.
. /opt/stack/roles/lib.sh
path="$CONF/hadoop:$JARS/hdfs/*"
id=$1
flags=("-Ddfs.ha.namenode.id=$id")
namenode() { java "${JAVA_FLAGS[@]}" -Xmx128m -cp "$path" org.apache.hadoop.hdfs.server.namenode.NameNode "${flags[@]}" "$@"; }

# In the background: makes nn1 active if nn2 is not, which takes nn2's word for it unless nn1 is just made; then the folders.
activate() {
  login hdfs
  wait_for "NameNode 1" port_open "$NAMENODE1_PORT"
  [ "$1" = new ] || wait_for "NameNode 2" port_open "$NAMENODE2_PORT"
  if [ "$1" = new ] || ! namenode_state "$NAMENODE2_HTTP_PORT" | grep -q '"State" : "active"'; then
    bash /opt/stack/tools/failover nn1
  fi
  wait_for "an active NameNode out of safe mode" active_port
  hdfs_ready >/dev/null 2>&1 && return
  hdfs_mkdir /tmp 1777 hdfs:supergroup
  hdfs_mkdir /user 755 hdfs:supergroup
  for user in ${USER_PRINCIPALS//,/ } ${BRIEF_PRINCIPALS//,/ } hive; do hdfs_mkdir "/user/$user" 755 "$user:$user"; done
  # Hive acts as itself: it may write into what the others make below these.
  for dir in /warehouse /warehouse/external /user/hive/warehouse /user/etl; do
    [ $dir = /user/etl ] || hdfs_mkdir $dir 1777 hive:data
    webhdfs PUT "$dir?op=MODIFYACLENTRIES&aclspec=user:hive:rwx,default:user:hive:rwx,default:group:data:r-x"
  done
  hdfs_mkdir /hbase 711 hbase:hbase
}

wait_for "the JournalNode" port_open "$JOURNALNODE_PORT"
age=old
if [ ! -e /data/formatted ]; then
  age=new
  rm -rf /data/name
  if [ "$id" = nn1 ]; then
    namenode -format -clusterid sakia -force -nonInteractive
  else
    wait_for "NameNode 1" port_open "$NAMENODE1_PORT"
    namenode -bootstrapStandby -nonInteractive -force
  fi
  touch /data/formatted
fi
if [ "$id" = nn1 ]; then activate $age & fi
java_run 256m "$path" org.apache.hadoop.hdfs.server.namenode.NameNode "${flags[@]}"
