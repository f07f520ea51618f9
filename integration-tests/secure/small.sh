# A NameNode and two DataNodes in one container, in the network of the stack's pod, on the spare ports. The settings are
# the stack's without high availability, with those of SETTINGS (NAME=VALUE lines) over them. Data goes with the container.
. /opt/stack/roles/lib.sh
conf=/run/small/conf
mkdir -p $conf
cp "$CONF"/hadoop/* $conf/

# set_property FILE NAME VALUE
set_property() {
  sed -i "\\|<name>$2</name>|d; s|</configuration>|<property><name>$2</name><value>$3</value></property></configuration>|" "$conf/$1"
}

# What was agreed on is told.
echo "log4j.logger.org.apache.hadoop.hdfs.protocol.datatransfer.sasl=DEBUG" >> $conf/log4j.properties

sed -i '/dfs\.nameservices\|dfs\.ha\.\|shared\.edits\|\.ns1/d' $conf/hdfs-site.xml
set_property core-site.xml fs.defaultFS "hdfs://localhost:29801"
set_property hdfs-site.xml dfs.namenode.rpc-address "localhost:29801"
set_property hdfs-site.xml dfs.namenode.http-address "localhost:29802"
set_property hdfs-site.xml dfs.namenode.name.dir "file:///run/small/name"
set_property hdfs-site.xml dfs.http.policy HTTP_ONLY
while IFS='=' read -r name value; do
  [ -z "$name" ] || case $name in
    hadoop.* | fs.*) set_property core-site.xml "$name" "$value" ;;
    *) set_property hdfs-site.xml "$name" "$value" ;;
  esac
done <<< "$SETTINGS"

run() { java "${JAVA_FLAGS[@]}" -Xmx128m -cp "$conf:$JARS/hdfs/*" "$@"; }
run org.apache.hadoop.hdfs.server.namenode.NameNode -format -force -nonInteractive
run org.apache.hadoop.hdfs.server.namenode.NameNode &
echo $! > /run/small/namenode.pid
# A DataNode of a number, which a test may start again.
cat > /run/small/datanode.sh <<SCRIPT
. /opt/stack/roles/lib.sh
echo \$\$ > /run/small/datanode\$1.pid
java_run 128m "$conf:$JARS/hdfs/*" org.apache.hadoop.hdfs.server.datanode.DataNode \
  "-Ddfs.datanode.data.dir=file:///run/small/blocks\$1" "-Ddfs.datanode.address=0.0.0.0:\$((29802 + 2 * \$1))" \
  "-Ddfs.datanode.http.address=0.0.0.0:\$((29803 + 2 * \$1))" "-Ddfs.datanode.ipc.address=127.0.0.1:\$((29900 + \$1))"
SCRIPT
bash /run/small/datanode.sh 1 &
bash /run/small/datanode.sh 2 &
wait
