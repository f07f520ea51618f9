//! Writing: batches go to the leaders of their partitions, and again until each is acknowledged.
//!
//! With `idempotence` the brokers know a batch that was sent twice; it is then written once however often the connection
//! breaks within a call of [`Producer::send`]. What a call that failed had sent may be there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProducerId, TopicName};
use kafka_protocol::protocol::StrBytes;
use serde::{Deserialize, Serialize};

use super::client::{Alive, Client, Topics};
use super::options::{KafkaServers, LIMIT};
use super::records::{self, Record, Writer};
use super::{Codec, fault, partition};
use crate::error::{self, Error, Result};

/// Pause before what failed is sent again.
const PAUSE: Duration = Duration::from_millis(100);
/// How long what is known of a topic is held for true.
const FRESH: Duration = Duration::from_secs(60);

/// Who has to have a batch before it counts as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Acks {
    /// All replicas that are in sync.
    #[default]
    #[serde(rename = "all")]
    All,
    /// The leader: lost with it.
    #[serde(rename = "leader")]
    Leader,
    /// Nobody: lost without a word.
    #[serde(rename = "none")]
    None,
}

impl Acks {
    fn number(self) -> i16 {
        match self {
            Self::All => -1,
            Self::Leader => 1,
            Self::None => 0,
        }
    }
}

/// What a producer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProducerOptions {
    pub acks: Acks,
    pub codec: Codec,
    pub idempotence: bool,
    /// Records and bytes of a batch at most.
    pub batch_records: usize,
    pub batch_bytes: usize,
    /// How long a broker may take to have the replicas follow.
    pub request: Duration,
    /// How long a batch is sent again.
    pub delivery: Duration,
}

/// A record, and where it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addressed {
    pub topic: String,
    /// By its key, or any, where there is none.
    pub partition: Option<i32>,
    pub record: Record,
}

/// A batch that is not acknowledged.
struct Waiting {
    bytes: Bytes,
    last_error: Option<Error>,
}

type To = (String, i32);

/// Writes records.
#[derive(Debug)]
pub(crate) struct Producer {
    client: Client,
    options: ProducerOptions,
    topics: Topics,
    asked: BTreeMap<String, Instant>,
    /// Our number and epoch, once the brokers gave them.
    number: Option<(i64, i16)>,
    /// The next number of a record of each partition.
    sequences: BTreeMap<To, i32>,
    /// Where records without a key go to now, and how many bytes did.
    turns: BTreeMap<String, (usize, usize)>,
}

impl Producer {
    /// # Errors
    /// Those of [`Client::new`].
    pub(crate) fn new(servers: Arc<KafkaServers>, options: ProducerOptions, alive: Alive) -> Result<Self> {
        Ok(Self {
            client: Client::new(servers, alive)?,
            options,
            topics: Topics::default(),
            asked: BTreeMap::new(),
            number: None,
            sequences: BTreeMap::new(),
            turns: BTreeMap::new(),
        })
    }

    /// Reaches the brokers, and asks for topics.
    ///
    /// # Errors
    /// Those of the connection. Busy: a topic is not there, or has no leader.
    pub(crate) fn reach(&mut self, names: &BTreeSet<String>) -> Result<()> {
        let stale = |name: &&String| self.asked.get(*name).is_none_or(|at| at.elapsed() > FRESH);
        let asked: BTreeSet<String> = names.iter().filter(stale).cloned().collect();
        if asked.is_empty() {
            return Ok(());
        }
        let until = Instant::now() + self.options.delivery;
        loop {
            let found = self.client.topics(Some(&asked), true)?;
            // A topic that is being made has no leader yet.
            let missing = asked.iter().find_map(|name| found.error(name));
            match missing {
                Some(e) if !e.is_transient() || Instant::now() >= until || !self.client.pause(PAUSE) => return Err(e),
                Some(_) => {}
                None => {
                    self.topics.known.extend(found.known);
                    let now = Instant::now();
                    self.asked.extend(asked.into_iter().map(|name| (name, now)));
                    return Ok(());
                }
            }
        }
    }

    /// Whether a topic that was asked for has a partition.
    pub(crate) fn has(&self, topic: &str, partition: i32) -> bool {
        self.topics.known.get(topic).is_some_and(|topic| topic.leaders.contains_key(&partition))
    }

    /// Writes records, in the order of each partition; returns when all are acknowledged.
    ///
    /// # Errors
    /// Data: a record that no broker takes. Auth: a topic is not for this user. Busy, Unreachable: brokers are away. What was
    /// sent may be there.
    pub(crate) fn send(&mut self, all: Vec<Addressed>) -> Result<()> {
        let done = self.try_send(all);
        if done.is_err() {
            // What was numbered and is not there would leave a gap.
            self.number = None;
            self.sequences.clear();
            self.asked.clear();
        }
        done
    }

    fn try_send(&mut self, all: Vec<Addressed>) -> Result<()> {
        self.reach(&all.iter().map(|one| one.topic.clone()).collect())?;
        if self.options.idempotence && self.number.is_none() {
            // Left out it would be an empty one, which brokers do not take.
            let request = InitProducerIdRequest::default()
                .with_transactional_id(None)
                .with_producer_id(ProducerId(-1))
                .with_producer_epoch(-1)
                .with_transaction_timeout_ms(i32::MAX);
            let answer = self.client.any(&request)?;
            if answer.error_code != 0 {
                return Err(fault::of(answer.error_code, "kafka: get the number of an idempotent producer"));
            }
            self.number = Some((answer.producer_id.0, answer.producer_epoch));
        }
        let mut waiting: BTreeMap<To, VecDeque<Waiting>> = BTreeMap::new();
        for (to, records) in self.sorted(all)? {
            for batch in batches(records, &self.options) {
                let bytes = records::write(&batch, self.options.codec, self.writer(&to, batch.len()))?;
                waiting.entry(to.clone()).or_default().push_back(Waiting { bytes, last_error: None });
            }
        }
        let mut until = Instant::now() + self.options.delivery;
        while !waiting.is_empty() {
            let before: usize = waiting.values().map(VecDeque::len).sum();
            self.round(&mut waiting)?;
            let after: usize = waiting.values().map(VecDeque::len).sum();
            if after < before {
                until = Instant::now() + self.options.delivery;
            } else if Instant::now() >= until || !self.client.pause(PAUSE) {
                let failed = waiting.into_values().flatten().find_map(|one| one.last_error);
                return Err(failed.unwrap_or_else(|| error::busy("kafka took no records in time")));
            }
        }
        Ok(())
    }

    /// Records by their partitions.
    fn sorted(&mut self, all: Vec<Addressed>) -> Result<BTreeMap<To, Vec<Record>>> {
        let mut sorted: BTreeMap<To, Vec<Record>> = BTreeMap::new();
        for Addressed { topic, partition, record } in all {
            let leaders = self.topics.known.get(&topic).map(|topic| &topic.leaders);
            let leaders = leaders.ok_or_else(|| error::bug("a topic was not asked for"))?;
            let count = i32::try_from(leaders.len()).unwrap_or(i32::MAX);
            let number = match (partition, &record.key) {
                (Some(number), _) if leaders.contains_key(&number) => number,
                (Some(number), _) => {
                    return Err(error::data(format!("topic {topic} has no partition {number}: it has {count}"))
                        .hint("check the header that names the partition, or add partitions to the topic"));
                }
                (None, Some(key)) => partition::of_key(key, count),
                (None, None) => {
                    // All of a batch to one partition, then the next one that has a leader.
                    let led: Vec<i32> =
                        leaders.iter().filter(|(_, leader)| **leader >= 0).map(|(one, _)| *one).collect();
                    let (turn, bytes) = self.turns.entry(topic.clone()).or_default();
                    *bytes += size(&record);
                    if *bytes > self.options.batch_bytes {
                        (*turn, *bytes) = (turn.wrapping_add(1), 0);
                    }
                    led.get(*turn % led.len().max(1)).copied().unwrap_or(0)
                }
            };
            sorted.entry((topic, number)).or_default().push(record);
        }
        Ok(sorted)
    }

    /// Numbers a batch.
    fn writer(&mut self, to: &To, count: usize) -> Writer {
        let Some((producer, epoch)) = self.number else { return Writer::NOBODY };
        let next = self.sequences.entry(to.clone()).or_default();
        let sequence = *next;
        // Numbers begin anew behind the largest.
        let behind = (i64::from(sequence) + count as i64) & i64::from(i32::MAX);
        *next = i32::try_from(behind).unwrap_or(0);
        Writer { producer, epoch, sequence }
    }

    /// Sends the first batch of each partition, and takes the answers.
    fn round(&mut self, waiting: &mut BTreeMap<To, VecDeque<Waiting>>) -> Result<()> {
        let mut by_leader: BTreeMap<i32, Vec<To>> = BTreeMap::new();
        let mut is_stale = false;
        for to in waiting.keys() {
            match self.topics.leader(&to.0, to.1) {
                Some(leader) => by_leader.entry(leader).or_default().push(to.clone()),
                None => is_stale = true,
            }
        }
        let mut sent = Vec::new();
        for (leader, all) in by_leader {
            let request = self.request(&all, waiting);
            match self.client.send(leader, &request) {
                Ok(request) => sent.push((leader, request, all)),
                Err(e) if e.is_transient() => {
                    is_stale = true;
                    note(waiting, &all, &e);
                }
                Err(e) => return Err(e),
            }
        }
        for (leader, request, all) in sent {
            if self.options.acks == Acks::None {
                all.iter().for_each(|to| taken(waiting, to));
                continue;
            }
            match self.client.receive::<ProduceRequest>(leader, request, self.options.request + LIMIT) {
                Ok(answer) => {
                    for topic in answer.responses {
                        for one in topic.partition_responses {
                            let to = (topic.name.0.to_string(), one.index);
                            let why = one.error_message.as_deref().unwrap_or_default();
                            is_stale |= self.settle(waiting, &to, one.error_code, why)?;
                        }
                    }
                }
                Err(e) if e.is_transient() => {
                    is_stale = true;
                    note(waiting, &all, &e);
                }
                Err(e) => return Err(e),
            }
        }
        if is_stale && self.client.is_alive() {
            let names: BTreeSet<String> = waiting.keys().map(|(topic, _)| topic.clone()).collect();
            match self.client.topics(Some(&names), false) {
                Ok(found) => self.topics.known.extend(found.known),
                Err(e) if e.is_transient() => {
                    let all: Vec<To> = waiting.keys().cloned().collect();
                    note(waiting, &all, &e);
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn request(&self, all: &[To], waiting: &BTreeMap<To, VecDeque<Waiting>>) -> ProduceRequest {
        let mut topics: Vec<TopicProduceData> = Vec::new();
        for (topic, number) in all {
            let first = waiting.get(&(topic.clone(), *number)).and_then(VecDeque::front);
            let data =
                PartitionProduceData::default().with_index(*number).with_records(first.map(|one| one.bytes.clone()));
            match topics.iter_mut().find(|data| *data.name.0 == **topic) {
                Some(topic) => topic.partition_data.push(data),
                None => {
                    let name = TopicName(StrBytes::from_string(topic.clone()));
                    topics.push(TopicProduceData::default().with_name(name).with_partition_data(vec![data]));
                }
            }
        }
        ProduceRequest::default()
            .with_acks(self.options.acks.number())
            .with_timeout_ms(i32::try_from(self.options.request.as_millis()).unwrap_or(i32::MAX))
            .with_topic_data(topics)
    }

    /// Takes the answer for one batch; says whether the leaders have to be asked for again.
    fn settle(&self, waiting: &mut BTreeMap<To, VecDeque<Waiting>>, to: &To, code: i16, why: &str) -> Result<bool> {
        let what = || format!("topic {}, partition {}: write to it", to.0, to.1);
        match code {
            0 | fault::DUPLICATE_SEQUENCE_NUMBER => {
                taken(waiting, to);
                Ok(false)
            }
            code if fault::is_retriable(code) => {
                note(waiting, std::slice::from_ref(to), &fault::of(code, what()));
                Ok(true)
            }
            // The brokers know our number no more: the epoch goes again by another one.
            45 | 47 | 59 => {
                Err(error::busy(what()).source(format!("kafka does not know the producer's batches any more ({code})")))
            }
            code if why.is_empty() => Err(fault::of(code, what())),
            code => Err(fault::of(code, format!("{}: {why}", what()))),
        }
    }
}

/// A batch is acknowledged.
fn taken(waiting: &mut BTreeMap<To, VecDeque<Waiting>>, to: &To) {
    if let Some(batches) = waiting.get_mut(to) {
        batches.pop_front();
        if batches.is_empty() {
            waiting.remove(to);
        }
    }
}

/// Notes why batches are not acknowledged.
fn note(waiting: &mut BTreeMap<To, VecDeque<Waiting>>, all: &[To], e: &Error) {
    for to in all {
        if let Some(first) = waiting.get_mut(to).and_then(VecDeque::front_mut) {
            first.last_error = Some(fault::again(e));
        }
    }
}

/// About how many bytes a record takes.
fn size(record: &Record) -> usize {
    let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
    let headers: usize = record.headers.iter().map(|header| header.name.len() + length(&header.value) + 10).sum();
    length(&record.key) + length(&record.value) + headers + 30
}

/// Records cut into batches.
fn batches(records: Vec<Record>, options: &ProducerOptions) -> Vec<Vec<Record>> {
    let (mut all, mut bytes) = (Vec::<Vec<Record>>::new(), 0);
    for record in records {
        let more = size(&record);
        match all.last_mut() {
            Some(batch) if batch.len() < options.batch_records && bytes + more <= options.batch_bytes => {
                batch.push(record);
                bytes += more;
            }
            _ => {
                all.push(vec![record]);
                bytes = more;
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_to_their_bounds() {
        let options = ProducerOptions {
            acks: Acks::All,
            codec: Codec::None,
            idempotence: true,
            batch_records: 3,
            batch_bytes: 1_000,
            request: LIMIT,
            delivery: LIMIT,
        };
        let record = |bytes: usize| Record { value: Some(vec![b'x'; bytes].into()), ..Record::default() };
        let lengths = |sizes: &[usize]| {
            let records = sizes.iter().map(|bytes| record(*bytes)).collect();
            batches(records, &options).iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(lengths(&[1, 1, 1, 1]), [3, 1]);
        assert_eq!(lengths(&[500, 500, 2_000, 1]), [1, 1, 1, 1]);
        assert_eq!(lengths(&[400, 400, 2_000, 1]), [2, 1, 1]);
        assert!(lengths(&[]).is_empty());
    }
}
