//! Options of Hive, HBase, HCatalog and Accumulo.

use super::{Group, Mark, Opt, Rows};

const IMPORTS: Rows = Rows(Group::Hive, "ia");
const TABLES: Rows = Rows(Group::Hive, "iah");
const ONE: Rows = Rows(Group::Hive, "ih");
const SERVER: Rows = Rows(Group::Hive, "iah");
const CELLS: Rows = Rows(Group::HBase, "i");
const CATALOGUE: Rows = Rows(Group::HCatalog, "iae");
const CATALOGUE_IN: Rows = Rows(Group::HCatalog, "ia");
const DEAD: Rows = Rows(Group::Accumulo, "ia");

const NO_HIVE: &str = "no hive installation is used: the metastore is asked over the network";
const NO_SERVER: &str = "tables are made through the metastore, without logging in to HiveServer2";

pub(super) const HIVE: &[Opt] = &[
    IMPORTS.flag("hive-import", "Register the files as a Hive table"),
    ONE.value("hive-table", "table-name", "Name of the Hive table (that of the source)"),
    TABLES.value("hive-database", "database-name", "Database of the Hive table (default)"),
    TABLES.flag("hive-overwrite", "Replace what the table holds"),
    TABLES.flag("create-hive-table", "Fail if the table exists"),
    TABLES.value("hive-partition-key", "key", "Partition column"),
    IMPORTS.value("hive-partition-value", "value", "Partition that the rows go to"),
    IMPORTS.flag("hive-drop-import-delims", "Drop \\n, \\r and \\01 from text"),
    IMPORTS.value("hive-delims-replacement", "text", "Replace \\n, \\r and \\01 in text"),
    ONE.value("map-column-hive", "col=type,...", "Hive types of columns"),
    IMPORTS.value("external-table-dir", "dir", "HDFS directory of the table"),
    TABLES.value("hive-home", "dir", "Hive installation").mark(Mark::Skip).note(NO_HIVE),
    SERVER.value("hs2-url", "jdbc-uri", "HiveServer2: jdbc:hive2://HOST:PORT/DATABASE"),
    SERVER.value("hs2-user", "user", "User of HiveServer2"),
    SERVER.value("hs2-keytab", "file", "Keytab of that user").note(NO_SERVER),
    SERVER.value("hs2-password", "password", "Password of that user: insecure").note(NO_SERVER),
];

pub(super) const HBASE: &[Opt] = &[
    CELLS.value("hbase-table", "table", "HBase table to fill"),
    CELLS.value("column-family", "family", "Column family of the cells"),
    CELLS.value("hbase-row-key", "col,...", "Columns of the row key"),
    CELLS.flag("hbase-create-table", "Make the table and the family if missing"),
    CELLS
        .flag("hbase-bulkload", "Load through HFiles")
        .mark(Mark::Should)
        .note("rows are put through the Thrift gateway in batches, and no HFiles are left behind"),
    CELLS.value("hbase-null-incremental-mode", "ignore|delete", "What a NULL does to a cell"),
];

pub(super) const HCATALOG: &[Opt] = &[
    CATALOGUE.value("hcatalog-table", "table", "Hive table").mark(Mark::Should),
    CATALOGUE.value("hcatalog-database", "database", "Database of the Hive table").mark(Mark::Should),
    CATALOGUE.value("hcatalog-partition-keys", "key,...", "Partition columns").mark(Mark::Should),
    CATALOGUE.value("hcatalog-partition-values", "value,...", "Their values").mark(Mark::Should),
    CATALOGUE_IN
        .value("hcatalog-storage-stanza", "stanza", "Storage of a new table, as in: stored as orc")
        .mark(Mark::Should),
    CATALOGUE_IN.flag("create-hcatalog-table", "Make the table; fail if it exists").mark(Mark::Should),
    CATALOGUE_IN
        .flag("drop-and-create-hcatalog-table", "Drop the table and make it anew")
        .mark(Mark::Should)
        .refused("no table is ever dropped: drop it in Hive, then use --create-hcatalog-table"),
    CATALOGUE_IN
        .flag("hcatalog-external-table", "Make an external table")
        .mark(Mark::Should)
        .note("tables are external, unless the stanza asks for ORC"),
    CATALOGUE.value("hcatalog-home", "dir", "HCatalog installation").mark(Mark::Skip).note(NO_HIVE),
    Rows(Group::HCatalog, "e").value("hive-partition-key", "key", "Partition column").mark(Mark::Should),
    Rows(Group::HCatalog, "e").value("hive-partition-value", "value", "Partition to read").mark(Mark::Should),
];

const NO_ACCUMULO: &str = "Accumulo is not supported: HBase is, by --hbase-table";

pub(super) const ACCUMULO: &[Opt] = &[
    DEAD.value("accumulo-table", "table", "Accumulo table").mark(Mark::Skip).refused(NO_ACCUMULO),
    DEAD.value("accumulo-column-family", "family", "Column family").mark(Mark::Skip).refused(NO_ACCUMULO),
    DEAD.flag("accumulo-create-table", "Make the table").mark(Mark::Skip).refused(NO_ACCUMULO),
    DEAD.value("accumulo-row-key", "col", "Column of the row key").mark(Mark::Skip).refused(NO_ACCUMULO),
    DEAD.value("accumulo-visibility", "token", "Visibility").mark(Mark::Skip).refused(NO_ACCUMULO),
    DEAD.value("accumulo-max-latency", "ms", "Latency").mark(Mark::Skip).refused(NO_ACCUMULO),
    DEAD.value("accumulo-batch-size", "bytes", "Batch").mark(Mark::Skip).refused(NO_ACCUMULO),
    DEAD.value("accumulo-zookeepers", "hosts", "ZooKeepers").mark(Mark::Skip).refused(NO_ACCUMULO),
    DEAD.value("accumulo-instance", "name", "Instance").mark(Mark::Skip).refused(NO_ACCUMULO),
    DEAD.value("accumulo-user", "user", "User").mark(Mark::Skip).refused(NO_ACCUMULO),
    DEAD.value("accumulo-password", "password", "Password").mark(Mark::Skip).refused(NO_ACCUMULO),
];
