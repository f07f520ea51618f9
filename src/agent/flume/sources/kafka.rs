//! `KafkaSource`: records of topics.

use super::super::kafka::{connection, headers, set_number, set_time, with_client_options};
use super::super::options::{Component, mapped, noted, refused};
use super::super::output::{Table, time};
use super::super::settings::Settings;
use super::SourceDraft;

const BYTES: &str = "bodies are bytes, and keys text; classes of Java are not run here";
const COMMITS: &str = "the group's offsets follow the channel, every commit-interval";

pub(super) const KAFKA: Component<SourceDraft> = Component {
    names: &["org.apache.flume.source.kafka.KafkaSource"],
    native: "kafka",
    options: with_client_options![
        "kafka.consumer.";
        mapped("kafka.bootstrap.servers", "", "brokers"),
        mapped("kafka.topics", "", "topics"),
        mapped("kafka.topics.regex", "", "topics-regex, before kafka.topics"),
        mapped("kafka.consumer.group.id", "flume", "group-id"),
        mapped("batchSize", "1000", "batch-size"),
        mapped("batchDurationMillis", "1000", "max-wait"),
        mapped("useFlumeEventFormat", "false", "flume-event"),
        mapped("setTopicHeader", "true", "topic-header, empty for none"),
        mapped("topicHeader", "topic", "topic-header"),
        mapped("header.*", "", "headers"),
        noted("timestampHeader", "", "the header is timestamp, which Flume's source sets as well"),
        noted("backoffSleepIncrement", "1000", "a broker answers as soon as there are records"),
        noted("maxBackoffSleep", "5000", "a broker answers as soon as there are records"),
        noted("migrateZookeeperOffsets", "true", "offsets in ZooKeeper are those of Kafka before 0.9, which are not read"),
        refused("zookeeperConnect", "", "take it out: brokers are asked alone; set kafka.bootstrap.servers"),
        refused("topic", "", "write kafka.topics"),
        refused("groupId", "", "write kafka.consumer.group.id"),
        mapped("kafka.consumer.auto.offset.reset", "latest", "start and out-of-range"),
        mapped("kafka.consumer.isolation.level", "read_uncommitted", "isolation"),
        mapped("kafka.consumer.group.instance.id", "", "instance-id"),
        mapped("kafka.consumer.partition.assignment.strategy", "", "assignors"),
        mapped("kafka.consumer.session.timeout.ms", "", "session-timeout"),
        mapped("kafka.consumer.heartbeat.interval.ms", "", "heartbeat"),
        mapped("kafka.consumer.max.poll.interval.ms", "", "rebalance-timeout"),
        mapped("kafka.consumer.metadata.max.age.ms", "", "refresh"),
        mapped("kafka.consumer.fetch.min.bytes", "", "min-bytes"),
        mapped("kafka.consumer.fetch.max.bytes", "", "max-bytes"),
        mapped("kafka.consumer.max.partition.fetch.bytes", "", "partition-bytes"),
        noted("kafka.consumer.fetch.max.wait.ms", "", "batchDurationMillis says it"),
        noted("kafka.consumer.max.poll.records", "", "batchSize says it"),
        noted("kafka.consumer.enable.auto.commit", "", COMMITS),
        noted("kafka.consumer.auto.commit.interval.ms", "", COMMITS),
        noted("kafka.consumer.request.timeout.ms", "", "15 s beyond the time that a broker may wait"),
        noted("kafka.consumer.default.api.timeout.ms", "", "what is away is tried again"),
        noted("kafka.consumer.check.crcs", "true", "checksums are always looked at"),
        noted("kafka.consumer.exclude.internal.topics", "true", "Kafka's own topics are not read by an expression"),
        noted("kafka.consumer.allow.auto.create.topics", "true", "reading makes no topics"),
        noted("kafka.consumer.client.rack", "", "leaders are read from"),
        noted("kafka.consumer.group.protocol", "classic", "the classic protocol is spoken, which brokers of each version have"),
        refused("kafka.consumer.key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer", BYTES),
        refused("kafka.consumer.value.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer", BYTES),
    ],
    map,
};

fn map(said: &Settings<'_>) -> SourceDraft {
    let mut table = Table::default();
    connection(said, "kafka.consumer.", &mut table);
    match said.text("kafka.topics.regex") {
        Some(regex) => table.set("topics-regex", regex),
        None => table.set("topics", said.needed("kafka.topics")),
    };
    table.set("group-id", said.needed("kafka.consumer.group.id"));
    table.set_some("instance-id", said.text("kafka.consumer.group.instance.id"));
    beginning(said, &mut table);
    match said.text("kafka.consumer.isolation.level") {
        Some("read_committed") => {}
        Some("read_uncommitted") => {
            table.set("isolation", "read-uncommitted");
        }
        _ => said.invalid("kafka.consumer.isolation.level", "is not known", "write read_committed or read_uncommitted"),
    }
    assignors(said, &mut table);
    let batch = said.number("batchSize", 1);
    table.set_some("batch-size", batch).set_some("max-wait", said.number("batchDurationMillis", 1).map(time));
    for (option, key) in [
        ("session.timeout.ms", "session-timeout"),
        ("heartbeat.interval.ms", "heartbeat"),
        ("max.poll.interval.ms", "rebalance-timeout"),
        ("metadata.max.age.ms", "refresh"),
    ] {
        set_time(said, &mut table, &format!("kafka.consumer.{option}"), key);
    }
    for (option, key) in [
        ("fetch.min.bytes", "min-bytes"),
        ("fetch.max.bytes", "max-bytes"),
        ("max.partition.fetch.bytes", "partition-bytes"),
    ] {
        set_number(said, &mut table, &format!("kafka.consumer.{option}"), key);
    }
    if !said.flag("setTopicHeader") {
        table.set("topic-header", "");
    } else if said.text("topicHeader") != Some("topic") {
        table.set_some("topic-header", said.text("topicHeader"));
    }
    headers(said, &mut table);
    if said.flag("useFlumeEventFormat") {
        table.set("flume-event", true);
    }
    SourceDraft::one(table, batch)
}

/// Where partitions begin, and what is done where records are gone: one property in Kafka.
fn beginning(said: &Settings<'_>, table: &mut Table) {
    const NAME: &str = "kafka.consumer.auto.offset.reset";
    match said.text(NAME) {
        Some("earliest") => {
            table.set("start", "beginning").set("out-of-range", "beginning");
        }
        Some("latest") => {
            table.set("start", "end").set("out-of-range", "end");
            said.remark(
                "as with Flume, records that Kafka deletes before they are read are passed over, and those that are there \
                 before the first start are not read; the metrics count the former. Write start = \"beginning\" and \
                 out-of-range = \"error\" in the converted file to have all, or a stop",
            );
        }
        Some("none") => {
            table.set("start", "error").set("out-of-range", "error");
        }
        _ => said.invalid(NAME, "is not known", "write earliest, latest or none"),
    }
}

fn assignors(said: &Settings<'_>, table: &mut Table) {
    const NAME: &str = "kafka.consumer.partition.assignment.strategy";
    let Some(listed) = said.given(NAME) else { return };
    let mut found = Vec::new();
    for class in listed.split(',').map(str::trim).filter(|class| !class.is_empty()) {
        match class.rsplit('.').next() {
            Some("RangeAssignor") => found.push("range"),
            Some("RoundRobinAssignor") => found.push("round-robin"),
            _ => said.note(NAME, format!("{class} is not here, and is left out")),
        }
    }
    if found.is_empty() {
        said.not_here(NAME, "is not here", "use RangeAssignor or RoundRobinAssignor, in all members of the group");
    } else {
        table.set("assignors", found.into_iter().map(toml::Value::from).collect::<Vec<_>>());
    }
}
