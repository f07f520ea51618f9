//! A comparison of a source with a target, as typed on the command line or in a pipeline file.

use serde::{Deserialize, Serialize};

use super::export::InputTextArgs;
use super::pairs::Pairs;
use super::policy::{Compat, Consistency};
use super::unsaid::is_default;
use crate::format::decode::Calendar;

/// A MySQL table compared with files or a Hive table: row counts, sums over columns, and rows that differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VerifyArgs {
    /// Table to compare, in the database of the connection
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub table: String,
    /// Columns to compare [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Condition that rows of the table must meet, as SQL text
    #[arg(long = "where", value_name = "SQL")]
    #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Directory of the files to compare with: an absolute path
    #[arg(long, value_name = "PATH")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_dir: Option<String>,
    /// Hive database of the table to compare with [default: default]
    #[arg(long, value_name = "NAME")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hive_database: Option<String>,
    /// Hive table to compare with, instead of a directory
    #[arg(long, value_name = "NAME")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hive_table: Option<String>,
    /// The one partition of the Hive table to compare with [default: all]
    #[arg(long, value_name = "NAME=VALUE,...")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hive_partition: Option<Pairs>,
    /// Number of connections that read in parallel
    #[arg(long, short = 'm', value_name = "COUNT", default_value_t = default_mappers())]
    #[serde(default = "default_mappers", skip_serializing_if = "is_default_mappers")]
    pub num_mappers: u32,
    /// How all connections are made to read one moment
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(default, skip_serializing_if = "is_default")]
    pub consistency: Consistency,
    /// Whose types and text forms the values have
    #[arg(long, value_name = "WHOSE", value_enum, default_value_t)]
    #[serde(default, skip_serializing_if = "is_default")]
    pub compat: Compat,
    /// Calendar of days before 1582-10-15 in files that do not name theirs [default: such days are an error; hybrid for a
    /// Hive table, as Hive reads them]
    #[arg(long, value_name = "WHICH", value_enum)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Calendar>,
    /// How delimited text is read
    #[command(flatten)]
    #[serde(default, skip_serializing_if = "is_default")]
    pub text: InputTextArgs,
}

fn default_mappers() -> u32 {
    4
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_default_mappers(count: &u32) -> bool {
    *count == 4
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::config;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: VerifyArgs,
    }

    #[test]
    fn the_command_line_and_the_file_ask_alike() {
        Line::command().debug_assert();
        let line = Line::parse_from(["verify", "--table", "t", "--where", "a > 1", "--hive-table", "h"]);
        let parsed: VerifyArgs = config::parse("table = 't'\nwhere = 'a > 1'\nhive-table = 'h'", "test").unwrap();
        assert_eq!(line.args, parsed);
        let written = toml::to_string(&parsed).unwrap();
        assert_eq!(config::parse::<VerifyArgs>(&written, "test").unwrap(), parsed, "{written}");
    }
}
