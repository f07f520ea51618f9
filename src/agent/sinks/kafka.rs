//! Records in Kafka's topics, as Flume's Kafka sink writes them: the body is the value, the header `key` the key.
//!
//! An epoch is done when all of its records are acknowledged. One that fails in between comes again, so that each event is
//! there at least once. With `idempotence` the brokers know a batch that is sent twice within one attempt, as where a
//! connection breaks before the answer.
//!
//! An event that cannot be a record (its topic cannot be one, its partition is not there, it was cut) goes to
//! `reject-topic`, with its headers and the reason. Without one it ends the sink, as there is nowhere to put it aside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::task::spawn_blocking;

use super::hdfs::escape::{Clock, Template};
use super::{Begun, Chunk, EpochWriter, Kept, Sink, Written};
use crate::agent::channels::cursor::Cursor;
use crate::agent::event::{Event, names};
use crate::agent::sorter::Sorter;
use crate::error::{self, Result};
use crate::format::avro::{put_bytes, put_long};
use crate::kafka::{Addressed, Header, KafkaServers, Producer, ProducerOptions, Record, is_topic};

/// The header of an event that becomes the key of its record.
const KEY: &str = "key";
/// The header of a record that was put aside.
const REASON: &str = "sakia.reject";

/// What the sink is told.
#[derive(Clone, Debug)]
pub(in crate::agent) struct KafkaSinkOptions {
    pub servers: Arc<KafkaServers>,
    pub producer: ProducerOptions,
    pub topic: Template,
    /// The header that names another topic.
    pub topic_header: Option<String>,
    /// The partition of all, and the header that names another one.
    pub partition: Option<i32>,
    pub partition_header: Option<String>,
    /// The header with the time of the record; that of writing where there is none.
    pub timestamp_header: Option<String>,
    /// Headers of events, and those of records that they fill.
    pub headers: BTreeMap<String, String>,
    /// Values are events as Flume writes them: headers and body in Avro.
    pub is_flume_event: bool,
    pub reject_topic: Option<String>,
}

impl KafkaSinkOptions {
    /// The topic, where it is the same for all events that do not name one.
    pub(in crate::agent) fn fixed_topic(&self) -> Option<String> {
        self.topic.is_fixed().then(|| self.topic.fixed().to_owned())
    }

    /// An event as a record, or why it cannot be one.
    fn record(&self, event: &Event, now: Timestamp) -> Result<Addressed, String> {
        event.is_whole()?;
        let named = self.topic_header.as_ref().and_then(|name| event.headers.get(name));
        let topic = match named {
            Some(topic) => topic.to_owned(),
            None => {
                let clock = Clock { zone: TimeZone::system(), round: None, local: false };
                self.topic.fill(event, &clock, now)?
            }
        };
        if !is_topic(&topic) {
            return Err(format!("{topic:?} is not the name of a topic"));
        }
        let partition = match self.partition_header.as_ref().and_then(|name| Some((name, event.headers.get(name)?))) {
            None => self.partition,
            Some((name, text)) => {
                let number = text.trim().parse::<i32>().ok().filter(|number| *number >= 0);
                Some(
                    number
                        .ok_or_else(|| format!("header {name} is {text:?}, which is not the number of a partition"))?,
                )
            }
        };
        let timestamp = match self.timestamp_header.as_ref().and_then(|name| Some((name, event.headers.get(name)?))) {
            None => now.as_millisecond(),
            Some((name, text)) => {
                let time = text.parse::<i64>().ok().filter(|ms| *ms >= 0);
                time.ok_or_else(|| format!("header {name} is {text:?}, which is not a time in milliseconds"))?
            }
        };
        let header = |(of_event, of_record): (&String, &String)| {
            let value = Bytes::copy_from_slice(event.headers.get(of_event)?.as_bytes());
            Some(Header { name: of_record.clone(), value: Some(value) })
        };
        let record = Record {
            offset: 0,
            timestamp,
            key: event.headers.get(KEY).map(|key| Bytes::copy_from_slice(key.as_bytes())),
            value: Some(self.value(event)),
            headers: self.headers.iter().filter_map(header).collect(),
        };
        Ok(Addressed { topic, partition, record })
    }

    fn value(&self, event: &Event) -> Bytes {
        if !self.is_flume_event {
            return event.body.clone();
        }
        let mut out = Vec::with_capacity(event.body.len() + 64);
        let headers: Vec<_> = event.headers.all().collect();
        if !headers.is_empty() {
            put_long(&mut out, headers.len() as i64);
            for (name, value) in headers {
                put_bytes(&mut out, name.as_bytes());
                put_bytes(&mut out, value.as_bytes());
            }
        }
        put_long(&mut out, 0);
        put_bytes(&mut out, &event.body);
        out.into()
    }

    /// An event that is put aside.
    fn reject(&self, topic: &str, event: &Event, reason: &str, now: Timestamp) -> Addressed {
        let header = |name: &str, value: &str| Header {
            name: name.to_owned(),
            value: Some(Bytes::copy_from_slice(value.as_bytes())),
        };
        let mut headers = vec![header(REASON, reason)];
        headers.extend(event.headers.all().map(|(name, value)| header(name, value)));
        let record =
            Record { offset: 0, timestamp: now.as_millisecond(), key: None, value: Some(event.body.clone()), headers };
        Addressed { topic: topic.to_owned(), partition: None, record }
    }
}

/// Writes to topics.
pub(super) struct KafkaSink {
    options: Arc<KafkaSinkOptions>,
    /// Taken by the epoch that is written, and given back.
    producer: Shared,
    alive: Arc<AtomicBool>,
}

type Shared = Arc<std::sync::Mutex<Producer>>;

impl KafkaSink {
    /// Nothing is connected to yet.
    ///
    /// # Errors
    /// Config, Auth: what TLS stands on cannot be read.
    pub(super) fn new(options: KafkaSinkOptions) -> Result<Self> {
        let alive = Arc::new(AtomicBool::new(true));
        let goes_on = alive.clone();
        let goes_on = Arc::new(move || goes_on.load(Ordering::Relaxed));
        let producer = Producer::new(options.servers.clone(), options.producer, goes_on)?;
        Ok(Self { options: Arc::new(options), producer: Arc::new(producer.into()), alive })
    }
}

/// What blocks ends with the sink.
impl Drop for KafkaSink {
    fn drop(&mut self) {
        self.alive.store(false, Ordering::Relaxed);
    }
}

#[async_trait(?Send)]
impl Sink for KafkaSink {
    fn name(&self) -> String {
        format!("agent kafka {}", self.options.servers.brokers.join(","))
    }

    fn sorter(&self) -> Option<Sorter> {
        None
    }

    async fn recover(&mut self) -> Result<Kept> {
        Ok(Kept::Channel)
    }

    async fn greet(&mut self) -> Result<()> {
        let names: BTreeSet<String> = self.options.fixed_topic().into_iter().collect();
        let producer = self.producer.clone();
        let reached = spawn_blocking(move || {
            let mut producer = producer.lock().map_err(|_| error::bug("a write to kafka panicked"))?;
            producer.reach(&names)
        });
        reached.await.map_err(|e| error::bug("a thread of the agent panicked").source(e))?
    }

    async fn begin(&mut self, _: &Cursor) -> Result<Begun> {
        let (options, producer) = (self.options.clone(), self.producer.clone());
        Ok(Begun::Epoch(Box::new(KafkaEpoch { options, producer, written: Written::default() })))
    }
}

/// An epoch being written.
struct KafkaEpoch {
    options: Arc<KafkaSinkOptions>,
    producer: Shared,
    written: Written,
}

#[async_trait(?Send)]
impl EpochWriter for KafkaEpoch {
    async fn write(&mut self, chunk: Chunk) -> Result<()> {
        let Chunk::Events(events) = chunk else { return Err(error::bug("a sink of events was given rows")) };
        let (options, producer) = (self.options.clone(), self.producer.clone());
        let done = spawn_blocking(move || {
            let mut producer = producer.lock().map_err(|_| error::bug("a write to kafka panicked"))?;
            write(&options, &mut producer, &events)
        });
        let written = done.await.map_err(|e| error::bug("a thread of the agent panicked").source(e))??;
        self.written.rows += written.rows;
        self.written.bytes += written.bytes;
        self.written.rejects += written.rejects;
        if self.written.first_reject.is_none() {
            self.written.first_reject = written.first_reject;
        }
        Ok(())
    }

    async fn commit(self: Box<Self>, _: &Cursor) -> Result<Written> {
        Ok(self.written)
    }
}

/// Writes events, and returns when all are acknowledged.
fn write(options: &KafkaSinkOptions, producer: &mut Producer, events: &[Event]) -> Result<Written> {
    let now = Timestamp::now();
    let mut made: Vec<(&Event, Result<Addressed, String>)> =
        events.iter().map(|event| (event, options.record(event, now))).collect();
    let mut topics: BTreeSet<String> =
        made.iter().filter_map(|(_, made)| Some(made.as_ref().ok()?.topic.clone())).collect();
    topics.extend(made.iter().any(|(_, made)| made.is_err()).then(|| options.reject_topic.clone()).flatten());
    producer.reach(&topics)?;
    for (_, made) in &mut made {
        if let Ok(Addressed { topic, partition: Some(number), .. }) = made
            && !producer.has(topic, *number)
        {
            *made = Err(format!("topic {topic} has no partition {number}"));
        }
    }
    let (mut written, mut all) = (Written::default(), Vec::with_capacity(made.len()));
    for (event, made) in made {
        match (made, &options.reject_topic) {
            (Ok(record), _) => {
                written.rows += 1;
                written.bytes += event.body.len() as u64;
                all.push(record);
            }
            (Err(reason), Some(topic)) => {
                written.rejects += 1;
                all.push(options.reject(topic, event, &reason, now));
                written.first_reject.get_or_insert(reason);
            }
            (Err(reason), None) => {
                let from = event.headers.get(names::FILE).map(|file| format!(" of {file}")).unwrap_or_default();
                return Err(error::data(format!("an event{from} cannot be a record: {reason}"))
                    .hint("name a reject-topic, to which such events go with the reason"));
            }
        }
    }
    producer.send(all)?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::kafka::{Acks, Codec};

    fn options() -> KafkaSinkOptions {
        let servers = KafkaServers::new(&["b:9092".to_owned()], "sakia", None, None, Path::new("/")).unwrap();
        KafkaSinkOptions {
            servers: Arc::new(servers),
            producer: ProducerOptions {
                acks: Acks::All,
                codec: Codec::None,
                idempotence: true,
                batch_records: 100,
                batch_bytes: 1 << 20,
                request: Duration::from_secs(1),
                delivery: Duration::from_secs(1),
            },
            topic: Template::new("logs-%{host}").unwrap(),
            topic_header: Some("topic".to_owned()),
            partition: None,
            partition_header: Some("p".to_owned()),
            timestamp_header: Some("timestamp".to_owned()),
            headers: [("host".to_owned(), "x-host".to_owned())].into(),
            is_flume_event: false,
            reject_topic: None,
        }
    }

    fn event(headers: &[(&str, &str)]) -> Event {
        let mut event = Event { body: Bytes::from_static(b"body"), ..Event::default() };
        headers.iter().for_each(|(name, value)| event.headers.set(*name, *value));
        event
    }

    #[test]
    fn an_event_becomes_a_record_where_its_headers_say() {
        let now = Timestamp::from_millisecond(5).unwrap();
        let made =
            options().record(&event(&[("host", "web1"), ("key", "k"), ("timestamp", "99"), ("p", "2")]), now).unwrap();
        assert_eq!((made.topic.as_str(), made.partition, made.record.timestamp), ("logs-web1", Some(2), 99));
        assert_eq!(made.record.key.as_deref(), Some(&b"k"[..]));
        assert_eq!(made.record.headers[0].name, "x-host");
        let other = options().record(&event(&[("topic", "other")]), now).unwrap();
        assert_eq!((other.topic.as_str(), other.partition, other.record.timestamp), ("other", None, 5));
        for (headers, said) in [
            (&[("topic", "a/b")][..], "not the name of a topic"),
            (&[("topic", "a"), ("p", "x")], "not the number of a partition"),
            (&[("topic", "a"), ("timestamp", "now")], "not a time"),
            (&[("topic", "a"), (names::CUT, "99999")], "longer than its source reads"),
        ] {
            let why = options().record(&event(headers), now).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
    }

    #[test]
    fn an_event_of_flume_has_its_headers_in_front() {
        let options = KafkaSinkOptions { is_flume_event: true, ..options() };
        assert_eq!(&options.value(&event(&[("a", "b")]))[..], b"\x02\x02a\x02b\x00\x08body");
        assert_eq!(&options.value(&event(&[]))[..], b"\x00\x08body");
    }

    #[test]
    fn what_is_put_aside_says_why() {
        let aside = options().reject("aside", &event(&[("host", "web1")]), "why", Timestamp::UNIX_EPOCH);
        let names: Vec<&str> = aside.record.headers.iter().map(|header| header.name.as_str()).collect();
        assert_eq!((aside.topic.as_str(), names), ("aside", vec![REASON, "host"]));
    }
}
