//! What is read, and how it is split.

use crate::error::{self, Error, Result};
use crate::format::avro::names::sqoop_names;
use crate::load;
use crate::metastore::names::readable;
pub(super) use crate::mysql::read::RowSource;
use crate::mysql::read::Selection;
use crate::mysql::split::SplitKey;
use crate::mysql::types::{Column, Compat, JavaType, TypeOptions, ValueForm};
use crate::transfer::args::{ColumnNames, ImportArgs, ImportFormat};

/// How the columns become Arrow columns.
///
/// # Errors
/// Config: a Java type that is not known.
pub(in crate::transfer) fn type_options(args: &ImportArgs) -> Result<TypeOptions> {
    let text = args.hbase.table.is_some() || matches!(args.format, ImportFormat::Text | ImportFormat::Sequence);
    let java_type = |(name, java): &(String, String)| -> Result<(String, JavaType)> {
        Ok((name.clone(), java.parse().map_err(|e: Error| e.context(format!("map-column-java {name}")))?))
    };
    Ok(TypeOptions {
        compat: args.compat,
        zero_dates: args.zero_dates,
        invalid_text: args.invalid_text,
        files: if text { ValueForm::Text } else { ValueForm::Columnar },
        hive: args.hive_database.is_some() || args.hive_table.is_some(),
        java_types: args.map_column_java.iter().flat_map(|p| &p.0).map(java_type).collect::<Result<_>>()?,
        logical_decimals: args.logical_decimals,
        ..TypeOptions::default()
    })
}

/// Gives the columns the names that they have in files and tables.
///
/// # Errors
/// Config: a name for a column that is not read. Schema: two columns get one name.
pub(super) fn named(args: &ImportArgs, selection: Selection) -> Result<Selection> {
    let mut selection = sqoop_named(args, selection)?;
    let mut names: Vec<String> = selection.schema.fields().iter().map(|field| field.name().clone()).collect();
    for (old, new) in args.map_column_name.iter().flat_map(|pairs| &pairs.0) {
        let at =
            selection.columns.iter().position(|column| column.name.eq_ignore_ascii_case(old)).ok_or_else(|| {
                error::config(format!("map-column-name names {old}, which is not a column of the import"))
                    .hint("check its name")
            })?;
        names[at].clone_from(new);
    }
    if args.column_names == ColumnNames::Hive {
        names = readable(names.iter().map(String::as_str));
    }
    if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        return Err(error::schema(format!("two columns would be called {}", twice.1))
            .hint("give each a name of its own with map-column-name"));
    }
    let metadata = selection.schema.metadata().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    selection.rename(&names, metadata);
    Ok(selection)
}

/// With Sqoop's columnar files, the columns get the names that Sqoop gives them, and the record what Sqoop says of it.
fn sqoop_named(args: &ImportArgs, mut selection: Selection) -> Result<Selection> {
    let columnar = matches!(args.format, ImportFormat::Avro | ImportFormat::Parquet);
    if args.compat != Compat::Sqoop || !columnar {
        return Ok(selection);
    }
    let names = sqoop_names(selection.columns.iter().map(|c| c.name.as_str()))?;
    let what = selection.of_table().map_or("QueryResult", |table| table.name.as_str()).to_owned();
    let mut metadata: std::collections::HashMap<_, _> =
        selection.schema.metadata().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    metadata.insert("avro.doc".to_owned(), format!("Sqoop import of {what}"));
    metadata.insert("avro.prop.tableName".to_owned(), what);
    selection.rename(&names, metadata);
    Ok(selection)
}

/// The key that splits the rows, and how many connections read them.
pub(super) fn key(args: &ImportArgs, selection: &Selection) -> Result<(Option<SplitKey>, u32)> {
    let (many, session) = (args.num_mappers > 1, selection.session());
    let bounded = args.boundary_query.is_some() || args.split_limit.is_some();
    let key = match (selection.of_table(), &args.split_by) {
        (Some(table), Some(name)) => Some(SplitKey::new(table.column(name)?, session)?),
        (Some(table), None) => SplitKey::of_primary_key(table, session),
        (None, Some(name)) => {
            let last = name.rsplit('.').next().unwrap_or(name).trim_matches('`');
            Some(SplitKey::of_query(name, column(selection, last)?, session)?)
        }
        (None, None) => None,
    };
    match key {
        Some(key) if many || bounded => Ok((Some(key), args.num_mappers)),
        Some(_) => Ok((None, 1)),
        None if !many || args.autoreset_to_one_mapper => Ok((None, 1)),
        None => Err(no_key(selection)),
    }
}

fn no_key(selection: &Selection) -> Error {
    match selection.of_table() {
        Some(table) => error::config(format!(
            "No primary key could be found for table {}. Please specify one with --split-by or perform a sequential \
             import with '-m 1'",
            table.name
        ))
        .hint("or give autoreset-to-one-mapper"),
        None => {
            error::config("a query over several connections has no column to split by").hint("give split-by, or -m 1")
        }
    }
}

/// A column of what is imported, whether or not it is read.
pub(super) fn column<'a>(selection: &'a Selection, name: &str) -> Result<&'a Column> {
    if let Some(table) = selection.of_table() {
        return table.column(name);
    }
    selection.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let known: Vec<&str> = selection.columns.iter().map(|c| c.name.as_str()).collect();
        error::not_found(format!("the query has no column {name}"))
            .hint(format!("its columns are {}", known.join(", ")))
    })
}

/// The HBase row key where the options name none: what rows are split by, else the primary key.
pub(super) fn row_key(args: &ImportArgs, selection: &Selection) -> Vec<String> {
    match (&args.split_by, selection.of_table()) {
        (Some(name), _) => vec![name.rsplit('.').next().unwrap_or(name).trim_matches('`').to_owned()],
        (None, Some(table)) => table.primary_key.clone(),
        (None, None) => Vec::new(),
    }
}

/// What the summary says of the way the rows are read.
pub(super) fn notes(args: &ImportArgs, selection: &Selection) -> Vec<String> {
    let mut notes = Vec::new();
    if args.num_mappers > 1 && args.autoreset_to_one_mapper && matches!(key(args, selection), Ok((None, _))) {
        notes.push("one connection: there is no key to split by".to_owned());
    }
    let name = selection.of_table().map(|table| table.name.as_str()).filter(|_| args.warehouse_dir.is_some());
    if let Some(directory) = name.map(load::directory_name).filter(|directory| Some(directory.as_str()) != name) {
        notes.push(format!("its directory is {directory}"));
    }
    if let Some(zone) = selection.clock() {
        notes.push(format!("the text of a TIMESTAMP is what the clock in {zone} shows"));
    }
    notes.extend(renamed(args, selection));
    notes
}

/// Which columns got another name because somebody asked for it; the first few of them.
fn renamed(args: &ImportArgs, selection: &Selection) -> Option<String> {
    const SHOWN: usize = 5;
    if args.map_column_name.is_none() && args.column_names == ColumnNames::Source {
        return None;
    }
    let pairs = selection.columns.iter().zip(selection.schema.fields());
    let renamed: Vec<String> = pairs
        .filter(|(column, field)| column.name != *field.name())
        .map(|(column, field)| format!("{:?} to {}", column.name, field.name()))
        .collect();
    let more = renamed.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown = renamed.get(..SHOWN.min(renamed.len()))?.join(", ");
    (!renamed.is_empty()).then(|| format!("columns renamed: {shown}{more}"))
}
