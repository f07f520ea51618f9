//! Options of exports, merges and statements.

use super::{Group, Mark, Opt, Rows};

const OUT: Rows = Rows(Group::Export, "e");
const OVER: Rows = Rows(Group::Merge, "g");

pub(super) const EXPORT: &[Opt] = &[
    OUT.value("table", "table-name", "Table to fill"),
    OUT.value("call", "procedure", "Stored procedure to call with each record").mark(Mark::Should),
    OUT.value("columns", "col,col,...", "Columns that the fields go to"),
    OUT.value("export-dir", "dir", "HDFS directory, file or pattern to read"),
    OUT.value("num-mappers", "n", "Connections that write at once (4)").short('m'),
    OUT.value("update-key", "col,...", "Columns by which rows are found and updated"),
    OUT.value("update-mode", "mode", "updateonly (default) or allowinsert"),
    OUT.value("staging-table", "table-name", "Table that is filled first and moved over in one transaction"),
    OUT.flag("clear-staging-table", "Empty the staging table first"),
    OUT.flag("batch", "One record a statement, sent many at a time").mark(Mark::Should),
    OUT.flag("direct", "Write by LOAD DATA").mark(Mark::Should),
    OUT.flag("as-textfile", "Kind of the files")
        .mark(Mark::Skip)
        .note("the kind of a file is read from its first bytes"),
    OUT.value("map-column-java", "col=type,...", "Java types of columns")
        .mark(Mark::Should)
        .note("the types of the table's columns decide"),
    OUT.value("fetch-size", "n", "Rows in a batch").mark(Mark::Should).note("an export fetches no rows"),
];

pub(super) const MERGE: &[Opt] = &[
    OVER.value("new-data", "dir", "HDFS directory of the newer records"),
    OVER.value("onto", "dir", "HDFS directory of the older records"),
    OVER.value("target-dir", "dir", "HDFS directory of the merged records"),
    OVER.value("merge-key", "column", "Key: of all records with one key the newest stays"),
    OVER.value("num-mappers", "n", "Workers at once").short('m').mark(Mark::Should),
];

pub(super) const EVAL: &[Opt] = &[Rows(Group::Eval, "q").value("query", "statement", "Statement to run").short('e')];
