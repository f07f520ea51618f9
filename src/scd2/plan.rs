//! The planner: a specification and the source's columns become HiveQL. Pure; no I/O.
//!
//! Every name is back-quoted. Names of its own inside a statement start with `sakia_`.

use super::args::{Scd2Args, UntrackedPolicy};
use super::batch::Batch;
use super::source::SourceColumn;
use super::template::{Template, Templates, Values, literal, quoted, quoted_table};
use crate::error::{self, Result};

/// The statements of one dimension.
#[derive(Debug)]
pub(super) struct Plan {
    templates: Templates,
    values: Values,
    target: String,
}

impl Plan {
    /// Decides everything but the batches.
    ///
    /// # Errors
    /// Schema: the source lacks a column, or one cannot be compared or ordered.
    pub fn new(args: &Scd2Args, columns: &[SourceColumn], templates: Templates) -> Result<Self> {
        let values = values(args, columns)?;
        Ok(Self { templates, values, target: quoted_table(&args.target) })
    }

    /// Makes the target, with `properties` as table parameters.
    pub fn create(&self, properties: &[(&str, &str)]) -> Result<String> {
        self.render(Template::Create, [("properties", pairs(properties))])
    }

    /// Counts what the log holds, batch by batch.
    pub fn overview(&self) -> Result<String> {
        self.render(Template::Overview, [])
    }

    /// Applies a batch; the log is read up to `until`, the end of the batch or of what was applied before.
    pub fn merge(&self, batch: &Batch, until: &str, batch_id: &str) -> Result<String> {
        let moment = |moment: &str| format!("TIMESTAMP {}", literal(moment));
        let only_affected = match &batch.from {
            None => String::new(),
            Some(from) => self.render(Template::Affected, [("from", moment(from)), ("until", moment(&batch.until))])?,
        };
        self.render(
            Template::Merge,
            [("only_affected", only_affected), ("until", moment(until)), ("batch_id", literal(batch_id))],
        )
    }

    /// Counts versions and the violations among them.
    pub fn verify(&self) -> Result<String> {
        self.render(Template::Verify, [])
    }

    /// Notes `properties` as table parameters of the target.
    pub fn note(&self, properties: &[(&str, &str)]) -> String {
        format!("ALTER TABLE {} SET TBLPROPERTIES ({})", self.target, pairs(properties))
    }

    fn render<const N: usize>(&self, template: Template, more: [(&'static str, String); N]) -> Result<String> {
        let mut values = self.values.clone();
        values.extend(more);
        self.templates.render(template, &values)
    }
}

fn pairs(properties: &[(&str, &str)]) -> String {
    list(properties, ", ", |(name, value)| format!("{} = {}", literal(name), literal(value)))
}

fn list<T>(items: impl IntoIterator<Item = T>, between: &str, one: impl Fn(T) -> String) -> String {
    items.into_iter().map(one).collect::<Vec<_>>().join(between)
}

/// What the templates' names stand for; the templates say where each goes.
fn values(args: &Scd2Args, columns: &[SourceColumn]) -> Result<Values> {
    let find = |name: &str| {
        let found = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            error::schema(format!("table {} has no column {name}", args.source))
                .hint(format!("it has {}", list(columns, ", ", |column| column.name.clone())))
        })
    };
    let sequence = find(&args.sequence)?;
    if !sequence.hive_type.starts_with("timestamp") && sequence.hive_type != "date" {
        return Err(error::schema(format!(
            "column {} of table {} is {}, not a timestamp or date: it cannot order changes",
            args.sequence, args.source, sequence.hive_type
        )));
    }
    if let Some(op) = &args.op_column {
        find(op)?;
    }
    let carried = args.carried().map(find).collect::<Result<Vec<_>>>()?;
    if let Some(nested) = carried.iter().find(|column| column.hive_type.contains('<')) {
        return Err(error::schema(format!(
            "column {} of table {} is {}: versions of nested values cannot be compared",
            nested.name, args.source, nested.hive_type
        )));
    }
    let definitions = list(&carried, ",\n  ", |column| column.definition());
    Ok(Values::from([
        ("column_definitions", definitions),
        ("comment", literal(&format!("versions of {}, kept by sakia", args.source))),
    ])
    .into_iter()
    .chain(names(args))
    .chain(expressions(args))
    .collect())
}

/// Tables, columns and lists of them.
fn names(args: &Scd2Args) -> [(&'static str, String); 9] {
    let with = |prefix: &'static str| list(args.carried(), ", ", move |name| format!("{prefix}{}", quoted(name)));
    let keys = |prefix: &'static str| list(&args.keys, ", ", move |name| format!("{prefix}{}", quoted(name)));
    [
        ("source", quoted_table(&args.source)),
        ("target", quoted_table(&args.target)),
        ("sequence", quoted(&args.sequence)),
        ("keys", keys("")),
        ("event_keys", keys("e.")),
        ("columns", with("")),
        ("n_columns", with("n.")),
        ("s_columns", with("s.")),
        ("event_columns", with("e.")),
    ]
}

/// Conditions and computed columns.
fn expressions(args: &Scd2Args) -> [(&'static str, String); 15] {
    let keys = list(&args.keys, ", ", |name| quoted(name));
    let by_key = format!("(PARTITION BY {keys} ORDER BY sakia_seq)");
    let by_key_and_start = format!("(PARTITION BY {keys} ORDER BY `valid_from`)");
    let tracked_same = |other: &str, over: &str| {
        list(&args.tracked, " AND ", |name| format!("{0} <=> {other}({0}) OVER {over}", quoted(name)))
    };
    let event = |name: &String| format!("e.{}", quoted(name));
    [
        ("any_key_null", list(&args.keys, " OR ", |name| format!("{} IS NULL", quoted(name)))),
        ("same_keys", list(&args.keys, " AND ", |name| format!("e.{0} = a.{0}", quoted(name)))),
        ("batch", args.batches.label_of(&event(&args.sequence))),
        ("is_delete", args.op_column.as_ref().map_or("false".to_owned(), |op| format!("({} <=> 'D')", event(op)))),
        ("content", content(args)),
        ("key_texts", list(&args.keys, ", ", |name| escaped_text(&quoted(name)))),
        ("key_and_tracked", list(args.keys.iter().chain(&args.tracked), ", ", |name| quoted(name))),
        ("untracked_values", list(&args.untracked, "", |name| untracked_value(args, &quoted(name), &by_key) + ", ")),
        ("same_as_before", tracked_same("lag", &by_key)),
        ("same_as_after", tracked_same("lead", &by_key)),
        ("same_as_next", tracked_same("lead", &by_key_and_start)),
        ("n_same_as_o", list(args.carried(), " AND ", |name| format!("n.{0} <=> o.{0}", quoted(name)))),
        (
            "assignments",
            list(args.tracked.iter().chain(&args.untracked), ", ", |name| format!("{0} = s.{0}", quoted(name))),
        ),
        ("by_key", by_key.clone()),
        ("by_key_and_start", by_key_and_start.clone()),
    ]
}

/// Orders events of one key at one moment that say different things: by a digest, so that no collation or locale has a
/// say. Lengths keep neighbouring texts apart, `~` is NULL.
fn content(args: &Scd2Args) -> String {
    let texts = list(args.tracked.iter().chain(&args.untracked), ", ", |name| {
        let text = format!("CAST(e.{} AS string)", quoted(name));
        format!("coalesce(concat(length({text}), ':', {text}), '~')")
    });
    format!("sha2(concat_ws('|', {texts}), 256)")
}

/// A key as it goes into the surrogate key: `\` and `|` escaped, so that two keys never look like one.
fn escaped_text(name: &str) -> String {
    format!(r"replace(replace(CAST({name} AS string), '\\', '\\\\'), '|', '\\|')")
}

fn untracked_value(args: &Scd2Args, name: &str, by_key: &str) -> String {
    match args.untracked_policy {
        // The row after the first of a run is the last of it, where the run is longer than one.
        UntrackedPolicy::LatestInRun => {
            format!("CASE WHEN sakia_ends THEN {name} ELSE lead({name}) OVER {by_key} END AS {name}")
        }
        UntrackedPolicy::FirstInRun => name.to_owned(),
    }
}
