//! Files and the Hive table over them: format, directory, partitions, what happens to data that is there.

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};

use super::fingerprint;
use crate::error::{self, Result};
use crate::format::avro::AvroTimestamps;
use crate::format::avro::names::sqoop_name;
use crate::format::parquet::Timestamps;
use crate::format::{AvroOptions, Compression, FileFormat, ParquetOptions, SequenceOptions, TextOptions};
use crate::load::managed::{ManagedInsert, StoredAs};
use crate::load::{self, EncoderFactory, LoadMode, LoadPlan, PartNames, Partition, Strangers, TablePlan};
use crate::metastore::{Column, HiveStorage};
use crate::mysql::read::Selection;
use crate::transfer::args::{
    Compat, Existing, FileNames, HiveStoredAs, ImportArgs, ImportFormat, IncrementalMode, ParquetTimestamps, TextArgs,
};
use crate::transfer::import::partition::PartitionColumn;
use crate::transfer::import::route::Partitioner;
use crate::transfer::import::text;

/// What the name of a table of staged rows ends in.
const STAGE: &str = "_sakia_stage";

/// What the cluster says that a plan depends on.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Whether the metastore is older than Hive 4, whose Parquet reader wants INT96.
    pub old_hive: bool,
    /// Scheme and authority of the filesystem, which a directory may be given with.
    pub uri: String,
    /// What stands for NULL in the text of the Hive table, if that is there.
    pub null_format: Option<String>,
    /// Directory where the Hive table lies or would lie by default.
    pub hive_location: Option<String>,
}

/// Decided files.
#[derive(Clone, Debug)]
pub struct FilesPlan {
    /// What is written.
    pub format: FileFormat,
    /// How rows find their partitions.
    pub(in crate::transfer::import) partitioner: Option<Partitioner>,
    /// The transaction.
    pub load: LoadPlan,
    /// Whether an existing target fails the import; the error's hint.
    pub refuse_existing: Option<&'static str>,
    /// Carries the rows on into a table that Hive manages; the files are then its stage.
    pub managed: Option<ManagedInsert>,
}

impl FilesPlan {
    pub(super) fn new(
        args: &ImportArgs,
        selection: &Selection,
        facts: &Facts,
        address: &str,
        run_id: &str,
    ) -> Result<Self> {
        let (schema, partitioner, dynamic) = match &args.partition_by {
            None => (selection.schema.clone(), None, Vec::new()),
            Some(by) => {
                let (partitioner, hive_columns) = partitioner(&selection.schema, &by.0)?;
                (partitioner.schema.clone(), Some(partitioner), hive_columns)
            }
        };
        let hive = hive_name(args, selection)?;
        let mut format = format(args, selection, hive.is_some(), facts)?;
        if let FileFormat::Parquet(parquet) = &mut format {
            parquet.avro_schema = footer_schema(args, selection, &schema)?;
        }
        // An encoder made now shows whether the format carries these columns.
        format.encoder(schema.clone())?;
        let fixed = static_partition(args, &selection.schema)?;
        let managed = managed(args, hive.as_ref(), &fixed)?;
        let static_partition = if managed.is_some() { Partition::none() } else { fixed };
        let root = root(args, selection, facts)?;
        let target = match static_partition.is_none() {
            true => root,
            false => format!("{root}/{}", static_partition.path()),
        };
        let (mut mode, mut strangers, refuse_existing) = mode(args);
        if managed.is_some() {
            // The stage holds the rows of one run: all of it is carried on, and what was carried before is not again.
            (mode, strangers) = (LoadMode::Replace, Strangers::Replace);
        }
        let mut load = LoadPlan::new(target, mode, schema.clone(), encoder_factory(format.clone(), schema.clone()));
        load.extension = format.extension().map(str::to_owned);
        load.names = match args.file_names {
            FileNames::Load => PartNames::Load,
            FileNames::Sqoop => PartNames::Sqoop,
        };
        load.strangers = strangers;
        // Files of our own, which the same import makes anew, would only fill it.
        load.keeps_replaced = args.existing == Existing::Delete && managed.is_none();
        if matches!(format, FileFormat::Text(_) | FileFormat::Sequence(_)) {
            load.columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        }
        load.success_marker = args.success_file;
        load.run_id = run_id.to_owned();
        load.replaces = merges(args).then(Vec::new);
        load.accounts_for_earlier = args.incremental.mode.is_some();
        if let Some((database, name)) = managed.as_ref().map(|m| m.from.clone()).or(hive) {
            let plan = TablePlan::new(database, name, storage(&format, &schema)?);
            load.table = Some(table(args, &schema, plan, static_partition, dynamic)?);
        }
        load.fingerprint = fingerprint::of(args, selection, address, &format, load.table.as_ref())?;
        Ok(Self { format, partitioner, load, refuse_existing, managed })
    }

    /// How the text of the files is read again.
    pub(in crate::transfer) fn text_options(&self) -> TextOptions {
        match &self.format {
            FileFormat::Text(text) => text.clone(),
            FileFormat::Sequence(sequence) => sequence.text.clone(),
            FileFormat::Parquet(_) | FileFormat::Avro(_) => TextOptions::default(),
        }
    }
}

/// The rest of a table's plan; `dynamic` are the partition columns that rows are told apart by.
fn table(
    args: &ImportArgs,
    schema: &Schema,
    mut plan: TablePlan,
    partition: Partition,
    dynamic: Vec<Column>,
) -> Result<TablePlan> {
    plan.comment = schema.metadata().get("comment").cloned().filter(|text| !text.is_empty());
    plan.partition_columns = partition.names().map(|name| Column::new(name, "string")).chain(dynamic).collect();
    plan.static_partition = partition;
    plan.columns = hive_types(args, schema)?;
    plan.create_only = args.create_hive_table;
    plan.adopt = args.hive_adopt;
    Ok(plan)
}

/// Database and name of the Hive table, where one is wanted.
pub(in crate::transfer::import) fn hive_name(
    args: &ImportArgs,
    selection: &Selection,
) -> Result<Option<(String, String)>> {
    let name = match (&args.hive_database, &args.hive_table, selection.of_table()) {
        (None, None, _) => return Ok(None),
        (_, Some(name), _) => name.clone(),
        (_, None, Some(table)) => table.name.clone(),
        (_, None, None) => {
            return Err(error::config("the hive table of a query has no name").hint("give hive-table"));
        }
    };
    Ok(Some(match (&args.hive_database, name.split_once('.')) {
        (None, Some((database, table))) => (database.to_owned(), table.to_owned()),
        (database, _) => (database.clone().unwrap_or_else(|| "default".to_owned()), name),
    }))
}

/// How rows are carried on into a table that Hive manages.
fn managed(args: &ImportArgs, hive: Option<&(String, String)>, partition: &Partition) -> Result<Option<ManagedInsert>> {
    let Some(stored_as) = args.hive_stored_as else { return Ok(None) };
    let Some((database, table)) = hive else {
        return Err(error::config("hive-stored-as needs a hive table").hint("give hive-database or hive-table"));
    };
    if args.incremental.mode == Some(IncrementalMode::Lastmodified) || !args.incremental.merge_key.is_empty() {
        return Err(error::config("changed rows cannot be merged into a table that hive manages")
            .hint("import into an external table, or append new rows"));
    }
    let mode = match (args.existing, args.incremental.mode) {
        (Existing::Delete, _) => LoadMode::Replace,
        (Existing::Append, _) | (_, Some(_)) => LoadMode::Append,
        _ => LoadMode::Replace,
    };
    let create = Some(match stored_as {
        HiveStoredAs::Orc => StoredAs::Orc,
        HiveStoredAs::Acid => StoredAs::TransactionalOrc,
        HiveStoredAs::Parquet => StoredAs::Clause("STORED AS PARQUET".to_owned()),
    });
    let (from, into) = ((database.clone(), format!("{table}{STAGE}")), (database.clone(), table.clone()));
    Ok(Some(ManagedInsert { from, into, mode, partition: partition.clone(), create }))
}

/// How Avro files are written, and the schema that their readers in Hadoop know them by.
fn avro_options(args: &ImportArgs, selection: &Selection, hive: bool) -> AvroOptions {
    let name = match (&args.record_name, selection.of_table()) {
        (Some(name), _) => name.clone(),
        (None, Some(table)) => table.name.clone(),
        (None, None) => "AutoGeneratedSchema".to_owned(),
    };
    let sqoop = args.compat == Compat::Sqoop;
    let name = if sqoop { sqoop_name(&name) } else { name };
    // Without Hive, readers get every digit of a time.
    let timestamps = if hive { AvroTimestamps::Millis } else { AvroTimestamps::Micros };
    let options = AvroOptions::new(name);
    let codec = args.compression.unwrap_or_default();
    AvroOptions { codec, all_nullable: sqoop, java_names: sqoop, timestamps, ..options }
}

/// The Avro schema in the footer of Sqoop's Parquet files. It is left out where a column's name is not valid in Avro: a
/// reader that goes by the schema would not find the column.
fn footer_schema(args: &ImportArgs, selection: &Selection, schema: &Schema) -> Result<Option<String>> {
    let is_plain = |name: &str| sqoop_name(name) == name;
    if args.compat != Compat::Sqoop || !schema.fields().iter().all(|field| is_plain(field.name())) {
        return Ok(None);
    }
    FileFormat::Avro(avro_options(args, selection, false)).avro_schema_json(schema)
}

fn format(args: &ImportArgs, selection: &Selection, hive: bool, facts: &Facts) -> Result<FileFormat> {
    let compression = args.compression.unwrap_or_default();
    Ok(match args.format {
        ImportFormat::Parquet => {
            let old = match args.parquet_timestamps {
                ParquetTimestamps::Auto => hive && facts.old_hive,
                ParquetTimestamps::Int96 => true,
                ParquetTimestamps::Int64 => false,
            };
            let timestamps = if old { Timestamps::Int96 } else { Timestamps::Int64 };
            FileFormat::Parquet(ParquetOptions { compression, timestamps, ..ParquetOptions::default() })
        }
        ImportFormat::Avro => FileFormat::Avro(avro_options(args, selection, hive)),
        ImportFormat::Text => FileFormat::Text(text_options(args, hive, facts)?),
        ImportFormat::Sequence => FileFormat::Sequence(SequenceOptions {
            text: text_options(args, hive, facts)?,
            ..SequenceOptions::default()
        }),
    })
}

/// How text is written. A Hive table that is there says what stands for NULL, unless the options do.
fn text_options(args: &ImportArgs, hive: bool, facts: &Facts) -> Result<TextOptions> {
    let codec = args.compression.unwrap_or(Compression::None);
    let mut options = text::options(&args.text, args.compat, hive, codec)?;
    if let Some(null) = &facts.null_format {
        let TextArgs { null_string, null_non_string, .. } = &args.text;
        options.null_string = null_string.clone().unwrap_or_else(|| null.clone());
        options.null_non_string = null_non_string.clone().unwrap_or_else(|| null.clone());
    }
    Ok(options)
}

fn storage(format: &FileFormat, schema: &Schema) -> Result<HiveStorage> {
    Ok(match format {
        FileFormat::Parquet(_) => HiveStorage::Parquet,
        FileFormat::Avro(_) => HiveStorage::Avro { schema_json: format.avro_schema_json(schema)?.unwrap_or_default() },
        FileFormat::Text(text) => HiveStorage::Text {
            fields: text.delimiters.fields,
            lines: text.delimiters.lines,
            escaped_by: text.delimiters.escaped_by,
            null: Some(text.null_string.clone()),
        },
        FileFormat::Sequence(sequence) => HiveStorage::Sequence {
            fields: sequence.text.delimiters.fields,
            escaped_by: sequence.text.delimiters.escaped_by,
            null: Some(sequence.text.null_string.clone()),
        },
    })
}

/// The directory of the target, or of the Hive table whose partition the target is.
fn root(args: &ImportArgs, selection: &Selection, facts: &Facts) -> Result<String> {
    let name = selection.of_table().map(|table| table.name.as_str());
    let given = match (&args.target_dir, &args.warehouse_dir, name) {
        (Some(target), _, _) => target.clone(),
        (None, Some(warehouse), Some(name)) => {
            format!("{}/{}", warehouse.trim_end_matches('/'), load::directory_name(name))
        }
        (None, _, _) => match (&facts.hive_location, name) {
            (Some(location), _) if args.hive_stored_as.is_some() => format!("{location}{STAGE}"),
            (Some(location), _) => location.clone(),
            (None, _) => {
                return Err(error::config("the import has no target-dir").hint("name the directory of the files"));
            }
        },
    };
    let path = given.strip_prefix(facts.uri.as_str()).unwrap_or(&given);
    if path.contains("://") {
        return Err(error::config(format!("{given} is not in {}", facts.uri)).hint("give a path, or another hdfs-url"));
    }
    Ok(path.to_owned())
}

/// Whether changed rows take the place of their old versions, and all others stay.
fn merges(args: &ImportArgs) -> bool {
    !args.incremental.merge_key.is_empty() && args.existing != Existing::Delete
}

/// What happens to data that is there: mode, ways with strangers, and whether an existing target is an error.
fn mode(args: &ImportArgs) -> (LoadMode, Strangers, Option<&'static str>) {
    let merges = merges(args);
    match (args.incremental.mode, args.existing) {
        (_, Existing::Append) => (LoadMode::Append, Strangers::Keep, None),
        (_, Existing::Delete) => (LoadMode::Replace, Strangers::Replace, None),
        (Some(_), _) if merges => (LoadMode::Replace, Strangers::Refuse, None),
        (Some(IncrementalMode::Append), _) => (LoadMode::Append, Strangers::Refuse, None),
        (Some(IncrementalMode::Lastmodified), _) => (
            LoadMode::Replace,
            Strangers::Refuse,
            Some(
                "--merge-key or --append is required when using --incremental lastmodified and the output directory exists.",
            ),
        ),
        (None, Existing::Replace) => (LoadMode::Replace, Strangers::Refuse, None),
        (None, Existing::Refuse) => (
            LoadMode::Replace,
            Strangers::Refuse,
            Some("choose another directory, or say what happens to the old files"),
        ),
    }
}

fn static_partition(args: &ImportArgs, schema: &Schema) -> Result<Partition> {
    let Some(pairs) = &args.hive_partition else { return Ok(Partition::none()) };
    for (name, value) in &pairs.0 {
        if schema.fields().iter().any(|f| f.name().eq_ignore_ascii_case(name)) {
            return Err(error::config(format!("Partition key {name} cannot be a column to import."))
                .hint("leave the column out with columns, or choose another key"));
        }
        if value.is_empty() {
            return Err(error::config(format!("partition key {name} has no value")).hint("write NAME=VALUE"));
        }
    }
    Ok(Partition::new(pairs.0.iter().map(|(name, value)| (name, value.clone()))))
}

fn hive_types(args: &ImportArgs, schema: &Schema) -> Result<Vec<Column>> {
    let Some(pairs) = &args.map_column_hive else { return Ok(Vec::new()) };
    let typed = |(name, hive_type): &(String, String)| {
        if !schema.fields().iter().any(|f| f.name().eq_ignore_ascii_case(name)) {
            return Err(error::config(format!("map-column-hive names {name}, which is not a column of the import"))
                .hint("check its name"));
        }
        let decoded = percent_encoding::percent_decode_str(hive_type).decode_utf8_lossy().into_owned();
        Ok(Column::new(name.to_lowercase(), decoded))
    };
    pairs.0.iter().map(typed).collect()
}

/// How rows find their partitions, and the partition columns for the metastore.
fn partitioner(schema: &SchemaRef, by: &[PartitionColumn]) -> Result<(Partitioner, Vec<Column>)> {
    let fields = schema.fields();
    let (mut columns, mut hive_columns) = (Vec::new(), Vec::new());
    for column in by {
        let Some(source) = fields.iter().position(|f| f.name().eq_ignore_ascii_case(&column.source)) else {
            let what = format!("partition column {}: column {} is not read", column.name, column.source);
            return Err(error::config(what).hint("check its name, and that columns holds it"));
        };
        let clash = fields.iter().any(|f| f.name().eq_ignore_ascii_case(&column.name));
        if clash && !column.takes_the_column() {
            return Err(error::config(format!("partition column {} has the name of another column", column.name))
                .hint("give the partition column a name of its own"));
        }
        hive_columns.push(column.hive_column(&fields[source])?);
        columns.push((column.clone(), source));
    }
    let taken = |index: usize| columns.iter().any(|(c, source)| *source == index && c.takes_the_column());
    let kept: Vec<usize> = (0..fields.len()).filter(|i| !taken(*i)).collect();
    if kept.is_empty() {
        return Err(error::config("every column is a partition column").hint("leave one for the files"));
    }
    let kept_fields: Vec<_> = kept.iter().map(|i| fields[*i].clone()).collect();
    let schema: SchemaRef = Arc::new(Schema::new_with_metadata(kept_fields, schema.metadata().clone()));
    Ok((Partitioner { columns, kept, schema }, hive_columns))
}

fn encoder_factory(format: FileFormat, schema: SchemaRef) -> EncoderFactory {
    Arc::new(move |_| format.encoder(schema.clone()))
}
