//! What a comparison would do, as `--dry-run` prints it.

use std::fmt;

use super::run::{select, splits};
use super::target;
use crate::error::Result;
use crate::load::Cluster;
use crate::mysql::MySqlClient;
use crate::mysql::checksum::Meaning;
use crate::mysql::snapshot::{Snapshot, SnapshotOptions};
use crate::mysql::split::Split;
use crate::mysql::table::Table;
use crate::transfer::args::VerifyArgs;
use crate::transfer::input::{DataFile, Dataset, Listed};

/// A comparison that was looked at and not begun.
#[derive(Clone, Debug)]
pub struct VerifyPlan {
    source: String,
    target: String,
    moment: String,
    /// The statement of each split, and the rows that the server expects.
    statements: Vec<String>,
    files: Vec<DataFile>,
    columns: Vec<(String, Meaning)>,
}

/// Looks at the table and the files; reads no rows.
///
/// # Errors
/// As [`run`](super::run()) before it reads.
pub async fn plan(args: &VerifyArgs, client: &MySqlClient, cluster: &Cluster) -> Result<VerifyPlan> {
    let target = target::find(args, cluster).await?;
    let (selection, comparison) = select(args, client, &target).await?;
    let mut conn = client.connect().await?;
    let splits = splits(&mut conn, &selection, args.num_mappers).await?;
    conn.close().await;
    let tables: Vec<Table> = selection.of_table().cloned().into_iter().collect();
    let options = SnapshotOptions { consistency: args.consistency, tables: &tables, ..SnapshotOptions::default() };
    let moment = Snapshot::preview(client, args.num_mappers.max(1) as usize, &options).await?;
    let statement =
        |split: &Split| format!("{} ({})", comparison.sql(split.condition.as_deref()), split.rows_in_words());
    Ok(VerifyPlan {
        source: selection.of_table().map_or_else(|| selection.name(), Table::full_name),
        moment,
        statements: splits.iter().map(statement).collect(),
        files: target.set.as_ref().map(|set| set.files().to_vec()).unwrap_or_default(),
        columns: comparison.columns().iter().map(|c| (c.name.clone(), c.meaning)).collect(),
        target: target.name,
    })
}

impl fmt::Display for VerifyPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "compare     {} with {}", self.source, self.target)?;
        writeln!(f, "snapshot    {}", self.moment)?;
        for statement in &self.statements {
            writeln!(f, "ask         {statement}")?;
        }
        write!(f, "{}", Listed { act: "read", of: "", files: &self.files })?;
        for (name, meaning) in &self.columns {
            writeln!(f, "  {name:<24} {meaning}")?;
        }
        Ok(())
    }
}
