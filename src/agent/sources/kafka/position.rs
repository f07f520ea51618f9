//! The next offset of each partition, as the channel keeps it by `topic/partition`; and who keeps it: a name that the source
//! gives itself once, by which it knows the offsets of its group that it has committed itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::agent::position::SourcePosition;
use crate::error::{self, Result};

/// The key of the source's own name: no topic is called so.
const READER: &str = "/reader";

/// A topic and the number of a partition.
pub(super) type Partition = (String, i32);

/// How far one partition was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct At {
    /// The next record.
    pub offset: i64,
    /// The topic's id, where the brokers know ids: one that is made anew has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<Uuid>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Own {
    id: Uuid,
}

/// All that is known of the partitions.
#[derive(Debug)]
pub(super) struct Known {
    /// The name of the source.
    pub reader: Uuid,
    /// Whether a channel has the name already.
    pub is_kept: bool,
    pub at: BTreeMap<Partition, At>,
}

impl Known {
    /// # Errors
    /// Data: an entry is not one of a partition.
    pub(super) fn new(position: Option<&SourcePosition>) -> Result<Self> {
        let mut known = Self { reader: Uuid::now_v7(), is_kept: false, at: BTreeMap::new() };
        let foreign =
            |key: &str| error::data(format!("the channel holds {key}, which is not the position of a partition"));
        for (key, value) in position.iter().flat_map(|position| &position.entries) {
            if key == READER {
                let own: Own = serde_json::from_value(value.clone()).map_err(|e| foreign(key).source(e))?;
                (known.reader, known.is_kept) = (own.id, true);
                continue;
            }
            let partition = partition_of(key).ok_or_else(|| foreign(key))?;
            known.at.insert(partition, serde_json::from_value(value.clone()).map_err(|e| foreign(key).source(e))?);
        }
        Ok(known)
    }

    /// Whether a partition of the topic is known.
    pub(super) fn knows(&self, topic: &str) -> bool {
        self.at.keys().any(|(name, _)| name == topic)
    }

    /// The entry of the source's own name.
    ///
    /// # Errors
    /// Bug: it cannot be written.
    pub(super) fn own_entry(&self) -> Result<(String, Value)> {
        json(&Own { id: self.reader }).map(|value| (READER.to_owned(), value))
    }
}

/// The key of a partition's entry.
pub(super) fn key((topic, number): &Partition) -> String {
    format!("{topic}/{number}")
}

/// The partition of an entry's key.
pub(super) fn partition_of(key: &str) -> Option<Partition> {
    let (topic, number) = key.rsplit_once('/')?;
    Some((topic.to_owned(), number.parse().ok().filter(|number| *number >= 0)?)).filter(|_| !topic.is_empty())
}

/// The entry of a partition.
///
/// # Errors
/// Bug: it cannot be written.
pub(super) fn entry(at: At) -> Result<Value> {
    json(&at)
}

/// The offsets in the entries of a position.
pub(super) fn offsets(position: &SourcePosition) -> impl Iterator<Item = (Partition, i64)> {
    position.entries.iter().filter_map(|(key, value)| {
        let at: At = serde_json::from_value(value.clone()).ok()?;
        Some((partition_of(key)?, at.offset))
    })
}

fn json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|e| error::bug("cannot write a position as JSON").source(e))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::agent::sources::kafka::FORM;

    fn known(entries: Value) -> Result<Known> {
        let Value::Object(entries) = entries else { panic!("entries are an object") };
        Known::new(Some(&SourcePosition { form: FORM, entries: entries.into_iter().collect() }))
    }

    #[test]
    fn entries_come_back() {
        let mut first = Known::new(None).unwrap();
        first.at.insert(("a.b".to_owned(), 12), At { offset: 7, topic_id: Some(Uuid::from_u128(5)) });
        first.at.insert(("c".to_owned(), 0), At { offset: 0, topic_id: None });
        let mut entries = serde_json::Map::new();
        for (partition, at) in &first.at {
            entries.insert(key(partition), entry(*at).unwrap());
        }
        entries.extend([first.own_entry().unwrap()]);
        assert_eq!(entries["c/0"], json!({"offset": 0}));
        let again = known(Value::Object(entries)).unwrap();
        assert_eq!((&again.at, again.reader, again.is_kept), (&first.at, first.reader, true));
        assert!(!first.is_kept && again.knows("c") && !again.knows("d"));
    }

    #[test]
    fn what_is_not_a_partition_is_refused() {
        for (key, value) in [
            ("a", json!({"offset": 1})),
            ("/1", json!({"offset": 1})),
            ("a/x", json!({"offset": 1})),
            ("a/1", json!(5)),
            ("/reader", json!({})),
        ] {
            assert!(known(json!({key: value})).is_err(), "{key}");
        }
    }
}
