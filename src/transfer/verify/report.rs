//! What a comparison found: a table for people, JSON for programs.

use std::fmt;

use comfy_table::{Table, presets};
use serde::Serialize;

use super::checksums::{Checksums, Summed};
use super::meaning::in_words;
use super::sums::Shown;
use crate::error::{self, Result};
use crate::mysql::checksum::Meaning;

/// Source and target side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// What was read of the server.
    pub source: String,
    /// What it was compared with.
    pub target: String,
    /// Whether everything is equal.
    pub equal: bool,
    /// Rows of the source.
    pub source_rows: u64,
    /// Rows of the target.
    pub target_rows: u64,
    /// Sum of the checksums of the source's rows as wholes, hexadecimal.
    pub source_row_checksum: String,
    /// The same of the target.
    pub target_row_checksum: String,
    /// The columns.
    pub columns: Vec<ColumnReport>,
    /// What the numbers cannot say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why equal rows may show as different, with the remedy.
    #[serde(skip)]
    pub doubt: Option<&'static str>,
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
    /// Values of the target that the source's column cannot hold.
    pub unreadable: u64,
}

/// Columns that an error names.
const NAMED: usize = 8;

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
            compared: in_words(column.meaning),
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
        equal: source.1.rows == target.1.rows
            && source.1.row_checksum == target.1.row_checksum
            && columns.iter().all(|c| c.equal),
        source_rows: source.1.rows,
        target_rows: target.1.rows,
        source_row_checksum: format!("{:x}", source.1.row_checksum),
        target_row_checksum: format!("{:x}", target.1.row_checksum),
        columns,
        notes,
        doubt: None,
    }
}

impl Report {
    /// The report as one JSON object; a stable interface.
    ///
    /// # Errors
    /// Bug: it cannot be written as JSON.
    pub fn to_json(&self) -> Result<serde_json::Value> {
        serde_json::to_value(self).map_err(|e| error::bug("cannot write the comparison as JSON").source(e))
    }

    /// An error where something differs, for the exit code.
    ///
    /// # Errors
    /// Data: names the columns that differ.
    pub fn verdict(&self) -> Result<()> {
        if self.equal {
            return Ok(());
        }
        let what = format!("{} and {} differ", self.source, self.target);
        let columns: Vec<&str> = self.columns.iter().filter(|c| !c.equal).map(|c| c.column.as_str()).collect();
        let what = if self.source_rows != self.target_rows {
            format!("{what}: {} rows and {}", self.source_rows, self.target_rows)
        } else if columns.is_empty() {
            format!("{what}: each column holds the same values, but in other rows")
        } else if columns.len() > NAMED {
            format!("{what} in {} and {} more columns", columns[..NAMED].join(", "), columns.len() - NAMED)
        } else {
            format!("{what} in {}", columns.join(", "))
        };
        let remedy = self.doubt.unwrap_or("import again, or look whether somebody wrote to one of them in between");
        Err(error::data(what).hint(remedy))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let equal = |equal: bool| if equal { "equal" } else { "DIFFERENT" };
        let mut table = Table::new();
        table.load_style(presets::ASCII_BORDERS_ONLY_CONDENSED).set_header(["", "compared", "", "source", "target"]);
        let (source, target) = (self.source_rows.to_string(), self.target_rows.to_string());
        table.add_row(["rows", "count", equal(source == target), source.as_str(), target.as_str()]);
        let (source, target) = (&self.source_row_checksum, &self.target_row_checksum);
        table.add_row(["rows", "each as a whole", equal(source == target), source.as_str(), target.as_str()]);
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
