//! Options of imports.

use super::{Group, Mark, Opt, Rows};

/// One table or query.
const ONE: Rows = Rows(Group::Import, "i");
/// Imports of both kinds.
const ROWS: Rows = Rows(Group::Import, "ia");
const INCREMENT: Rows = Rows(Group::Incremental, "i");

pub(super) const IMPORT: &[Opt] = &[
    ONE.value("table", "table-name", "Table to read"),
    Rows(Group::Import, "h").value("table", "table-name", "Table whose columns the Hive table gets"),
    ONE.value("columns", "col,col,...", "Columns to read"),
    ONE.value("query", "statement", "Query to read, with $CONDITIONS in its WHERE").short('e'),
    ONE.value("where", "where-clause", "Condition that rows must meet"),
    ONE.value("split-by", "column", "Column to split by"),
    ROWS.value("split-limit", "size", "Greatest width of a split"),
    ONE.value("boundary-query", "statement", "Query for the least and greatest value of the split column"),
    ROWS.value("num-mappers", "n", "Connections that read at once (4)").short('m'),
    ROWS.flag("autoreset-to-one-mapper", "One connection where a table has no key"),
    ROWS.value("exclude-tables", "table,table,...", "Tables to leave out").only("a"),
    ONE.value("target-dir", "dir", "HDFS directory of the files"),
    ROWS.value("warehouse-dir", "dir", "HDFS directory above the table's"),
    ROWS.flag("delete-target-dir", "Replace what the directory holds").only("i"),
    ROWS.flag("append", "Add to what the directory holds").only("i"),
    ROWS.flag("as-textfile", "Delimited text (default)"),
    ROWS.flag("as-sequencefile", "SequenceFiles of text records"),
    ROWS.flag("as-avrodatafile", "Avro files"),
    ROWS.flag("as-parquetfile", "Parquet files"),
    ROWS.value("parquet-configurator-implementation", "kite|hadoop", "Library that writes Parquet")
        .mark(Mark::Skip)
        .note("Parquet is written by one library, and every reader takes its files"),
    ROWS.flag("compress", "Compress files").short('z'),
    ROWS.value("compression-codec", "codec", "Codec: gzip, bzip2, snappy, deflate, lz4, or its class"),
    ROWS.value("fetch-size", "n", "Most rows in a batch"),
    ROWS.value("inline-lob-limit", "n", "Greatest object inside a record")
        .note("large objects always stand inside their record, never in files of their own"),
    ONE.value("map-column-java", "col=type,...", "Java types of columns"),
    ONE.value("escape-mapping-column-names", "true|false", "Names in mappings as identifiers")
        .mark(Mark::Should)
        .note("a mapping takes the column's name as it is"),
    ROWS.flag("direct", "Read through mysqldump")
        .mark(Mark::Should)
        .note("the usual path is the fast one, for every format and type"),
    ROWS.value("direct-split-size", "n", "Size at which a new file begins, in direct mode")
        .mark(Mark::Should)
        .note("files end where a split ends"),
];

pub(super) const INCREMENTAL: &[Opt] = &[
    INCREMENT.value("incremental", "mode", "Only new or changed rows: append or lastmodified"),
    INCREMENT.value("check-column", "column", "Column that tells new rows from old ones"),
    INCREMENT.value("last-value", "value", "Value of the check column to start after"),
    INCREMENT.value("merge-key", "column", "Key by which a changed row takes its old version's place"),
];

impl Opt {
    /// Taken by these tools only.
    const fn only(mut self, tools: &'static str) -> Self {
        self.tools = tools;
        self
    }
}
