//! Which rows an incremental import reads: those after the last value, up to a bound that the snapshot sets.
//!
//! ```text
//! append        last <  check column <= greatest value in the snapshot
//! lastmodified  last <= check column <  the server's time just before the snapshot
//! ```
//!
//! A row that is stamped with the very bound of one run is thus read by exactly one run. The bound becomes the last
//! value of the next run by the same commit that makes the rows visible. What no bound can see: a transaction that
//! takes its number or time before the snapshot and commits after it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::args::{IncrementalArgs, IncrementalMode};
use crate::error::{self, Result};
use crate::mysql::types::Column;
use crate::mysql::{quote, quote_text};

/// Key of the state in a load's checkpoint.
pub(super) const INCREMENTAL: &str = "incremental";

/// Where the last run got to; kept in the manifest beside the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Watermark {
    /// How new rows are told from old ones.
    pub mode: IncrementalMode,
    /// The column looked at.
    pub column: String,
    /// Its greatest value, or the time, that was read up to; `None` after a run that found no row at all.
    pub last_value: Option<String>,
}

impl Watermark {
    /// Reads it from a checkpoint, if there is one.
    ///
    /// # Errors
    /// Data: it is there and damaged.
    pub fn of_checkpoint(checkpoint: &Value) -> Result<Option<Self>> {
        match checkpoint.get(INCREMENTAL) {
            None | Some(Value::Null) => Ok(None),
            Some(state) => serde_json::from_value(state.clone()).map(Some).map_err(|e| {
                error::data("the incremental state in the manifest is damaged")
                    .hint("move the manifest away and give last-value")
                    .source(e)
            }),
        }
    }

    /// As it stands in a checkpoint.
    pub fn to_json(&self) -> Value {
        json!(self)
    }
}

/// How values of a check column are compared and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    Date,
    Time { digits: u64, zoned: bool },
}

/// A check column that was looked at.
#[derive(Clone, Debug)]
pub struct CheckColumn {
    mode: IncrementalMode,
    name: String,
    kind: Kind,
    nullable: bool,
    /// Whether rows that are read again take the place of their older selves.
    merges: bool,
}

impl CheckColumn {
    /// Checks the options against the column; `None` where the import is not incremental.
    ///
    /// # Errors
    /// Config: options that do not fit together, or a column that does not grow in an order we know.
    pub fn new(args: &IncrementalArgs, find: impl Fn(&str) -> Result<Column>) -> Result<Option<Self>> {
        let (mode, name) = match (args.mode, &args.check_column) {
            (Some(mode), Some(name)) => (mode, name),
            (None, None) if args.last_value.is_none() && args.merge_key.is_empty() => return Ok(None),
            (None, None) => {
                return Err(error::config("last-value or merge-key is given without incremental")
                    .hint("give incremental and check-column too"));
            }
            _ => {
                return Err(error::config("of incremental and check-column only one is given")
                    .hint("give both: the mode and the column that grows"));
            }
        };
        let column = find(name)?;
        let digits = column.fraction_digits.unwrap_or(0);
        let kind = match column.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float" | "double" | "year" => {
                Kind::Number
            }
            "date" => Kind::Date,
            "datetime" => Kind::Time { digits, zoned: false },
            "timestamp" => Kind::Time { digits, zoned: true },
            other => {
                let what = format!("check column {name} is of type {other}, whose order says nothing about age");
                return Err(error::config(what).hint("name a column of numbers, dates or times"));
            }
        };
        if mode == IncrementalMode::Lastmodified && kind == Kind::Number {
            let what = format!("check column {name} holds numbers and not times of last change");
            return Err(error::config(what).hint("use incremental append, or a date or time column"));
        }
        let merges = !args.merge_key.is_empty();
        Ok(Some(Self { mode, nullable: column.nullable, name: column.name, kind, merges }))
    }

    /// What finds the bound: the greatest value, to be selected in the snapshot, or the server's time, to be asked
    /// before the snapshot is opened.
    pub fn bound(&self) -> String {
        match (self.mode, self.kind) {
            (IncrementalMode::Append, _) => format!("CAST(MAX({}) AS CHAR)", quote(&self.name)),
            (IncrementalMode::Lastmodified, Kind::Time { digits, .. }) => format!("CAST(NOW({digits}) AS CHAR)"),
            (IncrementalMode::Lastmodified, _) => "CAST(CURRENT_DATE AS CHAR)".to_owned(),
        }
    }

    /// The condition that rows fulfil which no run ever reads, if there can be some.
    pub fn unknown(&self) -> Option<String> {
        self.nullable.then(|| format!("{} IS NULL", quote(&self.name)))
    }

    /// Name of the column.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the bound is the server's time and not the greatest value.
    pub fn bound_is_time(&self) -> bool {
        self.mode == IncrementalMode::Lastmodified
    }

    /// Whether the server's time has to be asked in the zone of the server's clock: the column holds wall-clock times.
    pub fn in_server_zone(&self) -> bool {
        !matches!(self.kind, Kind::Time { zoned: true, .. })
    }

    /// Where this run starts: the state beside the data, or what the user gave for the first run. An earlier start than
    /// the state's is taken where rows are merged, as reading rows again doubles none.
    ///
    /// # Errors
    /// Config: the state belongs to another column or mode, or the value is none of the column's.
    pub fn start(&self, state: Option<&Watermark>, given: Option<&str>) -> Result<Option<String>> {
        let is_other = |s: &&Watermark| s.mode != self.mode || !s.column.eq_ignore_ascii_case(&self.name);
        if let Some(other) = state.filter(is_other) {
            let what = format!("the target was filled incrementally by column {} until now", other.column);
            return Err(error::config(what).hint("keep to that column and mode, or choose another target"));
        }
        let given = given.map(|value| self.checked(value)).transpose()?;
        match (state.and_then(|state| state.last_value.clone()), given) {
            (Some(reached), Some(given)) if self.merges && given < reached => Ok(Some(given)),
            (Some(reached), Some(given)) if given != reached => {
                tracing::warn!(
                    "the target holds the rows up to {} {reached}, where this run goes on; last-value {given} is only for the first run",
                    self.name
                );
                Ok(Some(reached))
            }
            (reached, given) => Ok(reached.or(given)),
        }
    }

    /// The condition on rows after `last` up to `bound`; `None` where there can be none.
    pub fn condition(&self, last: Option<&str>, bound: Option<&str>) -> Option<String> {
        let (column, bound) = (quote(&self.name), bound?);
        let (above, below) = match self.mode {
            IncrementalMode::Append => (">", "<="),
            IncrementalMode::Lastmodified => (">=", "<"),
        };
        let below = format!("{column} {below} {}", self.literal(bound));
        Some(match last {
            Some(last) => format!("{column} {above} {} AND {below}", self.literal(last)),
            None => below,
        })
    }

    /// The state after a run up to `bound`.
    pub fn watermark(&self, last: Option<&str>, bound: Option<&str>) -> Watermark {
        let last_value = bound.or(last).map(str::to_owned);
        Watermark { mode: self.mode, column: self.name.clone(), last_value }
    }

    fn literal(&self, value: &str) -> String {
        match self.kind {
            Kind::Number => value.to_owned(),
            Kind::Date => format!("DATE{}", quote_text(value)),
            Kind::Time { .. } => format!("TIMESTAMP{}", quote_text(value)),
        }
    }

    /// A value as the user typed it goes into SQL text: numbers must be numbers, times times. A day is its midnight.
    fn checked(&self, value: &str) -> Result<String> {
        let mut value = value.trim().to_owned();
        let fits = match self.kind {
            Kind::Number => value.parse::<f64>().is_ok_and(f64::is_finite),
            Kind::Date => value.parse::<jiff::civil::Date>().is_ok(),
            Kind::Time { .. } => value.replacen(' ', "T", 1).parse::<jiff::civil::DateTime>().is_ok(),
        };
        if !fits {
            let what = format!("last-value {value:?} is no value of check column {}", self.name);
            return Err(error::config(what).hint("write it as the database shows it"));
        }
        if matches!(self.kind, Kind::Time { .. }) && !value.contains([' ', 'T']) {
            value.push_str(" 00:00:00");
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mode: IncrementalMode, column_type: &str) -> Result<CheckColumn> {
        let args = IncrementalArgs { mode: Some(mode), check_column: Some("c".into()), ..IncrementalArgs::default() };
        let find = |_: &str| {
            Ok(Column {
                name: "c".into(),
                data_type: column_type.into(),
                column_type: column_type.into(),
                nullable: true,
                precision: None,
                scale: None,
                fraction_digits: Some(6),
                comment: String::new(),
            })
        };
        Ok(CheckColumn::new(&args, find)?.unwrap())
    }

    #[test]
    fn a_row_on_the_bound_is_read_by_one_run() {
        let append = check(IncrementalMode::Append, "bigint").unwrap();
        assert_eq!(append.condition(None, Some("10")).unwrap(), "`c` <= 10");
        assert_eq!(append.condition(Some("10"), Some("20")).unwrap(), "`c` > 10 AND `c` <= 20");
        assert_eq!(append.condition(Some("10"), None), None);
        let modified = check(IncrementalMode::Lastmodified, "timestamp").unwrap();
        assert_eq!(
            modified.condition(Some("2024-01-01 00:00:00"), Some("2024-01-02 00:00:00")).unwrap(),
            "`c` >= TIMESTAMP'2024-01-01 00:00:00' AND `c` < TIMESTAMP'2024-01-02 00:00:00'"
        );
    }

    #[test]
    fn an_empty_table_keeps_the_last_value() {
        let append = check(IncrementalMode::Append, "int").unwrap();
        let state = append.watermark(Some("7"), None);
        assert_eq!(state.last_value.as_deref(), Some("7"));
        assert_eq!(Watermark::of_checkpoint(&json!({ INCREMENTAL: state.to_json() })).unwrap(), Some(state.clone()));
        assert_eq!(append.start(Some(&state), Some("3")).unwrap().as_deref(), Some("7"));
        assert_eq!(append.start(None, Some("3")).unwrap().as_deref(), Some("3"));
    }

    #[test]
    fn v83_text_columns_and_half_given_options_are_refused() {
        assert!(check(IncrementalMode::Append, "varchar").is_err());
        assert!(check(IncrementalMode::Lastmodified, "int").is_err());
        let half = IncrementalArgs { mode: Some(IncrementalMode::Append), ..IncrementalArgs::default() };
        assert!(CheckColumn::new(&half, |_| Err(error::bug("not asked"))).is_err());
    }

    #[test]
    fn a_last_value_is_no_way_into_the_sql() {
        let append = check(IncrementalMode::Append, "int").unwrap();
        assert!(append.start(None, Some("1 OR 1=1")).is_err());
        let modified = check(IncrementalMode::Lastmodified, "datetime").unwrap();
        assert!(modified.start(None, Some("yesterday")).is_err());
        assert!(modified.start(None, Some("2024-01-01 10:00:00.5")).is_ok());
    }

    #[test]
    fn a_day_is_its_midnight_and_merged_rows_may_be_read_again() {
        let mut modified = check(IncrementalMode::Lastmodified, "datetime").unwrap();
        assert_eq!(modified.start(None, Some("2024-01-01")).unwrap().as_deref(), Some("2024-01-01 00:00:00"));
        let state = modified.watermark(Some("2024-02-01 00:00:00"), None);
        let from = |check: &CheckColumn, given| check.start(Some(&state), Some(given)).unwrap().unwrap();
        assert_eq!(from(&modified, "2024-01-01"), "2024-02-01 00:00:00");
        modified.merges = true;
        assert_eq!(from(&modified, "2024-01-01"), "2024-01-01 00:00:00");
        assert_eq!(from(&modified, "2024-03-01"), "2024-02-01 00:00:00", "no row between is passed over");
    }

    #[test]
    fn another_column_does_not_go_on_from_this_state() {
        let append = check(IncrementalMode::Append, "int").unwrap();
        let other = Watermark { mode: IncrementalMode::Append, column: "d".into(), last_value: Some("1".into()) };
        assert!(append.start(Some(&other), None).is_err());
    }
}
