# Laid over roles/lib.sh by the secured stack: a ticket, HDFS with two NameNodes, the JVMs' krb5.conf.
export KRB5_CONFIG=$STACK_SHARED/conf/krb5.conf KRB5CCNAME=FILE:/tmp/ticket
JAVA_FLAGS+=("-Djava.security.krb5.conf=$KRB5_CONFIG")
export HADOOP_CONF_DIR=$CONF/hadoop

# login [USER]: a ticket from the keytab of the shared folder; a service's name stands for its principal here.
login() {
  local user=${1:-${AS:-etl}} principal
  case ",$SERVICE_PRINCIPALS," in
    *",$user,"*) principal=$user/$STACK_HOST ;;
    *) principal=$user ;;
  esac
  export KRB5CCNAME=FILE:/tmp/ticket-$user LOGIN_PRINCIPAL=$principal
  kinit -k -t "$STACK_SHARED/keytabs/$user.keytab" "$principal"
}

wait_kdc() { wait_for "the KDC" port_open "$KDC_PORT"; }

# What a NameNode's page says of its state: /jmx is open to all.
namenode_state() (NAMENODE_HTTP_PORT=$1 namenode_http GET '/jmx?qry=Hadoop:service=NameNode,name=NameNode*')

# The web port of the active NameNode, if there is one and it takes writes.
active_port() {
  local port state
  for port in "$NAMENODE1_HTTP_PORT" "$NAMENODE2_HTTP_PORT"; do
    state=$(namenode_state "$port" 2>/dev/null) || continue
    if [[ $state == *'"State" : "active"'* && $state == *'"Safemode" : ""'* ]]; then echo "$port"; return; fi
  done
  return 1
}

# webhdfs METHOD PATH?QUERY: as whoever holds the ticket, on the active NameNode.
webhdfs() { curl --silent --show-error --fail --negotiate --user : --request "$1" "http://localhost:$(active_port)/webhdfs/v1$2"; }

# hdfs_mkdir PATH MODE OWNER:GROUP
hdfs_mkdir() {
  webhdfs PUT "$1?op=MKDIRS" && webhdfs PUT "$1?op=SETOWNER&owner=${3%:*}&group=${3#*:}" &&
    webhdfs PUT "$1?op=SETPERMISSION&permission=$2"
}

# Ready is more than writable: the folders are there (namenode1 makes them, this one last).
hdfs_ready() { active_port && webhdfs GET "/hbase?op=GETFILESTATUS"; }
wait_hdfs() {
  login hdfs
  wait_for "an active NameNode and the folders" hdfs_ready
  # Whoever asks HDFS for tokens asks the key server, too.
  wait_for "the key server" port_open "$KMS_PORT"
  unset KRB5CCNAME
}

# namenode1 makes them.
hdfs_folders() { :; }

# What beeline dials when nobody says otherwise.
export BEELINE_URL="${BEELINE_URL:-jdbc:hive2://localhost:$HIVESERVER2_PORT/default;principal=hive/_HOST@$REALM;saslQop=auth-conf}"

# Without a KDC nothing starts here, and its port means that keytabs and certificates are there, too.
case $0 in */kdc.sh) ;; *) wait_kdc ;; esac
