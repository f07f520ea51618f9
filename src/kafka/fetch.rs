//! Reading: all leaders are asked at once, and their answers taken one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest, ListOffsetsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::client::{Client, Topics};
use super::fault;
use super::options::LIMIT;
use super::records::{self, Isolation, Record, Room};
use crate::error::{Error, Result};

/// What is to be read next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// How much is read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// How long a broker may wait for records.
    pub wait: Duration,
    /// Bytes for which a broker waits.
    pub min_bytes: i32,
    /// Bytes of all partitions of a broker, and of one.
    pub max_bytes: i32,
    pub partition_bytes: i32,
    /// Bytes that the batches of an answer may become together when they are decompressed.
    pub unpacked_bytes: usize,
    pub isolation: Isolation,
}

/// What became of a partition.
#[derive(Debug)]
pub(crate) enum Outcome {
    Records {
        records: Vec<Record>,
        /// The offset that is next.
        next: i64,
        /// The end of what can be read now.
        end: i64,
    },
    /// The offset is not there any more, or was never there.
    OutOfRange,
    /// The leader is another one, or away: ask for the topics again.
    Moved(Error),
    Failed(Error),
}

/// Where a partition begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Beginning,
    /// Behind the last record that can be read by the isolation.
    End,
}

impl Client {
    /// Reads what there is of partitions, at most to the limits; what a broker has none of for so long comes without records,
    /// and so does what has no room beside the others.
    ///
    /// # Errors
    /// Auth, Refused: a broker declines us. What concerns one broker's partitions, or one, is in their outcomes.
    pub(crate) fn fetch(
        &mut self,
        wanted: &[Wanted],
        topics: &Topics,
        limits: &Limits,
    ) -> Result<Vec<(Wanted, Outcome)>> {
        let (mut by_leader, mut done) = (BTreeMap::<i32, Vec<&Wanted>>::new(), Vec::new());
        for one in wanted {
            match topics.leader(&one.topic, one.partition) {
                Some(leader) => by_leader.entry(leader).or_default().push(one),
                None => done.push((one.clone(), Outcome::Moved(no_leader(one)))),
            }
        }
        let mut sent = Vec::new();
        for (leader, wanted) in &by_leader {
            match self.send(*leader, &request(wanted, limits)) {
                Ok(request) => sent.push((*leader, request)),
                Err(e) if e.is_transient() => done.extend(moved(wanted, &e)),
                Err(e) => return self.given_up(sent, e),
            }
        }
        let mut sent = sent.into_iter();
        while let Some((leader, request)) = sent.next() {
            let wanted = by_leader.get(&leader).map_or(&[][..], Vec::as_slice);
            match self.receive::<FetchRequest>(leader, request, limits.wait + LIMIT) {
                Ok(answer) if answer.error_code != 0 => {
                    let e = fault::of(answer.error_code, "fetch from a kafka broker");
                    if !fault::is_retriable(answer.error_code) {
                        return self.given_up(sent.collect(), e);
                    }
                    done.extend(moved(wanted, &e));
                }
                Ok(answer) => {
                    let mut room = Room::new(limits.unpacked_bytes);
                    for topic in answer.responses {
                        let of = |data: &PartitionData| {
                            let is_it =
                                |one: &&&Wanted| *one.topic == *topic.topic.0 && one.partition == data.partition_index;
                            wanted.iter().find(is_it).map(|one| (*one).clone())
                        };
                        for data in topic.partitions {
                            if let Some(one) = of(&data) {
                                let outcome = outcome(&one, data, limits.isolation, &mut room);
                                done.push((one, outcome));
                            }
                        }
                    }
                }
                Err(e) if e.is_transient() => done.extend(moved(wanted, &e)),
                Err(e) => return self.given_up(sent.collect(), e),
            }
        }
        Ok(done)
    }

    /// Lets go of the connections whose answers are not waited for.
    fn given_up<T, S>(&mut self, sent: Vec<(i32, S)>, e: Error) -> Result<T> {
        sent.iter().for_each(|(leader, _)| self.forget(*leader));
        Err(e)
    }

    /// Where partitions begin or end now.
    ///
    /// # Errors
    /// Busy: a leader is away. Auth: the topic is not for this user. Those of the connection.
    pub(crate) fn places(
        &mut self,
        of: &[(String, i32)],
        topics: &Topics,
        place: Place,
        isolation: Isolation,
    ) -> Result<BTreeMap<(String, i32), i64>> {
        let timestamp = match place {
            Place::Beginning => -2,
            Place::End => -1,
        };
        let mut by_leader: BTreeMap<i32, BTreeMap<&str, Vec<i32>>> = BTreeMap::new();
        for (topic, partition) in of {
            let one = Wanted { topic: topic.clone(), partition: *partition, offset: 0 };
            let leader = topics.leader(topic, *partition).ok_or_else(|| no_leader(&one))?;
            by_leader.entry(leader).or_default().entry(topic).or_default().push(*partition);
        }
        let mut found = BTreeMap::new();
        for (leader, topics) in by_leader {
            let partition = |one| ListOffsetsPartition::default().with_partition_index(one).with_timestamp(timestamp);
            let topic = |(topic, partitions): (&str, Vec<i32>)| {
                let partitions = partitions.into_iter().map(partition).collect();
                ListOffsetsTopic::default().with_name(named(topic)).with_partitions(partitions)
            };
            let request = ListOffsetsRequest::default()
                .with_replica_id(BrokerId(-1))
                .with_isolation_level(isolation.number())
                .with_topics(topics.into_iter().map(topic).collect());
            for topic in self.at(leader, &request, LIMIT)?.topics {
                for one in topic.partitions {
                    let (name, number) = (topic.name.0.to_string(), one.partition_index);
                    if one.error_code != 0 {
                        return Err(fault::of(
                            one.error_code,
                            format!("topic {name}, partition {number}: ask for its offsets"),
                        ));
                    }
                    found.insert((name, number), one.offset);
                }
            }
        }
        Ok(found)
    }
}

fn named(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

fn no_leader(one: &Wanted) -> Error {
    let Wanted { topic, partition, .. } = one;
    crate::error::busy(format!("topic {topic}, partition {partition} has no leader now"))
        .hint("bring the broker back that leads it, or see kafka-topics.sh --describe")
}

fn moved(wanted: &[&Wanted], e: &Error) -> Vec<(Wanted, Outcome)> {
    wanted.iter().map(|one| ((*one).clone(), Outcome::Moved(fault::again(e)))).collect()
}

fn request(wanted: &[&Wanted], limits: &Limits) -> FetchRequest {
    let mut topics: Vec<FetchTopic> = Vec::new();
    for one in wanted {
        let partition = FetchPartition::default()
            .with_partition(one.partition)
            .with_fetch_offset(one.offset)
            .with_partition_max_bytes(limits.partition_bytes);
        match topics.iter_mut().find(|topic| *topic.topic.0 == *one.topic) {
            Some(topic) => topic.partitions.push(partition),
            None => topics.push(FetchTopic::default().with_topic(named(&one.topic)).with_partitions(vec![partition])),
        }
    }
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(i32::try_from(limits.wait.as_millis()).unwrap_or(i32::MAX))
        .with_min_bytes(limits.min_bytes)
        .with_max_bytes(limits.max_bytes)
        .with_isolation_level(limits.isolation.number())
        // Without a session: each request names what it wants.
        .with_session_epoch(-1)
        .with_topics(topics)
}

fn outcome(one: &Wanted, data: PartitionData, isolation: Isolation, room: &mut Room) -> Outcome {
    let Wanted { topic, partition, offset } = one;
    let what = || format!("topic {topic}, partition {partition}: fetch from offset {offset}");
    match data.error_code {
        0 => {}
        fault::OFFSET_OUT_OF_RANGE => return Outcome::OutOfRange,
        code @ 2 => return Outcome::Failed(fault::of(code, what())),
        code if fault::is_retriable(code) => return Outcome::Moved(fault::of(code, what())),
        code => return Outcome::Failed(fault::of(code, what())),
    }
    let end = match isolation {
        Isolation::ReadCommitted if data.last_stable_offset >= 0 => data.last_stable_offset,
        _ => data.high_watermark,
    };
    let aborted = data.aborted_transactions.unwrap_or_default();
    match records::read(data.records.unwrap_or_default(), *offset, &aborted, room) {
        Ok(read) => Outcome::Records { records: read.records, next: read.next.unwrap_or(*offset).max(*offset), end },
        Err(e) => Outcome::Failed(e.context(format!("topic {topic}, partition {partition}"))),
    }
}
