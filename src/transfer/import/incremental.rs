//! Which rows an incremental import reads: those after the last value, up to a bound that the snapshot sets.
//!
//! ```text
//! append        last <  check column <= greatest value in the snapshot
//! lastmodified  last <= check column <  the server's time just before the snapshot
//! ```
//!
//! A row that is stamped with the very bound of one run is thus read by exactly one run. The bound becomes the last
//! value of the next run by the same commit that makes the rows visible. Bounds over a TIMESTAMP are kept in UTC, those
//! over a DATE or DATETIME as the clock of the user's session shows them. What no bound can see: a transaction that
//! takes its number or time before the snapshot and commits after it.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::error::{self, Result};
use crate::mysql::Connection;
use crate::mysql::check_column::{CheckColumn, Side};
use crate::mysql::session::Session;
use crate::mysql::types::Column;
use crate::transfer::args::{Existing, ImportArgs, IncrementalMode, MissingFiles, StartFrom};

/// Where the last run got to; kept in the manifest beside the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Watermark {
    /// How new rows are told from old ones.
    pub mode: IncrementalMode,
    /// The column looked at.
    pub column: String,
    /// Its greatest value, or the time, that was read up to; `None` after a run that found no row at all.
    pub last_value: Option<String>,
}

/// A decided incremental import.
#[derive(Clone, Debug)]
pub struct Incremental {
    mode: IncrementalMode,
    /// The column by which new rows are told from old ones.
    pub(super) column: CheckColumn,
    /// Where a run starts that has no state, or whose last value counts more.
    last_value: Option<String>,
    start_from: StartFrom,
    /// What happens where files of earlier runs are gone.
    pub(super) missing_files: MissingFiles,
    /// Whether all rows are read anew, in the place of what is there.
    pub(super) restarts: bool,
    /// Columns by which a changed row takes the place of its old version.
    pub(super) merge_key: Vec<String>,
}

impl Incremental {
    /// Checks the options against the column; `None` where the import is not incremental.
    ///
    /// # Errors
    /// Config: options that do not fit together, or a column that does not grow in an order we know.
    pub(super) fn new(
        args: &ImportArgs,
        session: &Session,
        find: impl Fn(&str) -> Result<Column>,
    ) -> Result<Option<Self>> {
        let restarts = args.existing == Existing::Delete;
        let args = &args.incremental;
        let (mode, name) = match (args.mode, &args.check_column) {
            (Some(mode), Some(name)) => (mode, name),
            (None, None) if args.last_value.is_none() && args.merge_key.is_empty() => return Ok(None),
            (None, None) => {
                return Err(error::config("last-value or merge-key is given without incremental")
                    .hint("give incremental and check-column too"));
            }
            _ => {
                return Err(error::config("only one of incremental and check-column is given")
                    .hint("give both: the mode and the column that grows"));
            }
        };
        let column = CheckColumn::new(&find(name)?, session)?;
        if mode == IncrementalMode::Lastmodified && !column.holds_times() {
            let what = format!("check column {} holds numbers and not times of last change", column.name());
            return Err(error::config(what).hint("use incremental append, or a date or time column"));
        }
        let last_value = args.last_value.as_deref().map(|value| column.checked(value)).transpose()?;
        Ok(Some(Self {
            mode,
            column,
            last_value,
            start_from: args.start_from,
            missing_files: args.missing_files,
            restarts,
            merge_key: args.merge_key.clone(),
        }))
    }

    /// Reads the last value that was typed in the session that it was typed for.
    ///
    /// # Errors
    /// Those of [`CheckColumn::typed`].
    pub(super) async fn read_last_value(&mut self, conn: &mut Connection, typed: Option<&str>) -> Result<()> {
        self.last_value = self.column.typed(conn, typed).await?;
        Ok(())
    }

    /// Whether rows that are read again take the place of their older selves.
    pub(super) fn merges(&self) -> bool {
        !self.merge_key.is_empty() && !self.restarts
    }

    /// Whether the bound is the server's time and not the greatest value.
    pub(super) fn bound_is_time(&self) -> bool {
        self.mode == IncrementalMode::Lastmodified
    }

    /// What there is to say where the clock that times of change are told by shows an earlier time than the last run saw,
    /// as in the hour that comes twice in autumn: what is read again then doubles nothing where rows are merged.
    ///
    /// # Errors
    /// Busy: rows are added, and would be added again.
    pub(super) fn clock_went_back(&self, last: &str, now: &str) -> Result<Option<String>> {
        if !self.bound_is_time() || self.column.compare(now, last) != Some(Ordering::Less) {
            return Ok(None);
        }
        let what = format!("the session's clock shows {now}, and the last run read up to {last}");
        if self.merges() || self.restarts {
            return Ok(Some(format!("{what}: rows changed since {now} are read again")));
        }
        Err(error::busy(what).hint(format!(
            "run again after {last}; give merge-key if rows may be read twice, or use a TIMESTAMP column, which knows \
             no summer time"
        )))
    }

    /// Whether a value was given to start after.
    pub(super) fn has_last_value(&self) -> bool {
        self.last_value.is_some()
    }

    /// Whether the value that was given counts more than the recorded one.
    pub(super) fn starts_from_last_value(&self) -> bool {
        self.start_from == StartFrom::LastValue
    }

    /// Where this run starts: the state beside the data, or what the user gave for the first run or says to count more.
    /// An earlier start than the state's is taken where rows are merged, as reading rows again doubles none.
    ///
    /// # Errors
    /// Config: the state belongs to another column or mode.
    pub(super) fn start(&self, state: Option<&Watermark>) -> Result<Option<String>> {
        let name = self.column.name();
        if let Some(other) = state.filter(|s| s.mode != self.mode || !s.column.eq_ignore_ascii_case(name)) {
            let what = format!("the target was filled incrementally by column {} until now", other.column);
            return Err(error::config(what).hint("keep to that column and mode, or choose another target"));
        }
        let Some(reached) = state.and_then(|state| state.last_value.clone()) else {
            return Ok(self.last_value.clone());
        };
        let Some(given) = &self.last_value else { return Ok(Some(reached)) };
        let order = self.column.compare(given, &reached);
        if order == Some(Ordering::Equal) {
            return Ok(Some(reached));
        }
        if order == Some(Ordering::Less) && self.merges() {
            return Ok(Some(given.clone()));
        }
        if !self.starts_from_last_value() {
            tracing::warn!(
                "the target holds the rows up to {name} {reached}, where this run goes on; last-value {given} is for the first run, unless start-from last-value is given"
            );
            return Ok(Some(reached));
        }
        let effect = match order {
            Some(Ordering::Greater) => "the rows in between are passed over",
            _ => "the rows in between are read again, and the target will hold them twice",
        };
        tracing::warn!(
            "the target holds the rows up to {name} {reached}, and this run starts after last-value {given}: {effect}; start-from recorded goes on after {reached} (-D sakia.step.incremental.start-from=recorded)"
        );
        Ok(Some(given.clone()))
    }

    /// The condition on rows after `last` up to `bound`; `None` where none is needed.
    pub(super) fn condition(&self, last: Option<&str>, bound: Option<&str>) -> Option<String> {
        let bound = bound.filter(|bound| last != Some(bound))?;
        let (above, below) = match self.mode {
            IncrementalMode::Append => (Side::Above, Side::UpTo),
            IncrementalMode::Lastmodified => (Side::AtLeast, Side::Below),
        };
        let below = self.column.condition(below, bound);
        Some(match last {
            Some(last) => format!("{} AND {below}", self.column.condition(above, last)),
            None => below,
        })
    }

    /// Says that the greatest value is below the one that the last run read up to, where rows are added: a server that is
    /// behind, or a table that began again.
    pub(super) fn fell_back(&self, last: &str, bound: &str) -> Option<String> {
        let behind = !self.bound_is_time() && self.column.compare(bound, last) == Some(Ordering::Less);
        behind.then(|| {
            let column = self.column.name();
            format!(
                "the greatest {column} is {bound}, and the last run read up to {last}: nothing is read until it is greater; \
                 a table that began again needs a last-value of its own"
            )
        })
    }

    /// The state after a run up to `bound`. It never goes back: rows that a server which was behind gets later would be
    /// added twice.
    pub(super) fn watermark(&self, last: Option<&str>, bound: Option<&str>) -> Watermark {
        let behind = last.zip(bound).is_some_and(|(last, bound)| self.fell_back(last, bound).is_some());
        let last_value = bound.filter(|_| !behind).or(last).map(str::to_owned);
        Watermark { mode: self.mode, column: self.column.name().to_owned(), last_value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::check_column::tests::column;
    use crate::transfer::args::IncrementalArgs;

    fn incremental(mode: IncrementalMode, column_type: &str, last_value: Option<&str>) -> Result<Incremental> {
        let incremental = IncrementalArgs {
            mode: Some(mode),
            check_column: Some("c".into()),
            last_value: last_value.map(str::to_owned),
            ..IncrementalArgs::default()
        };
        let args = ImportArgs { incremental, ..ImportArgs::default() };
        Ok(Incremental::new(&args, &Session::Ours, |_| Ok(column(column_type)))?.unwrap())
    }

    #[test]
    fn a_row_on_the_bound_is_read_by_one_run() {
        let append = incremental(IncrementalMode::Append, "bigint", None).unwrap();
        assert_eq!(append.condition(None, Some("10")).unwrap(), "`c` <= 10");
        assert_eq!(append.condition(Some("10"), Some("20")).unwrap(), "`c` > 10 AND `c` <= 20");
        assert_eq!(append.condition(Some("10"), None), None);
        assert_eq!(append.condition(Some("10"), Some("10")), None);
        let modified = incremental(IncrementalMode::Lastmodified, "timestamp", None).unwrap();
        assert_eq!(
            modified.condition(Some("2024-01-01 00:00:00"), Some("2024-01-02 00:00:00")).unwrap(),
            "`c` >= TIMESTAMP'2024-01-01 00:00:00' AND `c` < TIMESTAMP'2024-01-02 00:00:00'"
        );
    }

    #[test]
    fn a_clock_that_was_put_back_is_said_and_adds_no_row_twice() {
        let (last, now) = ("2024-10-27 02:50:00", "2024-10-27 02:10:00");
        let mut modified = incremental(IncrementalMode::Lastmodified, "datetime", None).unwrap();
        assert_eq!(modified.clock_went_back(last, last).unwrap(), None);
        assert_eq!(modified.clock_went_back(now, last).unwrap(), None);
        let error = modified.clock_went_back(last, now).unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), (crate::error::Kind::Busy, 75));
        modified.merge_key = vec!["id".into()];
        assert!(modified.clock_went_back(last, now).unwrap().unwrap().ends_with("02:10:00 are read again"));
    }

    #[test]
    fn a_server_that_is_behind_does_not_put_the_state_back() {
        let append = incremental(IncrementalMode::Append, "int", None).unwrap();
        assert_eq!(append.watermark(Some("100"), Some("99")).last_value.as_deref(), Some("100"));
        assert!(append.fell_back("100", "99").unwrap().contains("read up to 100"));
        assert_eq!(append.watermark(Some("100"), Some("101")).last_value.as_deref(), Some("101"));
        assert_eq!(append.fell_back("9", "10"), None, "as numbers, not as texts");
    }

    #[test]
    fn an_empty_table_keeps_the_last_value() {
        let append = incremental(IncrementalMode::Append, "int", Some("3")).unwrap();
        let state = append.watermark(Some("7"), None);
        assert_eq!(state.last_value.as_deref(), Some("7"));
        assert_eq!(append.start(Some(&state)).unwrap().as_deref(), Some("7"));
        assert_eq!(append.start(None).unwrap().as_deref(), Some("3"));
    }

    #[test]
    fn v83_half_given_options_are_refused() {
        assert!(incremental(IncrementalMode::Lastmodified, "int", None).is_err());
        let half = IncrementalArgs { mode: Some(IncrementalMode::Append), ..IncrementalArgs::default() };
        let half = ImportArgs { incremental: half, ..ImportArgs::default() };
        assert!(Incremental::new(&half, &Session::Ours, |_| Err(error::bug("not asked"))).is_err());
    }

    #[test]
    fn a_day_is_its_midnight_and_merged_rows_may_be_read_again() {
        let mode = IncrementalMode::Lastmodified;
        let mut modified = incremental(mode, "datetime", Some("2024-01-01")).unwrap();
        assert_eq!(modified.start(None).unwrap().as_deref(), Some("2024-01-01 00:00:00"));
        let state = modified.watermark(Some("2024-02-01 00:00:00"), None);
        assert_eq!(modified.start(Some(&state)).unwrap().unwrap(), "2024-02-01 00:00:00");
        modified.merge_key = vec!["id".into()];
        assert_eq!(modified.start(Some(&state)).unwrap().unwrap(), "2024-01-01 00:00:00");
        modified.last_value = Some("2024-03-01 00:00:00".into());
        let from = modified.start(Some(&state)).unwrap().unwrap();
        assert_eq!(from, "2024-02-01 00:00:00", "no row between is passed over");
    }

    #[test]
    fn a_last_value_that_is_to_count_more_does() {
        let mut append = incremental(IncrementalMode::Append, "int", Some("3")).unwrap();
        append.start_from = StartFrom::LastValue;
        let state = append.watermark(None, Some("9"));
        assert_eq!(append.start(Some(&state)).unwrap().as_deref(), Some("3"));
        append.last_value = Some("11".into());
        assert_eq!(append.start(Some(&state)).unwrap().as_deref(), Some("11"), "compared as a number");
        append.start_from = StartFrom::Recorded;
        assert_eq!(append.start(Some(&state)).unwrap().as_deref(), Some("9"));
    }

    #[test]
    fn another_column_does_not_go_on_from_this_state() {
        let append = incremental(IncrementalMode::Append, "int", None).unwrap();
        let other = Watermark { mode: IncrementalMode::Append, column: "d".into(), last_value: Some("1".into()) };
        assert!(append.start(Some(&other)).is_err());
    }
}
