//! What a merge would do, as `--dry-run` prints it.

use std::fmt;

use arrow_schema::SchemaRef;

use super::run::{Prepared, prepare};
use crate::error::Result;
use crate::load::Cluster;
use crate::transfer::args::MergeArgs;
use crate::transfer::input::{DataFile, Listed};

/// A merge that was looked at and not begun.
#[derive(Clone, Debug)]
pub struct MergePlan {
    key: Vec<String>,
    older: (String, Vec<DataFile>),
    newer: (String, Vec<DataFile>),
    target: String,
    in_place: bool,
    extension: String,
    schema: SchemaRef,
}

/// Looks at both data sets; changes nothing.
///
/// # Errors
/// As [`run`](super::run()) before it writes.
pub async fn plan(args: &MergeArgs, cluster: &Cluster) -> Result<MergePlan> {
    let Prepared { old, new, rewrite, in_place, .. } = prepare(args, cluster).await?;
    Ok(MergePlan {
        key: args.merge_key.clone(),
        older: (args.onto.clone(), old.files().to_vec()),
        newer: (args.new_data.clone(), new.files().to_vec()),
        target: args.target_dir.clone(),
        in_place,
        extension: rewrite.format.extension().unwrap_or("text").to_owned(),
        schema: rewrite.schema,
    })
}

impl fmt::Display for MergePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "merge       by {}: of all rows with one key the newest stays", self.key.join(", "))?;
        for (act, (directory, files)) in [("older", &self.older), ("newer", &self.newer)] {
            write!(f, "{}", Listed { act, of: &format!(" in {directory}"), files })?;
        }
        let (how, nothing) = match self.in_place {
            true => ("in the place of the older ones", self.newer.1.is_empty()),
            false => ("in the place of what is there", false),
        };
        if nothing {
            writeln!(f, "write       nothing: there is nothing newer")?;
        } else {
            writeln!(f, "write       {} files in {}, {how}", self.extension, self.target)?;
        }
        for field in self.schema.fields() {
            writeln!(f, "  {:<24} {}", field.name(), field.data_type())?;
        }
        Ok(())
    }
}
