//! Which names of columns Hive reads back: every printable ASCII character and some beyond, in each file format, read by
//! beeline; the others are refused by name before a file is written.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use sakia::error::{Kind, Result};
use sakia::format::{FileFormat, ParquetOptions, SequenceOptions, TextOptions};
use sakia::hiveserver2::Session;
use sakia::load::managed::{ManagedInsert, StoredAs};
use sakia::load::{Cluster, Load, LoadMode, LoadPlan, Partition, TablePlan};
use sakia::metastore::{HiveStorage, names};
use sakia::shutdown::Stop;

use crate::hiveserver2::hiveserver2;
use crate::load::cluster;
use crate::stack::{self, beeline};

fn candidates() -> Vec<String> {
    let ascii = (' '..='~').filter(|c| !c.is_ascii_uppercase());
    let beyond = ['\t', '\n', '\u{1}', '\u{7f}', 'é', 'ß'];
    let mut names: Vec<String> = ascii.chain(beyond).map(|c| format!("a{c}b")).collect();
    names.extend([" a", "a ", "é", "1a", "_a", "date", "select", "input__file__name"].map(str::to_owned));
    names.push("x".repeat(767));
    names.push("y".repeat(768));
    names
}

fn schema(names: &[String]) -> SchemaRef {
    Arc::new(Schema::new(names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect::<Vec<_>>()))
}

fn plan(table: &str, format: FileFormat, storage: HiveStorage, names: &[String]) -> LoadPlan {
    let (schema, files) = (schema(names), schema(names));
    let extension = format.extension().map(str::to_owned);
    let encoder = Arc::new(move |_: &Partition| format.encoder(files.clone()));
    LoadPlan {
        extension,
        table: Some(TablePlan::new("load_it", table, storage)),
        run_id: "cluster-test".to_owned(),
        ..LoadPlan::new(format!("/tmp/load_it/{table}"), LoadMode::Replace, schema, encoder)
    }
}

/// One row whose values say where they were.
async fn load(cluster: &Cluster, plan: LoadPlan) -> Result<()> {
    let schema = plan.schema.clone();
    let values = (0..schema.fields().len()).map(|n| Arc::new(StringArray::from(vec![format!("v{n}")])) as ArrayRef);
    let row = RecordBatch::try_new(schema.clone(), values.collect()).unwrap();
    let load = Load::open(cluster, plan).await?;
    let mut part = load.part(0, 0, &Partition::none()).await?;
    part.write(&row).await?;
    let parts = vec![part.finish().await?];
    load.commit(parts, serde_json::Value::Null).await.map(drop)
}

/// Names that Hive shows and values that it reads, in order.
fn read(table: &str) -> (Vec<String>, Vec<String>) {
    let mut rows = beeline(&format!("describe load_it.{table}; select * from load_it.{table}"));
    let values = rows.pop().unwrap();
    (rows.into_iter().map(|row| row[0].clone()).collect(), values)
}

fn assert_read_back(table: &str, names: &[String]) {
    let (shown, values) = read(table);
    assert_eq!(values, (0..names.len()).map(|n| format!("v{n}")).collect::<Vec<_>>(), "{table}");
    // Hive escapes these two in what it describes.
    let plain = |name: &&String| !name.contains(['"', '\\']);
    assert!(shown.iter().filter(plain).eq(names.iter().filter(plain)), "{table}: {shown:?}");
}

fn formats() -> [(FileFormat, HiveStorage); 3] {
    let (fields, escaped_by, null) = (',', Some('\\'), Some("\\N".to_owned()));
    let mut text = TextOptions::default();
    (text.delimiters.fields, text.delimiters.escaped_by, text.null_string) = (fields, escaped_by, "\\N".to_owned());
    let sequence = SequenceOptions { text: text.clone(), ..SequenceOptions::default() };
    [
        (FileFormat::Parquet(ParquetOptions::default()), HiveStorage::Parquet),
        (FileFormat::Text(text), HiveStorage::Text { fields, lines: '\n', escaped_by, null: null.clone() }),
        (FileFormat::Sequence(sequence), HiveStorage::Sequence { fields, escaped_by, null }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_is_read_back_or_refused() {
    let cluster = cluster().await;
    for (format, storage) in formats() {
        let table = stack::unique("names");
        let (refused, fine): (Vec<_>, Vec<_>) =
            candidates().into_iter().partition(|name| names::unreadable(name, &storage).is_some());
        assert!(fine.len() > 60 && refused.len() > 4, "{} and {}", fine.len(), refused.len());
        load(&cluster, plan(&table, format.clone(), storage.clone(), &fine)).await.unwrap();
        assert_read_back(&table, &fine);
        for name in refused.iter().chain([&"列".to_owned()]) {
            let table = stack::unique("refused");
            let plan = plan(&table, format.clone(), storage.clone(), std::slice::from_ref(name));
            let error = load(&cluster, plan).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Schema, "{name:?}: {error}");
            assert!(error.remedy().is_some_and(|hint| hint.contains("column-names")), "{name:?}: {error}");
            assert!(cluster.fs.stat(&format!("/tmp/load_it/{table}")).await.unwrap().is_none(), "{name:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orc_takes_the_names_that_parquet_takes_and_no_table_stays_where_rows_do_not_arrive() {
    let (cluster, table) = (cluster().await, stack::unique("orc_names"));
    let fine: Vec<String> =
        candidates().into_iter().filter(|n| names::unreadable(n, &HiveStorage::Parquet).is_none()).collect();
    let staged = format!("{table}_stage");
    let format = FileFormat::Parquet(ParquetOptions::default());
    load(&cluster, plan(&staged, format, HiveStorage::Parquet, &fine)).await.unwrap();
    let name = |table: &str| ("load_it".to_owned(), table.to_owned());
    let insert = |into: &str, stored_as| ManagedInsert {
        from: name(&staged),
        into: name(into),
        mode: LoadMode::Replace,
        partition: Partition::none(),
        create: Some(stored_as),
    };
    let metastore = cluster.metastore.as_ref().unwrap();
    let session = Session::open(&hiveserver2()).await.unwrap();
    insert(&table, StoredAs::Orc).run(metastore, &session, 1, &Stop::new()).await.unwrap();
    assert_read_back(&table, &fine);
    // A table that can be made and not be written.
    let other = format!("{table}_2");
    let unwritable = "STORED AS ORC TBLPROPERTIES ('transactional'='false', 'orc.compress'='NO_SUCH_CODEC')";
    let insert = insert(&other, StoredAs::Clause(unwritable.to_owned()));
    insert.run(metastore, &session, 1, &Stop::new()).await.unwrap_err();
    assert!(metastore.table("load_it", &other).await.unwrap().is_none(), "{other} stays behind");
    session.close().await.unwrap();
}
