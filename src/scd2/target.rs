//! The columns of the dimension: which of its own it has, and in which order they stand.
//!
//! A dimension that an earlier version made has no `is_deleted` and no `last_seq`; it keeps its columns as they are.

use super::args::{Deletes, FirstVersion, OpenEnd, Scd2Args};
use super::sequence::Sequence;
use super::source::SourceColumn;
use super::types::Carried;
use crate::error::{self, Result};
use crate::hiveserver2::quote;

/// The columns of a dimension.
#[derive(Debug)]
pub(super) struct Target {
    /// Its own columns beside the surrogate key and the batch: name, and value in terms of a run.
    pub versions: Vec<(String, String)>,
    /// The column that marks recorded deletions, if it has one.
    pub is_deleted: Option<String>,
    /// The column of a version's last event, if it has one.
    pub last_seq: Option<String>,
    /// Name of the column where a version begins, and of its tie-breaker: never changed.
    fixed: Vec<String>,
    /// Its columns in order, as it was found.
    found: Option<Vec<String>>,
}

impl Target {
    /// The columns of a dimension that is there, or of one that is to be made.
    ///
    /// # Errors
    /// Schema: one that it needs is missing, or has another type.
    pub(super) fn new(args: &Scd2Args, sequence: &Sequence, dimension: Option<&[SourceColumn]>) -> Result<Self> {
        let own = &args.columns;
        let there = |name: &str| {
            dimension.is_none_or(|columns| columns.iter().any(|column| column.name.eq_ignore_ascii_case(name)))
        };
        let mut versions = Vec::new();
        let mut is_needed = vec![(&own.sk, "string"), (&own.batch_id, "string")];
        for (name, value, its_type, needed) in own_columns(args, sequence) {
            if needed {
                is_needed.push((name, its_type));
            }
            if needed || there(name) {
                versions.push((name.clone(), value));
            }
        }
        if let Some(dimension) = dimension {
            for (name, its_type) in is_needed {
                let column = super::plan::find(dimension, &args.target, name)?;
                if column.hive_type != its_type {
                    return Err(error::schema(format!(
                        "column {name} of table {} is {}, and its sequence makes it {its_type}",
                        args.target, column.hive_type
                    ))
                    .hint("name another target, which is built from the whole log"));
                }
            }
        }
        let has = |name: &String| versions.iter().any(|(there, _)| there == name).then(|| name.clone());
        let (is_deleted, last_seq) = (has(&own.is_deleted), has(&own.last_seq));
        Ok(Self {
            versions,
            is_deleted,
            last_seq,
            fixed: vec![own.valid_from.clone(), own.from_tie.clone()],
            found: dimension.map(|columns| columns.iter().map(|column| column.name.clone()).collect()),
        })
    }

    /// Own columns that may change while a version keeps its surrogate key.
    pub(super) fn changing(&self) -> impl Iterator<Item = &String> {
        self.versions.iter().map(|(name, _)| name).filter(|name| !self.fixed.contains(name))
    }

    /// All columns of a row but that of the batch.
    pub(super) fn row<'a>(&'a self, args: &'a Scd2Args, carried: &'a [Carried]) -> Vec<&'a str> {
        let own = self.versions.iter().map(|(name, _)| name.as_str());
        let carried = carried.iter().map(|column| column.name.as_str());
        [args.columns.sk.as_str()].into_iter().chain(carried).chain(own).collect()
    }

    /// The values of a row to insert, in the order of the table's columns. A column that is nobody's stays NULL.
    pub(super) fn inserted(&self, args: &Scd2Args, carried: &[Carried], batch_id: &str) -> String {
        let row = self.row(args, carried);
        let value = |name: &str| match row.iter().find(|column| column.eq_ignore_ascii_case(name)) {
            Some(column) => format!("s.{}", quote::name(column)),
            None if name.eq_ignore_ascii_case(&args.columns.batch_id) => batch_id.to_owned(),
            None => "NULL".to_owned(),
        };
        let made: Vec<&str> = row.iter().copied().chain([args.columns.batch_id.as_str()]).collect();
        let values: Vec<String> = match &self.found {
            Some(found) => found.iter().map(|name| value(name)).collect(),
            None => made.into_iter().map(value).collect(),
        };
        values.join(", ")
    }

    /// What a row that changed is set to.
    pub(super) fn assignments(&self, carried: &[Carried]) -> String {
        let others = carried.iter().filter(|column| !column.is_key).map(|column| &column.name);
        let set = others.chain(self.changing()).map(|name| format!("{0} = s.{0}", quote::name(name)));
        set.collect::<Vec<_>>().join(", ")
    }

    /// The columns behind those of the log, as a new dimension declares them.
    pub(super) fn definitions(args: &Scd2Args, sequence: &Sequence) -> String {
        let own = &args.columns;
        let about = |name: &String| {
            let open = match args.open_end {
                OpenEnd::Greatest if sequence.is_number() => "the greatest number",
                OpenEnd::Greatest => "9999-12-31",
                OpenEnd::Null => "NULL",
            };
            match name {
                name if *name == own.valid_from => "first moment of the version".to_owned(),
                name if *name == own.valid_to => format!("first moment after the version; {open} while it is open"),
                name if *name == own.is_current => "whether the version is open".to_owned(),
                name if *name == own.is_deleted => "whether the row records a deletion".to_owned(),
                name if *name == own.last_seq => "sequence of the last event in the version".to_owned(),
                _ => "tie-breaker of the column before".to_owned(),
            }
        };
        let define = |(name, _, hive_type, _): (&String, String, &str, bool)| {
            format!("{} {hive_type} COMMENT {}", quote::name(name), quote::text(&about(name)))
        };
        own_columns(args, sequence).into_iter().map(define).collect::<Vec<_>>().join(",\n")
    }
}

/// Own columns beside the surrogate key and the batch, in order: name, value in terms of a run, type, and whether a
/// dimension cannot do without.
fn own_columns<'a>(args: &'a Scd2Args, sequence: &'a Sequence) -> Vec<(&'a String, String, &'a str, bool)> {
    let own = &args.columns;
    let (hive_type, tie_type) = sequence.types();
    let end = |next: &str, end: String| match args.open_end {
        OpenEnd::Greatest => format!("coalesce({next}, {end})"),
        OpenEnd::Null => next.to_owned(),
    };
    let mut columns = vec![(&own.valid_from, "sakia_from".to_owned(), hive_type, true)];
    columns.extend(tie_type.map(|tie| (&own.from_tie, "sakia_tie".to_owned(), tie, true)));
    columns.push((&own.valid_to, end("sakia_seq_next", sequence.end()), hive_type, true));
    columns.extend(tie_type.map(|tie| (&own.to_tie, end("sakia_tie_next", sequence.tie_end()), tie, true)));
    let is_recorded = args.deletes == Deletes::Record;
    let first_moves = args.first_from != FirstVersion::Event;
    columns.push((&own.is_current, "sakia_seq_next IS NULL".to_owned(), "boolean", true));
    columns.push((&own.is_deleted, "sakia_deleted".to_owned(), "boolean", is_recorded));
    columns.push((&own.last_seq, "sakia_seq_last".to_owned(), hive_type, first_moves || tie_type.is_some()));
    columns.extend(tie_type.map(|tie| (&own.last_tie, "sakia_tie_last".to_owned(), tie, true)));
    columns
}
