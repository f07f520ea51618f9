//! Our words as the metastore's Thrift structures and back.

use std::collections::BTreeMap;

use hive_metastore::{FieldSchema, Partition, SerDeInfo, StorageDescriptor, Table};
use volo::FastStr;

use super::{Column, HiveStorage, OWNER, OWNER_PARAMETER, PartitionSpec, TableInfo, TableSpec};

/// Without it Hive takes the table for its own and deletes the files when it is dropped.
const EXTERNAL: &str = "EXTERNAL";

pub(super) fn table(spec: &TableSpec, owner: &str) -> Table {
    let mut parameters = spec.parameters.clone();
    parameters.insert(EXTERNAL.to_owned(), "TRUE".to_owned());
    parameters.insert(OWNER_PARAMETER.to_owned(), OWNER.to_owned());
    if let Some(comment) = &spec.comment {
        parameters.insert("comment".to_owned(), comment.clone());
    }
    if let HiveStorage::Avro { schema_json } = &spec.storage {
        parameters.insert("avro.schema.literal".to_owned(), schema_json.clone());
    }
    Table {
        db_name: Some(spec.database.clone().into()),
        table_name: Some(spec.table.clone().into()),
        owner: Some(owner.to_owned().into()),
        table_type: Some("EXTERNAL_TABLE".into()),
        partition_keys: Some(fields(&spec.partition_columns)),
        parameters: Some(map(&parameters)),
        sd: Some(storage(spec, &spec.location)),
        create_time: Some(0),
        last_access_time: Some(0),
        retention: Some(0),
        ..Table::default()
    }
}

pub(super) fn partition(spec: &TableSpec, partition: &PartitionSpec) -> Partition {
    Partition {
        values: Some(partition.values.iter().map(|v| FastStr::from(v.clone())).collect()),
        db_name: Some(spec.database.clone().into()),
        table_name: Some(spec.table.clone().into()),
        sd: Some(storage(spec, &partition.location)),
        parameters: Some(map(&partition.parameters)),
        create_time: Some(0),
        last_access_time: Some(0),
        ..Partition::default()
    }
}

fn storage(spec: &TableSpec, location: &str) -> StorageDescriptor {
    let (library, input, output) = match &spec.storage {
        HiveStorage::Parquet => (
            "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
            "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        ),
        HiveStorage::Avro { .. } => (
            "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
            "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat",
            "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
        ),
    };
    let serde = SerDeInfo {
        serialization_lib: Some(library.into()),
        parameters: Some(map(&BTreeMap::from([("serialization.format".to_owned(), "1".to_owned())]))),
        ..SerDeInfo::default()
    };
    StorageDescriptor {
        cols: Some(fields(&spec.columns)),
        location: Some(location.to_owned().into()),
        input_format: Some(input.into()),
        output_format: Some(output.into()),
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
        parameters: unmap(table.parameters.as_ref()),
    }
}

fn fields(columns: &[Column]) -> Vec<FieldSchema> {
    let field = |c: &Column| FieldSchema {
        name: Some(c.name.clone().into()),
        r#type: Some(c.hive_type.clone().into()),
        comment: c.comment.clone().map(FastStr::from),
    };
    columns.iter().map(field).collect()
}

fn columns(fields: Option<Vec<FieldSchema>>) -> Vec<Column> {
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
