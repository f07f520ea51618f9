# A router of federated NameNodes before the stack's own. It acts for its users as hive, whom HDFS lets do so.
. /opt/stack/roles/lib.sh
conf=/run/router/conf
mkdir -p $conf
cp "$CONF"/hadoop/* $conf/
cat > $conf/hdfs-rbf-site.xml <<SITE
<configuration>
  <property><name>dfs.federation.router.rpc-address</name><value>localhost:29803</value></property>
  <property><name>dfs.federation.router.rpc-bind-host</name><value>0.0.0.0</value></property>
  <property><name>dfs.federation.router.admin-address</name><value>localhost:29911</value></property>
  <property><name>dfs.federation.router.http.enable</name><value>false</value></property>
  <property><name>dfs.federation.router.default.nameserviceId</name><value>$NAMESERVICE</value></property>
  <property><name>dfs.federation.router.monitor.namenode</name><value>$NAMESERVICE.nn1,$NAMESERVICE.nn2</value></property>
  <property><name>dfs.federation.router.monitor.localnamenode.enable</name><value>false</value></property>
  <property><name>dfs.federation.router.store.driver.class</name><value>org.apache.hadoop.hdfs.server.federation.store.driver.impl.StateStoreFileImpl</value></property>
  <property><name>dfs.federation.router.store.driver.file.directory</name><value>/run/router/store</value></property>
  <property><name>dfs.federation.router.cache.ttl</name><value>1s</value></property>
  <property><name>dfs.federation.router.safemode.enable</name><value>false</value></property>
  <property><name>dfs.federation.router.kerberos.principal</name><value>hive/localhost@$REALM</value></property>
  <property><name>dfs.federation.router.keytab.file</name><value>$STACK_SHARED/keytabs/hive.keytab</value></property>
  <property><name>zk-dt-secret-manager.zkConnectionString</name><value>localhost:$ZOOKEEPER_PORT</value></property>
  <property><name>zk-dt-secret-manager.zkAuthType</name><value>none</value></property>
</configuration>
SITE
mkdir -p /run/router/store
java_run 128m "$conf:$JARS/fronts/*:$JARS/hdfs/*" org.apache.hadoop.hdfs.server.federation.router.DFSRouter
