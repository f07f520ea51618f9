//! `KafkaSink`: records in topics.

use super::super::kafka::{connection, headers, set_time, with_client_options};
use super::super::options::{Component, mapped, noted, refused};
use super::super::output::{Table, time};
use super::super::settings::Settings;
use super::SinkDraft;

const BYTES: &str = "bodies are bytes, and keys text; classes of Java are not run here";
const OLD: &str = "write it as kafka.bootstrap.servers, kafka.topic, flumeBatchSize and kafka.producer.acks";

pub(super) const KAFKA: Component<SinkDraft> = Component {
    names: &["org.apache.flume.sink.kafka.KafkaSink"],
    native: "kafka",
    options: with_client_options![
        "kafka.producer.";
        mapped("kafka.bootstrap.servers", "", "brokers"),
        mapped("kafka.topic", "default-flume-topic", "topic"),
        mapped("flumeBatchSize", "100", "batch-size"),
        mapped("kafka.producer.acks", "1", "acks"),
        mapped("useFlumeEventFormat", "false", "flume-event"),
        mapped("defaultPartitionId", "", "partition"),
        mapped("partitionIdHeader", "", "partition-header"),
        mapped("allowTopicOverride", "true", "topic-header, empty for none"),
        mapped("topicHeader", "topic", "topic-header"),
        mapped("timestampHeader", "", "timestamp-header"),
        mapped("header.*", "", "headers"),
        mapped("kafka.producer.compression.type", "none", "compression"),
        mapped("kafka.producer.linger.ms", "", "roll.age"),
        mapped("kafka.producer.batch.size", "", "batch-bytes, at least 1024"),
        mapped("kafka.producer.request.timeout.ms", "", "request-timeout"),
        mapped("kafka.producer.delivery.timeout.ms", "", "delivery-timeout"),
        mapped("kafka.producer.enable.idempotence", "", "idempotence"),
        refused("brokerList", "", OLD),
        refused("topic", "", OLD),
        refused("batchSize", "", OLD),
        refused("requiredAcks", "", OLD),
        refused(
            "kafka.producer.transactional.id",
            "",
            "events are in Kafka at least once; take it out, and let readers know events by a header (interceptor uuid)",
        ),
        noted("kafka.producer.max.in.flight.requests.per.connection", "", "a partition has one batch under way, in order"),
        noted("kafka.producer.buffer.memory", "", "an epoch travels in pieces of 4 MiB"),
        noted("kafka.producer.max.block.ms", "", "a broker that is away is waited for"),
        noted("kafka.producer.max.request.size", "", "batch-bytes bounds a batch"),
        noted("kafka.producer.metadata.max.age.ms", "", "leaders are asked for every minute, and when one moves"),
        noted("kafka.producer.partitioner.ignore.keys", "false", "records of one key stay in one partition"),
        refused("kafka.producer.partitioner.class", "", "keys are hashed as by Kafka's default; classes of Java are not run here"),
        refused("kafka.producer.key.serializer", "org.apache.kafka.common.serialization.StringSerializer", BYTES),
        refused("kafka.producer.value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer", BYTES),
    ],
    map,
};

fn map(said: &Settings<'_>) -> SinkDraft {
    let mut table = Table::default();
    connection(said, "kafka.producer.", &mut table);
    table.set("topic", said.needed("kafka.topic"));
    if !said.flag("allowTopicOverride") {
        table.set("topic-header", "");
    } else if said.text("topicHeader") != Some("topic") {
        table.set_some("topic-header", said.text("topicHeader"));
    }
    if said.given("defaultPartitionId").is_some() {
        table.set_some("partition", said.number("defaultPartitionId", 0));
    }
    table.set_some("partition-header", said.text("partitionIdHeader"));
    table.set_some("timestamp-header", said.text("timestampHeader"));
    headers(said, &mut table);
    if said.flag("useFlumeEventFormat") {
        table.set("flume-event", true);
    }
    let is_whole = acks(said, &mut table);
    if said.given("kafka.producer.enable.idempotence").is_some() {
        let wanted = said.flag("kafka.producer.enable.idempotence");
        if wanted && !is_whole {
            said.invalid(
                "kafka.producer.enable.idempotence",
                "goes with acks = all alone",
                "set kafka.producer.acks = all",
            );
        }
        table.set("idempotence", wanted);
    }
    let codec = said.text("kafka.producer.compression.type").unwrap_or_default().to_ascii_lowercase();
    match codec.as_str() {
        "none" => {}
        "gzip" | "snappy" | "lz4" | "zstd" => {
            table.set("compression", codec.as_str());
        }
        _ => said.invalid("kafka.producer.compression.type", "is not known", "write none, gzip, snappy, lz4 or zstd"),
    }
    let batch = said.number("flumeBatchSize", 1);
    table.set_some("batch-size", batch);
    if said.given("kafka.producer.batch.size").is_some() {
        table.set_some("batch-bytes", said.number("kafka.producer.batch.size", 0).map(|bytes| bytes.max(1024)));
    }
    for (option, key) in [("request.timeout.ms", "request-timeout"), ("delivery.timeout.ms", "delivery-timeout")] {
        set_time(said, &mut table, &format!("kafka.producer.{option}"), key);
    }
    let mut roll = Table::default();
    if let Some(linger) =
        said.given("kafka.producer.linger.ms").and_then(|_| said.number("kafka.producer.linger.ms", 0))
    {
        roll.set("age", time(linger.max(100)));
    }
    said.remark("events are in Kafka at least once, as with Flume: an epoch that failed halfway comes again");
    SinkDraft { table, roll, batch, ..SinkDraft::default() }
}

/// Says who has to have a batch; and whether it is all replicas.
fn acks(said: &Settings<'_>, table: &mut Table) -> bool {
    match said.text("kafka.producer.acks") {
        Some("all" | "-1") => return true,
        Some("1") => {
            table.set("acks", "leader");
            said.remark("with acks = 1, Flume's default, events are lost with the leader that took them; kafka.producer.acks = all keeps them");
        }
        Some("0") => {
            table.set("acks", "none");
            said.note("kafka.producer.acks", "nobody says whether an event is in Kafka: what is lost is not told");
        }
        _ => said.invalid("kafka.producer.acks", "is not known", "write all, 1 or 0"),
    }
    false
}
