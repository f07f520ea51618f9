//! Where a partition is read from: when it is given to this member, and when its offset is not there any more.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Reader, Reading};
use crate::agent::sources::kafka::position::{self, At, Partition};
use crate::agent::sources::kafka::{OutOfRange, Start};
use crate::error::{self, Result};
use crate::kafka::{Assigned, Committed, Isolation, Place};
use crate::telemetry::summary::counted;

impl Reader {
    /// Finds where partitions begin, and puts that into the channels before the first record.
    pub(super) fn begin(&mut self, assigned: &Assigned) -> Result<()> {
        let committed = self.member.committed(&mut self.client, assigned)?;
        let mut unknown = Vec::new();
        let mut begins: BTreeMap<Partition, At> = BTreeMap::new();
        let mut forget: BTreeMap<String, Value> = BTreeMap::new();
        for partition in assigned {
            let topic_id = self.topics.known.get(&partition.0).and_then(|topic| topic.id);
            let known = self.known.at.get(partition).copied();
            if let Some(At { topic_id: Some(old), .. }) = known
                && topic_id.is_some_and(|new| new != old)
            {
                let (topic, number) = partition;
                tracing::warn!("topic {topic} was made anew: its partition {number} is read from its first record");
                forget.insert(position::key(partition), Value::Null);
                begins.insert(partition.clone(), At { offset: 0, topic_id });
                continue;
            }
            match goes_on(known.map(|at| at.offset), committed.get(partition), &self.known.reader.to_string()) {
                Some(offset) => {
                    begins.insert(partition.clone(), At { offset, topic_id });
                }
                None => unknown.push(partition.clone()),
            }
        }
        for (partition, offset) in self.starts(&unknown)? {
            let topic_id = self.topics.known.get(&partition.0).and_then(|topic| topic.id);
            begins.insert(partition, At { offset, topic_id });
        }
        let until = match self.drain {
            true => {
                let all: Vec<Partition> = assigned.iter().cloned().collect();
                self.client.places(&all, &self.topics, Place::End, self.options.limits.isolation)?
            }
            false => BTreeMap::new(),
        };
        if !forget.is_empty() {
            self.outlet.put(Vec::new(), forget, None)?;
        }
        let moved = begins.iter().filter(|(partition, at)| self.known.at.get(*partition) != Some(*at));
        let mut entries: BTreeMap<String, Value> = moved
            .map(|(partition, at)| Ok((position::key(partition), position::entry(*at)?)))
            .collect::<Result<_>>()?;
        if !self.known.is_kept {
            entries.extend([self.known.own_entry()?]);
        }
        if !entries.is_empty() && self.outlet.put(Vec::new(), entries, None)? {
            self.known.is_kept = true;
        }
        self.known.at.extend(begins.iter().map(|(partition, at)| (partition.clone(), *at)));
        self.committed = committed.into_iter().map(|(partition, one)| (partition, one.offset)).collect();
        self.own = begins
            .into_iter()
            .map(|(partition, at)| {
                let until = until.get(&partition).copied();
                (partition, Reading { at, end: at.offset, until })
            })
            .collect();
        Ok(())
    }

    /// Where partitions begin of which nobody knows anything.
    fn starts(&mut self, unknown: &[Partition]) -> Result<BTreeMap<Partition, i64>> {
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for partition in unknown {
            // One that was added to a topic holds nothing that was there before the source.
            match self.options.start {
                _ if self.known.knows(&partition.0) => first.push(partition.clone()),
                Start::Beginning => first.push(partition.clone()),
                Start::End => last.push(partition.clone()),
                Start::Error => {
                    let (topic, number) = partition;
                    let group = &self.options.group.id;
                    let what = format!("consumer group {group} has no offset of topic {topic}, partition {number}");
                    return Err(
                        error::not_found(what).hint("set start = \"beginning\" or \"end\", or the group's offsets")
                    );
                }
            }
        }
        let isolation = self.options.limits.isolation;
        let mut found = self.client.places(&first, &self.topics, Place::Beginning, isolation)?;
        // Behind all that is there, also of transactions that are open: what they add then is seen.
        found.extend(self.client.places(&last, &self.topics, Place::End, isolation)?);
        Ok(found)
    }

    /// The offset is not there any more: goes on where it was told, and counts what is gone.
    pub(super) fn out_of_range(&mut self, partition: &Partition, offset: i64) -> Result<()> {
        self.look()?;
        if self.is_anew() {
            self.beat = None;
            return Ok(());
        }
        let one = [partition.clone()];
        let isolation = self.options.limits.isolation;
        let at = |found: BTreeMap<Partition, i64>| found.get(partition).copied().unwrap_or(0);
        let first = at(self.client.places(&one, &self.topics, Place::Beginning, isolation)?);
        let end = at(self.client.places(&one, &self.topics, Place::End, Isolation::ReadUncommitted)?);
        let (topic, number) = partition;
        let what = format!("topic {topic}, partition {number}: offset {offset} is not there, only {first} to {end}");
        if (first..=end).contains(&offset) {
            // A follower that is behind: the leader has it.
            return Err(error::busy(what));
        }
        let to = match self.options.out_of_range {
            OutOfRange::Error => {
                return Err(error::data(what).hint(
                    "kafka deleted records before they were read (retention), or lost some: set out-of-range = \"beginning\" \
                     or \"end\" to go on, and what is gone is counted",
                ));
            }
            OutOfRange::Beginning => first,
            OutOfRange::End => end,
        };
        // Records that were there once; none where the log is shorter than it was.
        let gone = u64::try_from(to.saturating_sub(offset)).unwrap_or(0);
        self.lost += gone;
        self.outlet.meter().lost.add(gone);
        tracing::warn!("{what}: going on at {to}, without {}", counted(gone, "record", "records"));
        let Some(mut reading) = self.own.get(partition).copied() else { return Ok(()) };
        reading.at.offset = to;
        self.outlet.put(
            Vec::new(),
            BTreeMap::from([(position::key(partition), position::entry(reading.at)?)]),
            None,
        )?;
        self.known.at.insert(partition.clone(), reading.at);
        self.own.insert(partition.clone(), reading);
        Ok(())
    }
}

/// Where a partition goes on, by the channel's offset and by the group's.
fn goes_on(known: Option<i64>, committed: Option<&Committed>, reader: &str) -> Option<i64> {
    match (known, committed) {
        (Some(known), Some(committed)) if committed.note != reader => Some(known.max(committed.offset)),
        (Some(known), _) => Some(known),
        (None, committed) => committed.map(|committed| committed.offset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channel_wins_unless_somebody_else_has_read_on() {
        let by = |note: &str, offset| Some(Committed { offset, note: note.to_owned() });
        for (known, committed, wanted) in [
            (None, None, None),
            (Some(5), None, Some(5)),
            (None, by("me", 7), Some(7)),
            (None, by("", 7), Some(7)),
            // Our own commit, and the channel's directory was lost: the target's cursor says where to go on.
            (Some(5), by("me", 7), Some(5)),
            (Some(9), by("me", 7), Some(9)),
            (Some(5), by("other", 7), Some(7)),
            (Some(9), by("other", 7), Some(9)),
            (Some(9), by("", 12), Some(12)),
        ] {
            assert_eq!(goes_on(known, committed.as_ref(), "me"), wanted, "{known:?} {committed:?}");
        }
    }
}
