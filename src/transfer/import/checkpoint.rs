//! What an import leaves beside the data for the next one: the point in the server's history that it read at, how far an
//! incremental import got, and where the rows were cut. The load keeps it without looking into it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::incremental::Watermark;
use crate::error::{self, Result};
use crate::mysql::snapshot::Position;
use crate::mysql::split::KeptCuts;

/// The layout of the checkpoint; a newer one is refused. One without a version is of the first.
const VERSION: u32 = 1;

/// What an import leaves for the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    #[serde(default)]
    version: u32,
    /// Where the rows were read, if the server says it.
    #[serde(default)]
    pub position: Option<Position>,
    /// How far an incremental import got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incremental: Option<Watermark>,
    /// The cuts that the next import of the same rows takes again; cuts that are not understood are made anew.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "if_understood")]
    pub cuts: Option<KeptCuts>,
}

fn if_understood<'de, D: Deserializer<'de>>(from: D) -> Result<Option<KeptCuts>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).ok())
}

impl Checkpoint {
    pub(super) fn new(position: Option<Position>, incremental: Option<Watermark>, cuts: Option<KeptCuts>) -> Self {
        Self { version: VERSION, position, incremental, cuts }
    }

    /// Reads the checkpoint that a load kept.
    ///
    /// # Errors
    /// Config: a newer program wrote it. Data: it is damaged.
    pub(super) fn from_json(json: &Value) -> Result<Self> {
        let version = json.get("version").and_then(Value::as_u64).unwrap_or_default();
        if version > VERSION.into() {
            let what = format!("the import's checkpoint has version {version}, this program knows {VERSION}");
            return Err(error::config(what).hint("use the newer program that wrote it"));
        }
        if json.is_null() {
            return Ok(Self::new(None, None, None));
        }
        Self::deserialize(json).map_err(|e| {
            error::data("the import's checkpoint is damaged")
                .hint("move the target's manifest.json below .sakia away; an incremental import then needs last-value")
                .source(e)
        })
    }

    /// As the load keeps it.
    ///
    /// # Errors
    /// Bug: it cannot be written.
    pub(super) fn to_json(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|e| error::bug("cannot write a checkpoint as JSON").source(e))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::Kind;
    use crate::transfer::args::IncrementalMode;

    #[test]
    fn it_leads_back_and_older_ones_are_read() {
        let position = Position { file: Some("bin.1".into()), position: Some(4), gtid: None };
        let watermark = Watermark { mode: IncrementalMode::Append, column: "id".into(), last_value: Some("7".into()) };
        let checkpoint = Checkpoint::new(Some(position), Some(watermark), None);
        let json = checkpoint.to_json().unwrap();
        let incremental = json!({"mode": "append", "column": "id", "last-value": "7"});
        let older = json!({"position": {"file": "bin.1", "position": 4}, "incremental": incremental});
        assert_eq!(json, json!({"version": 1, "position": older["position"], "incremental": incremental}));
        assert_eq!(Checkpoint::from_json(&json).unwrap(), checkpoint);
        assert_eq!(Checkpoint::from_json(&older).unwrap(), Checkpoint { version: 0, ..checkpoint });
        assert_eq!(Checkpoint::from_json(&Value::Null).unwrap(), Checkpoint::new(None, None, None));
    }

    #[test]
    fn newer_and_damaged_ones_are_refused() {
        let kind = |json: Value| Checkpoint::from_json(&json).unwrap_err().kind();
        assert_eq!(kind(json!({"version": 2})), Kind::Config);
        assert_eq!(kind(json!({"incremental": {"mode": "sideways"}})), Kind::Data);
        assert_eq!(Checkpoint::from_json(&json!({"cuts": "of another time"})).unwrap().cuts, None);
    }
}
