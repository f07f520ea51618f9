//! The keys of the source `kafka` and of the sink `kafka`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::RollArgs;
use super::checks::{Wrong, Wrongs, at, check_range};
use crate::agent::sinks::hdfs::escape::Template;
use crate::agent::sinks::kafka::KafkaSinkOptions;
use crate::agent::sources::kafka::{EventOptions, KafkaOptions, OutOfRange, Start, Subscription};
use crate::config::{self, Timespan};
use crate::error;
use crate::kafka::{
    Acks, Assignor, Codec, GroupOptions, Isolation, KafkaServers, Limits, ProducerOptions, SaslArgs, TlsArgs, is_topic,
};

/// When an epoch of records is complete, where nobody says otherwise.
pub(super) const ROLL: RollArgs = RollArgs { rows: 10_000, bytes: 4 << 20, age: Timespan::from_secs(1), idle: None };

/// Topics that are read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct KafkaSourceArgs {
    #[serde(deserialize_with = "texts")]
    brokers: Vec<String>,
    #[serde(default = "client_id")]
    client_id: String,
    #[serde(default)]
    tls: Option<TlsArgs>,
    #[serde(default)]
    sasl: Option<SaslArgs>,
    #[serde(default, deserialize_with = "texts")]
    topics: Vec<String>,
    /// A regular expression for whole names of topics.
    #[serde(default)]
    topics_regex: Option<String>,
    group_id: String,
    /// The name of the member over restarts.
    #[serde(default)]
    instance_id: Option<String>,
    #[serde(default = "assignors")]
    assignors: Vec<Assignor>,
    #[serde(default)]
    start: Start,
    #[serde(default)]
    out_of_range: OutOfRange,
    #[serde(default)]
    isolation: Isolation,
    #[serde(default = "batch_size")]
    batch_size: u64,
    /// How long a broker waits for records.
    #[serde(default = "half_a_second")]
    max_wait: Timespan,
    #[serde(default = "one")]
    min_bytes: u64,
    #[serde(default = "max_bytes")]
    max_bytes: u64,
    #[serde(default = "partition_bytes")]
    partition_bytes: u64,
    #[serde(default = "max_unpacked_bytes")]
    max_unpacked_bytes: u64,
    #[serde(default = "session_timeout")]
    session_timeout: Timespan,
    #[serde(default = "heartbeat")]
    heartbeat: Timespan,
    #[serde(default = "rebalance_timeout")]
    rebalance_timeout: Timespan,
    #[serde(default = "commit_interval")]
    commit_interval: Timespan,
    #[serde(default = "refresh")]
    refresh: Timespan,
    #[serde(default = "topic")]
    topic_header: String,
    /// Headers of events, and those of records that fill them.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    flume_event: bool,
    #[serde(default)]
    pub drain: bool,
}

/// Topics that are written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct KafkaSinkArgs {
    #[serde(deserialize_with = "texts")]
    brokers: Vec<String>,
    #[serde(default = "client_id")]
    client_id: String,
    #[serde(default)]
    tls: Option<TlsArgs>,
    #[serde(default)]
    sasl: Option<SaslArgs>,
    topic: String,
    /// The header that names another topic; none where it is empty.
    #[serde(default = "topic")]
    topic_header: String,
    #[serde(default)]
    partition: Option<u32>,
    #[serde(default)]
    partition_header: Option<String>,
    #[serde(default)]
    timestamp_header: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    flume_event: bool,
    #[serde(default)]
    reject_topic: Option<String>,
    #[serde(default)]
    acks: Acks,
    #[serde(default)]
    idempotence: bool,
    #[serde(default)]
    compression: Codec,
    #[serde(default = "batch_records")]
    batch_size: u64,
    #[serde(default = "batch_bytes")]
    batch_bytes: u64,
    #[serde(default = "request_timeout")]
    request_timeout: Timespan,
    #[serde(default = "delivery_timeout")]
    delivery_timeout: Timespan,
}

fn texts<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    config::one_or_more(from, |text| Ok(text.to_owned()))
}

fn client_id() -> String {
    "sakia".to_owned()
}

fn assignors() -> Vec<Assignor> {
    vec![Assignor::Range, Assignor::RoundRobin]
}

fn batch_size() -> u64 {
    5_000
}

fn half_a_second() -> Timespan {
    // A text that is one.
    "500ms".parse().unwrap_or(Timespan::from_secs(1))
}

fn one() -> u64 {
    1
}

fn max_bytes() -> u64 {
    50 << 20
}

fn max_unpacked_bytes() -> u64 {
    128 << 20
}

fn partition_bytes() -> u64 {
    1 << 20
}

/// Short: so long a group waits for an agent that was killed.
fn session_timeout() -> Timespan {
    Timespan::from_secs(10)
}

fn heartbeat() -> Timespan {
    Timespan::from_secs(3)
}

fn rebalance_timeout() -> Timespan {
    Timespan::from_secs(300)
}

fn commit_interval() -> Timespan {
    Timespan::from_secs(5)
}

fn refresh() -> Timespan {
    Timespan::from_secs(60)
}

fn topic() -> String {
    "topic".to_owned()
}

fn batch_records() -> u64 {
    10_000
}

fn batch_bytes() -> u64 {
    512 << 10
}

fn request_timeout() -> Timespan {
    Timespan::from_secs(30)
}

fn delivery_timeout() -> Timespan {
    Timespan::from_secs(60)
}

fn named(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn bounded(key: &'static str, bytes: u64, most: u64) -> Result<i32, Wrong> {
    check_range(key, bytes, 1, most)?;
    Ok(i32::try_from(bytes).unwrap_or(i32::MAX))
}

impl KafkaSourceArgs {
    /// # Errors
    /// Config: a value makes no sense.
    pub(super) fn plan(self, base: &Path) -> Result<KafkaOptions, Wrongs> {
        let mut wrong = Wrongs::default();
        let servers = KafkaServers::new(&self.brokers, &self.client_id, self.tls.as_ref(), self.sasl.as_ref(), base);
        let servers = wrong.note(servers);
        let subscription = wrong.note(self.subscription());
        if self.group_id.is_empty() {
            let e = error::config("group-id is empty").hint("name the group that this agent reads for");
            wrong.add("group-id", e);
        }
        if self.assignors.is_empty() {
            wrong.add("assignors", error::config("assignors names none").hint("name range or round-robin"));
        }
        wrong.note(check_range("batch-size", self.batch_size, 1, 1 << 20));
        if self.heartbeat.get() * 2 > self.session_timeout.get() {
            let e = error::config(format!(
                "heartbeat {} is not below half of session-timeout {}",
                self.heartbeat, self.session_timeout
            ));
            wrong.add("heartbeat", e.hint("give a third of session-timeout, or less"));
        }
        let limits = wrong.note(self.limits());
        let (Some(servers), Some(subscription), Some(limits), true) = (servers, subscription, limits, wrong.is_empty())
        else {
            return Err(wrong);
        };
        Ok(KafkaOptions {
            subscription,
            servers: Arc::new(servers),
            group: GroupOptions {
                id: self.group_id,
                instance: self.instance_id,
                assignors: self.assignors,
                session: self.session_timeout.get(),
                rebalance: self.rebalance_timeout.get(),
                heartbeat: self.heartbeat.get(),
            },
            start: self.start,
            out_of_range: self.out_of_range,
            limits,
            batch_size: usize::try_from(self.batch_size).unwrap_or(usize::MAX),
            commit: self.commit_interval.get(),
            refresh: self.refresh.get(),
            events: EventOptions {
                topic_header: named(self.topic_header),
                headers: self.headers,
                is_flume_event: self.flume_event,
            },
        })
    }

    fn limits(&self) -> Result<Limits, Wrongs> {
        let mut wrong = Wrongs::default();
        let mut bytes = |key, bytes, most| wrong.note(bounded(key, bytes, most)).unwrap_or_default();
        let (min_bytes, max_bytes) =
            (bytes("min-bytes", self.min_bytes, 1 << 30), bytes("max-bytes", self.max_bytes, 1 << 30));
        let partition_bytes = bytes("partition-bytes", self.partition_bytes, 1 << 30);
        wrong.note(check_range("max-unpacked-bytes", self.max_unpacked_bytes, 1 << 20, 1 << 40));
        wrong.end()?;
        Ok(Limits {
            wait: self.max_wait.get().min(Duration::from_secs(60)),
            min_bytes,
            max_bytes,
            partition_bytes,
            unpacked_bytes: usize::try_from(self.max_unpacked_bytes).unwrap_or(usize::MAX),
            isolation: self.isolation,
        })
    }

    fn subscription(&self) -> Result<Subscription, Wrong> {
        let names: BTreeSet<String> = self
            .topics
            .iter()
            .flat_map(|text| text.split(','))
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        if let Some(name) = names.iter().find(|name| !is_topic(name)) {
            let e = error::config(format!("{name:?} is not the name of a topic"));
            return Err(("topics", e.hint("names are made of letters, digits, points, underscores and hyphens; topics-regex takes an expression")));
        }
        match (names.is_empty(), &self.topics_regex) {
            (false, None) => Ok(Subscription::Names(names)),
            (true, Some(text)) => whole(text).map(Subscription::Matching).map_err(at("topics-regex")),
            (true, None) => Err((
                "topics",
                error::config("no topic is named").hint("name some in topics, or an expression in topics-regex"),
            )),
            (false, Some(_)) => {
                Err(("topics-regex", error::config("topics and topics-regex are both given").hint("keep one of them")))
            }
        }
    }
}

/// A regular expression for whole names.
fn whole(text: &str) -> error::Result<regex::Regex> {
    regex::Regex::new(&format!("^(?:{text})$")).map_err(|e| {
        let why = e.to_string();
        let last = why.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
        error::config(format!("{text} is not a regular expression: {last}"))
            .hint("look-around and back-references are not supported; write it without them")
    })
}

impl KafkaSinkArgs {
    /// # Errors
    /// Config: a value makes no sense.
    pub(super) fn plan(self, base: &Path) -> Result<KafkaSinkOptions, Wrongs> {
        let mut wrong = Wrongs::default();
        let servers = KafkaServers::new(&self.brokers, &self.client_id, self.tls.as_ref(), self.sasl.as_ref(), base);
        let servers = wrong.note(servers);
        let topic = wrong.note(Template::new(&self.topic).map_err(at("topic")));
        let is_fixed = topic.as_ref().is_some_and(Template::is_fixed);
        let fixed = [("topic", is_fixed.then_some(&self.topic)), ("reject-topic", self.reject_topic.as_ref())];
        for (key, name) in fixed {
            if let Some(name) = name.filter(|name| !is_topic(name)) {
                let e = error::config(format!("{name:?} is not the name of a topic"));
                wrong.add(key, e.hint("names are made of letters, digits, points, underscores and hyphens"));
            }
        }
        if self.idempotence && self.acks != Acks::All {
            let e = error::config("idempotence goes with acks = \"all\" alone");
            wrong.add("idempotence", e.hint("take one of them out"));
        }
        wrong.note(check_range("batch-size", self.batch_size, 1, 1 << 20));
        wrong.note(check_range("batch-bytes", self.batch_bytes, 1 << 10, 1 << 30));
        let (Some(servers), Some(topic), true) = (servers, topic, wrong.is_empty()) else { return Err(wrong) };
        Ok(KafkaSinkOptions {
            servers: Arc::new(servers),
            producer: ProducerOptions {
                acks: self.acks,
                codec: self.compression,
                idempotence: self.idempotence,
                batch_records: usize::try_from(self.batch_size).unwrap_or(usize::MAX),
                batch_bytes: usize::try_from(self.batch_bytes).unwrap_or(usize::MAX),
                request: self.request_timeout.get(),
                delivery: self.delivery_timeout.get(),
            },
            topic,
            topic_header: named(self.topic_header),
            partition: self.partition.map(|number| i32::try_from(number).unwrap_or(i32::MAX)),
            partition_header: self.partition_header,
            timestamp_header: self.timestamp_header,
            headers: self.headers,
            is_flume_event: self.flume_event,
            reject_topic: self.reject_topic,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(more: &str) -> Result<KafkaOptions, String> {
        let args: KafkaSourceArgs =
            toml::from_str(&format!("brokers = 'a:1,b:2'\ngroup-id = 'g'\n{more}")).map_err(|e| e.to_string())?;
        args.plan(Path::new("/")).map_err(|all| all.to_string())
    }

    fn sink(more: &str) -> Result<KafkaSinkOptions, String> {
        let args: KafkaSinkArgs = toml::from_str(&format!("brokers = ['a:1']\n{more}")).map_err(|e| e.to_string())?;
        args.plan(Path::new("/")).map_err(|all| all.to_string())
    }

    #[test]
    fn a_source_says_which_topics() {
        let made = source("topics = ['a', 'b,c']").unwrap();
        assert!(matches!(&made.subscription, Subscription::Names(names) if names.len() == 3), "{made:?}");
        let made = source("topics-regex = 'click.*|view'").unwrap();
        let Subscription::Matching(regex) = &made.subscription else { panic!("{made:?}") };
        assert!(regex.is_match("clicks") && regex.is_match("view") && !regex.is_match("views"));
        for (more, said) in [
            ("", "no topic is named"),
            ("topics = 'a'\ntopics-regex = 'b'", "both given"),
            ("topics = 'a/b'", "not the name of a topic"),
            ("topics-regex = '(?=x)'", "not a regular expression"),
            ("topics = 'a'\nheartbeat = '6s'", "not below half"),
            ("topics = 'a'\nbatch-size = 0", "batch-size"),
            ("topics = 'a'\nassignors = []", "assignors"),
            ("topics = 'a'\nmax-unpacked-bytes = 1000", "max-unpacked-bytes"),
            ("topics = 'a'\ngroup = 'x'", "unknown field"),
        ] {
            let wrong = source(more).unwrap_err();
            assert!(wrong.contains(said), "{more}: {wrong}");
        }
    }

    #[test]
    fn a_sink_says_where_to() {
        let made = sink("topic = 'logs-%{host}'\ntopic-header = ''").unwrap();
        assert!(made.fixed_topic().is_none() && made.topic_header.is_none() && !made.producer.idempotence);
        assert!(sink("topic = 'a'\nidempotence = true").unwrap().producer.idempotence);
        for (more, said) in [
            ("topic = 'a b'", "not the name of a topic"),
            ("topic = 'a%Q'", "topic"),
            ("topic = 'a'\nreject-topic = '/'", "not the name of a topic"),
            ("topic = 'a'\nacks = 'none'\nidempotence = true", "goes with acks"),
            ("topic = 'a'\nacks = 'two'", "unknown variant"),
        ] {
            let wrong = sink(more).unwrap_err();
            assert!(wrong.contains(said), "{more}: {wrong}");
        }
    }
}
