//! Kafka's source and sink.

use super::{agent, notes, toml, wrong};

const SOURCE: &str = "a1.sources.r.type = org.apache.flume.source.kafka.KafkaSource\n\
                      a1.sources.r.kafka.bootstrap.servers = k1:9092,k2:9092\na1.sources.r.kafka.topics = clicks,views\n";
const SINK: &str = "a1.sinks.k.type = org.apache.flume.sink.kafka.KafkaSink\n\
                    a1.sinks.k.kafka.bootstrap.servers = k1:9092\n";

fn source(more: &str) -> String {
    agent(&format!("{SOURCE}{}", more.replace('@', "a1.sources.r.kafka.consumer.")))
}

fn sink(more: &str) -> String {
    agent(&format!("{SINK}{}", more.replace('@', "a1.sinks.k.kafka.producer.")))
}

#[test]
fn fv107_a_source_of_topics_with_flumes_defaults() {
    let made = &toml(&source(""))["source"][0];
    let text = |key: &str| made[key].as_str();
    assert_eq!(
        (text("brokers"), text("topics"), text("group-id")),
        (Some("k1:9092,k2:9092"), Some("clicks,views"), Some("flume"))
    );
    assert_eq!(
        (text("start"), text("out-of-range"), text("isolation")),
        (Some("end"), Some("end"), Some("read-uncommitted"))
    );
    assert_eq!((made["batch-size"].as_integer(), text("max-wait")), (Some(1000), Some("1s")));
    assert!(notes(&source("")).contains("those that are there before the first start are not read"));
    let more = "a1.sources.r.kafka.topics.regex = ^click\na1.sources.r.setTopicHeader = false\n\
                a1.sources.r.header.tenant = x-tenant\na1.sources.r.useFlumeEventFormat = true\n@group.id = g\n\
                @auto.offset.reset = earliest\n@isolation.level = read_committed\n@session.timeout.ms = 45000\n\
                @max.poll.records = 5\n@partition.assignment.strategy = org.apache.kafka.clients.consumer.RoundRobinAssignor";
    let made = &toml(&source(more))["source"][0];
    let text = |key: &str| made[key].as_str();
    assert_eq!(
        (text("topics-regex"), text("topic-header"), text("start")),
        (Some("^click"), Some(""), Some("beginning"))
    );
    assert_eq!((text("session-timeout"), made["headers"]["tenant"].as_str()), (Some("45s"), Some("x-tenant")));
    assert!(
        made.get("topics").is_none() && made.get("isolation").is_none() && made["flume-event"].as_bool() == Some(true)
    );
    assert_eq!(made["assignors"][0].as_str(), Some("round-robin"));
    assert!(notes(&source(more)).contains("batchSize says it"));
}

#[test]
fn fv108_a_sink_to_topics_with_flumes_defaults() {
    let made = &toml(&sink(""))["sink"][0];
    let text = |key: &str| made[key].as_str();
    assert_eq!(
        (text("topic"), text("acks"), made["batch-size"].as_integer()),
        (Some("default-flume-topic"), Some("leader"), Some(100))
    );
    assert!(notes(&sink("")).contains("kafka.producer.acks = all keeps them"));
    let more = "a1.sinks.k.kafka.topic = logs-%{host}\na1.sinks.k.allowTopicOverride = false\na1.sinks.k.partitionIdHeader = p\n\
                a1.sinks.k.defaultPartitionId = 0\n@acks = -1\n@compression.type = lz4\n@linger.ms = 20\n@batch.size = 0";
    let made = &toml(&sink(more))["sink"][0];
    let text = |key: &str| made[key].as_str();
    assert_eq!(
        (text("topic"), text("topic-header"), text("compression")),
        (Some("logs-%{host}"), Some(""), Some("lz4"))
    );
    assert_eq!((text("partition-header"), made["partition"].as_integer()), (Some("p"), Some(0)));
    assert_eq!((made["roll"]["age"].as_str(), made["batch-bytes"].as_integer()), (Some("100ms"), Some(1024)));
    assert!(made.get("acks").is_none());
}

#[test]
fn fv109_how_brokers_are_spoken_to() {
    let plain = "@security.protocol = SASL_SSL\n@sasl.mechanism = SCRAM-SHA-512\n\
                 @sasl.jaas.config = org.apache.kafka.common.security.scram.ScramLoginModule required username=\"u\" password=\"p w\";\n\
                 @ssl.truststore.location = /etc/trust.jks\n@ssl.truststore.password = changeit\n@ssl.cipher.suites = x";
    for (made, said) in [
        (toml(&source(plain))["source"][0].clone(), notes(&source(plain))),
        (toml(&sink(plain))["sink"][0].clone(), notes(&sink(plain))),
    ] {
        assert_eq!(made["sasl"]["mechanism"].as_str(), Some("SCRAM-SHA-512"));
        assert_eq!((made["sasl"]["user"].as_str(), made["sasl"]["password"].as_str()), (Some("u"), Some("p w")));
        assert_eq!(
            (made["tls"]["trust-store"].as_str(), made["tls"]["password"].as_str()),
            (Some("/etc/trust.jks"), Some("changeit"))
        );
        assert!(said.contains("stands in clear in a converted file"), "{said}");
    }
    let ticket = "@security.protocol = SASL_PLAINTEXT\n@sasl.kerberos.service.name = kafka\n\
                  @sasl.jaas.config = com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab=\"/k.keytab\" principal=\"agent\";";
    let made = &toml(&source(ticket))["source"][0]["sasl"];
    assert_eq!((made["keytab"].as_str(), made["principal"].as_str()), (Some("/k.keytab"), Some("agent")));
    for (more, said) in [
        ("@security.protocol = SSLL", "write PLAINTEXT, SSL"),
        ("@security.protocol = SASL_SSL\n@sasl.mechanism = OAUTHBEARER", "log in by PLAIN"),
        ("@security.protocol = SASL_SSL\n@sasl.mechanism = PLAIN", "has no user and password"),
        ("@ssl.endpoint.identification.algorithm = x", "is always checked"),
        ("@interceptor.classes = com.example.I", "classes of Java are not run here"),
    ] {
        for said_of in [wrong(&source(more)), wrong(&sink(more))] {
            assert!(said_of.contains(said), "{more}: {said_of}");
        }
    }
    assert!(wrong(&source("@auto.offset.reset = first")).contains("write earliest, latest or none"));
    assert!(wrong(&source("a1.sources.r.zookeeperConnect = zk:2181")).contains("brokers are asked alone"));
    assert!(wrong(&sink("@transactional.id = t")).contains("at least once"));
    assert!(wrong(&sink("@acks = 2")).contains("write all, 1 or 0"));
}
