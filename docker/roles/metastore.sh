# Hive metastore 4.0.1 on MariaDB: metastore [PORT FLAG...]. The schema script writes its version last: a database without it is half-made
# and is made again.
. /opt/stack/roles/lib.sh
port=${1:-$METASTORE_PORT}

sql() { mariadb --host=127.0.0.1 --port="$MARIADB_PORT" --user="$METASTORE_USER" --batch --skip-column-names "$@"; }
export MYSQL_PWD=$METASTORE_PASSWORD

wait_for "MariaDB to answer" sql -e 'select 1'
schema_there() { [ "$(sql -e 'select SCHEMA_VERSION from VERSION' "$METASTORE_DATABASE" 2>/dev/null)" = 4.0.0 ]; }
if [ "$port" != "$METASTORE_PORT" ]; then
  wait_for "the first metastore to make the schema" schema_there
elif ! schema_there; then
  say "loading the metastore's schema"
  sql -e "drop database if exists $METASTORE_DATABASE; create database $METASTORE_DATABASE character set latin1"
  sql "$METASTORE_DATABASE" < "$JARS/schema/hive-schema-4.0.0.mysql.sql"
fi
unset MYSQL_PWD

wait_hdfs
java_run 384m "$CONF/metastore:$CONF/hive4:$CONF/hadoop:$JARS/hive4/*" \
  -Dlog4j2.configurationFile=log4j2.properties "${@:2}" org.apache.hadoop.hive.metastore.HiveMetaStore -p "$port"
