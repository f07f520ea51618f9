//! What a comparison found: a table for people, JSON for programs.

use std::fmt;

use comfy_table::{Table, presets};
use serde::Serialize;

use super::checksums::{Checksums, Summed};
use super::meaning::Meaning;
use super::sums::Shown;
use crate::error::{self, Result};

/// Source and target side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// What was read of the server.
    pub source: String,
    /// What it was compared with.
    pub target: String,
    /// Whether all is equal.
    pub equal: bool,
    /// Rows of the source.
    pub source_rows: u64,
    /// Rows of the target.
    pub target_rows: u64,
    /// The columns.
    pub columns: Vec<ColumnReport>,
    /// What the numbers cannot say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One column on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ColumnReport {
    /// Name in the source.
    pub column: String,
    /// What its values are compared as.
    pub compared: &'static str,
    /// Whether both sides are equal.
    pub equal: bool,
    /// The source's sums.
    pub source: Shown,
    /// The target's sums.
    pub target: Shown,
    /// Values of the target that are none of what the source's column holds.
    pub unreadable: u64,
}

/// Puts source and target side by side.
pub fn compare(
    source: (&str, &Checksums),
    target: (&str, &Checksums),
    columns: &[Summed],
    notes: Vec<String>,
) -> Report {
    let of = |number: usize, column: &Summed| {
        let scale = match column.meaning {
            Meaning::Integer | Meaning::Truth => Some(0),
            Meaning::Decimal { scale, summed: true } => Some(scale),
            _ => None,
        };
        let unreadable = target.1.unreadable.get(number).copied().unwrap_or(0);
        let shown = |of: &Checksums| of.columns.get(number).cloned().unwrap_or_default().shown(scale);
        let (ours, theirs) = (shown(source.1), shown(target.1));
        ColumnReport {
            column: column.name.clone(),
            compared: column.meaning.how(),
            equal: ours == theirs && unreadable == 0,
            source: ours,
            target: theirs,
            unreadable,
        }
    };
    let columns: Vec<ColumnReport> = columns.iter().enumerate().map(|(number, column)| of(number, column)).collect();
    Report {
        source: source.0.to_owned(),
        target: target.0.to_owned(),
        equal: source.1.rows == target.1.rows && columns.iter().all(|c| c.equal),
        source_rows: source.1.rows,
        target_rows: target.1.rows,
        columns,
        notes,
    }
}

impl Report {
    /// The report as one JSON object; a stable interface.
    pub fn to_json(&self) -> String {
        // A struct of strings and numbers always serialises.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// An error where something differs, for the exit code.
    ///
    /// # Errors
    /// Data: names the columns that differ.
    pub fn verdict(&self) -> Result<()> {
        if self.equal {
            return Ok(());
        }
        let mut what = format!("{} and {} differ", self.source, self.target);
        if self.source_rows != self.target_rows {
            what = format!("{what}: {} rows and {}", self.source_rows, self.target_rows);
        } else {
            let names: Vec<&str> = self.columns.iter().filter(|c| !c.equal).map(|c| c.column.as_str()).collect();
            what = format!("{what} in {}", names.join(", "));
        }
        Err(error::data(what).hint("import again, or look whether somebody wrote to one of them in between"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let equal = |equal: bool| if equal { "equal" } else { "DIFFERENT" };
        let mut table = Table::new();
        table.load_style(presets::ASCII_BORDERS_ONLY_CONDENSED).set_header(["", "compared", "", "source", "target"]);
        let rows_equal = self.source_rows == self.target_rows;
        let (source_rows, target_rows) = (self.source_rows.to_string(), self.target_rows.to_string());
        table.add_row(["rows", "count", equal(rows_equal), source_rows.as_str(), target_rows.as_str()]);
        for column in &self.columns {
            let side = |shown: &Shown| {
                let mut text = format!("{} values", shown.values);
                if let Some(sum) = &shown.sum {
                    text = format!("{text}, sum {sum}");
                }
                // Equal checksums are long and say nothing more.
                if column.equal { text } else { format!("{text}, checksum {}", shown.checksum) }
            };
            let mut target = side(&column.target);
            if column.unreadable > 0 {
                target = format!("{target}, {} not readable", column.unreadable);
            }
            table.add_row([
                column.column.as_str(),
                column.compared,
                equal(column.equal),
                side(&column.source).as_str(),
                target.as_str(),
            ]);
        }
        writeln!(f, "source  {}\ntarget  {}\n{table}", self.source, self.target)?;
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        write!(f, "{}", if self.equal { "equal" } else { "different" })
    }
}
