//! Our words as the metastore's Thrift structures and back.

use std::collections::BTreeMap;

use super::hive_metastore::{FieldSchema, Partition, SerDeInfo, StorageDescriptor, Table};
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

/// A table to be made. All fields are named: the generated defaults are empty texts, not absent ones.
pub(super) fn table(spec: &TableSpec, owner: &str) -> Table {
    Table {
        db_name: Some(spec.database.clone()),
        table_name: Some(spec.table.clone()),
        owner: Some(owner.to_owned()),
        table_type: Some("EXTERNAL_TABLE".to_owned()),
        partition_keys: Some(fields(&spec.partition_columns)),
        parameters: Some(parameters(spec)),
        sd: Some(storage(spec, &spec.location)),
        create_time: Some(0),
        last_access_time: Some(0),
        retention: Some(0),
        view_original_text: None,
        view_expanded_text: None,
        temporary: None,
        rewrite_enabled: None,
        cat_name: None,
        owner_type: None,
        write_id: None,
        access_type: None,
        required_read_capabilities: None,
        required_write_capabilities: None,
        id: None,
    }
}

pub(super) fn partition(spec: &TableSpec, partition: &PartitionSpec) -> Partition {
    let mut parameters = partition.parameters.clone();
    partition.statistics.iter().for_each(|s| s.apply(&mut parameters));
    Partition {
        values: Some(partition.values.clone()),
        db_name: Some(spec.database.clone()),
        table_name: Some(spec.table.clone()),
        sd: Some(storage(spec, &partition.location)),
        parameters: Some(parameters),
        create_time: Some(0),
        last_access_time: Some(0),
        cat_name: None,
        write_id: None,
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
        name: None,
        serialization_lib: Some(library.to_owned()),
        parameters: Some(serde_parameters(&spec.storage)),
        description: None,
        serializer_class: None,
        deserializer_class: None,
        serde_type: None,
    };
    StorageDescriptor {
        cols: Some(fields(&spec.columns)),
        location: Some(location.to_owned()),
        input_format: Some(input.to_owned()),
        output_format: Some(output_format(&spec.storage).to_owned()),
        compressed: Some(false),
        num_buckets: Some(-1),
        serde_info: Some(serde),
        bucket_cols: Some(Vec::new()),
        sort_cols: Some(Vec::new()),
        parameters: Some(BTreeMap::new()),
        skewed_info: None,
        stored_as_sub_directories: None,
    }
}

/// What the metastore told of a table.
pub(super) fn table_info(table: &Table) -> TableInfo {
    let Table { sd, partition_keys, parameters, table_type, owner, .. } = table.clone();
    let (location, columns_of, input_format, serde) = match sd {
        Some(sd) => (sd.location, sd.cols, sd.input_format, sd.serde_info),
        None => (None, None, None, None),
    };
    let (serde, serde_parameters) = serde.map_or((None, None), |serde| (serde.serialization_lib, serde.parameters));
    TableInfo {
        columns: columns(columns_of),
        partition_columns: columns(partition_keys),
        location: location.unwrap_or_default(),
        table_type: table_type.unwrap_or_default(),
        owner: owner.unwrap_or_default(),
        input_format: input_format.unwrap_or_default(),
        serde: serde.unwrap_or_default(),
        serde_parameters: serde_parameters.unwrap_or_default(),
        parameters: parameters.unwrap_or_default(),
    }
}

pub(super) fn fields(columns: &[Column]) -> Vec<FieldSchema> {
    let field = |c: &Column| FieldSchema {
        name: Some(c.name.clone()),
        type_: Some(c.hive_type.clone()),
        comment: c.comment.clone(),
    };
    columns.iter().map(field).collect()
}

pub(super) fn columns(fields: Option<Vec<FieldSchema>>) -> Vec<Column> {
    let column = |f: FieldSchema| Column {
        name: f.name.unwrap_or_default(),
        hive_type: f.type_.unwrap_or_default(),
        comment: f.comment.filter(|c| !c.is_empty()),
    };
    fields.unwrap_or_default().into_iter().map(column).collect()
}

/// Changes parameters; says whether that made a difference.
pub(super) fn change(
    parameters: &mut Option<BTreeMap<String, String>>,
    change: impl FnOnce(&mut BTreeMap<String, String>),
) -> bool {
    let before = parameters.clone().unwrap_or_default();
    let mut after = before.clone();
    change(&mut after);
    let changed = before != after;
    *parameters = Some(after);
    changed
}
