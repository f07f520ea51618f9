//! Which member of a group reads which partitions, as the member decides that the brokers chose to lead; and the bytes in
//! which it is told. The same as Kafka's own `RangeAssignor` and `RoundRobinAssignor`, so that members of both kinds can
//! be in one group.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::consumer_protocol_assignment::TopicPartition;
use kafka_protocol::messages::{ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicName};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use serde::{Deserialize, Serialize};

use crate::error::{self, Result};

/// The newest forms of a subscription and of an assignment.
const NEWEST: i16 = 3;

/// How partitions are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Assignor {
    /// Of each topic neighbouring partitions.
    Range,
    /// All partitions of all topics in turn.
    RoundRobin,
}

impl Assignor {
    /// What members call it among each other.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
        }
    }

    /// By what members call it.
    pub(super) fn of(name: &str) -> Option<Self> {
        [Self::Range, Self::RoundRobin].into_iter().find(|one| one.name() == name)
    }

    /// Shares out the partitions of topics, of which the number of each is given, among members by what they want.
    pub(super) fn assign(self, members: &[Wants], partitions: &BTreeMap<String, i32>) -> BTreeMap<String, Assigned> {
        let mut given: BTreeMap<String, Assigned> =
            members.iter().map(|member| (member.id.clone(), Assigned::new())).collect();
        // Static members keep their places over restarts.
        let mut members: Vec<&Wants> = members.iter().collect();
        members.sort_by_key(|member| (member.instance.is_none(), member.instance.as_deref().unwrap_or(&member.id)));
        match self {
            Self::Range => {
                for (topic, count) in partitions {
                    let who: Vec<_> = members.iter().filter(|member| member.topics.contains(topic)).collect();
                    let Ok(each) = i32::try_from(who.len()) else { continue };
                    for (number, member) in (0..each).zip(&who) {
                        let (least, more) = (count / each, count % each);
                        let from = number * least + number.min(more);
                        let to = from + least + i32::from(number < more);
                        given.entry(member.id.clone()).or_default().extend((from..to).map(|one| (topic.clone(), one)));
                    }
                }
            }
            Self::RoundRobin => {
                let mut turn = members.iter().cycle();
                for (topic, count) in
                    partitions.iter().filter(|(topic, _)| members.iter().any(|m| m.topics.contains(*topic)))
                {
                    for one in 0..*count {
                        if let Some(member) = turn.by_ref().find(|member| member.topics.contains(topic)) {
                            given.entry(member.id.clone()).or_default().insert((topic.clone(), one));
                        }
                    }
                }
            }
        }
        given
    }
}

/// Partitions by topic and number.
pub(crate) type Assigned = BTreeSet<(String, i32)>;

/// A member, and the topics that it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wants {
    pub id: String,
    pub instance: Option<String>,
    pub topics: BTreeSet<String>,
}

/// What a member says that it wants.
///
/// # Errors
/// Bug: it cannot be encoded.
pub(super) fn subscription(topics: &BTreeSet<String>) -> Result<Bytes> {
    let topics = topics.iter().cloned().map(StrBytes::from_string).collect();
    versioned(&ConsumerProtocolSubscription::default().with_topics(topics))
}

/// The topics that a member wants.
///
/// # Errors
/// Data: it is not in the form of Kafka's consumers.
pub(super) fn wanted(mut bytes: Bytes) -> Result<BTreeSet<String>> {
    let version = version(&mut bytes)?;
    let read = ConsumerProtocolSubscription::decode(&mut bytes, version).map_err(|e| foreign().source(e))?;
    Ok(read.topics.iter().map(|topic| topic.to_string()).collect())
}

/// What a member is told.
///
/// # Errors
/// Bug: it cannot be encoded.
pub(super) fn assignment(assigned: &Assigned) -> Result<Bytes> {
    let mut by_topic: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    assigned.iter().for_each(|(topic, partition)| by_topic.entry(topic).or_default().push(*partition));
    let topic = |(topic, partitions): (&str, Vec<i32>)| {
        let name = TopicName(StrBytes::from_string(topic.to_owned()));
        TopicPartition::default().with_topic(name).with_partitions(partitions)
    };
    let assigned = by_topic.into_iter().map(topic).collect();
    versioned(&ConsumerProtocolAssignment::default().with_assigned_partitions(assigned))
}

/// The partitions that a member is given; none where the bytes are empty.
///
/// # Errors
/// Data: it is not in the form of Kafka's consumers.
pub(super) fn assigned(mut bytes: Bytes) -> Result<Assigned> {
    if bytes.is_empty() {
        return Ok(Assigned::new());
    }
    let version = version(&mut bytes)?;
    let read = ConsumerProtocolAssignment::decode(&mut bytes, version).map_err(|e| foreign().source(e))?;
    let of = |one: TopicPartition| {
        let topic = one.topic.0.to_string();
        one.partitions.into_iter().map(move |partition| (topic.clone(), partition))
    };
    Ok(read.assigned_partitions.into_iter().flat_map(of).collect())
}

fn versioned(what: &impl Encodable) -> Result<Bytes> {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    what.encode(&mut bytes, 0).map_err(|e| error::bug("cannot encode a member's subscription").source(e))?;
    Ok(bytes.freeze())
}

/// The version in front; of a newer one what we know of it is read.
fn version(bytes: &mut Bytes) -> Result<i16> {
    bytes.try_get_i16().ok().filter(|version| *version >= 0).map(|version| version.min(NEWEST)).ok_or_else(foreign)
}

fn foreign() -> error::Error {
    error::data("a member of the consumer group does not speak as Kafka's consumers do")
        .hint("give this agent a group-id of its own")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(id: &str, topics: &[&str]) -> Wants {
        Wants { id: id.to_owned(), instance: None, topics: topics.iter().map(|topic| (*topic).to_owned()).collect() }
    }

    fn shown(given: &BTreeMap<String, Assigned>) -> String {
        let one = |(id, assigned): (&String, &Assigned)| {
            let all: Vec<String> = assigned.iter().map(|(topic, partition)| format!("{topic}{partition}")).collect();
            format!("{id}: {}", all.join(" "))
        };
        given.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    /// The examples in the documentation of Kafka's assignors.
    #[test]
    fn partitions_are_shared_out_as_by_kafkas_assignors() {
        let topics = BTreeMap::from([("t".to_owned(), 3), ("u".to_owned(), 3)]);
        let both = [member("a", &["t", "u"]), member("b", &["t", "u"])];
        assert_eq!(shown(&Assignor::Range.assign(&both, &topics)), "a: t0 t1 u0 u1; b: t2 u2");
        assert_eq!(shown(&Assignor::RoundRobin.assign(&both, &topics)), "a: t0 t2 u1; b: t1 u0 u2");
        let topics = BTreeMap::from([("t".to_owned(), 1), ("u".to_owned(), 2), ("v".to_owned(), 3)]);
        let unlike = [member("a", &["t"]), member("b", &["t", "u"]), member("c", &["t", "u", "v"])];
        assert_eq!(shown(&Assignor::RoundRobin.assign(&unlike, &topics)), "a: t0; b: u0; c: u1 v0 v1 v2");
        let topics = BTreeMap::from([("t".to_owned(), 3)]);
        let mut fixed = both.clone();
        fixed[1].instance = Some("z".to_owned());
        assert_eq!(shown(&Assignor::Range.assign(&fixed, &topics)), "a: t2; b: t0 t1", "static members come first");
    }

    proptest! {
        #[test]
        fn each_partition_is_given_once_to_whoever_wants_it(
            counts in prop::collection::vec(0i32..9, 1..5),
            wants in prop::collection::vec(prop::collection::vec(any::<bool>(), 4), 1..5),
        ) {
            let topics: BTreeMap<String, i32> = counts.iter().enumerate().map(|(n, count)| (format!("t{n}"), *count)).collect();
            let members: Vec<Wants> = wants.iter().enumerate().map(|(n, wants)| {
                let topics = wants.iter().enumerate().filter(|(_, wants)| **wants).map(|(t, _)| format!("t{t}")).collect();
                Wants { id: format!("m{n}"), instance: None, topics }
            }).collect();
            for assignor in [Assignor::Range, Assignor::RoundRobin] {
                let given = assignor.assign(&members, &topics);
                for (topic, count) in &topics {
                    let is_wanted = members.iter().any(|member| member.topics.contains(topic));
                    for partition in 0..*count {
                        let who: Vec<&String> = given.iter().filter(|(_, all)| all.contains(&(topic.clone(), partition))).map(|(id, _)| id).collect();
                        prop_assert_eq!(who.len(), usize::from(is_wanted));
                        prop_assert!(who.iter().all(|id| members.iter().any(|m| &m.id == *id && m.topics.contains(topic))));
                    }
                }
                for all in given.values() {
                    prop_assert_eq!(&assigned(assignment(all).unwrap()).unwrap(), all);
                }
            }
            for member in &members {
                prop_assert_eq!(&wanted(subscription(&member.topics).unwrap()).unwrap(), &member.topics);
            }
        }
    }

    #[test]
    fn what_is_not_a_subscription_is_refused() {
        for bytes in [&b""[..], b"\0", b"\xff\xff", b"\0\0\0\0\0\x05"] {
            assert!(wanted(Bytes::from_static(bytes)).is_err(), "{bytes:?}");
        }
        assert!(assigned(Bytes::new()).unwrap().is_empty());
    }
}
