//! What an import is asked for, as typed on the command line or in a pipeline file.

use serde::Deserialize;

use super::PartitionBy;
use crate::format::Compression;

/// A MySQL table into files and a Hive table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ImportArgs {
    /// Table or view to read, in the database of the connection
    #[arg(long, value_name = "NAME")]
    pub table: String,
    /// Columns to read, in this order [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    #[serde(default)]
    pub columns: Vec<String>,
    /// Condition that rows must meet, as SQL text
    #[arg(long = "where", value_name = "SQL")]
    #[serde(rename = "where", default)]
    pub condition: Option<String>,
    /// Column to split the table by: integers, decimals, dates or times [default: first of the primary key]
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub split_by: Option<String>,
    /// Connections that read at once, and splits they read
    #[arg(long, short = 'm', value_name = "COUNT", default_value_t = default_mappers())]
    #[serde(default = "default_mappers")]
    pub num_mappers: u32,
    /// Directory that will hold the files: an absolute path without a scheme
    #[arg(long, value_name = "PATH")]
    pub target_dir: String,
    /// Format of the files
    #[arg(long = "as", value_name = "FORMAT", value_enum, default_value_t)]
    #[serde(rename = "as", default)]
    pub format: ImportFormat,
    /// Codec inside the files
    #[arg(long, value_name = "CODEC", value_enum, default_value_t)]
    #[serde(default)]
    pub compression: Compression,
    /// Hive database of the table to register, made if missing [default: default]
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub hive_database: Option<String>,
    /// External Hive table to register [default: as --table, if --hive-database is given; else none]
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub hive_table: Option<String>,
    /// Partition columns, each NAME=COLUMN or NAME=year|month|day|hour(COLUMN)
    #[arg(long, value_name = "NAME=SOURCE,...")]
    #[serde(default)]
    pub partition_by: Option<PartitionBy>,
}

/// The formats an import can write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ImportFormat {
    /// Apache Parquet.
    #[default]
    Parquet,
    /// Avro object container files.
    Avro,
}

fn default_mappers() -> u32 {
    4
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::config;
    use crate::mysql::MySqlOptions;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ImportArgs,
        #[command(flatten)]
        mysql: MySqlOptions,
    }

    #[test]
    fn the_command_line_and_the_file_ask_alike() {
        Line::command().debug_assert();
        let typed = "import --connect mysql://u@h/shop --table orders --columns id,total --where id>3 --split-by id -m 2 \
                     --target-dir /lake/orders --as avro --compression deflate --hive-database lake \
                     --partition-by m=month(at)";
        let line = Line::parse_from(typed.split_whitespace());
        let file = "table = 'orders'\ncolumns = ['id', 'total']\nwhere = 'id>3'\nsplit-by = 'id'\nnum-mappers = 2
            target-dir = '/lake/orders'\nas = 'avro'\ncompression = 'deflate'\nhive-database = 'lake'
            partition-by = 'm=month(at)'";
        assert_eq!(line.args, config::parse(file, "test").unwrap());
        assert_eq!(line.mysql.url.as_deref(), Some("mysql://u@h/shop"));
    }

    #[test]
    fn little_is_needed() {
        let args: ImportArgs = config::parse("table = 't'\ntarget-dir = '/t'", "test").unwrap();
        assert_eq!((args.num_mappers, args.format, args.compression), (4, ImportFormat::Parquet, Compression::Snappy));
        let error = config::parse::<ImportArgs>("table = 't'\ntarget-dir = '/t'\nsplitby = 'x'", "test").unwrap_err();
        assert_eq!(error.remedy(), Some("did you mean `split-by`?"));
    }
}
