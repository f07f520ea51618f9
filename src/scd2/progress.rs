//! How far a dimension has come, kept in the target's table parameters, which outlive every process.
//!
//! The parameters are written after the statement they speak of: a crash between the two has the statement done again,
//! which changes nothing.

use std::collections::BTreeMap;

use super::drift;
use super::late;
use crate::error::{self, Kind, Result};
use crate::hiveserver2::{Session, Value, quote};
use crate::shutdown::Stop;

/// What the target was built by; see [`super::Scd2Args`].
pub(super) const DEFINITION: &str = "sakia.scd2.definition";
/// The load of the source that everything below the high water was applied from.
pub(super) const SOURCE_LOAD: &str = "sakia.scd2.source.load.id";
/// Moment up to which the source is applied.
pub(super) const HIGH_WATER: &str = "sakia.scd2.high.water";
/// The load of the source that was applied to its end and verified.
pub(super) const COMPLETE: &str = "sakia.scd2.complete.load.id";
/// The types that the columns of the log had when it was last applied.
pub(super) const TYPES: &str = "sakia.scd2.types";
/// The generation of the statements that the versions were computed by.
pub(super) const GENERATION: &str = "sakia.scd2.generation";
/// The current one. The first could lose deletions to a defect of Hive and did not look, the second took truncations for
/// changes; what they computed is computed anew.
pub(super) const CURRENT_GENERATION: &str = "3";
/// The dimension whose events a quarantine holds.
pub(super) const QUARANTINE_OF: &str = "sakia.scd2.quarantine.of";
/// The parameter by which an import says which load a table shows.
pub(super) const LOAD: &str = "sakia.load.id";

/// The parameters of `table`; `None` if there is no such table.
///
/// # Errors
/// What the server says.
pub(super) async fn parameters(
    session: &Session,
    table: &str,
    stop: &Stop,
) -> Result<Option<BTreeMap<String, String>>> {
    let answer = session.query(&format!("SHOW TBLPROPERTIES {}", quote::qualified(table)), stop).await;
    let rows = match answer {
        Ok(rows) => rows,
        Err(error) if error.kind() == Kind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("").trim().to_owned();
    Ok(Some(rows.rows.iter().map(|row| (text(row.first()), text(row.get(1)))).collect()))
}

/// The load id among a source's parameters. A table that no import of ours made has none.
pub(super) fn load_of(parameters: &BTreeMap<String, String>) -> Option<String> {
    parameters.get(LOAD).filter(|id| !id.is_empty()).cloned()
}

/// How far a dimension has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Load that everything below the high water was applied from.
    pub source_load: Option<String>,
    /// Moment up to which the source is applied.
    pub high_water: Option<String>,
    /// Load that was applied to its end and verified.
    pub complete: Option<String>,
    /// Types that the columns of the log had.
    pub types: Option<String>,
    /// The last event that was applied, where the dimension goes forward only.
    pub water: Option<String>,
}

impl Progress {
    /// Reads the progress out of the target's parameters. What was computed by another definition, which may differ in
    /// the untracked columns, or in anything if the target is built `anew`, does not count as applied.
    ///
    /// # Errors
    /// Exists: the table was not made by us. Config: it was made by another definition.
    pub(super) fn of(
        target: &str,
        parameters: &BTreeMap<String, String>,
        definition: &str,
        anew: bool,
    ) -> Result<Self> {
        let made_by = parameters.get(DEFINITION);
        let is_same = made_by.is_some_and(|made_by| made_by == definition) && !anew;
        match made_by {
            None => {
                return Err(error::exists(format!("table {target} exists and is not a dimension made by sakia"))
                    .hint("name another target, or move the table away"));
            }
            Some(made_by) if !is_same && !anew && !drift::differ_in_untracked_only(made_by, definition) => {
                return Err(error::config(format!("table {target} was made by another definition: {made_by}"))
                    .hint("have it built anew by this one (sakia scd2 rebuild), or name another target"));
            }
            Some(_) => {}
        }
        let get = |name: &str| parameters.get(name).filter(|value| !value.is_empty()).cloned();
        // Without these two, everything below the high water is compared with the log once more.
        let is_proven = is_same && get(GENERATION).as_deref() == Some(CURRENT_GENERATION);
        let proven = |name: &str| get(name).filter(|_| is_proven);
        Ok(Self {
            source_load: proven(SOURCE_LOAD),
            complete: proven(COMPLETE),
            high_water: get(HIGH_WATER),
            types: get(TYPES),
            water: get(late::WATER),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_table_and_another_definition_are_told_apart() {
        let parameters = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let foreign = Progress::of("a.b", &parameters(&[("transactional", "true")]), "d", true).unwrap_err();
        assert_eq!(foreign.kind(), Kind::Exists);
        let other = Progress::of("a.b", &parameters(&[(DEFINITION, "c")]), "d", false).unwrap_err();
        assert_eq!(other.kind(), Kind::Config);
        let ours =
            Progress::of("a.b", &parameters(&[(DEFINITION, "d"), (HIGH_WATER, "2011-01-01 00:00:00")]), "d", false);
        assert_eq!(ours.unwrap().high_water.as_deref(), Some("2011-01-01 00:00:00"));
    }

    #[test]
    fn what_an_earlier_generation_computed_is_not_taken_as_applied() {
        let mut parameters = BTreeMap::new();
        for name in [SOURCE_LOAD, COMPLETE, HIGH_WATER] {
            parameters.insert(name.to_owned(), "x".to_owned());
        }
        parameters.insert(DEFINITION.to_owned(), "d".to_owned());
        let old = Progress::of("a.b", &parameters, "d", false).unwrap();
        assert_eq!(old, Progress { high_water: Some("x".into()), ..Progress::default() });
        parameters.insert(GENERATION.to_owned(), CURRENT_GENERATION.to_owned());
        assert_eq!(Progress::of("a.b", &parameters, "d", false).unwrap().complete.as_deref(), Some("x"));
        let anew = Progress::of("a.b", &parameters, "other", true).unwrap();
        assert_eq!(anew, Progress { high_water: Some("x".into()), ..Progress::default() });
    }
}
