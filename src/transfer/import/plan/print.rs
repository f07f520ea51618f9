//! The plan for people: what `--dry-run` prints around the splits.

use std::fmt;

use super::{ImportPlan, TargetPlan};
use crate::load::LoadMode;

impl ImportPlan {
    /// How the rows are read; `snapshot` says how all splits see the same moment.
    pub(in crate::transfer::import) fn print_reading(&self, f: &mut fmt::Formatter<'_>, snapshot: &str) -> fmt::Result {
        let key = self.key.as_ref().map_or_else(|| "nothing".to_owned(), |k| k.name());
        writeln!(f, "read        {} over {} connections, split by {key}", self.name, self.connections)?;
        writeln!(f, "snapshot    {}: {snapshot}", clap_name(self.consistency))
    }

    /// Which rows, where they go, and what becomes of their columns.
    pub(in crate::transfer::import) fn print_writing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(incremental) = &self.incremental {
            writeln!(f, "only        rows that are new or changed by their {}", incremental.column.name())?;
        }
        match &self.target {
            TargetPlan::Cells(cells) => {
                writeln!(f, "write       cells of hbase table {}, family {}", cells.table, cells.family)?
            }
            TargetPlan::Files(files) => {
                let how = match files.load.mode {
                    LoadMode::Replace => "in the place of what is there",
                    LoadMode::Append => "beside what is there",
                };
                writeln!(
                    f,
                    "write       {} files in {}, {how}",
                    files.load.extension.as_deref().unwrap_or("text"),
                    files.load.target
                )?;
                if let Some(table) = &files.load.table {
                    let partitions: Vec<&str> = table.partition_columns.iter().map(|c| c.name.as_str()).collect();
                    let by =
                        if partitions.is_empty() { String::new() } else { format!(" by {}", partitions.join(", ")) };
                    writeln!(
                        f,
                        "register    external table {}.{}{by}: make or extend it, add its partitions",
                        table.database, table.table
                    )?;
                }
            }
        }
        for field in self.selection.schema.fields() {
            let source = field.metadata().get("mysql.type").map_or("", String::as_str);
            writeln!(f, "  {:<24} {source} -> {}", field.name(), field.data_type())?;
        }
        Ok(())
    }
}

fn clap_name(value: impl clap::ValueEnum) -> String {
    value.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
}
