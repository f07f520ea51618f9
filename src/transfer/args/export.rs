//! An export, as typed on the command line, in a pipeline file, or through Sqoop's arguments.

use serde::{Deserialize, Serialize};

use super::pairs::Pairs;
use super::policy::Compat;
use super::unsaid::{is_default, is_false};
use crate::format::decode::Calendar;

/// Files of the cluster or a Hive table into a MySQL table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ExportArgs {
    /// Table to fill, in the database of the connection
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Stored procedure to call with each record, instead of filling a table
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// Columns that the fields of a record go to, in this order [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Directory, file or pattern to read: an absolute path
    #[arg(long, value_name = "PATH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export_dir: Option<String>,
    /// Hive database of the table to read [default: default]
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hive_database: Option<String>,
    /// Hive table to read, instead of a directory
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hive_table: Option<String>,
    /// The one partition of the Hive table to read [default: all]
    #[arg(long, value_name = "NAME=VALUE,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hive_partition: Option<Pairs>,
    /// Number of connections that write in parallel
    #[arg(long, short = 'm', value_name = "COUNT", default_value_t = 4)]
    #[serde(skip_serializing_if = "is_default_mappers")]
    pub num_mappers: u32,
    /// Columns by which rows of the table are found and updated
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub update_key: Vec<String>,
    /// What happens to records without a matching row
    #[arg(long, value_name = "MODE", value_enum, default_value_t)]
    #[serde(skip_serializing_if = "is_default")]
    pub update_mode: UpdateMode,
    /// Table of the same columns that is filled first and moved over in one transaction
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staging_table: Option<String>,
    /// Empty the staging table first, instead of refusing one that holds rows
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub clear_staging_table: bool,
    /// One record a statement, sent many at a time
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub batch: bool,
    /// LOAD DATA LOCAL INFILE instead of INSERT
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub direct: bool,
    /// Most records sent at a time [default: 2000 in bulk, where MariaDB can do that; else 100 in one INSERT]
    #[arg(long, value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_per_statement: Option<u32>,
    /// Statements in one transaction, of rows-per-statement or else 100 records each; 0 for one transaction a connection
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    #[serde(skip_serializing_if = "is_default_transaction")]
    pub statements_per_transaction: u32,
    /// Calendar of days before 1582-10-15 in files that do not name theirs [default: such days are an error; hybrid for a
    /// Hive table, as Hive reads them]
    #[arg(long, value_name = "WHICH", value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Calendar>,
    /// How delimited text is read
    #[command(flatten)]
    #[serde(skip_serializing_if = "is_default")]
    pub text: InputTextArgs,
    /// Whose reading of text: exact refuses what does not fit, sqoop is as lenient as Sqoop 1.4.7
    #[arg(long, value_name = "WHOSE", value_enum, default_value_t)]
    #[serde(skip_serializing_if = "is_default")]
    pub compat: Compat,
    /// Directory in the cluster for records that cannot be exported, with their place and the reason
    #[arg(long, value_name = "PATH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reject_dir: Option<String>,
    /// Most records that may be rejected before the export fails
    #[arg(long, value_name = "COUNT", default_value_t)]
    #[serde(skip_serializing_if = "is_default")]
    pub reject_limit: u64,
    /// Compare the count of records with what the table gained
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub verify: bool,
}

impl Default for ExportArgs {
    fn default() -> Self {
        Self {
            table: None,
            call: None,
            columns: Vec::new(),
            export_dir: None,
            hive_database: None,
            hive_table: None,
            hive_partition: None,
            num_mappers: 4,
            update_key: Vec::new(),
            update_mode: UpdateMode::default(),
            staging_table: None,
            clear_staging_table: false,
            batch: false,
            direct: false,
            rows_per_statement: None,
            statements_per_transaction: 100,
            calendar: None,
            text: InputTextArgs::default(),
            compat: Compat::default(),
            reject_dir: None,
            reject_limit: 0,
            verify: false,
        }
    }
}

/// What an export with an update key does with records without a matching row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateMode {
    /// Nothing: they are counted as unmatched
    #[default]
    #[value(alias = "updateonly")]
    #[serde(alias = "updateonly")]
    UpdateOnly,
    /// They are inserted
    #[value(alias = "allowinsert")]
    #[serde(alias = "allowinsert")]
    AllowInsert,
}

/// How delimited text is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct InputTextArgs {
    /// Character between fields of the input: one character, \t, \0x01 ... [default: comma; \0x01 for Hive]
    #[arg(id = "input_fields", long = "input-fields-terminated-by", value_name = "CHAR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields_terminated_by: Option<String>,
    /// Character after each record of the input [default: \n]
    #[arg(id = "input_lines", long = "input-lines-terminated-by", value_name = "CHAR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines_terminated_by: Option<String>,
    /// Character around every field of the input
    #[arg(id = "input_enclosed", long = "input-enclosed-by", value_name = "CHAR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enclosed_by: Option<String>,
    /// Character around some fields of the input
    #[arg(id = "input_optionally", long = "input-optionally-enclosed-by", value_name = "CHAR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optionally_enclosed_by: Option<String>,
    /// Character before delimiters inside a field of the input
    #[arg(id = "input_escaped", long = "input-escaped-by", value_name = "CHAR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escaped_by: Option<String>,
    /// What stands for NULL in text columns [default: null; \N for Hive]
    #[arg(id = "input_null", long = "input-null-string", value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null_string: Option<String>,
    /// What stands for NULL in all other columns, besides an empty field [default: null; \N for Hive]
    #[arg(id = "input_null_non", long = "input-null-non-string", value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null_non_string: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_default_mappers(count: &u32) -> bool {
    *count == 4
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_default_transaction(count: &u32) -> bool {
    *count == 100
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::config;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ExportArgs,
    }

    #[test]
    fn the_command_line_and_the_file_ask_alike() {
        Line::command().debug_assert();
        let typed = "export --table t --export-dir /d --update-key a,b --update-mode allowinsert -m 2 \
                     --input-fields-terminated-by \\t --input-null-string \\N --hive-partition ds=1";
        let line = Line::parse_from(typed.split_whitespace());
        let file = "table = 't'\nexport-dir = '/d'\nupdate-key = ['a', 'b']\nupdate-mode = 'allow-insert'
            num-mappers = 2\nhive-partition = 'ds=1'\ntext = { fields-terminated-by = '\\t', null-string = '\\N' }";
        let parsed: ExportArgs = config::parse(file, "test").unwrap();
        assert_eq!(line.args, parsed);
        let written = toml::to_string(&parsed).unwrap();
        assert_eq!(config::parse::<ExportArgs>(&written, "test").unwrap(), parsed, "{written}");
        assert!(!written.contains("rows-per-statement"), "defaults stay unsaid: {written}");
        assert_eq!(Line::parse_from(["export"]).args, ExportArgs::default());
    }
}
