//! When the rows were read, and how sure that is.

use serde_json::{Value, json};

use crate::mysql::snapshot::{Position, Snapshot};
use crate::mysql::split::KeptCuts;
use crate::transfer::incremental::{INCREMENTAL, Watermark};

/// Key of the snapshot's position in a load's checkpoint.
pub(super) const POSITION: &str = "position";

/// Key of the cuts that are kept.
pub(super) const CUTS: &str = "cuts";

/// The one moment of an import.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// Where in the binlog it lies, where the server says it.
    pub position: Option<Position>,
    /// How it was come by, in words.
    pub detail: String,
}

impl Moment {
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut detail = match &snapshot.position {
            Some(position) => format!("snapshot {position}"),
            None => "snapshot without a position".to_owned(),
        };
        for note in &snapshot.notes {
            detail = format!("{detail}, {note}");
        }
        Self { position: snapshot.position.clone(), detail }
    }

    /// What the next import goes on from.
    pub fn checkpoint(&self, watermark: Option<&Watermark>, cuts: Option<&KeptCuts>) -> Value {
        let mut checkpoint = json!({ POSITION: self.position });
        if let Some(watermark) = watermark {
            checkpoint[INCREMENTAL] = watermark.to_json();
        }
        if let Some(cuts) = cuts {
            checkpoint[CUTS] = json!(cuts);
        }
        checkpoint
    }
}
