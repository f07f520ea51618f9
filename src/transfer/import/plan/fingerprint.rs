//! What was asked for, summed up: with the same fingerprint and the same rows, an import makes the same files.

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::{self, Result};
use crate::format::FileFormat;
use crate::load::TablePlan;
use crate::mysql::read::Selection;
use crate::transfer::args::ImportArgs;

/// The fingerprint of an import of what the server at `address` described.
pub(super) fn of(
    args: &ImportArgs,
    selection: &Selection,
    address: &str,
    format: &FileFormat,
    table: Option<&TablePlan>,
) -> Result<String> {
    let columns: Vec<_> =
        selection.columns.iter().map(|c| json!([c.name, c.column_type, c.nullable, c.comment])).collect();
    let mut asked = json!({
        "server": address,
        "source": super::name(selection),
        "created": selection.of_table().and_then(|t| t.created_at.as_ref()),
        "columns": columns,
        "args": args,
        "format": format,
        "hive": table.map(|t| json!([t.database, t.table, t.comment, t.partition_columns])),
    });
    // Where the rows are read in our own session, which is always the same, old fingerprints hold.
    if let Some(user) = selection.session().of_user() {
        asked["session"] = json!(user);
    }
    let text = serde_json::to_vec(&asked).map_err(|e| error::bug("cannot write a plan as JSON").source(e))?;
    Ok(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect())
}
