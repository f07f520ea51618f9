//! `import` and `import-all-tables`: Sqoop's options as our import arguments, after Sqoop's own checks.
//!
//! Everything stays as Sqoop does it: text files called `part-m-NNNNN`, Sqoop's renderings and types, a target that
//! must not be there. `-D sakia.step.KEY=VALUE` sets a key of the step for which Sqoop has no option.

use super::given::Given;
use super::paths::Paths;
use super::properties::Properties;
use super::{checks, hive, servers, text};
use crate::error::{self, Result};
use crate::format::Compression;
use crate::storage::hdfs::HdfsOptions;
use crate::transfer::args::{
    Compat, Consistency, Existing, FileNames, HBaseTargetArgs, ImportAllArgs, ImportArgs, ImportFormat,
    IncrementalArgs, IncrementalMode, MissingFiles, NullCells, StartFrom, ZeroDates,
};

/// The greatest number of connections that makes sense anywhere.
const MOST_MAPPERS: u64 = 10_000;

/// An import of one table or query.
///
/// # Errors
/// Usage: what Sqoop refuses, and what we do.
pub(super) fn import(
    given: &Given,
    properties: &Properties,
    hdfs: &mut HdfsOptions,
    notes: &mut Vec<String>,
) -> Result<ImportArgs> {
    checks::import(given)?;
    let paths = Paths::of(servers::cluster(given, properties));
    let mut args = common(given, properties, notes)?;
    args.table = given.owned("table");
    args.query = given.owned("query");
    args.columns = given.list("columns");
    args.condition = given.owned("where");
    args.split_by = given.owned("split-by");
    args.boundary_query = given.owned("boundary-query");
    args.map_column_java = given.text("map-column-java").map(str::parse).transpose()?;
    args.zero_dates = zero_dates(given);
    args.incremental = incremental(given)?;
    args.hbase = hbase(given, properties)?;
    args.existing = existing(given);
    hive::table(given, &mut args, notes)?;
    // What Sqoop adds to a directory it moves there file by file, without the marker.
    args.success_file = args.existing != Existing::Append || args.hive_database.is_some();
    directories(given, &paths, hdfs, &mut args, notes)?;
    Ok(args)
}

/// An import of every table.
///
/// # Errors
/// As [`import`].
pub(super) fn import_all(
    given: &Given,
    properties: &Properties,
    hdfs: &mut HdfsOptions,
    notes: &mut Vec<String>,
) -> Result<ImportAllArgs> {
    checks::import_all(given)?;
    let mut each = common(given, properties, notes)?;
    each.zero_dates = zero_dates(given);
    each.existing = existing(given);
    hive::table(given, &mut each, notes)?;
    directories(given, &Paths::of(servers::cluster(given, properties)), hdfs, &mut each, notes)?;
    // Sqoop stops at the first table that fails. Going on does no harm, and the exit code still tells.
    Ok(ImportAllArgs { exclude_tables: given.list("exclude-tables"), each, ..ImportAllArgs::default() })
}

/// What both kinds of import take.
fn common(given: &Given, properties: &Properties, notes: &mut Vec<String>) -> Result<ImportArgs> {
    let in_hive = given.has("hive-import");
    let format = format(given)?;
    let relaxed_isolation = given.has("relaxed-isolation");
    let mappers = given.number("num-mappers", 1)?.unwrap_or(4).min(MOST_MAPPERS);
    let decimals = ["sqoop.avro.logical_types.decimal.enable", "sqoop.parquet.logical_types.decimal.enable"];
    let [avro, parquet] = decimals.map(|name| properties.flag(name));
    accepted(properties);
    Ok(ImportArgs {
        format,
        compression: compression(given, format)?,
        logical_decimals: match format {
            ImportFormat::Avro => avro? == Some(true),
            ImportFormat::Parquet => parquet? == Some(true),
            ImportFormat::Text | ImportFormat::Sequence => false,
        },
        num_mappers: u32::try_from(mappers).unwrap_or(u32::MAX),
        split_limit: given.number("split-limit", 1)?,
        autoreset_to_one_mapper: given.has("autoreset-to-one-mapper"),
        fetch_size: fetch_size(given)?,
        relaxed_isolation,
        consistency: if relaxed_isolation { Consistency::None } else { Consistency::Auto },
        record_name: given.owned("class-name"),
        text: text::output(given, properties, in_hive, notes)?,
        verify: given.has("validate"),
        ..as_sqoop()
    })
}

/// What is always so, as Sqoop does it.
pub(super) fn as_sqoop() -> ImportArgs {
    ImportArgs {
        format: ImportFormat::Text,
        compat: Compat::Sqoop,
        file_names: FileNames::Sqoop,
        zero_dates: ZeroDates::Null,
        success_file: true,
        ..ImportArgs::default()
    }
}

/// Asks for the properties that say nothing new here, so that they are not noted as idle: text splits follow the
/// collation, decimals are padded, passwords are never saved, objects stand inside their records.
fn accepted(properties: &Properties) {
    for name in [
        "org.apache.sqoop.splitter.allow_text_splitter",
        "sqoop.avro.decimal_padding.enable",
        "sqoop.avro.logical_types.decimal.default.precision",
        "sqoop.avro.logical_types.decimal.default.scale",
        "sqoop.parquet.logical_types.decimal.default.precision",
        "sqoop.parquet.logical_types.decimal.default.scale",
    ] {
        properties.get(name);
    }
}

fn format(given: &Given) -> Result<ImportFormat> {
    let kinds = [
        ("as-textfile", ImportFormat::Text),
        ("as-sequencefile", ImportFormat::Sequence),
        ("as-avrodatafile", ImportFormat::Avro),
        ("as-parquetfile", ImportFormat::Parquet),
    ];
    let typed: Vec<_> = kinds.into_iter().filter(|(name, _)| given.has(name)).collect();
    match typed[..] {
        [] => Ok(ImportFormat::Text),
        [(_, format)] => Ok(format),
        [(a, _), (b, _), ..] => {
            Err(error::usage(format!("--{a} and --{b} are both given")).hint("choose the format of the files"))
        }
    }
}

/// Sqoop leaves Avro and text uncompressed unless it is asked, and Parquet in Snappy.
fn compression(given: &Given, format: ImportFormat) -> Result<Option<Compression>> {
    let asked = given.has("compress");
    match (given.text("compression-codec"), format) {
        (Some(name), _) => name.parse().map(Some),
        (None, _) if asked => Ok(Some(Compression::Gzip)),
        (None, ImportFormat::Avro) => Ok(Some(Compression::None)),
        (None, _) => Ok(None),
    }
}

/// Connector/J streams where the size is the least integer; others are taken as rows in a batch.
fn fetch_size(given: &Given) -> Result<Option<u32>> {
    match given.text("fetch-size").map(str::trim) {
        Some(text) if text.starts_with('-') || text == "0" => Ok(None),
        _ => Ok(given.number("fetch-size", 1)?.map(|rows| u32::try_from(rows).unwrap_or(u32::MAX))),
    }
}

/// Sqoop adds `zeroDateTimeBehavior=convertToNull` for tables, not for queries; the connect string has the last word.
fn zero_dates(given: &Given) -> ZeroDates {
    let url = given.text("connect").unwrap_or_default().to_ascii_lowercase();
    match url.split(['?', '&']).find_map(|part| part.strip_prefix("zerodatetimebehavior=")) {
        Some("exception") => ZeroDates::Error,
        Some(_) => ZeroDates::Null,
        None if given.has("query") => ZeroDates::Error,
        None => ZeroDates::Null,
    }
}

fn incremental(given: &Given) -> Result<IncrementalArgs> {
    let mode = match given.text("incremental") {
        None => None,
        Some("append") => Some(IncrementalMode::Append),
        Some("lastmodified") => Some(IncrementalMode::Lastmodified),
        Some(other) => {
            return Err(error::usage(format!(
                "Unknown incremental import mode: {other}. Use 'append' or 'lastmodified'."
            )));
        }
    };
    Ok(IncrementalArgs {
        mode,
        check_column: given.owned("check-column"),
        last_value: given.owned("last-value"),
        // What is typed decides, as in Sqoop, whatever is recorded beside the data.
        start_from: if given.has("last-value") { StartFrom::LastValue } else { StartFrom::Recorded },
        missing_files: MissingFiles::Refuse,
        merge_key: given.list("merge-key"),
    })
}

fn hbase(given: &Given, properties: &Properties) -> Result<HBaseTargetArgs> {
    Ok(HBaseTargetArgs {
        table: given.owned("hbase-table"),
        column_family: given.owned("column-family"),
        row_key: given.list("hbase-row-key"),
        create: given.has("hbase-create-table"),
        null_mode: match given.text("hbase-null-incremental-mode") {
            None | Some("ignore") => NullCells::Ignore,
            Some("delete") => NullCells::Delete,
            Some(other) => {
                return Err(error::usage(format!("--hbase-null-incremental-mode {other} is not known"))
                    .hint("use ignore or delete"));
            }
        },
        add_row_key: given.has("hbase-table") && properties.flag("sqoop.hbase.add.row.key")? == Some(true),
    })
}

/// What happens to files that are there. A Hive table is added to unless it is to be overwritten.
fn existing(given: &Given) -> Existing {
    let in_hive = given.has("hive-import") || given.has("hcatalog-table");
    if given.has("delete-target-dir") && !in_hive || given.has("hive-overwrite") {
        Existing::Delete
    } else if given.has("merge-key") {
        Existing::Replace
    } else if given.has("append") || given.text("incremental") == Some("append") || in_hive {
        Existing::Append
    } else {
        Existing::Refuse
    }
}

/// Where the files go. With `--hive-import` Sqoop's target directory is only a stop on the way to the table's own.
fn directories(
    given: &Given,
    paths: &Paths,
    hdfs: &mut HdfsOptions,
    args: &mut ImportArgs,
    notes: &mut Vec<String>,
) -> Result<()> {
    let mut of = |name: &str| given.text(name).map(|path| paths.absolute(path, hdfs)).transpose();
    let (target, warehouse, external) = (of("target-dir")?, of("warehouse-dir")?, of("external-table-dir")?);
    if args.hbase.table.is_some() {
        if target.is_some() || warehouse.is_some() {
            notes.push("the directory does nothing here: rows go to HBase without files".to_owned());
        }
        return Ok(());
    }
    if args.hive_table.is_some() || args.hive_database.is_some() {
        if target.is_some() || warehouse.is_some() || given.has("delete-target-dir") {
            let directory = "the files go to the table's own directory at once";
            notes.push(format!("--target-dir, --warehouse-dir and --delete-target-dir do nothing here: {directory}"));
        }
        args.target_dir = external;
        return Ok(());
    }
    if target.is_none() && warehouse.is_none() {
        args.warehouse_dir = Some(paths.home()?);
        return Ok(());
    }
    (args.target_dir, args.warehouse_dir) = (target, warehouse);
    Ok(())
}
