//! An import, as typed on the command line, in a pipeline file, or through Sqoop's arguments.

use serde::{Deserialize, Serialize};

use super::pairs::Pairs;
use super::policy::{
    ColumnNames, Compat, Consistency, FileNames, InvalidText, NullCells, ParquetTimestamps, ZeroDates,
};
use super::unsaid::{is_default, is_false};
use crate::format::Compression;
use crate::transfer::import::PartitionColumns;

/// A MySQL table or query into files, a Hive table, or an HBase table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ImportArgs {
    /// Table or view to read, in the database of the connection
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Query to read instead of a table; $CONDITIONS stands where the condition of a split goes
    #[arg(long, short = 'e', value_name = "SQL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Columns to read, in this order [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Condition that rows must meet, as SQL text
    #[arg(long = "where", value_name = "SQL")]
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Column to split by [default: the primary key]
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_by: Option<String>,
    /// Greatest width of a split: a difference of numbers, or seconds
    #[arg(long, value_name = "WIDTH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_limit: Option<u64>,
    /// Query that gives the least and the greatest key; rows outside are not read
    #[arg(long, value_name = "SQL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boundary_query: Option<String>,
    /// Number of connections that read in parallel
    #[arg(long, short = 'm', value_name = "COUNT", default_value_t = default_mappers())]
    #[serde(skip_serializing_if = "is_default_mappers")]
    pub num_mappers: u32,
    /// One connection where the table has no key to split by, instead of an error
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub autoreset_to_one_mapper: bool,
    /// Most rows in a batch on their way to a file
    #[arg(long, value_name = "ROWS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetch_size: Option<u32>,
    /// How all splits are made to read one moment
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(skip_serializing_if = "is_default")]
    pub consistency: Consistency,
    /// Read uncommitted rows too; only with --consistency none
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub relaxed_isolation: bool,

    /// Directory that will hold the files: an absolute path
    #[arg(long, value_name = "PATH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_dir: Option<String>,
    /// Directory above it: the files go to WAREHOUSE/TABLE
    #[arg(long, value_name = "PATH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warehouse_dir: Option<String>,
    /// What happens to data that is there already
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(skip_serializing_if = "is_default")]
    pub existing: Existing,
    /// Format of the files
    #[arg(long = "as", value_name = "FORMAT", value_enum, default_value_t)]
    #[serde(rename = "as", skip_serializing_if = "is_default")]
    pub format: ImportFormat,
    /// Codec inside the files [default: snappy for parquet and avro, none for text and sequence]
    #[arg(long, value_name = "CODEC", value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// How Parquet holds times
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(skip_serializing_if = "is_default")]
    pub parquet_timestamps: ParquetTimestamps,
    /// Whose types and text forms the values take
    #[arg(long, value_name = "WHOSE", value_enum, default_value_t)]
    #[serde(skip_serializing_if = "is_default")]
    pub compat: Compat,
    /// With --compat sqoop: decimals as Avro and Parquet decimals instead of text
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub logical_decimals: bool,
    /// What becomes of dates such as 0000-00-00
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(skip_serializing_if = "is_default")]
    pub zero_dates: ZeroDates,
    /// What becomes of text that is not valid UTF-8
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(skip_serializing_if = "is_default")]
    pub invalid_text: InvalidText,
    /// Java types of columns: String, Integer, Long, Float, Double, Boolean, BigDecimal ...
    #[arg(long, value_name = "NAME=TYPE,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map_column_java: Option<Pairs>,
    /// Hive types of columns, such as DECIMAL(13,5)
    #[arg(long, value_name = "NAME=TYPE,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map_column_hive: Option<Pairs>,
    /// Other names for columns, in files and tables; options about these, such as partition-by, then use the new names
    #[arg(long, value_name = "NAME=NEW,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map_column_name: Option<Pairs>,
    /// What the columns are called in files and tables
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(skip_serializing_if = "is_default")]
    pub column_names: ColumnNames,
    /// Name of the Avro record [default: the table's]
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_name: Option<String>,
    /// Write an empty _SUCCESS beside the files
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub success_file: bool,
    /// How files are named
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(skip_serializing_if = "is_default")]
    pub file_names: FileNames,
    /// Delimited text
    #[command(flatten)]
    #[serde(skip_serializing_if = "is_default")]
    pub text: TextArgs,

    /// Hive database of the table to register, made if missing [default: default]
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hive_database: Option<String>,
    /// External Hive table to register [default: as --table, if --hive-database is given; else none]
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hive_table: Option<String>,
    /// Partition columns, each NAME=COLUMN or NAME=year|month|day|hour(COLUMN)
    #[arg(long, value_name = "NAME=SOURCE,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_by: Option<PartitionColumns>,
    /// The one partition that the rows go to
    #[arg(long, value_name = "NAME=VALUE,...")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hive_partition: Option<Pairs>,
    /// Fail if the Hive table exists
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub create_hive_table: bool,
    /// Take over a Hive table of the same columns that was not made by sakia
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub hive_adopt: bool,
    /// A managed Hive table of this kind, filled by HiveServer2 from staged files
    #[arg(long, value_name = "KIND", value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hive_stored_as: Option<HiveStoredAs>,
    /// Only rows that are new or changed since the last import
    #[command(flatten)]
    #[serde(skip_serializing_if = "is_default")]
    pub incremental: IncrementalArgs,
    /// HBase cells instead of files
    #[command(flatten)]
    #[serde(skip_serializing_if = "is_default")]
    pub hbase: HBaseTargetArgs,
    /// Compare the target with the source in the same snapshot before it becomes visible
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub verify: bool,
}

impl Default for ImportArgs {
    fn default() -> Self {
        Self {
            table: None,
            query: None,
            columns: Vec::new(),
            condition: None,
            split_by: None,
            split_limit: None,
            boundary_query: None,
            num_mappers: default_mappers(),
            autoreset_to_one_mapper: false,
            fetch_size: None,
            consistency: Consistency::default(),
            relaxed_isolation: false,
            target_dir: None,
            warehouse_dir: None,
            existing: Existing::default(),
            format: ImportFormat::default(),
            compression: None,
            parquet_timestamps: ParquetTimestamps::default(),
            compat: Compat::default(),
            logical_decimals: false,
            zero_dates: ZeroDates::default(),
            invalid_text: InvalidText::default(),
            map_column_java: None,
            map_column_hive: None,
            map_column_name: None,
            column_names: ColumnNames::default(),
            record_name: None,
            success_file: false,
            file_names: FileNames::default(),
            text: TextArgs::default(),
            hive_database: None,
            hive_table: None,
            partition_by: None,
            hive_partition: None,
            create_hive_table: false,
            hive_adopt: false,
            hive_stored_as: None,
            incremental: IncrementalArgs::default(),
            hbase: HBaseTargetArgs::default(),
            verify: false,
        }
    }
}

/// The formats an import can write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ImportFormat {
    /// Apache Parquet
    #[default]
    Parquet,
    /// Avro object container files
    Avro,
    /// Delimited text
    Text,
    /// SequenceFiles of text records
    Sequence,
}

/// What an import does with data that is in the target already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Existing {
    /// Data of an earlier import is replaced once the new is complete; files of others are refused
    #[default]
    Replace,
    /// The import fails if the target exists
    Refuse,
    /// New files are added to the old ones, whoever wrote those
    Append,
    /// Whatever is there is replaced once the new data is complete
    Delete,
}

/// Managed tables that HiveServer2 fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum HiveStoredAs {
    /// ORC, not transactional
    Orc,
    /// ORC with transactions
    Acid,
    /// Parquet, managed by Hive
    Parquet,
}

/// How delimited text is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TextArgs {
    /// Character between fields: one character, \t, \0x01 ... [default: comma; \0x01 for Hive]
    #[arg(long, value_name = "CHAR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields_terminated_by: Option<String>,
    /// Character after each row [default: \n]
    #[arg(long, value_name = "CHAR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines_terminated_by: Option<String>,
    /// Character around every field
    #[arg(long, value_name = "CHAR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enclosed_by: Option<String>,
    /// Character around fields that hold a delimiter
    #[arg(long, value_name = "CHAR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optionally_enclosed_by: Option<String>,
    /// Character before delimiters inside a field
    #[arg(long, value_name = "CHAR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escaped_by: Option<String>,
    /// What a NULL in a text column is written as [default: null; \N for Hive]
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null_string: Option<String>,
    /// What a NULL in any other column is written as [default: null; \N for Hive]
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null_non_string: Option<String>,
    /// Drop \n, \r and \x01 from text columns
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub drop_delims: bool,
    /// Replace \n, \r and \x01 in text columns by this
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_delims: Option<String>,
    /// Decimals as Java prints them: 1E-7 instead of 0.0000001
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub scientific_decimals: bool,
}

/// Which rows an incremental import reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct IncrementalArgs {
    /// How new rows are told from old ones
    #[arg(id = "incremental_mode", long = "incremental", value_name = "MODE", value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<IncrementalMode>,
    /// Column that grows: an id, or a time of last change
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_column: Option<String>,
    /// Value to start after; only for the first run, later ones know [default: all rows]
    #[arg(long, value_name = "VALUE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_value: Option<String>,
    /// Where a run starts that has both a last value and one recorded beside the data
    #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
    #[serde(skip_serializing_if = "is_default")]
    pub start_from: StartFrom,
    /// What happens where files of earlier runs are gone
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[serde(skip_serializing_if = "is_default")]
    pub missing_files: MissingFiles,
    /// Key columns: a changed row takes the place of its old version
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merge_key: Vec<String>,
}

/// How new rows are told from old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum IncrementalMode {
    /// Rows whose check column is above the last value
    Append,
    /// Rows whose check column is not before the last time
    Lastmodified,
}

/// Where an incremental import starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum StartFrom {
    /// After the value that the last run recorded beside the data
    #[default]
    Recorded,
    /// After the last value given, even if that reads rows twice or passes some over
    LastValue,
}

/// What an incremental import does where files are gone that earlier runs put into the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum MissingFiles {
    /// It fails and says how to go on
    #[default]
    Refuse,
    /// It goes on after the recorded value: the files were taken out on purpose
    Ignore,
}

/// Rows as HBase cells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct HBaseTargetArgs {
    /// HBase table to fill
    #[arg(id = "hbase_table", long = "hbase-table", value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Column family of the cells
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column_family: Option<String>,
    /// Columns of the row key, joined by _ [default: --split-by, else the primary key]
    #[arg(id = "hbase_row_key", long = "hbase-row-key", value_name = "NAME,...", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub row_key: Vec<String>,
    /// Make the table and the family if missing
    #[arg(id = "hbase_create_table", long = "hbase-create-table")]
    #[serde(skip_serializing_if = "is_false")]
    pub create: bool,
    /// What a NULL does to a cell
    #[arg(
        id = "hbase_null_mode",
        long = "hbase-null-incremental-mode",
        value_name = "HOW",
        value_enum,
        default_value_t
    )]
    #[serde(skip_serializing_if = "is_default")]
    pub null_mode: NullCells,
    /// Keep the columns of the row key as cells too
    #[arg(id = "hbase_add_row_key", long = "hbase-add-row-key")]
    #[serde(skip_serializing_if = "is_false")]
    pub add_row_key: bool,
}

const fn default_mappers() -> u32 {
    4
}

// Serde hands over references.
fn is_default_mappers(count: &u32) -> bool {
    *count == default_mappers()
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
                     --partition-by m=month(at) --incremental append --check-column id --null-string NULL";
        let line = Line::parse_from(typed.split_whitespace());
        let file = "table = 'orders'\ncolumns = ['id', 'total']\nwhere = 'id>3'\nsplit-by = 'id'\nnum-mappers = 2
            target-dir = '/lake/orders'\nas = 'avro'\ncompression = 'deflate'\nhive-database = 'lake'
            partition-by = 'm=month(at)'\nincremental = { mode = 'append', check-column = 'id' }
            text.null-string = 'NULL'";
        let parsed: ImportArgs = config::parse(file, "test").unwrap();
        assert_eq!(line.args, parsed);
        assert_eq!(line.mysql.url.as_deref(), Some("mysql://u@h/shop"));
        let written = toml::to_string(&parsed).unwrap();
        assert_eq!(config::parse::<ImportArgs>(&written, "test").unwrap(), parsed, "{written}");
        assert!(!written.contains("zero-dates"), "defaults stay unsaid: {written}");
    }

    #[test]
    fn little_is_needed() {
        let args: ImportArgs = config::parse("table = 't'\ntarget-dir = '/t'", "test").unwrap();
        assert_eq!((args.num_mappers, args.format, args.compression), (4, ImportFormat::Parquet, None));
        let error = config::parse::<ImportArgs>("table = 't'\ntarget-dir = '/t'\nsplitby = 'x'", "test").unwrap_err();
        assert_eq!(error.remedy(), Some("did you mean `split-by`?"));
    }
}
