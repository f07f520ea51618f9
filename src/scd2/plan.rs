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
fn expressions(args: &Scd2Args) -> [(&'static str, String); 14] {
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
        ("run_columns", run_columns(args, &by_key)),
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

/// The carried columns of a run, seen from its first event.
fn run_columns(args: &Scd2Args, by_key: &str) -> String {
    let untracked = |name: &String| {
        let name = quoted(name);
        match args.untracked_policy {
            // The row after the first of a run is the last of it, where the run is longer than one.
            UntrackedPolicy::LatestInRun => {
                format!("CASE WHEN sakia_ends THEN {name} ELSE lead({name}) OVER {by_key} END AS {name}")
            }
            UntrackedPolicy::FirstInRun => name,
        }
    };
    let others = args.keys.iter().chain(&args.tracked).map(|name| quoted(name));
    list(others.chain(args.untracked.iter().map(untracked)), ", ", |column| column)
}

#[cfg(test)]
mod tests {
    use super::super::args::Batches;
    use super::*;
    use crate::error::Kind;

    fn columns(pairs: &[(&str, &str)]) -> Vec<SourceColumn> {
        let column = |(name, hive_type): &(&str, &str)| SourceColumn {
            name: (*name).to_owned(),
            hive_type: (*hive_type).to_owned(),
            comment: String::new(),
        };
        pairs.iter().map(column).collect()
    }

    fn args(toml: &str) -> Scd2Args {
        toml::from_str(&format!("source = 'shop.changes'\ntarget = 'shop.dim'\nsequence = 'at'\n{toml}")).unwrap()
    }

    fn plan(args: &Scd2Args) -> Plan {
        let columns = columns(&[
            ("id", "decimal(20,0)"),
            ("part", "string"),
            ("at", "timestamp"),
            ("op", "string"),
            ("country", "string"),
            ("tier", "int"),
            ("e`mail", "varchar(20)"),
        ]);
        Plan::new(args, &columns, Templates::load(None).unwrap()).unwrap()
    }

    fn golden(name: &str, statement: &str) {
        insta::with_settings!({
            snapshot_path => "../../integration-tests/golden/scd2",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!(name, statement) });
    }

    #[test]
    fn a_plain_dimension() {
        let args = args("keys = ['id']\ntracked = ['country']");
        let plan = plan(&args);
        golden("plain_create", &plan.create(&[("sakia.scd2.definition", "it's this")]).unwrap());
        golden("plain_overview", &plan.overview().unwrap());
        let batch = Batches::Month.batch("2010-12").unwrap();
        golden("plain_merge", &plan.merge(&batch, &batch.until, "run/2010-12").unwrap());
        golden("plain_verify", &plan.verify().unwrap());
        golden("plain_note", &plan.note(&[("sakia.scd2.high.water", "2011-01-01 00:00:00")]));
    }

    #[test]
    fn a_dimension_with_everything() {
        let args = args(
            "keys = ['id', 'part']\ntracked = ['country', 'tier']\nuntracked = ['e`mail']\nop-column = 'op'\nbatches = 'day'",
        );
        let plan = plan(&args);
        golden("full_overview", &plan.overview().unwrap());
        let until = "2011-01-01 00:00:00";
        golden("full_catch_up", &plan.merge(&Batch::catch_up(until), until, "run/catch-up").unwrap());
        golden("full_verify", &plan.verify().unwrap());
    }

    #[test]
    fn a_version_may_show_its_first_values() {
        let args =
            args("keys = ['id']\ntracked = ['country']\nuntracked = ['tier']\nuntracked-policy = 'first-in-run'");
        let merge = plan(&args).merge(&Batch::catch_up("x"), "x", "b").unwrap();
        assert!(merge.contains("SELECT `id`, `country`, `tier`, sakia_seq, sakia_deleted, sakia_starts,"), "{merge}");
    }

    #[test]
    fn columns_that_cannot_serve_are_schema_errors() {
        let columns = columns(&[("id", "int"), ("at", "string"), ("when", "timestamp"), ("bag", "map<string,int>")]);
        let bad = [
            ("keys = ['nr']\ntracked = ['bag']\nsequence = 'when'", "table shop.changes has no column nr"),
            ("keys = ['id']\ntracked = ['bag']\nsequence = 'at'", "is string, not a timestamp or date"),
            ("keys = ['id']\ntracked = ['bag']\nsequence = 'when'", "versions of nested values cannot be compared"),
        ];
        for (toml, text) in bad {
            let args: Scd2Args =
                toml::from_str(&format!("source = 'shop.changes'\ntarget = 'shop.dim'\n{toml}")).unwrap();
            let error = Plan::new(&args, &columns, Templates::load(None).unwrap()).unwrap_err();
            assert_eq!(error.kind(), Kind::Schema);
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
