//! `export` and `merge`: Sqoop's options as our arguments, after Sqoop's own checks.

use super::given::Given;
use super::paths::Paths;
use super::properties::Properties;
use super::{checks, hive, servers, text};
use crate::error::{self, Result};
use crate::storage::hdfs::HdfsOptions;
use crate::transfer::args::{Compat, ExportArgs, FileNames, MergeArgs, UpdateMode};

/// An export.
///
/// # Errors
/// Usage: what Sqoop refuses, and what we do.
pub(super) fn export(
    given: &Given,
    properties: &Properties,
    hdfs: &mut HdfsOptions,
    notes: &mut Vec<String>,
) -> Result<ExportArgs> {
    checks::export(given)?;
    let in_catalogue = given.has("hcatalog-table");
    let paths = Paths::of(servers::cluster(given, properties));
    let export_dir = given.text("export-dir").map(|path| paths.absolute(path, hdfs)).transpose()?;
    let partition = hive::partition(given)?;
    if partition.is_some() && !in_catalogue {
        return Err(error::usage("a partition is named without a Hive table").hint("add --hcatalog-table"));
    }
    let mappers = given.number("num-mappers", 1)?.unwrap_or(4);
    Ok(ExportArgs {
        table: given.owned("table"),
        call: given.owned("call"),
        columns: given.list("columns"),
        export_dir,
        hive_database: given.owned("hcatalog-database").or_else(|| in_catalogue.then(|| "default".to_owned())),
        hive_table: given.owned("hcatalog-table"),
        hive_partition: partition,
        num_mappers: u32::try_from(mappers).unwrap_or(u32::MAX),
        update_key: given.list("update-key"),
        update_mode: update_mode(given)?,
        staging_table: given.owned("staging-table"),
        clear_staging_table: given.has("clear-staging-table"),
        batch: given.has("batch"),
        direct: given.has("direct"),
        rows_per_statement: count(properties, "sqoop.export.records.per.statement")?.map(|n| n.max(1)),
        statements_per_transaction: count(properties, "sqoop.export.statements.per.transaction")?.unwrap_or(100),
        text: text::input(given, notes)?,
        compat: Compat::Sqoop,
        verify: given.has("validate"),
        ..ExportArgs::default()
    })
}

fn update_mode(given: &Given) -> Result<UpdateMode> {
    match given.text("update-mode") {
        None | Some("updateonly") => Ok(UpdateMode::UpdateOnly),
        Some("allowinsert") => Ok(UpdateMode::AllowInsert),
        Some(other) => {
            Err(error::usage(format!("Unknown new update mode: {other}. Use 'updateonly' or 'allowinsert'.")))
        }
    }
}

/// A number of a property; -1, Sqoop's word for no limit, is 0 here.
fn count(properties: &Properties, name: &str) -> Result<Option<u32>> {
    match properties.get(name) {
        None => Ok(None),
        Some("-1") => Ok(Some(0)),
        Some(text) => text.parse().map(Some).map_err(|_| {
            error::usage(format!("{name}={text} is not a number")).hint("give a whole number, or -1 for all")
        }),
    }
}

/// A merge. The names of a text file's columns, which Sqoop has in its generated class, come from
/// `sakia.merge.columns` where the older data's manifest does not know them.
///
/// # Errors
/// Usage: a directory or the key is missing.
pub(super) fn merge(
    given: &Given,
    properties: &Properties,
    hdfs: &mut HdfsOptions,
    notes: &mut Vec<String>,
) -> Result<MergeArgs> {
    let paths = Paths::of(servers::cluster(given, properties));
    let mut directory = |name: &str| match given.text(name) {
        Some(path) => paths.absolute(path, hdfs),
        None => Err(error::usage(format!("--{name} is required for merge.")).hint("name an HDFS directory")),
    };
    let (new_data, onto, target_dir) = (directory("new-data")?, directory("onto")?, directory("target-dir")?);
    let merge_key = given.list("merge-key");
    if merge_key.is_empty() {
        return Err(
            error::usage("--merge-key is required for merge.").hint("name the column whose values tell rows apart")
        );
    }
    let mut text = text::delimiters(given, notes)?;
    let input = text::input(given, notes)?;
    // One set of delimiters reads and writes; the input's wins, as the files are there already.
    text.fields_terminated_by = input.fields_terminated_by.or(text.fields_terminated_by);
    text.lines_terminated_by = input.lines_terminated_by.or(text.lines_terminated_by);
    text.escaped_by = input.escaped_by.or(text.escaped_by);
    (text.enclosed_by, text.optionally_enclosed_by) = (input.enclosed_by, input.optionally_enclosed_by);
    let columns = properties.get("sakia.merge.columns").unwrap_or_default();
    Ok(MergeArgs {
        new_data,
        onto,
        target_dir,
        merge_key,
        columns: columns.split(',').map(str::trim).filter(|c| !c.is_empty()).map(str::to_owned).collect(),
        num_mappers: given.number("num-mappers", 1)?.map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
        compression: None,
        success_file: true,
        file_names: FileNames::Sqoop,
        calendar: None,
        text,
    })
}
