//! What a load may be asked for besides replacing and appending, as Hive sees it: text files, single partitions, columns
//! that grow, tables of others, counts that stay right.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use sakia::error::{Kind, Result};
use sakia::format::{Encoder, FileFormat, Output, ParquetOptions};
use sakia::hiveserver2::Session;
use sakia::load::managed::{ManagedInsert, StoredAs};
use sakia::load::{Cluster, Load, LoadMode, LoadPlan, PartNames, Partition, Strangers, TablePlan};
use sakia::metastore::{Column, HiveStorage, MetastoreOptions};
use sakia::shutdown::Stop;
use serde_json::Value;

use crate::hiveserver2::hiveserver2;
use crate::stack::{self, beeline, hdfs_shell};

const DATABASE: &str = "load_modes_it";

async fn cluster() -> Cluster {
    let url = format!("thrift://{}", stack::address("METASTORE_PORT"));
    let cluster = Cluster::connect(&stack::hdfs(), Some(&MetastoreOptions::new(url))).await.unwrap();
    cluster.metastore.as_ref().unwrap().ensure_database(DATABASE).await.unwrap();
    cluster
}

fn narrow() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("id", DataType::Int32, true), Field::new("name", DataType::Utf8, true)]))
}

/// The same with a wider number and one more column.
fn wide() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true), text("name"), text("note")]))
}

fn rows(schema: &SchemaRef, ids: &[i32]) -> RecordBatch {
    let texts = |prefix: &str| -> ArrayRef {
        let texts = ids.iter().map(|id| (id % 2 == 1).then(|| format!("{prefix} {id}")));
        Arc::new(texts.collect::<StringArray>())
    };
    let columns: Vec<ArrayRef> = match schema.fields().len() {
        2 => vec![Arc::new(Int32Array::from(ids.to_vec())), texts("name")],
        _ => {
            let wide: Vec<i64> = ids.iter().map(|id| i64::from(*id) << 33).collect();
            vec![Arc::new(Int64Array::from(wide)), texts("name"), texts("note")]
        }
    };
    RecordBatch::try_new(schema.clone(), columns).unwrap()
}

fn parquet(target: &str, mode: LoadMode, schema: SchemaRef, table: TablePlan) -> LoadPlan {
    let format = FileFormat::Parquet(ParquetOptions::default());
    let files = schema.clone();
    LoadPlan {
        extension: Some("parquet".to_owned()),
        table: Some(table),
        run_id: "cluster-test".to_owned(),
        ..LoadPlan::new(target, mode, schema, Arc::new(move |_: &Partition| format.encoder(files.clone())))
    }
}

fn table(name: &str, storage: HiveStorage) -> TablePlan {
    TablePlan::new(DATABASE, name, storage)
}

fn target(name: &str) -> String {
    format!("/tmp/load_modes_it/{name}")
}

/// Loads one file for each partition.
async fn load(cluster: &Cluster, plan: LoadPlan, files: &[(Partition, &[i32])]) -> Result<()> {
    let schema = plan.schema.clone();
    let load = Load::open(cluster, plan).await?;
    let mut parts = Vec::new();
    for (number, (partition, ids)) in files.iter().enumerate() {
        let mut part = load.part(number, 0, partition).await?;
        part.write(&rows(&schema, ids)).await?;
        parts.push(part.finish().await?);
    }
    load.commit(parts, Value::Null).await.map(drop)
}

fn one(ids: &[i32]) -> [(Partition, &[i32]); 1] {
    [(Partition::none(), ids)]
}

/// Delimited lines, as simple as they can be; a delimiter in a value is escaped.
struct Lines;

impl Encoder for Lines {
    fn encode(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let ids = batch.column(0).as_any().downcast_ref::<Int32Array>().unwrap();
        let names = batch.column(1).as_any().downcast_ref::<StringArray>().unwrap();
        for row in 0..batch.num_rows() {
            let name = if names.value(row).is_empty() { "nil" } else { names.value(row) };
            out.open().extend(format!("{}|{}\\|x\n", ids.value(row), name).bytes());
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Output) -> Result<()> {
        Ok(())
    }

    fn buffered_bytes(&self) -> usize {
        0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hive_reads_text_files_called_as_sqoop_calls_them() {
    let (cluster, name) = (cluster().await, stack::unique("text"));
    let storage = HiveStorage::Text { fields: '|', lines: '\n', escaped_by: Some('\\'), null: Some("nil|x".into()) };
    let plan = || LoadPlan {
        extension: None,
        names: PartNames::Sqoop,
        success_marker: true,
        encoder: Arc::new(|_| Ok(Box::new(Lines))),
        ..parquet(
            &target(&name),
            LoadMode::Append,
            narrow(),
            TablePlan { columns: vec![Column::new("ID", "DECIMAL(13, 5)")], ..table(&name, storage.clone()) },
        )
    };
    load(&cluster, plan(), &one(&[1, 2])).await.unwrap();
    load(&cluster, plan(), &one(&[3])).await.unwrap();
    let query = format!("select id, name, name is null from {DATABASE}.{name} order by id");
    let shown = beeline(&query);
    assert_eq!(shown[0], ["1.00000", "name 1|x", "false"]);
    assert_eq!(shown[2], ["3.00000", "name 3|x", "false"]);
    assert_eq!(beeline(&format!("select count(*) from {DATABASE}.{name}")), [["3"]]);
    let files = hdfs_shell(&["dfs", "-ls", "-C", &target(&name)]);
    let files: Vec<_> = files.lines().map(|path| path.rsplit('/').next().unwrap()).collect();
    assert_eq!(files, ["_SUCCESS", "part-m-00000", "part-m-00001"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hive_itself_writes_and_reads_a_sequence_table() {
    let (cluster, name) = (cluster().await, stack::unique("sequence"));
    let storage = HiveStorage::Sequence { fields: '7', escaped_by: None, null: Some("nil".into()) };
    load(&cluster, parquet(&target(&name), LoadMode::Append, narrow(), table(&name, storage)), &[]).await.unwrap();
    beeline(&format!("insert into {DATABASE}.{name} values (1, 'a'), (2, null)"));
    assert_eq!(
        beeline(&format!("select id, name is null from {DATABASE}.{name} order by id")),
        [["1", "false"], ["2", "true"]]
    );
    let file = hdfs_shell(&["dfs", "-ls", "-C", &target(&name)]);
    let text = hdfs_shell(&["dfs", "-text", file.lines().next().unwrap()]);
    assert!(text.contains("17a") && text.contains("27nil"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_stay_right_whoever_adds_files() {
    let (cluster, name) = (cluster().await, stack::unique("counted"));
    let count = || beeline(&format!("select count(*) from {DATABASE}.{name}"));
    let info = async || cluster.metastore.as_ref().unwrap().table(DATABASE, &name).await.unwrap().unwrap().parameters;
    let append = || parquet(&target(&name), LoadMode::Append, narrow(), table(&name, HiveStorage::Parquet));
    load(&cluster, append(), &one(&[1, 2])).await.unwrap();
    load(&cluster, append(), &one(&[3])).await.unwrap();
    assert_eq!((info().await["numRows"].as_str(), info().await["numFiles"].as_str()), ("3", "2"));
    assert_eq!(count(), [["3"]]);

    let file = hdfs_shell(&["dfs", "-ls", "-C", &target(&name)]);
    let file = file.lines().find(|path| path.ends_with(".parquet")).unwrap().to_owned();
    hdfs_shell(&["dfs", "-cp", &file, &format!("{}/theirs.parquet", target(&name))]);
    let keep = LoadPlan { strangers: Strangers::Keep, ..append() };
    load(&cluster, keep, &one(&[4])).await.unwrap();
    assert!(!info().await.contains_key("numRows"), "{:?}", info().await);
    assert_eq!(info().await["numFiles"], "4");
    let rows = beeline(&format!("select id from {DATABASE}.{name}")).len().to_string();
    assert_eq!(count(), [[rows]]);

    let take = LoadPlan { strangers: Strangers::Replace, mode: LoadMode::Replace, ..append() };
    load(&cluster, take, &one(&[5])).await.unwrap();
    assert_eq!(info().await["numRows"], "1");
    assert_eq!(count(), [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_partition_is_filled_and_the_others_stay() {
    let (cluster, name) = (cluster().await, stack::unique("static"));
    let plan = |mode, dt: &str, hr: &str| {
        let partition = Partition::new([("dt", dt), ("hr", hr)]);
        let columns = vec![Column::new("dt", "string"), Column::new("hr", "string")];
        let at = format!("{}/{}", target(&name), partition.path());
        let storage = HiveStorage::Parquet;
        let table = TablePlan { partition_columns: columns, static_partition: partition, ..table(&name, storage) };
        parquet(&at, mode, narrow(), table)
    };
    load(&cluster, plan(LoadMode::Replace, "a:b", "1"), &one(&[1])).await.unwrap();
    load(&cluster, plan(LoadMode::Replace, "a:b", "2"), &one(&[2])).await.unwrap();
    load(&cluster, plan(LoadMode::Replace, "a:b", "1"), &one(&[3, 4])).await.unwrap();
    load(&cluster, plan(LoadMode::Append, "c", "1"), &one(&[5])).await.unwrap();
    load(&cluster, plan(LoadMode::Replace, "d", "1"), &[]).await.unwrap();
    let query = format!("select dt, hr, id from {DATABASE}.{name} order by id");
    assert_eq!(beeline(&query), [["a:b", "2", "2"], ["a:b", "1", "3"], ["a:b", "1", "4"], ["c", "1", "5"]]);
    let mut names = beeline(&format!("show partitions {DATABASE}.{name}"));
    names.sort();
    assert_eq!(names, [["dt=a%3Ab/hr=1"], ["dt=a%3Ab/hr=2"], ["dt=c/hr=1"], ["dt=d/hr=1"]]);
    assert_eq!(beeline(&format!("select count(*) from {DATABASE}.{name}")), [["4"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_partitions_are_read_with_the_columns_that_were_added_and_widened() {
    let (cluster, name) = (cluster().await, stack::unique("evolved"));
    let dt = |value: &str| Partition::new([("dt", value)]);
    let plan = |schema| {
        let partition_columns = vec![Column::new("dt", "string")];
        let table = TablePlan { partition_columns, ..table(&name, HiveStorage::Parquet) };
        parquet(&target(&name), LoadMode::Append, schema, table)
    };
    load(&cluster, plan(narrow()), &[(dt("a"), &[1, 2])]).await.unwrap();
    load(&cluster, plan(wide()), &[(dt("a"), &[3]), (dt("b"), &[5])]).await.unwrap();
    let query = format!("select dt, id, name, note from {DATABASE}.{name} order by id");
    let wide_id = |id: i64| (id << 33).to_string();
    let (three, five) = (wide_id(3), wide_id(5));
    assert_eq!(
        beeline(&query),
        [
            ["a", "1", "name 1", "NULL"],
            ["a", "2", "NULL", "NULL"],
            ["a", three.as_str(), "name 3", "note 3"],
            ["b", five.as_str(), "name 5", "note 5"]
        ]
    );
    let error = load(&cluster, plan(narrow()), &[(dt("c"), &[7])]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Schema, "{error}");
    assert!(error.to_string().contains("note string"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_the_user_is_taken_over_where_asked() {
    let (cluster, name) = (cluster().await, stack::unique("adopted"));
    let location = format!("hdfs://{}{}", stack::address("NAMENODE_PORT"), target(&name));
    beeline(&format!(
        "create external table {DATABASE}.{name} (id int, name string) stored as parquet location '{location}'"
    ));
    beeline(&format!("insert into {DATABASE}.{name} values (10, 'theirs')"));
    let refuse = || parquet(&target(&name), LoadMode::Append, narrow(), table(&name, HiveStorage::Parquet));
    let adopt = || {
        let table = TablePlan { adopt: true, ..table(&name, HiveStorage::Parquet) };
        LoadPlan { table: Some(table), strangers: Strangers::Keep, ..refuse() }
    };
    let keep = LoadPlan { strangers: Strangers::Keep, ..refuse() };
    assert_eq!(load(&cluster, keep, &one(&[1])).await.unwrap_err().kind(), Kind::Exists);
    load(&cluster, adopt(), &one(&[1])).await.unwrap();
    let shown = beeline(&format!("select id, name from {DATABASE}.{name} order by id"));
    assert_eq!(shown, [["1", "name 1"], ["10", "theirs"]]);
    assert_eq!(beeline(&format!("select count(*) from {DATABASE}.{name}")), [["2"]]);
    beeline(&format!("insert into {DATABASE}.{name} values (11, 'theirs too')"));
    assert_eq!(beeline(&format!("select count(*) from {DATABASE}.{name}")), [["3"]]);

    let create = LoadPlan {
        table: Some(TablePlan { create_only: true, ..table(&name, HiveStorage::Parquet) }),
        ..parquet(&target(&stack::unique("new")), LoadMode::Append, narrow(), table(&name, HiveStorage::Parquet))
    };
    let error = load(&cluster, create, &one(&[1])).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Exists, "{error}");
}

/// Stages the rows as a table of their own and lets Hive insert them; twice, as after a failure.
async fn insert(stored_as: StoredAs) {
    let (cluster, name, stage) = (cluster().await, stack::unique("managed"), stack::unique("stage"));
    let metastore = cluster.metastore.clone().unwrap();
    let session = Session::open(&hiveserver2()).await.unwrap();
    let stop = Stop::new();
    let run = async |mode, ids: &[i32], partition: &str| {
        let staged = parquet(&target(&stage), LoadMode::Replace, narrow(), table(&stage, HiveStorage::Parquet));
        load(&cluster, staged, &one(ids)).await.unwrap();
        let insert = ManagedInsert {
            from: (DATABASE.to_owned(), stage.clone()),
            into: (DATABASE.to_owned(), name.clone()),
            mode,
            partition: Partition::new([("dt", partition)]),
            create: Some(stored_as.clone()),
        };
        insert.run(&metastore, &session, ids.len() as u64, &stop).await
    };
    run(LoadMode::Replace, &[1, 2], "it's").await.unwrap();
    run(LoadMode::Replace, &[1, 2], "it's").await.unwrap();
    run(LoadMode::Replace, &[3], "b").await.unwrap();
    run(LoadMode::Append, &[4], "b").await.unwrap();
    run(LoadMode::Replace, &[5], "it's").await.unwrap();
    let found = metastore.table(DATABASE, &name).await.unwrap().unwrap();
    let transactional = found.parameters.get("transactional").map(String::as_str);
    assert_eq!(transactional == Some("true"), stored_as == StoredAs::TransactionalOrc, "{found:?}");
    assert!(found.serde.ends_with("OrcSerde"), "{found:?}");
    let query = format!("select dt, id, name from {DATABASE}.{name} order by id");
    assert_eq!(beeline(&query), [["b", "3", "name 3"], ["b", "4", "NULL"], ["it's", "5", "name 5"]]);
    session.execute(&format!("drop table {DATABASE}.{name}"), &stop).await.unwrap();
    assert!(metastore.drop_table(DATABASE, &stage).await.unwrap());
    assert!(!metastore.drop_table(DATABASE, &stage).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_inserted_into_a_transactional_table() {
    insert(StoredAs::TransactionalOrc).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_inserted_into_a_plain_orc_table() {
    insert(StoredAs::Orc).await;
}
