//! What was asked for, summed up: with the same fingerprint and the same rows, an import makes the same files.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::ImportPlan;
use crate::error::{self, Result};
use crate::transfer::args::ImportArgs;

pub(super) fn of(plan: &ImportPlan, args: &ImportArgs, address: &str) -> Result<String> {
    let columns: Vec<_> =
        plan.selection.columns.iter().map(|c| json!([c.name, c.column_type, c.nullable, c.comment])).collect();
    let table = plan.files().and_then(|files| files.load.table.as_ref());
    let asked = json!({
        "server": address,
        "source": plan.name,
        "created": plan.table().and_then(|t| t.created_at.as_ref()),
        "columns": columns,
        "args": args,
        "format": plan.files().map(|files| &files.format),
        "hive": table.map(|t| json!([t.database, t.table, t.comment, t.partition_columns])),
    });
    let text = serde_json::to_vec(&asked).map_err(|e| error::bug("cannot write a plan as JSON").source(e))?;
    Ok(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect())
}
