//! What Sqoop refuses before it begins, in its own words; all of it, where Sqoop stops looking at the first option of
//! a certain kind.
//!
//! Some of its refusals are gone, because the combination works here: Avro and Hive with lastmodified, Hive with Avro,
//! validation of queries and conditions.

use super::given::Given;
use crate::error::{self, Result};

/// A combination of options, and what Sqoop says to it.
type Rule = (bool, &'static str);

fn first(rules: &[Rule]) -> Result<()> {
    match rules.iter().find(|(broken, _)| *broken) {
        None => Ok(()),
        Some((_, said)) => Err(error::usage(*said).hint("Try --help for usage instructions.")),
    }
}

/// The checks of an import.
///
/// # Errors
/// Usage: the first rule that is broken.
pub(super) fn import(given: &Given) -> Result<()> {
    let has = |name: &str| given.is_typed(name);
    let query = given.text("query");
    let mappers = given.number("num-mappers", 1)?.unwrap_or(4);
    let to_table = has("hbase-table") || has("hcatalog-table");
    first(&[
        (
            !has("table") && query.is_none(),
            "--table or --query is required for import. (Or use sqoop import-all-tables.)",
        ),
        (has("target-dir") && has("warehouse-dir"), "--target-dir with --warehouse-dir are incompatible options."),
        (has("table") && query.is_some(), "Cannot specify --query and --table together."),
        (query.is_some() && has("where"), "--where is of no use with --query: put the condition into the query."),
        (query.is_some() && has("columns"), "--columns is of no use with --query: name the columns in the query."),
        (
            query.is_some() && !has("target-dir") && !to_table && !has("hive-import"),
            "Must specify destination with --target-dir.",
        ),
        (
            query.is_some() && has("hive-import") && !has("hive-table"),
            "When importing a query to Hive, you must specify --hive-table.",
        ),
        (
            query.is_some() && mappers > 1 && !has("split-by"),
            "When importing query results in parallel, you must specify --split-by.",
        ),
        (
            has("hcatalog-table") && (has("target-dir") || has("warehouse-dir")),
            "--hcatalog-table cannot be used --warehouse-dir or --target-dir options",
        ),
        (has("append") && has("delete-target-dir"), "--append and --delete-target-dir can not be used together."),
        (
            has("delete-target-dir") && has("incremental"),
            "--delete-target-dir can not be used with incremental imports.",
        ),
        (
            has("autoreset-to-one-mapper") && has("split-by"),
            "--autoreset-to-one-mapper and --split-by cannot be used together.",
        ),
        (has("check-column") && !has("incremental"), "You must specify an incremental import mode with --incremental."),
        (
            has("incremental") && !has("check-column"),
            "For an incremental import, the check column must be specified with --check-column.",
        ),
        (
            has("last-value") && !has("incremental"),
            "--last-value is of no use without --incremental and --check-column.",
        ),
        (
            has("append") && has("merge-key"),
            "--append and --merge-key contradict each other: added rows are not merged.",
        ),
        (has("merge-key") && !has("incremental"), "--merge-key is of no use without --incremental lastmodified."),
        (has("hbase-table") != has("column-family"), "Both --hbase-table and --column-family must be set together."),
        (has("hbase-bulkload") && !has("hbase-table"), "HBase bulk load requires an HBase table: --hbase-table."),
        (
            has("hbase-table") && (has("as-avrodatafile") || has("as-sequencefile") || has("as-parquetfile")),
            "HBase holds cells: --hbase-table takes no file format.",
        ),
        (has("hbase-table") && has("hive-import"), "--hbase-table and --hive-import cannot be used together."),
    ])?;
    if let Some(query) = query.filter(|query| !query.contains("$CONDITIONS")) {
        return Err(error::usage(format!("Query [{query}] must contain '$CONDITIONS' in WHERE clause."))
            .hint("add WHERE $CONDITIONS, in single quotes or as \\$CONDITIONS on a shell"));
    }
    hive(given)
}

/// The checks of an import of all tables.
///
/// # Errors
/// Usage: the first rule that is broken.
pub(super) fn import_all(given: &Given) -> Result<()> {
    hive(given)
}

/// The checks of text and Hive options, of both kinds of import.
fn hive(given: &Given) -> Result<()> {
    let has = |name: &str| given.is_typed(name);
    first(&[
        (
            has("hive-drop-import-delims") && has("hive-delims-replacement"),
            "The hive-drop-import-delims option conflicts with the hive-delims-replacement option.",
        ),
        (
            has("external-table-dir") && !has("hive-import"),
            "Importing to external Hive table requires --hive-import parameter to be set.",
        ),
        (has("hs2-url") && !has("hive-import"), "--hs2-url cannot be used without --hive-import."),
        (has("hs2-user") && !has("hs2-url"), "--hs2-user cannot be used without --hs2-url."),
        (has("hs2-keytab") && !has("hs2-user"), "--hs2-keytab cannot be used without --hs2-user."),
        (
            has("hcatalog-table") && (has("hive-table") || has("hive-database")),
            "--hcatalog-table names the table, --hcatalog-database its database: leave --hive-table and --hive-database out.",
        ),
        (has("hcatalog-table") && has("hive-import"), "--hcatalog-table and --hive-import cannot be used together."),
        (
            has("hcatalog-table") && (has("as-avrodatafile") || has("as-sequencefile") || has("as-parquetfile")),
            "HCatalog takes its format from the table: leave the file format out.",
        ),
        (
            has("hive-overwrite") && has("create-hive-table"),
            "--create-hive-table makes a new table: there is nothing for --hive-overwrite to replace.",
        ),
    ])
}

/// The checks of an export.
///
/// # Errors
/// Usage: the first rule that is broken.
pub(super) fn export(given: &Given) -> Result<()> {
    let has = |name: &str| given.is_typed(name);
    let same = match (given.text("staging-table"), given.text("table")) {
        (Some(staging), Some(table)) => staging.eq_ignore_ascii_case(table),
        _ => false,
    };
    first(&[
        (!has("table") && !has("call"), "--table or --call is required for export."),
        (has("table") && has("call"), "Option --table and --call are mutually exclusive."),
        (!has("export-dir") && !has("hcatalog-table"), "--export-dir is required for export."),
        (has("export-dir") && has("hcatalog-table"), "--export-dir and --hcatalog-table are mutually exclusive."),
        (has("update-mode") && !has("update-key"), "--update-mode is of no use without --update-key."),
        (has("update-key") && has("call"), "Option --update-key and --call are mutually exclusive."),
        (has("staging-table") && has("call"), "Option --staging-table and --call are mutually exclusive."),
        (
            has("staging-table") && has("update-key"),
            "Staging table cannot be used when export is running in update mode.",
        ),
        (has("staging-table") && has("direct"), "Staging table cannot be used with --direct."),
        (same, "Staging table cannot be the same as the destination table name specified."),
        (
            has("clear-staging-table") && !has("staging-table"),
            "Option to clear the staging table is specified but the staging table name is not.",
        ),
    ])
}
