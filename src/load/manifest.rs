//! The manifest: what the last committed load put where. Its rename into place is the commit point of a load, and
//! everything after it can be done from the manifest alone.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{LoadMode, Partition};
use crate::error::{self, Result};
use crate::metastore::TableSpec;

/// Version of the manifest's layout; a newer one is refused.
const VERSION: u32 = 1;

/// The version where partitions of the target may lie elsewhere than in their own directories, which a program that does
/// not know of it would fill again.
const WITH_PLACES: u32 = 2;

/// A file that was written, closed and not yet published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StagedPart {
    /// File name without directories.
    pub file: String,
    /// Partition whose directory it goes to.
    #[serde(default, skip_serializing_if = "Partition::is_none")]
    pub partition: Partition,
    /// Directory it goes to instead, for a side part such as a file of rejected events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Directory below the target that holds the files of its partition, where that is not the partition's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Rows or records in it.
    pub rows: u64,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sha256: String,
}

/// What a committed load consists of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    version: u32,
    /// Names the load in file names and table parameters.
    pub load_id: String,
    /// The run that made it.
    pub run_id: String,
    /// Whether it replaced the target or added to it.
    pub mode: LoadMode,
    /// Directory of the data.
    pub target: String,
    /// What was asked for, as the caller summarised it.
    pub fingerprint: String,
    /// Whether an empty `_SUCCESS` lies beside the files.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub success_marker: bool,
    /// Whether what it took out of the target goes to the trash, where there is one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_replaced: bool,
    /// Where the source was read up to; what a following load goes on from.
    pub checkpoint: Value,
    /// The table it is registered as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableSpec>,
    /// The one partition of the table that the target is.
    #[serde(default, skip_serializing_if = "Partition::is_none")]
    pub static_partition: Partition,
    /// Names of the fields of its files, where they are text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Name and type of each column of its rows, without partition columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
    /// Its files.
    pub parts: Vec<StagedPart>,
    /// Files that earlier loads added, where the plan asks for an account of them; without their checksums.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<StagedPart>,
}

impl Manifest {
    pub(super) fn new(load_id: String, mode: LoadMode, target: String, run_id: String, fingerprint: String) -> Self {
        Self {
            version: VERSION,
            load_id,
            run_id,
            mode,
            target,
            fingerprint,
            success_marker: false,
            keeps_replaced: false,
            checkpoint: Value::Null,
            table: None,
            static_partition: Partition::none(),
            columns: Vec::new(),
            fields: Vec::new(),
            parts: Vec::new(),
            earlier: Vec::new(),
        }
    }

    /// Says that partitions of the target may lie elsewhere; whether that is new.
    pub(super) fn note_places(&mut self) -> bool {
        std::mem::replace(&mut self.version, WITH_PLACES) != WITH_PLACES
    }

    /// Rows of the files in the target; side parts are not counted.
    pub fn rows(&self) -> u64 {
        self.data_parts().map(|p| p.rows).sum()
    }

    /// Bytes of the files in the target; side parts are not counted.
    pub fn bytes(&self) -> u64 {
        self.data_parts().map(|p| p.bytes).sum()
    }

    /// The files in the target.
    pub fn data_parts(&self) -> impl Iterator<Item = &StagedPart> {
        self.parts.iter().filter(|p| p.directory.is_none())
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// Data: not a manifest. Config: made by a newer program.
    pub(super) fn from_json(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let damaged = |e: serde_json::Error| {
            error::data("the manifest is damaged")
                .source(e)
                .hint("move the target directory and its state directory away, then load again")
        };
        let Version { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if version > WITH_PLACES {
            return Err(error::config(format!("the manifest has version {version}, this program knows {WITH_PLACES}"))
                .hint("use the newer program that wrote it"));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }

    /// Writes a manifest; the same manifest always gives the same bytes.
    pub(super) fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self).map_err(|e| error::bug("cannot write the manifest as JSON").source(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn json_leads_back() {
        let mut manifest = Manifest::new("l1".into(), LoadMode::Append, "/lake/clicks".into(), "r1".into(), "f".into());
        manifest.checkpoint = serde_json::json!({"position": 7});
        manifest.parts.push(StagedPart {
            file: "part-l1-0.parquet".into(),
            partition: Partition::new([("dt", "2024-01-01")]),
            directory: None,
            place: None,
            rows: 3,
            bytes: 9,
            sha256: "00".into(),
        });
        let json = manifest.to_json().unwrap();
        assert_eq!(Manifest::from_json(&json).unwrap(), manifest);
        assert_eq!((manifest.rows(), manifest.bytes()), (3, 9));
    }

    #[test]
    fn newer_and_damaged_ones_are_refused() {
        assert_eq!(Manifest::from_json(br#"{"version": 3}"#).unwrap_err().kind(), Kind::Config);
        for damaged in [&b""[..], b"{", br#"{"version": 1}"#] {
            assert_eq!(Manifest::from_json(damaged).unwrap_err().kind(), Kind::Data);
        }
    }
}
