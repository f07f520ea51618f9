//! How far sources were read, in words that channel and target keep without understanding them.
//!
//! The position of a source is a set of entries by key: a file each, a partition of a topic each, one alone. A source
//! that cannot be read again has none. Each batch tells which entries it moves; all of them together, as of the last
//! batch, are where the source goes on.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{self, Result};

/// What kind of source an entry is of, and the version of its form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PositionForm {
    /// The type of the source, as the configuration calls it.
    pub kind: Cow<'static, str>,
    /// The version of the entries; a source understands its own and all before it.
    pub version: u32,
}

/// The position of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct SourcePosition {
    #[serde(flatten)]
    pub form: PositionForm,
    /// The entries by key.
    #[serde(default)]
    pub entries: BTreeMap<String, Value>,
}

/// How a batch moves the position of its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Advance {
    /// The name of the source in the configuration.
    pub source: Arc<str>,
    #[serde(flatten)]
    pub form: PositionForm,
    /// The entries that the batch moves; `null` for those that are forgotten.
    pub entries: BTreeMap<String, Value>,
}

/// The positions of all sources that fill a channel, by the name of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "BTreeMap<String, SourcePosition>")]
pub(super) struct Positions(BTreeMap<String, SourcePosition>);

/// Positions as they were ever written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    BySource(BTreeMap<String, SourcePosition>),
    /// Before 0.2 there was one source, which followed files.
    Files(Vec<Value>),
}

/// What the source is called that an agent had before sources had names.
pub(super) const ONLY_SOURCE: &str = "files";

/// The position of one file, as it was written before 0.2.
pub(super) fn of_a_file(file: Value) -> Advance {
    let number = |name: &str| file.get(name).and_then(Value::as_u64).unwrap_or(0);
    let key = file_key(number("device"), number("inode"), number("generation"));
    Advance { source: ONLY_SOURCE.into(), form: FILES, entries: [(key, file)].into() }
}

/// The key of the entry of a file.
pub(super) fn file_key(device: u64, inode: u64, generation: u64) -> String {
    format!("{device}:{inode}:{generation}")
}

/// The form of the positions of files that are followed.
pub(super) const FILES: PositionForm = PositionForm { kind: Cow::Borrowed("taildir"), version: 1 };

impl From<Written> for Positions {
    fn from(written: Written) -> Self {
        match written {
            Written::BySource(positions) => Self(positions),
            Written::Files(files) if files.is_empty() => Self::default(),
            Written::Files(files) => {
                let mut positions = Self::default();
                files.into_iter().for_each(|file| positions.advance(of_a_file(file)));
                positions
            }
        }
    }
}

impl From<Positions> for BTreeMap<String, SourcePosition> {
    fn from(positions: Positions) -> Self {
        positions.0
    }
}

impl Positions {
    /// Moves the position of a source. Entries of an older form are dropped: a source that begins with a newer one says
    /// all of them anew.
    pub(super) fn advance(&mut self, advance: Advance) {
        if advance.source.is_empty() {
            // What stands in for a damaged record is of no source.
            return;
        }
        let new = || SourcePosition { form: advance.form.clone(), entries: BTreeMap::new() };
        let position = self.0.entry(advance.source.to_string()).or_insert_with(new);
        if position.form != advance.form {
            *position = new();
        }
        for (key, value) in advance.entries {
            match value {
                Value::Null => position.entries.remove(&key),
                value => position.entries.insert(key, value),
            };
        }
    }

    /// What moves each of the sources to where it is.
    pub(super) fn advances(&self) -> impl Iterator<Item = Advance> {
        let advance = |(source, position): (&String, &SourcePosition)| {
            let SourcePosition { form, entries } = position.clone();
            Advance { source: source.as_str().into(), form, entries }
        };
        self.0.iter().map(advance)
    }

    /// The position of a source of this kind, whose entries are at most of this version.
    ///
    /// # Errors
    /// Config: the position is one of another kind. Data: it is of a newer version.
    pub(super) fn of(&self, source: &str, kind: &str, version: u32) -> Result<Option<&SourcePosition>> {
        let Some(position) = self.0.get(source) else { return Ok(None) };
        if position.form.kind != kind {
            let what = format!("source {source} was of type {} and is of type {kind} now", position.form.kind);
            return Err(error::config(what).hint("give the new source another name"));
        }
        if position.form.version > version {
            return Err(error::data(format!(
                "the position of source {source} is of version {}, this binary understands up to {version}",
                position.form.version
            ))
            .hint("run the newer sakia that wrote it"));
        }
        Ok(Some(position))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::Kind;

    fn advance(version: u32, entries: Value) -> Advance {
        let form = PositionForm { kind: "kafka".into(), version };
        let Value::Object(entries) = entries else { panic!("entries are an object") };
        Advance { source: "clicks".into(), form, entries: entries.into_iter().collect() }
    }

    #[test]
    fn entries_move_and_are_forgotten() {
        let mut positions = Positions::default();
        positions.advance(advance(1, json!({"t/0": 5, "t/1": 7})));
        positions.advance(advance(1, json!({"t/0": 6, "t/1": null})));
        let known = positions.of("clicks", "kafka", 1).unwrap().unwrap();
        assert_eq!(known.entries, BTreeMap::from([("t/0".to_owned(), json!(6))]));
        assert!(positions.of("other", "kafka", 1).unwrap().is_none());
        let text = serde_json::to_string(&positions).unwrap();
        assert_eq!(text, r#"{"clicks":{"kind":"kafka","version":1,"entries":{"t/0":6}}}"#);
        assert_eq!(serde_json::from_str::<Positions>(&text).unwrap(), positions);
    }

    #[test]
    fn a_newer_form_says_all_anew() {
        let mut positions = Positions::default();
        positions.advance(advance(1, json!({"t/0": 5})));
        positions.advance(advance(2, json!({"t.0": 6})));
        assert_eq!(positions.of("clicks", "kafka", 2).unwrap().unwrap().entries.len(), 1);
        assert_eq!(positions.of("clicks", "kafka", 1).unwrap_err().kind(), Kind::Data);
        assert_eq!(positions.of("clicks", "taildir", 2).unwrap_err().kind(), Kind::Config);
    }

    #[test]
    fn the_files_of_earlier_versions_are_understood() {
        let text = r#"[{"path":"/a","inode":2},{"path":"/b","device":7,"inode":2,"generation":1}]"#;
        let positions: Positions = serde_json::from_str(text).unwrap();
        let known = positions.of(ONLY_SOURCE, "taildir", 1).unwrap().unwrap();
        assert_eq!(known.entries.keys().collect::<Vec<_>>(), ["0:2:0", "7:2:1"]);
        assert_eq!(serde_json::from_str::<Positions>("[]").unwrap(), Positions::default());
    }
}
