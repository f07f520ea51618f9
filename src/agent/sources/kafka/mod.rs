//! Records of Kafka's topics, read as one member of a consumer group.
//!
//! ```text
//! position    the next offset of each partition, as the channel keeps it            position
//! event       a record as an event, with Flume's headers                            event
//! reader      the member: topics, partitions, where each begins, records, commits   reader
//! ```
//!
//! How far each partition was read travels with its events, so a record is in the channel exactly if the channel's offset of
//! its partition is behind it, whatever is killed. The group's offset follows what the channel keeps, for those who watch the
//! group and for other members; it is read again where a partition is given to this member:
//!
//! - Where this source has committed it itself, the channel's offset counts: it is the same or further, or, where the
//!   channel's directory was lost, the one up to which all is in the target.
//! - Where somebody else has, the greater of the two counts: another agent of the group has read on, or a tool has moved
//!   the group forward. What the other agent had read and not committed yet is read again, so that between several agents
//!   of a group a record is in one of their channels at least once.
//! - Where neither is there, `start` decides, and a partition of a topic that the source knows begins at its first record.
//!
//! Records that Kafka deleted before they were read stop the source, unless `out-of-range` says to go on; then they are
//! counted. A topic that was made anew under its name begins anew.

mod event;
#[cfg(any(test, fuzzing))]
pub(in crate::agent) mod fuzz;
mod position;
mod reader;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use regex::Regex;
use serde::{Deserialize, Serialize};

use self::position::Known;
use self::reader::Reader;
use super::{Source, SourceReport};
use crate::agent::outlet::Outlet;
use crate::agent::position::{PositionForm, SourcePosition};
use crate::error::Result;
use crate::kafka::{GroupOptions, KafkaServers, Limits};

pub(in crate::agent) const FORM: PositionForm = PositionForm { kind: Cow::Borrowed("kafka"), version: 1 };

/// Which topics are read.
#[derive(Clone, Debug)]
pub(in crate::agent) enum Subscription {
    Names(BTreeSet<String>),
    /// Those whose whole names match, without Kafka's own.
    Matching(Regex),
}

/// Where a partition begins of which nobody knows anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Start {
    /// At its first record.
    #[default]
    Beginning,
    /// Behind its last record.
    End,
    /// The source stops.
    Error,
}

/// What is done where records are gone before they were read, or an offset was never there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OutOfRange {
    /// The source stops.
    #[default]
    Error,
    /// It goes on at the first record that is there.
    Beginning,
    /// It goes on behind the last one.
    End,
}

/// What the source is told.
#[derive(Clone, Debug)]
pub(in crate::agent) struct KafkaOptions {
    pub servers: Arc<KafkaServers>,
    pub subscription: Subscription,
    pub group: GroupOptions,
    pub start: Start,
    pub out_of_range: OutOfRange,
    pub limits: Limits,
    /// Events of a batch.
    pub batch_size: usize,
    /// How often the group's offsets follow.
    pub commit: Duration,
    /// How often topics are looked for.
    pub refresh: Duration,
    pub events: EventOptions,
}

/// What events are made of.
#[derive(Clone, Debug, Default)]
pub(in crate::agent) struct EventOptions {
    /// The header that gets the topic.
    pub topic_header: Option<String>,
    /// Headers of events, and those of records that fill them.
    pub headers: BTreeMap<String, String>,
    /// Values are events as Flume writes them: headers and body in Avro.
    pub is_flume_event: bool,
}

/// Reads topics.
#[derive(Debug)]
pub(in crate::agent) struct KafkaSource {
    options: KafkaOptions,
    drain: bool,
    known: Known,
}

impl KafkaSource {
    /// Reads on from the position.
    ///
    /// # Errors
    /// Data: the position is not one of topics.
    pub(in crate::agent) fn new(options: KafkaOptions, drain: bool, position: Option<&SourcePosition>) -> Result<Self> {
        Ok(Self { options, drain, known: Known::new(position)? })
    }
}

impl Source for KafkaSource {
    fn run(self: Box<Self>, outlet: Arc<Outlet>) -> Result<SourceReport> {
        let Self { options, drain, known } = *self;
        Reader::new(options, drain, known, outlet)?.run()
    }
}
