//! Our words as the metastore's Thrift structures and back.

use std::collections::BTreeMap;

use hive_metastore::{FieldSchema, Partition, SerDeInfo, StorageDescriptor, Table};
use volo::FastStr;

use super::{Column, HiveStorage, OWNER, OWNER_PARAMETER, PartitionSpec, TableInfo, TableSpec};

/// Without it Hive takes the table for its own and deletes the files when it is dropped.
const EXTERNAL: &str = "EXTERNAL";

/// The schema by which Hive reads Avro files.
pub(super) const AVRO_SCHEMA: &str = "avro.schema.literal";

/// All parameters of a table of ours.
pub(super) fn parameters(spec: &TableSpec) -> BTreeMap<String, String> {
    let mut parameters = spec.parameters.clone();
    parameters.insert(EXTERNAL.to_owned(), "TRUE".to_owned());
    parameters.insert(OWNER_PARAMETER.to_owned(), OWNER.to_owned());
    if let Some(comment) = &spec.comment {
        parameters.insert("comment".to_owned(), comment.clone());
    }
    if let HiveStorage::Avro { schema_json } = &spec.storage {
        parameters.insert(AVRO_SCHEMA.to_owned(), schema_json.clone());
    }
    parameters
}

pub(super) fn table(spec: &TableSpec, owner: &str) -> Table {
    Table {
        db_name: Some(spec.database.clone().into()),
        table_name: Some(spec.table.clone().into()),
        owner: Some(owner.to_owned().into()),
        table_type: Some("EXTERNAL_TABLE".into()),
        partition_keys: Some(fields(&spec.partition_columns)),
        parameters: Some(map(&parameters(spec))),
        sd: Some(storage(spec, &spec.location)),
        create_time: Some(0),
        last_access_time: Some(0),
        retention: Some(0),
        ..Table::default()
    }
}

pub(super) fn partition(spec: &TableSpec, partition: &PartitionSpec) -> Partition {
    let mut parameters = partition.parameters.clone();
    partition.statistics.iter().for_each(|s| s.apply(&mut parameters));
    Partition {
        values: Some(partition.values.iter().map(|v| FastStr::from(v.clone())).collect()),
        db_name: Some(spec.database.clone().into()),
        table_name: Some(spec.table.clone().into()),
        sd: Some(storage(spec, &partition.location)),
        parameters: Some(map(&parameters)),
        create_time: Some(0),
        last_access_time: Some(0),
        ..Partition::default()
    }
}

/// The Java classes that split the files and read a row.
pub(super) fn classes(storage: &HiveStorage) -> (&'static str, &'static str) {
    const LAZY: &str = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe";
    match storage {
        HiveStorage::Parquet => (
            "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        ),
        HiveStorage::Avro { .. } => (
            "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat",
            "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
        ),
        HiveStorage::Text { .. } => ("org.apache.hadoop.mapred.TextInputFormat", LAZY),
        HiveStorage::Sequence { .. } => ("org.apache.hadoop.mapred.SequenceFileInputFormat", LAZY),
    }
}

/// The Java class that writes files, for a Hive that inserts.
fn output_format(storage: &HiveStorage) -> &'static str {
    match storage {
        HiveStorage::Parquet => "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        HiveStorage::Avro { .. } => "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
        HiveStorage::Text { .. } => "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        HiveStorage::Sequence { .. } => "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat",
    }
}

/// What the row reader has to know of the files.
pub(super) fn serde_parameters(storage: &HiveStorage) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::from([("serialization.format".to_owned(), "1".to_owned())]);
    if let HiveStorage::Text { fields, escaped_by, null, .. } | HiveStorage::Sequence { fields, escaped_by, null } =
        storage
    {
        let mut set = |name: &str, value: String| parameters.insert(name.to_owned(), value);
        set("serialization.format", delimiter(*fields));
        set("field.delim", delimiter(*fields));
        if let Some(escape) = escaped_by {
            set("escape.delim", delimiter(*escape));
        }
        if let Some(null) = null {
            set("serialization.null.format", null.clone());
        }
        if matches!(storage, HiveStorage::Text { .. }) {
            set("line.delim", "\n".to_owned());
        }
    }
    parameters
}

/// Hive takes a number for a character's code.
fn delimiter(c: char) -> String {
    if c.is_ascii_digit() { u32::from(c).to_string() } else { c.to_string() }
}

fn storage(spec: &TableSpec, location: &str) -> StorageDescriptor {
    let (input, library) = classes(&spec.storage);
    let serde = SerDeInfo {
        serialization_lib: Some(library.into()),
        parameters: Some(map(&serde_parameters(&spec.storage))),
        ..SerDeInfo::default()
    };
    StorageDescriptor {
        cols: Some(fields(&spec.columns)),
        location: Some(location.to_owned().into()),
        input_format: Some(input.into()),
        output_format: Some(output_format(&spec.storage).into()),
        compressed: Some(false),
        num_buckets: Some(-1),
        serde_info: Some(serde),
        bucket_cols: Some(Vec::new()),
        sort_cols: Some(Vec::new()),
        parameters: Some(map(&BTreeMap::new())),
        ..StorageDescriptor::default()
    }
}

pub(super) fn table_info(table: &Table) -> TableInfo {
    let sd = table.sd.clone().unwrap_or_default();
    TableInfo {
        columns: columns(sd.cols),
        partition_columns: columns(table.partition_keys.clone()),
        location: text(sd.location),
        table_type: text(table.table_type.clone()),
        owner: text(table.owner.clone()),
        input_format: text(sd.input_format),
        serde_parameters: sd.serde_info.as_ref().map(|serde| unmap(serde.parameters.as_ref())).unwrap_or_default(),
        serde: text(sd.serde_info.and_then(|serde| serde.serialization_lib)),
        parameters: unmap(table.parameters.as_ref()),
    }
}

pub(super) fn fields(columns: &[Column]) -> Vec<FieldSchema> {
    let field = |c: &Column| FieldSchema {
        name: Some(c.name.clone().into()),
        r#type: Some(c.hive_type.clone().into()),
        comment: c.comment.clone().map(FastStr::from),
    };
    columns.iter().map(field).collect()
}

pub(super) fn columns(fields: Option<Vec<FieldSchema>>) -> Vec<Column> {
    let column = |f: FieldSchema| Column {
        name: text(f.name),
        hive_type: text(f.r#type),
        comment: f.comment.map(|c| c.to_string()).filter(|c| !c.is_empty()),
    };
    fields.unwrap_or_default().into_iter().map(column).collect()
}

pub(super) fn text(value: Option<FastStr>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

/// A map of whichever type the generated code wants.
pub(super) fn map<M: FromIterator<(FastStr, FastStr)>>(parameters: &BTreeMap<String, String>) -> M {
    parameters.iter().map(|(k, v)| (k.clone().into(), v.clone().into())).collect()
}

/// A map of the generated code's type as ours; empty where there is none.
pub(super) fn unmap<'a, M>(parameters: Option<&'a M>) -> BTreeMap<String, String>
where
    &'a M: IntoIterator<Item = (&'a FastStr, &'a FastStr)>,
{
    parameters.into_iter().flatten().map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

/// Changes a map of whichever type the generated code uses; says whether that made a difference.
pub(super) fn change<M>(parameters: &mut Option<M>, change: impl FnOnce(&mut BTreeMap<String, String>)) -> bool
where
    M: FromIterator<(FastStr, FastStr)>,
    for<'a> &'a M: IntoIterator<Item = (&'a FastStr, &'a FastStr)>,
{
    let before = unmap(parameters.as_ref());
    let mut after = before.clone();
    change(&mut after);
    *parameters = Some(map(&after));
    before != after
}
