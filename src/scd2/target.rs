//! The columns of the dimension: which of its own it has, and in which order they stand.
//!
//! A dimension that an earlier version made has no `is_deleted` and no `last_seq`; it keeps its columns as they are.

use super::args::{Deletes, FirstVersion, OpenEnd, Scd2Args};
use super::sequence::Sequence;
use super::source::SourceColumn;
use super::types::Carried;
use crate::error::{self, Result};
use crate::hiveserver2::quote;

/// What a column of the table is.
#[derive(Clone, Copy)]
enum Column {
    /// One that a version fills.
    Row,
    /// That of the batch.
    Batch,
    /// One that somebody added.
    Nobodys,
}

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

    /// All columns, in the order of the table.
    pub(super) fn names<'a>(&'a self, args: &'a Scd2Args, carried: &'a [Carried]) -> Vec<&'a str> {
        match &self.found {
            Some(found) => found.iter().map(String::as_str).collect(),
            None => self.row(args, carried).into_iter().chain([args.columns.batch_id.as_str()]).collect(),
        }
    }

    /// The values of a row to insert, in the order of the table's columns. A column that is nobody's stays NULL.
    pub(super) fn inserted(&self, args: &Scd2Args, carried: &[Carried], batch_id: &str) -> String {
        let value = |name: &str, kind| match kind {
            Column::Row => format!("s.{}", quote::name(name)),
            Column::Batch => batch_id.to_owned(),
            Column::Nobodys => "NULL".to_owned(),
        };
        self.in_order(args, carried).into_iter().map(|(name, kind)| value(name, kind)).collect::<Vec<_>>().join(", ")
    }

    /// The values of a row that is written again, `o`, or that a difference `s` is in the place of, in the order of the
    /// table's columns.
    pub(super) fn rewritten(&self, args: &Scd2Args, carried: &[Carried], batch_id: &str) -> String {
        let value = |name: &str, kind| {
            let name = quote::name(name);
            match kind {
                Column::Row => format!("IF(s.sakia_obsolete IS NULL, o.{name}, s.{name}) AS {name}"),
                Column::Batch => format!("IF(s.sakia_obsolete IS NULL, o.{name}, {batch_id}) AS {name}"),
                Column::Nobodys => format!("o.{name}"),
            }
        };
        self.in_order(args, carried).into_iter().map(|(name, kind)| value(name, kind)).collect::<Vec<_>>().join(",\n")
    }

    /// The names of the table's columns, in order, as a statement lists them.
    pub(super) fn listed(&self, args: &Scd2Args, carried: &[Carried]) -> String {
        self.names(args, carried).iter().map(|name| quote::name(name)).collect::<Vec<_>>().join(", ")
    }

    /// The table's columns in order, and what each is.
    fn in_order<'a>(&'a self, args: &'a Scd2Args, carried: &'a [Carried]) -> Vec<(&'a str, Column)> {
        let row = self.row(args, carried);
        let kind = |name: &'a str| match row.iter().find(|column| column.eq_ignore_ascii_case(name)) {
            Some(column) => (*column, Column::Row),
            None if name.eq_ignore_ascii_case(&args.columns.batch_id) => (name, Column::Batch),
            None => (name, Column::Nobodys),
        };
        self.names(args, carried).into_iter().map(kind).collect()
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
                name if *name == own.is_inferred => "whether facts alone tell of the version".to_owned(),
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
    if args.is_inferring() {
        columns.push((&own.is_inferred, "sakia_inferred".to_owned(), "boolean", true));
    }
    columns.push((&own.last_seq, "sakia_seq_last".to_owned(), hive_type, first_moves || tie_type.is_some()));
    columns.extend(tie_type.map(|tie| (&own.last_tie, "sakia_tie_last".to_owned(), tie, true)));
    columns
}
