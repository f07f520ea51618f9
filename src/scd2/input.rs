//! What a dimension is made from: a log, or a journal that sakia writes where the source shows things as they are.
//!
//! The journal is a log like any other, kept beside the dimension: each load of the source is compared with it, and what
//! differs is added as events. So the dimension stays a function of all events, and can be built anew from them. Refuses
//! a mark of deletions that nothing can be told by.

use super::args::{Input, Scd2Args};
use super::plan::find;
use super::source::SourceColumn;
use crate::error::{self, Result};
use crate::hiveserver2::quote;

/// Column of the journal that orders its events.
pub(super) const SEQUENCE: &str = "sakia_seq";
/// Column of the journal that says what an event does: U or D.
pub(super) const OPERATION: &str = "sakia_op";
/// Partition column of the journal: the load of the source that an event was found in.
pub(super) const LOAD: &str = "sakia_load";
/// What the partitions are called whose events do not count yet. Names of loads sort before it.
pub(super) const STAGED: &str = "staged";

impl Scd2Args {
    /// The table of the journal.
    pub(super) fn journal_table(&self) -> String {
        self.journal.clone().unwrap_or_else(|| format!("{}_log", self.target))
    }

    /// The step as it reads its events: of a journal where it keeps one, else as it is.
    pub(super) fn of_events_read(&self) -> Self {
        let op_column = Some(OPERATION.to_owned());
        match self.input {
            Input::Log => return self.clone(),
            Input::History => return Self { op_column, upsert_ops: vec!["U".to_owned()], ..self.clone() },
            Input::Snapshot => {}
        }
        Self {
            source: self.journal_table(),
            sequence: SEQUENCE.to_owned(),
            sequence_zone: None,
            op_column,
            deleted_column: None,
            ..self.clone()
        }
    }
}

/// The rows of the source as a table of a FROM: of a journal those that count.
pub(super) fn rows_of(args: &Scd2Args) -> String {
    let source = quote::qualified(&args.source);
    match args.input {
        Input::Log | Input::History => source,
        Input::Snapshot => format!("(SELECT * FROM {source} WHERE {} < {})", quote::name(LOAD), quote::text(STAGED)),
    }
}

/// Whether the row `e` of `log` is marked as deleted; `None` where no column says so.
///
/// # Errors
/// Schema: there is no such column, or it is of a type that says neither yes nor no.
pub(super) fn is_marked(args: &Scd2Args, log: &[SourceColumn]) -> Result<Option<String>> {
    let Some(name) = &args.deleted_column else { return Ok(None) };
    let column = find(log, &args.source, name)?;
    let quoted = format!("e.{}", quote::name(&column.name));
    let hive_type = column.hive_type.as_str();
    Ok(Some(match hive_type {
        "boolean" => format!("{quoted} <=> true"),
        "tinyint" | "smallint" | "int" | "bigint" => format!("coalesce({quoted}, 0) <> 0"),
        _ if hive_type.starts_with("decimal(") => format!("coalesce({quoted}, 0) <> 0"),
        "float" | "double" | "binary" => return Err(is_no_mark(args, column)),
        _ if hive_type.contains('<') => return Err(is_no_mark(args, column)),
        _ => format!("{quoted} IS NOT NULL"),
    }))
}

fn is_no_mark(args: &Scd2Args, column: &SourceColumn) -> error::Error {
    let SourceColumn { name, hive_type, .. } = column;
    error::schema(format!("column {name} of table {} is {hive_type}, which marks nothing as deleted", args.source))
        .hint("make a boolean of it in a view over the source")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn args(toml: &str) -> Scd2Args {
        toml::from_str(&format!("source = 'a.b'\ntarget = 'a.dim'\nkeys = ['k']\ntracked = ['v']\n{toml}")).unwrap()
    }

    #[test]
    fn a_mark_is_read_by_its_type() {
        let marked = |hive_type: &str| {
            let column = SourceColumn { name: "go`ne".into(), hive_type: hive_type.into(), comment: String::new() };
            is_marked(&args("sequence = 'at'\ndeleted-column = 'GO`ne'"), &[column])
        };
        assert_eq!(marked("boolean").unwrap().unwrap(), "e.`go``ne` <=> true");
        assert_eq!(marked("tinyint").unwrap().unwrap(), "coalesce(e.`go``ne`, 0) <> 0");
        for is_set in ["timestamp", "date", "string", "varchar(9)"] {
            assert_eq!(marked(is_set).unwrap().unwrap(), "e.`go``ne` IS NOT NULL");
        }
        for refused in ["double", "array<int>", "binary"] {
            assert_eq!(marked(refused).unwrap_err().kind(), Kind::Schema, "{refused}");
        }
    }

    #[test]
    fn a_journal_is_read_in_the_place_of_its_source() {
        let snapshot = args("input = 'snapshot'\ndeleted-column = 'gone'");
        snapshot.check().unwrap();
        let read = snapshot.of_events_read();
        assert_eq!((read.source.as_str(), read.sequence.as_str()), ("a.dim_log", "sakia_seq"));
        assert_eq!(rows_of(&read), "(SELECT * FROM `a`.`dim_log` WHERE `sakia_load` < 'staged')");
        let log = args("sequence = 'at'");
        assert_eq!(log.of_events_read(), log);
        assert_eq!(rows_of(&log), "`a`.`b`");
    }
}
