//! The planner: a specification and the columns of log and dimension become HiveQL. Pure; no I/O.
//!
//! Every name is back-quoted. Names of its own inside a statement start with `sakia_`.

use super::args::Scd2Args;
use super::batch::Batch;
use super::expressions;
use super::source::SourceColumn;
use super::template::{Template, Templates, Values};
use super::types::{self, Carried, Fit};
use crate::error::{self, Result};
use crate::hiveserver2::quote;

/// The statements of one dimension.
#[derive(Debug)]
pub(super) struct Plan {
    templates: Templates,
    values: Values,
    target: String,
    types: String,
    widened: Vec<SourceColumn>,
}

impl Plan {
    /// Decides everything but the batches. `log` and `dimension` are the columns of the two tables; a dimension that is
    /// not there yet gets the log's types.
    ///
    /// # Errors
    /// Schema: a column is missing, cannot be compared or ordered, or does not fit the dimension's.
    pub(super) fn new(
        args: &Scd2Args,
        log: &[SourceColumn],
        dimension: Option<&[SourceColumn]>,
        templates: Templates,
    ) -> Result<Self> {
        types::check_sequence(find(log, &args.source, &args.sequence)?, &args.source)?;
        if let Some(op) = &args.op_column {
            find(log, &args.source, op)?;
        }
        let (mut carried, mut definitions, mut widened) = (Vec::new(), Vec::new(), Vec::new());
        for (name, is_key) in args.keys.iter().map(|k| (k, true)).chain(args.others().map(|name| (name, false))) {
            let column = find(log, &args.source, name)?;
            check_carried(column, is_key, &args.source)?;
            let mut hive_type = column.hive_type.clone();
            if let Some(dimension) = dimension {
                let there = find(dimension, &args.target, name)?;
                match types::fit(&column.hive_type, &there.hive_type, is_key) {
                    Fit::Same | Fit::Cast => hive_type.clone_from(&there.hive_type),
                    Fit::Widen => widened.push(SourceColumn { hive_type: hive_type.clone(), ..there.clone() }),
                    Fit::Differ => return Err(differs(args, column, there)),
                }
            }
            definitions.push(column.definition());
            carried.push(Carried { name: name.clone(), log_type: column.hive_type.clone(), hive_type, is_key });
        }
        let mut values = expressions::values(args, &carried);
        values.insert("column_definitions", definitions.join(",\n"));
        values.insert("comment", quote::text(&format!("versions of {}, kept by sakia", args.source)));
        let (target, types) = (quote::qualified(&args.target), described(args, log));
        Ok(Self { templates, values, target, types, widened })
    }

    /// The types of the log's columns, as they are noted with the dimension.
    pub(super) fn types(&self) -> &str {
        &self.types
    }

    /// Makes the target, with `properties` as table parameters.
    pub(super) fn create(&self, properties: &[(&str, &str)]) -> Result<String> {
        self.render(Template::Create, [("properties", quote::properties(properties))])
    }

    /// Widens the columns of the target whose counterparts in the log have grown.
    pub(super) fn widen(&self) -> Vec<String> {
        let statement = |column: &SourceColumn| {
            format!("ALTER TABLE {} CHANGE COLUMN {} {}", self.target, quote::name(&column.name), column.definition())
        };
        self.widened.iter().map(statement).collect()
    }

    /// Counts what the log holds, batch by batch.
    pub(super) fn overview(&self) -> Result<String> {
        self.render(Template::Overview, [])
    }

    /// Counts the moments that the target rests on and of which the log has no event.
    pub(super) fn covered(&self) -> Result<String> {
        self.render(Template::Covered, [])
    }

    /// Applies a batch; the log is read up to `until`, the end of the batch or of what was applied before.
    pub(super) fn merge(&self, batch: &Batch, until: &str, batch_id: &str) -> Result<String> {
        let only_affected = match &batch.from {
            None => String::new(),
            Some(from) => self.render(Template::Affected, [("from", moment(from)), ("until", moment(&batch.until))])?,
        };
        let events = self.events(only_affected.clone(), until)?;
        self.render(
            Template::Merge,
            [
                ("only_affected", only_affected),
                ("events", events),
                ("until", moment(until)),
                ("batch_id", quote::text(batch_id)),
            ],
        )
    }

    /// Counts versions and the violations among them.
    pub(super) fn verify(&self) -> Result<String> {
        self.render(Template::Verify, [])
    }

    /// Compares the target with the log up to `until`: at every event of one key of `one_of`, and at the last event of
    /// every key.
    pub(super) fn compare(&self, until: &str, one_of: u64) -> Result<String> {
        let key_text = self.values.get("key_texts").map_or("", String::as_str);
        let sampled = format!("pmod(crc32(concat_ws('|', {key_text})), {one_of}) = 0");
        let events = self.events(String::new(), until)?;
        self.render(Template::Compare, [("events", events), ("sampled", sampled)])
    }

    /// Notes `properties` as table parameters of the target.
    pub(super) fn note(&self, properties: &[(&str, &str)]) -> String {
        format!("ALTER TABLE {} SET TBLPROPERTIES ({})", self.target, quote::properties(properties))
    }

    fn events(&self, only_affected: String, until: &str) -> Result<String> {
        self.render(Template::Events, [("only_affected", only_affected), ("until", moment(until))])
    }

    fn render<const N: usize>(&self, template: Template, more: [(&'static str, String); N]) -> Result<String> {
        let mut values = self.values.clone();
        values.extend(more);
        self.templates.render(template, &values)
    }
}

fn moment(text: &str) -> String {
    format!("TIMESTAMP {}", quote::text(text))
}

fn find<'c>(columns: &'c [SourceColumn], table: &str, name: &str) -> Result<&'c SourceColumn> {
    columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let names: Vec<&str> = columns.iter().take(50).map(|column| column.name.as_str()).collect();
        error::schema(format!("table {table} has no column {name}")).hint(format!("it has {}", names.join(", ")))
    })
}

fn check_carried(column: &SourceColumn, is_key: bool, table: &str) -> Result<()> {
    if column.hive_type.contains('<') {
        return Err(error::schema(format!(
            "column {} of table {table} is {}: versions of nested values cannot be compared",
            column.name, column.hive_type
        )));
    }
    if is_key { types::check_key(column, table) } else { Ok(()) }
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
    let used = args.carried().chain([args.sequence.as_str()]).chain(args.op_column.as_deref());
    let described = used.filter_map(|name| {
        let column = log.iter().find(|column| column.name.eq_ignore_ascii_case(name))?;
        Some(format!("{} {}", column.name, column.hive_type))
    });
    described.collect::<Vec<_>>().join(", ")
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
        Plan::new(args, &columns, None, Templates::load(None).unwrap()).unwrap()
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
            let error = Plan::new(&args, &columns, None, Templates::load(None).unwrap()).unwrap_err();
            assert_eq!(error.kind(), Kind::Schema);
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
