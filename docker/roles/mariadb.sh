# MariaDB: the shop's database and the metastore's schema. A data directory is made aside and moved into place,
# so that one that was cut off is never taken for a good one. Users and databases are stated at every start.
. /opt/stack/roles/lib.sh

if [ ! -d /data/db ]; then
  rm -rf /data/new
  mariadb-install-db --no-defaults --datadir=/data/new --user=root \
    --auth-root-authentication-method=socket --skip-test-db >/dev/null
  mv /data/new /data/db
fi

shop_password=$(cat /opt/stack/shop.password)
mkdir -p /run/mysqld
umask 077
cat > /run/init.sql <<SQL
CREATE DATABASE IF NOT EXISTS $SHOP_DATABASE CHARACTER SET utf8mb4;
CREATE OR REPLACE USER '$SHOP_USER'@'%' IDENTIFIED BY '$shop_password';
GRANT ALL ON $SHOP_DATABASE.* TO '$SHOP_USER'@'%';
GRANT ALL ON \`it\\_%\`.* TO '$SHOP_USER'@'%';
GRANT RELOAD, PROCESS, BINLOG MONITOR, REPLICATION SLAVE ON *.* TO '$SHOP_USER'@'%';
CREATE OR REPLACE USER '$METASTORE_USER'@'localhost' IDENTIFIED BY '$METASTORE_PASSWORD';
CREATE OR REPLACE USER '$METASTORE_USER'@'127.0.0.1' IDENTIFIED BY '$METASTORE_PASSWORD';
GRANT ALL ON $METASTORE_DATABASE.* TO '$METASTORE_USER'@'localhost', '$METASTORE_USER'@'127.0.0.1';
SQL
exec mariadbd --defaults-file="$CONF/mariadb/my.cnf" --init-file=/run/init.sql
