//! The journal's statements: what a load of the source changes, as events beside the dimension. Pure; no I/O.
//!
//! A load is staged in a partition of its own, looked at, and then the partition is given the load's name: that is the
//! moment from which its events count. A statement that a dead run left behind at the server writes to a partition that
//! nobody reads.

use super::args::Scd2Args;
use super::expressions::{framed, list, of_log};
use super::input::{self, LOAD, OPERATION, SEQUENCE, STAGED};
use super::plan::{check_carried, find, kept_as};
use super::sequence::{Sequence, moment};
use super::source::SourceColumn;
use super::template::{Template, Templates, Values};
use super::types::{self, Carried};
use crate::error::{self, Result};
use crate::hiveserver2::quote;

/// The statements of one journal.
#[derive(Debug)]
pub(super) struct Journal {
    templates: Templates,
    values: Values,
    table: String,
    /// What orders snapshots, where a column says when they were taken.
    sequence: Option<Sequence>,
    alterations: Vec<String>,
    is_new: bool,
}

impl Journal {
    /// Decides everything but the load. `source` and `journal` are the columns of the two tables; a journal that is not
    /// there yet gets the source's types.
    ///
    /// # Errors
    /// Schema: a column is missing, does not fit the journal's or cannot be compared; a tracked column is gone.
    pub(super) fn new(
        args: &Scd2Args,
        source: &[SourceColumn],
        journal: Option<&[SourceColumn]>,
        templates: Templates,
    ) -> Result<Self> {
        let sequence = if args.sequence.is_empty() { None } else { Some(Sequence::of(args, source)?) };
        let sequence_type = sequence.as_ref().map_or("timestamp", |sequence| sequence.types().0).to_owned();
        check_own(args, journal, &sequence_type)?;
        let table = quote::qualified(&args.journal_table());
        let columns = Columns::new(args, source, journal)?;
        let mut values = columns.values(args, source)?;
        values.insert("journal", table.clone());
        values.insert("sequence_type", sequence_type.clone());
        let comment = format!("changes of {} from load to load, kept by sakia for {}", args.source, args.target);
        values.insert("comment", quote::text(&comment));
        let at = sequence.as_ref().map(|sequence| sequence.value("e.", &args.sequence));
        values.insert("picture_sequence", at.unwrap_or_else(|| format!("CAST(NULL AS {sequence_type})")));
        let alterations =
            columns.alterations.iter().map(|alteration| format!("ALTER TABLE {table} {alteration} CASCADE"));
        let alterations = alterations.collect();
        Ok(Self { templates, values, table, sequence, alterations, is_new: journal.is_none() })
    }

    /// Whether it is not there yet.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether a column of the source says when it was taken.
    pub(super) fn has_sequence(&self) -> bool {
        self.sequence.is_some()
    }

    /// Makes it, with `properties` as table parameters.
    pub(super) fn create(&self, properties: &[(&str, &str)]) -> Result<String> {
        self.render(Template::JournalCreate, [("properties", quote::properties(properties))])
    }

    /// Adds what the source has and it has not, and widens what has grown.
    pub(super) fn alterations(&self) -> &[String] {
        &self.alterations
    }

    /// Asks what the source shows; with a `load`, how much of it another one wrote.
    pub(super) fn picture(&self, load: Option<&str>) -> Result<String> {
        // Files that an import named after its load; those in the manner of Sqoop say nothing.
        let stranger = load.map(|load| {
            format!(
                "IF(INPUT__FILE__NAME RLIKE '/part-[0-9a-f]{{32}}-' AND instr(INPUT__FILE__NAME, {}) = 0, 1, 0)",
                quote::text(&format!("part-{load}-"))
            )
        });
        self.render(Template::Picture, [("is_stranger", stranger.unwrap_or_else(|| "0".to_owned()))])
    }

    /// Writes what the picture taken `at` changes to the partition `staged`.
    pub(super) fn stage(&self, staged: &str, at: &str) -> Result<String> {
        let into = format!("INSERT OVERWRITE TABLE {} PARTITION ({})", self.table, partition(staged));
        Ok(format!("{into}\n{}", self.changes(at)?))
    }

    /// Counts what is staged, beside how many things there were.
    pub(super) fn staged(&self, staged: &str) -> Result<String> {
        let changes = format!("(SELECT {} FROM {} WHERE {})", quote::name(OPERATION), self.table, partition(staged));
        self.render(Template::Staged, [("changes", changes), ("known", self.known()?)])
    }

    /// Counts what the picture taken `at` would change.
    pub(super) fn effect(&self, at: &str) -> Result<String> {
        let changes = format!("(\n{}\n)", self.changes(at)?);
        self.render(Template::Staged, [("changes", changes), ("known", self.known()?)])
    }

    /// Takes out everything that is staged.
    pub(super) fn discard(&self) -> String {
        let staged = format!("{} >= {}", quote::name(LOAD), quote::text(STAGED));
        format!("ALTER TABLE {} DROP IF EXISTS PARTITION ({staged})", self.table)
    }

    /// Makes the events of a partition count.
    pub(super) fn commit(&self, staged: &str, name: &str) -> String {
        format!(
            "ALTER TABLE {} PARTITION ({}) RENAME TO PARTITION ({})",
            self.table,
            partition(staged),
            partition(name)
        )
    }

    /// Asks whether there is a partition.
    pub(super) fn find(&self, name: &str) -> String {
        format!("SHOW PARTITIONS {} PARTITION ({})", self.table, partition(name))
    }

    /// Notes `properties` as table parameters.
    pub(super) fn note(&self, properties: &[(&str, &str)]) -> String {
        format!("ALTER TABLE {} SET TBLPROPERTIES ({})", self.table, quote::properties(properties))
    }

    fn changes(&self, at: &str) -> Result<String> {
        let at = match &self.sequence {
            Some(sequence) if sequence.is_number() => {
                format!("CAST({} AS {})", quote::text(at), sequence.types().0)
            }
            _ => moment(at),
        };
        let pictured = self.render(Template::Pictured, [])?;
        self.render(Template::Changes, [("at", at), ("pictured", pictured), ("known", self.known()?)])
    }

    fn known(&self) -> Result<String> {
        self.render(Template::Known, [])
    }

    fn render<const N: usize>(&self, template: Template, more: [(&'static str, String); N]) -> Result<String> {
        let mut values = self.values.clone();
        values.extend(more);
        self.templates.render(template, &values)
    }
}

fn partition(name: &str) -> String {
    format!("{} = {}", quote::name(LOAD), quote::text(name))
}

/// Refuses a journal whose own columns are not what they have to be.
fn check_own(args: &Scd2Args, journal: Option<&[SourceColumn]>, sequence_type: &str) -> Result<()> {
    let Some(journal) = journal else { return Ok(()) };
    for (name, its_type) in [(SEQUENCE, sequence_type), (OPERATION, "string"), (LOAD, "string")] {
        let column = find(journal, &args.journal_table(), name)?;
        if column.hive_type != its_type {
            let what = format!(
                "column {name} of the journal {} is {}, and its source makes it {its_type}",
                args.journal_table(),
                column.hive_type
            );
            return Err(error::schema(what).hint("name another target, whose journal begins anew"));
        }
    }
    Ok(())
}

/// The columns that the journal keeps of its source.
struct Columns {
    kept: Vec<Carried>,
    /// Those of `kept` that the source does not have any more.
    dropped: Vec<String>,
    definitions: Vec<String>,
    alterations: Vec<String>,
}

impl Columns {
    fn new(args: &Scd2Args, source: &[SourceColumn], journal: Option<&[SourceColumn]>) -> Result<Self> {
        let mut columns =
            Self { kept: Vec::new(), dropped: Vec::new(), definitions: Vec::new(), alterations: Vec::new() };
        let created =
            args.created_column.as_deref().filter(|name| args.carried().all(|c| !c.eq_ignore_ascii_case(name)));
        for name in args.carried().chain(created) {
            columns.keep(args, name, source, journal)?;
        }
        Ok(columns)
    }

    fn keep(
        &mut self,
        args: &Scd2Args,
        name: &str,
        source: &[SourceColumn],
        journal: Option<&[SourceColumn]>,
    ) -> Result<()> {
        let is_key = args.keys.iter().any(|key| key == name);
        let of = |columns: &[SourceColumn]| columns.iter().find(|c| c.name.eq_ignore_ascii_case(name)).cloned();
        let there = journal.and_then(of);
        let Some(column) = of(source) else {
            // Nothing is said of it from now on; what was said stays.
            let is_needed = is_key || args.tracked.iter().any(|tracked| tracked == name);
            let Some(there) = there.filter(|_| !is_needed) else { return find(source, &args.source, name).map(drop) };
            self.dropped.push(name.to_owned());
            self.push(name, &there.hive_type, &there.hive_type, is_key);
            return Ok(());
        };
        check_carried(&column, is_key, &args.source)?;
        let mut hive_type = column.hive_type.clone();
        match (journal, &there) {
            (None, _) => self.definitions.push(column.definition()),
            (Some(_), None) => self.alterations.push(format!("ADD COLUMNS ({})", column.definition())),
            (Some(_), Some(there)) => {
                let of_journal = Scd2Args { target: args.journal_table(), ..args.clone() };
                let (kept, change) = kept_as(&of_journal, &column, there, is_key)?;
                self.alterations.extend(change);
                hive_type = kept;
            }
        }
        self.push(name, &column.hive_type, &hive_type, is_key);
        Ok(())
    }

    fn push(&mut self, name: &str, log_type: &str, hive_type: &str, is_key: bool) {
        let [name, log_type, hive_type] = [name, log_type, hive_type].map(str::to_owned);
        self.kept.push(Carried { name, log_type, hive_type, is_key });
    }

    /// What the templates say of them.
    fn values(&self, args: &Scd2Args, source: &[SourceColumn]) -> Result<Values> {
        let keys = || self.kept.iter().filter(|c| c.is_key);
        let picked = |c: &Carried| match self.dropped.contains(&c.name) {
            true => format!("CAST(NULL AS {}) AS {}", c.hive_type, quote::name(&c.name)),
            false => of_log(c),
        };
        let changed = |c: &Carried| match c.is_key {
            true => format!("coalesce(n.{0}, o.{0}) AS {0}", quote::name(&c.name)),
            false => format!("n.{0} AS {0}", quote::name(&c.name)),
        };
        let content = self.kept.iter().filter(|c| !c.is_key).map(|c| (quote::name(&c.name), c.hive_type.clone()));
        let key_texts = list(keys(), ", ", |c| types::key_text(&quote::name(&c.name), &c.hive_type));
        let is_marked = input::is_marked(args, source)?;
        let is_alive = is_marked.map_or_else(|| "true".to_owned(), |marked| format!("NOT ({marked})"));
        Ok(Values::from([
            ("picture", quote::qualified(&args.source)),
            ("counting", input::rows_of(&args.of_events_read())),
            ("columns", list(&self.kept, ", ", |c| quote::name(&c.name))),
            ("keys", list(keys(), ", ", |c| quote::name(&c.name))),
            ("picked_columns", list(&self.kept, ", ", picked)),
            ("picked_keys", list(keys(), ", ", picked)),
            ("changed_columns", list(&self.kept, ", ", changed)),
            ("same_keys", list(keys(), " AND ", |c| format!("n.{0} = o.{0}", quote::name(&c.name)))),
            ("any_key_null", list(keys(), " OR ", |c| format!("{} IS NULL", quote::name(&c.name)))),
            ("example", format!("concat_ws('|', {key_texts})")),
            ("content", format!("sha2({}, 256)", framed(content))),
            ("alive", if is_alive == "true" { String::new() } else { format!("WHERE {is_alive}") }),
            ("is_alive", is_alive),
            ("column_definitions", self.definitions.join(",\n")),
        ]))
    }
}

#[cfg(test)]
mod tests;
