# JournalNode: the one copy of the edits that both NameNodes share.
. /opt/stack/roles/lib.sh
java_run 96m "$CONF/hadoop:$JARS/hdfs/*" org.apache.hadoop.hdfs.qjournal.server.JournalNode
