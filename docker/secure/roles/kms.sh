# The key server of encryption zones. It reads all its settings from one folder, Hadoop's among them.
. /opt/stack/roles/lib.sh
mkdir -p /run/kms
cp "$CONF"/hadoop/* "$CONF"/kms/* /run/kms/
java_run 96m "/run/kms:$JARS/kms/*:$JARS/hdfs/*" -Dkms.config.dir=/run/kms \
  -Dlog4j.configuration=file:/run/kms/log4j.properties org.apache.hadoop.crypto.key.kms.server.KMSWebServer
