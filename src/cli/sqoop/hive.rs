//! Hive tables of an import, by `--hive-import` or through HCatalog's options.

use percent_encoding::percent_decode_str;

use super::given::Given;
use crate::error::{self, Result};
use crate::transfer::args::{HiveStoredAs, ImportArgs, ImportFormat, Pairs, TextArgs};

/// Sets the table an import registers, if one is asked for.
///
/// # Errors
/// Usage: keys and values of partitions that do not match, or a storage format that is not written here.
pub(super) fn table(given: &Given, args: &mut ImportArgs, notes: &mut Vec<String>) -> Result<()> {
    let (plain, catalogue) = (given.has("hive-import"), given.has("hcatalog-table"));
    let typed = (given.owned("hive-table"), given.owned("hive-database"));
    let (overwrite, create) = (given.has("hive-overwrite"), given.has("create-hive-table"));
    args.map_column_hive = given.text("map-column-hive").map(hive_types).transpose()?;
    let partition = partition(given)?;
    if !plain && !catalogue {
        if typed.0.is_some() || typed.1.is_some() || overwrite || create || partition.is_some() {
            notes.push("options of Hive tables do nothing here: there is no --hive-import".to_owned());
        }
        args.map_column_hive = None;
        return Ok(());
    }
    let (name, database) = if catalogue {
        (given.owned("hcatalog-table"), given.owned("hcatalog-database"))
    } else {
        (typed.0.or_else(|| args.table.clone()), typed.1)
    };
    let named = name.as_deref().and_then(|name| name.split_once('.')).map(|(d, t)| (d.to_owned(), t.to_owned()));
    match named {
        Some((of_name, table)) if database.is_none() => {
            (args.hive_database, args.hive_table) = (Some(of_name), Some(table));
        }
        _ => (args.hive_database, args.hive_table) = (Some(database.unwrap_or_else(|| "default".to_owned())), name),
    }
    args.create_hive_table = create || given.has("create-hcatalog-table");
    args.hive_partition = partition;
    // Sqoop fills whatever table there is.
    args.hive_adopt = !args.create_hive_table;
    if catalogue {
        storage(given, args)?;
    }
    Ok(())
}

/// The storage of a table made with HCatalog's options; Sqoop's own default, RCFile, is not written here.
fn storage(given: &Given, args: &mut ImportArgs) -> Result<()> {
    let stanza = given.text("hcatalog-storage-stanza").map(|stanza| stanza.to_ascii_lowercase().trim().to_owned());
    match stanza.as_deref().map(|stanza| stanza.split_whitespace().collect::<Vec<_>>()).as_deref() {
        Some(["stored", "as", "orc" | "orcfile"]) => {
            args.hive_stored_as = Some(HiveStoredAs::Orc);
            // The rows wait in records, not in lines, and whatever delimiters are typed: any value gets through.
            let null = Some("\\N".to_owned());
            args.format = ImportFormat::Sequence;
            args.text = TextArgs {
                escaped_by: Some("\\\\".to_owned()),
                null_string: null.clone(),
                null_non_string: null,
                drop_delims: args.text.drop_delims,
                replace_delims: args.text.replace_delims.take(),
                scientific_decimals: args.text.scientific_decimals,
                ..TextArgs::default()
            };
        }
        Some(["stored", "as", "parquet" | "parquetfile"]) => args.format = ImportFormat::Parquet,
        Some(["stored", "as", "avro"]) => args.format = ImportFormat::Avro,
        Some(["stored", "as", "textfile"]) => args.format = ImportFormat::Text,
        Some(_) => {
            let what = format!("--hcatalog-storage-stanza {:?} is not known", stanza.unwrap_or_default());
            return Err(error::usage(what).hint("use stored as orc, parquet, avro or textfile"));
        }
        None if given.has("create-hcatalog-table") => {
            return Err(error::usage(
                "a table made by --create-hcatalog-table would be stored as RCFile, which is not written",
            )
            .hint("add --hcatalog-storage-stanza \"stored as orc\", or parquet"));
        }
        None => args.format = ImportFormat::Parquet,
    }
    Ok(())
}

/// The one partition that rows go to, or come from.
///
/// # Errors
/// Usage: a key without a value or the other way round; a key that is an imported column.
pub(super) fn partition(given: &Given) -> Result<Option<Pairs>> {
    let (mut keys, mut values) = (given.list("hcatalog-partition-keys"), given.list("hcatalog-partition-values"));
    keys.extend(given.list("hive-partition-key"));
    values.extend(given.list("hive-partition-value"));
    if keys.len() != values.len() {
        return Err(error::usage(
            "Either both partition keys and partition values must be given, as many of each, or none.",
        )
        .hint("give --hive-partition-key and --hive-partition-value, or --hcatalog-partition-keys and -values"));
    }
    if let Some(column) = keys.iter().find(|key| given.list("columns").iter().any(|c| c.eq_ignore_ascii_case(key))) {
        return Err(error::usage(format!("Partition key {column} cannot be a column to import."))
            .hint("leave it out of --columns"));
    }
    Ok(Some(Pairs(keys.into_iter().zip(values).collect())).filter(|pairs| !pairs.is_empty()))
}

/// Hive types by column; `DECIMAL(1%2C%201)` is `DECIMAL(1, 1)`.
fn hive_types(text: &str) -> Result<Pairs> {
    let mut pairs: Pairs = text.parse()?;
    for (_, value) in &mut pairs.0 {
        *value = percent_decode_str(value)
            .decode_utf8()
            .map_err(|e| error::usage(format!("--map-column-hive {value} is not UTF-8")).source(e))?
            .into_owned();
    }
    Ok(pairs)
}
