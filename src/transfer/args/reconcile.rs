//! A reconciliation: what several places hold of the same rows, counted and summed up by day or by another key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::check::Wrong;
use super::unsaid::is_default;
use crate::error::{self, Error};

/// Counts and sums by day, of the same rows in several places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReconcileArgs {
    /// Differences that are printed; JSON has all of them
    #[arg(long, value_name = "COUNT", default_value_t = default_show())]
    #[serde(default = "default_show", skip_serializing_if = "is_default_show")]
    pub show: u32,
    /// The places; the first is what the others are held against.
    #[arg(skip)]
    #[serde(default, rename = "side", skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<SideArgs>,
}

/// One place that holds the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SideArgs {
    /// What the place is called in the report.
    pub name: String,
    /// What is asked.
    #[serde(rename = "in")]
    pub place: Place,
    /// A table of the database, or `database.table` in Hive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// A directory of files in HDFS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_dir: Option<String>,
    /// What rows are counted by: an expression of the server's SQL; of files, a column or a partition.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// How much of a time in a file is the key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unit: Unit,
    /// A condition that rows must meet, in the server's SQL.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What is compared, by name: an aggregate of the server's SQL; of files, `count(*)` or `sum(COLUMN)`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measures: BTreeMap<String, String>,
    /// A statement of one's own, instead of table, by and measures: its first column is the key, the others are measures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The database, by SQL.
    Mysql,
    /// HiveServer2, by HiveQL.
    Hive,
    /// The files themselves, read from HDFS.
    Files,
}

/// How much of a time is the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// `2011-12-09`
    #[default]
    Day,
    /// `2011-12-09 12`
    Hour,
    /// `2011-12`
    Month,
}

impl Default for ReconcileArgs {
    fn default() -> Self {
        Self { show: default_show(), sides: Vec::new() }
    }
}

impl ReconcileArgs {
    /// The servers that it cannot do without, as a pipeline file names them.
    pub fn needs(&self) -> &'static [&'static str] {
        let asks = |place| self.sides.iter().any(|side| side.place == place);
        match (asks(Place::Mysql), asks(Place::Files), asks(Place::Hive)) {
            (true, true, true) => &["mysql", "hdfs", "hiveserver2"],
            (true, true, false) => &["mysql", "hdfs"],
            (true, false, true) => &["mysql", "hiveserver2"],
            (false, true, true) => &["hdfs", "hiveserver2"],
            (true, false, false) => &["mysql"],
            (false, true, false) => &["hdfs"],
            (false, false, true) => &["hiveserver2"],
            (false, false, false) => &[],
        }
    }

    /// What is wrong with it, before anything is asked of a server.
    pub fn check(&self) -> Vec<Wrong> {
        let mut wrong: Vec<Wrong> = self.sides.iter().flat_map(SideArgs::check).map(|e| ("side", e)).collect();
        let mut names: Vec<&str> = self.sides.iter().map(|side| side.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let e = error::config(format!("two sides are called `{}`", pair[0])).hint("give each a name of its own");
            wrong.push(("side", e));
        }
        if self.sides.len() < 2 {
            let e = error::config("a reconciliation needs two sides at least").hint("add [[step.side]] tables");
            wrong.push(("side", e));
        }
        wrong
    }
}

impl SideArgs {
    fn check(&self) -> Vec<Error> {
        let of_files = self.place == Place::Files;
        let has_query = self.query.is_some();
        let rules = [
            (self.name.is_empty(), "has no name", "give it one"),
            (of_files && has_query, "reads files, which answer no query", "give target-dir, by and measures"),
            (of_files && self.condition.is_some(), "reads files, which know no condition", "leave out where"),
            (of_files && self.target_dir.is_none(), "has no target-dir", "name the directory of the files"),
            (!of_files && self.target_dir.is_some(), "has a target-dir, which only files have", "say in = \"files\""),
            (!of_files && self.table.is_none() && !has_query, "has no table", "name the table, or give a query"),
            (of_files && self.table.is_some(), "reads files and names a table", "leave out table, or ask hive"),
            (
                has_query && (self.table.is_some() || self.condition.is_some() || !self.measures.is_empty()),
                "has a query, and says beside it what is asked",
                "leave out table, by, where and measures",
            ),
            (!has_query && self.by.is_empty(), "does not say what rows are counted by", "give by"),
            (!has_query && self.measures.is_empty(), "has no measures", "give measures = { rows = \"count(*)\" }"),
        ];
        let said =
            |(_, what, hint): (bool, &str, &str)| error::config(format!("side `{}` {what}", self.name)).hint(hint);
        rules.into_iter().filter(|(broken, ..)| *broken).map(said).collect()
    }
}

fn default_show() -> u32 {
    40
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_default_show(show: &u32) -> bool {
    *show == default_show()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    const SIDES: &str = "[[side]]\nname = 'shop'\nin = 'mysql'\ntable = 'orders'\nby = 'date(ordered_at)'\n\
        measures = { orders = 'count(*)' }\n\
        [[side]]\nname = 'files'\nin = 'files'\ntarget-dir = '/shop/orders'\nby = 'ordered_at'\nunit = 'hour'\n\
        measures = { orders = 'count(*)' }\n";

    #[test]
    fn what_is_read_is_written_again() {
        let args: ReconcileArgs = config::parse(SIDES, "test").unwrap();
        assert!(args.check().is_empty(), "{:?}", args.check());
        assert_eq!(args.needs(), ["mysql", "hdfs"]);
        let written = toml::to_string(&args).unwrap();
        assert_eq!(config::parse::<ReconcileArgs>(&written, "test").unwrap(), args, "{written}");
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |text: &str| {
            let args: ReconcileArgs = config::parse(text, "test").unwrap();
            args.check().into_iter().map(|(_, e)| e.to_string()).collect::<Vec<_>>().join("\n")
        };
        assert!(wrong("show = 3").contains("two sides at least"));
        let twice = wrong(&SIDES.replace("'files'\nin", "'shop'\nin"));
        assert!(twice.contains("two sides are called `shop`"), "{twice}");
        let both = wrong(&SIDES.replace("table = 'orders'", "table = 'orders'\nquery = 'select 1, 2'"));
        assert!(both.contains("side `shop` has a query"), "{both}");
        let of_files = wrong(&SIDES.replace("unit = 'hour'", "where = 'a > 1'"));
        assert!(of_files.contains("side `files` reads files, which know no condition"), "{of_files}");
    }
}
