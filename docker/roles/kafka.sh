# Kafka 4.1 of one process (KRaft), for a test that starts one: kafka PORT [KEY=VALUE...]. What it holds is gone with the container; a
# start of the same one goes on with it.
. /opt/stack/roles/lib.sh
port=$1
dir=/run/kafka
mkdir -p "$dir"
cat > "$dir/server.properties" <<SETTINGS
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://0.0.0.0:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://localhost:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/data
num.partitions=3
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
SETTINGS
for setting in "${@:2}"; do echo "$setting" >> "$dir/server.properties"; done
if ! [ -e "$dir/data/meta.properties" ]; then
  java -Xmx128m -cp "$JARS/kafka/*" kafka.tools.StorageTool format -t c2FraWEta2Fma2EtdGVzdA -c "$dir/server.properties"
fi
java_run 384m "$JARS/kafka/*" kafka.Kafka "$dir/server.properties"
