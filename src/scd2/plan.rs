//! The planner: a specification and the columns of log and dimension become HiveQL. Pure; no I/O.
//!
//! Every name is back-quoted. Names of its own inside a statement start with `sakia_`.

mod facts;
mod late;

use super::args::{FirstVersion, Input, Scd2Args};
use super::batch::{Batch, END_OF_TIME};
use super::expressions::Expressions;
use super::history;
use super::input;
use super::sequence::{Sequence, moment};
use super::shapes::Layout;
use super::source::SourceColumn;
use super::target::Target;
use super::template::{Template, Templates, Values};
use super::types::{self, Carried, Fit};
use super::views::{self, View};
use crate::error::{self, Result};
use crate::hiveserver2::{Engine, quote};

/// The statements of one dimension.
#[derive(Debug)]
pub(super) struct Plan {
    pub args: Scd2Args,
    templates: Templates,
    pub values: Values,
    sequence: Sequence,
    pub columns: Target,
    pub carried: Vec<Carried>,
    pub target: String,
    types: String,
    alterations: Vec<String>,
    told_reason: String,
    lacks_columns: bool,
    is_new: bool,
    truncates: bool,
    pub layout: Layout,
    pub engine: Engine,
}

impl Plan {
    /// Decides everything but the batches. `log` and `dimension` are the columns of the two tables; a dimension that is
    /// not there yet gets the log's types.
    ///
    /// # Errors
    /// Schema: a column is missing, cannot be compared or ordered, or does not fit the dimension's. Config: a zone for
    /// what has none.
    pub(super) fn new(
        args: &Scd2Args,
        log: &[SourceColumn],
        dimension: Option<&[SourceColumn]>,
        templates: Templates,
    ) -> Result<Self> {
        let sequence = Sequence::of(args, log)?;
        for name in args.op_column.iter().chain(&args.created_column) {
            find(log, &args.source, name)?;
        }
        let is_marked = input::is_marked(args, log)?;
        check_first(args, log, &sequence)?;
        history::check(args, log, &sequence)?;
        let target = quote::qualified(&args.target);
        // What the dimension does not have yet is added behind its other columns.
        let mut added = Vec::new();
        if let Some(dimension) = dimension {
            for name in args.carried() {
                if find(dimension, &args.target, name).is_err() {
                    added.push(find(log, &args.source, name)?.clone());
                }
            }
        }
        let dimension = dimension.map(|columns| [columns, &added].concat());
        let dimension = dimension.as_deref();
        let columns = Target::new(args, &sequence, dimension)?;
        let add = |column: &SourceColumn| format!("ALTER TABLE {target} ADD COLUMNS ({})", column.definition());
        let mut alterations: Vec<String> = added.iter().map(add).collect();
        let (mut carried, mut definitions) = (Vec::new(), Vec::new());
        for (name, is_key) in args.keys.iter().map(|k| (k, true)).chain(args.others().map(|name| (name, false))) {
            let column = find(log, &args.source, name)?;
            check_carried(column, is_key, &args.source)?;
            let mut hive_type = column.hive_type.clone();
            if let Some(dimension) = dimension {
                let there = find(dimension, &args.target, name)?;
                let (kept, change) = kept_as(args, column, there, is_key)?;
                alterations.extend(change.map(|change| format!("ALTER TABLE {target} {change}")));
                hive_type = kept;
            }
            definitions.push(column.definition());
            carried.push(Carried { name: name.clone(), log_type: column.hive_type.clone(), hive_type, is_key });
        }
        let expressions = Expressions { args, carried: &carried, sequence: &sequence, target: &columns, is_marked };
        let mut values = expressions.values();
        if args.input == Input::History {
            let events = templates.render(Template::History, &history::values(args, &sequence))?;
            values.insert("source", events);
        }
        let told_reason = values.get("reason").cloned().unwrap_or_default();
        values.insert("column_definitions", definitions.join(",\n"));
        values.insert("own_definitions", Target::definitions(args, &sequence));
        // A dimension whose rows are in partitions has them told; see `shapes`.
        values.insert("row_bucket", String::new());
        values.insert("comment", quote::text(&format!("versions of {}, kept by sakia", args.source)));
        let types = described(args, log);
        let (is_new, args) = (dimension.is_none(), args.clone());
        Ok(Self {
            args,
            templates,
            values,
            sequence,
            columns,
            carried,
            target,
            types,
            alterations,
            told_reason,
            lacks_columns: !added.is_empty(),
            is_new,
            truncates: false,
            layout: Layout::Merge,
            engine: Engine::Hive,
        })
    }

    /// Whether the log holds truncations, as its overview counts them. Where it holds none, nothing is looked for.
    pub(super) fn set_truncates(&mut self, truncates: bool) {
        self.truncates = truncates;
    }

    /// What a moment of the log says to people, where a statement gave it as text.
    pub(super) fn shown(&self, moment: &str) -> String {
        self.sequence.shown(moment)
    }

    /// Whether the sequence is a whole number, so that the log is one batch.
    pub(super) fn is_one_batch(&self) -> bool {
        self.sequence.is_number()
    }

    /// The types of the log's columns, as they are noted with the dimension.
    pub(super) fn types(&self) -> &str {
        &self.types
    }

    /// Adds the columns that the target lacks, and widens those whose counterparts in the log have grown.
    pub(super) fn alterations(&self) -> Vec<String> {
        // Partitions have columns of their own.
        let cascade = if self.layout.buckets().is_none() { "" } else { " CASCADE" };
        self.alterations.iter().map(|statement| format!("{statement}{cascade}")).collect()
    }

    /// Whether the target lacks columns, so that statements about it cannot be carried out yet.
    pub(super) fn lacks_columns(&self) -> bool {
        self.lacks_columns
    }

    /// The views beside the target; see [`views`].
    pub(super) fn views(&self) -> [View; 2] {
        views::of(&self.args, &self.sequence, &self.columns, &self.carried)
    }

    /// Counts what the log holds, batch by batch.
    pub(super) fn overview(&self) -> Result<String> {
        self.render(Template::Overview, [("whole_log", self.log("", None)?)])
    }

    /// Counts the moments that the target rests on and of which the log has no event.
    pub(super) fn covered(&self) -> Result<String> {
        let value = |name: &str| self.values.get(name).cloned().unwrap_or_default();
        let of_target = |moment: &str| {
            format!(
                "UNION ALL\nSELECT {}, {moment} AS sakia_moment, 0 AS sakia_in_log FROM {}",
                value("keys"),
                self.target
            )
        };
        let mut rested_on = Vec::new();
        if matches!(self.args.first_from, FirstVersion::Event | FirstVersion::Fact) {
            rested_on.push(of_target(&value("from_text")));
        }
        rested_on.extend(self.moments_of_facts());
        if let Some(last_seq) = &self.columns.last_seq {
            let (seq, tie) = (quote::name(last_seq), quote::name(&self.args.columns.last_tie));
            rested_on.push(of_target(&self.sequence.text(&seq, &tie)));
        }
        let events = self.events("", END_OF_TIME)?;
        self.render(Template::Covered, [("events", events), ("rested_on", rested_on.join("\n"))])
    }

    /// Applies a batch; the log is read up to `until`, the end of the batch or of what was applied before.
    pub(super) fn merge(&self, batch: &Batch, until: &str, batch_id: &str) -> Result<String> {
        let batch_id = quote::text(batch_id);
        // Spark wants the columns named, which Hive does not know before 4.
        let listed = format!("({}) ", self.columns.listed(&self.args, &self.carried));
        let inserted_columns = if self.engine == Engine::Spark { listed } else { String::new() };
        self.render(
            Template::Merge,
            [
                ("difference", self.difference(batch, until)?),
                ("assignments", self.columns.assignments(&self.carried)),
                ("inserted_columns", inserted_columns),
                ("inserted", self.columns.inserted(&self.args, &self.carried, &batch_id)),
                ("batch_id", batch_id),
            ],
        )
    }

    /// Counts the rows that the log up to `until` would insert, change and delete, and lists the buckets they are in.
    pub(super) fn effect(&self, until: &str) -> Result<String> {
        let every_key = Batch::catch_up(until);
        if self.is_new {
            let versions = self.versions("", until)?;
            let buckets = self.buckets_of_new();
            return Ok(format!(
                "SELECT count(*) AS inserted, 0 AS changed, 0 AS deleted{buckets}\nFROM (\n{versions}\n) AS n"
            ));
        }
        let count = |condition: &str, name: &str| format!("sum(IF({condition}, 1, 0)) AS {name}");
        let counts = [
            count("sakia_target_sk IS NULL", "inserted"),
            count("sakia_target_sk IS NOT NULL AND NOT sakia_obsolete", "changed"),
            count("sakia_obsolete", "deleted"),
        ];
        let (counts, buckets) = (counts.join(", "), self.buckets_of_changed());
        Ok(format!("SELECT {counts}{buckets}\nFROM (\n{}\n) AS s", self.difference(&every_key, until)?))
    }

    pub(super) fn difference(&self, batch: &Batch, until: &str) -> Result<String> {
        let only_affected = match &batch.from {
            None => String::new(),
            Some(from) => {
                let column = self.sequence.bounded("");
                let in_batch = format!("{column} >= {} AND {}", moment(from), self.sequence.before("", &batch.until));
                let seen_in_batch = self.seen_in_batch(from, &batch.until);
                self.render(Template::Affected, [("in_batch", in_batch), ("seen_in_batch", seen_in_batch)])?
            }
        };
        let versions = self.versions(&only_affected, until)?;
        self.render(Template::Difference, [("versions", versions), ("only_affected", only_affected)])
    }

    fn versions(&self, only_affected: &str, until: &str) -> Result<String> {
        self.render(Template::Versions, [("events", self.events(only_affected, until)?)])
    }

    /// Counts versions and the violations among them.
    pub(super) fn verify(&self) -> Result<String> {
        self.render(Template::Verify, [])
    }

    /// Compares the target with the log up to `until`: at every event of one key of `one_of`, and at the last event of
    /// every key.
    pub(super) fn compare(&self, until: &str, one_of: u64) -> Result<String> {
        let example = self.values.get("example").map_or("", String::as_str);
        let sampled = format!("pmod(crc32({example}), {one_of}) = 0");
        // Behind the moment stand a mark and the content in hexadecimal.
        let behind_content = self.sequence.width() + 66;
        let places = [("behind_content", behind_content), ("behind_said", behind_content + 64)];
        let [content, said] = places.map(|(name, place)| (name, place.to_string()));
        let events = self.events("", until)?;
        self.render(Template::Compare, [("events", events), ("sampled", sampled), content, said])
    }

    /// Makes the quarantine, with `properties` as table parameters, and fills it with what the log holds for it.
    pub(super) fn quarantine(&self, table: &str, properties: &[(&str, &str)], run_id: &str) -> Result<[String; 2]> {
        // Events that are late can be taken.
        let quoted = || ("quarantine", quote::qualified(table));
        let reason = ("reason", self.told_reason.clone());
        let comment = quote::text(&format!("events of {} that {} cannot take", self.args.source, self.args.target));
        let made = [quoted(), ("quarantine_comment", comment), ("properties", quote::properties(properties))];
        let filled = [quoted(), ("event_texts", self.event_texts()), ("batch_id", quote::text(run_id)), reason];
        Ok([self.render(Template::QuarantineCreate, made)?, self.render(Template::Quarantine, filled)?])
    }

    /// What an event says, by column.
    fn event_texts(&self) -> String {
        let told = [&self.args.tie_breaker, &self.args.op_column, &self.args.deleted_column];
        let others = [Some(&self.args.sequence)].into_iter().chain(told.map(Option::as_ref));
        let mut texts = std::collections::BTreeMap::new();
        for name in others.flatten() {
            texts.insert(name.as_str(), format!("CAST(e.{} AS string)", quote::name(name)));
        }
        for column in &self.carried {
            texts.insert(&column.name, types::text(&format!("e.{}", quote::name(&column.name)), &column.log_type));
        }
        let texts: Vec<String> = texts.iter().map(|(name, text)| format!("{}, {text}", quote::text(name))).collect();
        format!("map({})", texts.join(", "))
    }

    /// Notes `properties` as table parameters of the target.
    pub(super) fn note(&self, properties: &[(&str, &str)]) -> String {
        format!("ALTER TABLE {} SET TBLPROPERTIES ({})", self.target, quote::properties(properties))
    }

    fn events(&self, only_affected: &str, until: &str) -> Result<String> {
        let log = self.log(only_affected, Some(until))?;
        let truncated = if self.truncates {
            let whole_log = self.log("", Some(until))?;
            self.render(Template::Truncated, [("log", log.clone()), ("whole_log", whole_log)])?
        } else {
            String::new()
        };
        self.render(Template::Events, [("log", log), ("truncated", truncated)])
    }

    fn log(&self, only_affected: &str, until: Option<&str>) -> Result<String> {
        let limit = until.map(|until| format!("WHERE {}", self.sequence.before("e.", until))).unwrap_or_default();
        let inferred = self.inferred(only_affected, until)?;
        self.render(
            Template::Log,
            [("only_affected", only_affected.to_owned()), ("limit", limit), ("inferred", inferred)],
        )
    }

    pub(super) fn render<const N: usize>(
        &self,
        template: Template,
        more: [(&'static str, String); N],
    ) -> Result<String> {
        let mut values = self.values.clone();
        values.extend(more);
        self.templates.render(template, &values)
    }
}

/// The column of a name, in either case.
///
/// # Errors
/// Schema: there is none.
pub(super) fn find<'c>(columns: &'c [SourceColumn], table: &str, name: &str) -> Result<&'c SourceColumn> {
    columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let names: Vec<&str> = columns.iter().take(50).map(|column| column.name.as_str()).collect();
        error::schema(format!("table {table} has no column {name}")).hint(format!("it has {}", names.join(", ")))
    })
}

/// Refuses a first version from what cannot be compared with the sequence.
fn check_first(args: &Scd2Args, log: &[SourceColumn], sequence: &Sequence) -> Result<()> {
    if args.first_from == FirstVersion::Epoch && sequence.is_number() {
        return Err(error::config(format!("the sequence of {} is a number, which has no epoch", args.target))
            .hint("leave first-from out, or order by a timestamp"));
    }
    let Some(name) = &args.created_column else { return Ok(()) };
    let column = find(log, &args.source, name)?;
    let created = Scd2Args { sequence: name.clone(), tie_breaker: None, ..args.clone() };
    let same = |created: &Sequence| created.types().0 == sequence.types().0;
    if Sequence::of(&created, log).as_ref().is_ok_and(same) {
        return Ok(());
    }
    let what =
        format!("column {name} of table {} is {}, which is not what its sequence is", args.source, column.hive_type);
    Err(error::schema(what).hint("convert it in a view over the log"))
}

pub(super) fn check_carried(column: &SourceColumn, is_key: bool, table: &str) -> Result<()> {
    if column.hive_type.contains('<') {
        return Err(error::schema(format!(
            "column {} of table {table} is {}: versions of nested values cannot be compared",
            column.name, column.hive_type
        )));
    }
    if is_key { types::check_key(column, table) } else { Ok(()) }
}

/// The type in which a table that has the column `there` keeps a column of the log, and how the table is changed for that.
///
/// # Errors
/// Schema: its values do not fit.
pub(super) fn kept_as(
    args: &Scd2Args,
    column: &SourceColumn,
    there: &SourceColumn,
    is_key: bool,
) -> Result<(String, Option<String>)> {
    match types::fit(&column.hive_type, &there.hive_type, is_key) {
        Fit::Same | Fit::Cast => Ok((there.hive_type.clone(), None)),
        Fit::Widen => {
            let widened = SourceColumn { hive_type: column.hive_type.clone(), ..there.clone() };
            let change = format!("CHANGE COLUMN {} {}", quote::name(&there.name), widened.definition());
            Ok((column.hive_type.clone(), Some(change)))
        }
        Fit::Differ => Err(differs(args, column, there)),
    }
}

fn differs(args: &Scd2Args, log: &SourceColumn, dimension: &SourceColumn) -> error::Error {
    error::schema(format!(
        "column {} is {} in the log {} and {} in the dimension {}: not every value can be carried",
        log.name, log.hive_type, args.source, dimension.hive_type, args.target
    ))
    .hint("convert it in a view over the log, or name another target, which is built from the whole log")
}

/// Each column that is used, with its type.
fn described(args: &Scd2Args, log: &[SourceColumn]) -> String {
    let used = args.carried().chain(args.of_events());
    let described = used.filter_map(|name| {
        let column = log.iter().find(|column| column.name.eq_ignore_ascii_case(name))?;
        Some(format!("{} {}", column.name, column.hive_type))
    });
    described.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
