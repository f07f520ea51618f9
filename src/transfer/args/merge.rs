//! A merge of two data sets, as typed on the command line, in a pipeline file, or through Sqoop's arguments.

use serde::{Deserialize, Serialize};

use super::import::TextArgs;
use super::policy::FileNames;
use super::unsaid::{is_default, is_false};
use crate::format::Compression;
use crate::format::decode::Calendar;

/// Newer records over older ones by key, into a new directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MergeArgs {
    /// Directory of the newer records, which win: an absolute path
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    pub new_data: String,
    /// Directory of the older records: an absolute path
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    pub onto: String,
    /// Directory that will hold the merged records
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    pub target_dir: String,
    /// Key columns: of all records with one key the newest stays
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub merge_key: Vec<String>,
    /// Columns of delimited text in the order of its fields
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Most workers in parallel [default: 4]
    #[arg(long, short = 'm', value_name = "COUNT")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_mappers: Option<u32>,
    /// Codec inside the merged files [default: that of the older records]
    #[arg(long, value_name = "CODEC", value_enum)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// Write an empty _SUCCESS beside the files
    #[arg(long)]
    #[serde(default, skip_serializing_if = "is_false")]
    pub success_file: bool,
    /// How files are named
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(default, skip_serializing_if = "is_default")]
    pub file_names: FileNames,
    /// Calendar of days before 1582-10-15 in files that do not name theirs [default: such days are an error]
    #[arg(long, value_name = "WHICH", value_enum)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Calendar>,
    /// Delimited text, read and written
    #[command(flatten)]
    #[serde(default, skip_serializing_if = "is_default")]
    pub text: TextArgs,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::config;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: MergeArgs,
    }

    #[test]
    fn the_command_line_and_the_file_ask_alike() {
        Line::command().debug_assert();
        let typed = "merge --new-data /n --onto /o --target-dir /t --merge-key a,b --fields-terminated-by ;";
        let line = Line::parse_from(typed.split_whitespace());
        let file = "new-data = '/n'\nonto = '/o'\ntarget-dir = '/t'\nmerge-key = ['a', 'b']
            text.fields-terminated-by = ';'";
        let parsed: MergeArgs = config::parse(file, "test").unwrap();
        assert_eq!(line.args, parsed);
        let written = toml::to_string(&parsed).unwrap();
        assert_eq!(config::parse::<MergeArgs>(&written, "test").unwrap(), parsed, "{written}");
    }
}
