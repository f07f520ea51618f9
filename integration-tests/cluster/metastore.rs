//! The metastore client on the current and on the old metastore.

use std::collections::BTreeMap;

use sakia::error::Kind;
use sakia::metastore::{Column, HiveStorage, MetastoreClient, MetastoreOptions, PartitionSpec, Statistics, TableSpec};

use crate::stack::{self, beeline};

async fn connect(port: &str) -> MetastoreClient {
    let url = format!("thrift://{}", stack::address(port));
    let options = MetastoreOptions { user: Some("etl".to_owned()), ..MetastoreOptions::new(url) };
    MetastoreClient::connect(&options).await.unwrap()
}

fn spec(table: &str) -> TableSpec {
    TableSpec {
        database: "storage_it".to_owned(),
        table: table.to_owned(),
        comment: Some("orders of the shop".to_owned()),
        columns: vec![
            Column { comment: Some("key".to_owned()), ..Column::new("id", "bigint") },
            Column::new("total", "decimal(10,2)"),
        ],
        partition_columns: vec![Column::new("dt", "string")],
        location: format!("hdfs://{}/tmp/{table}", stack::address("NAMENODE_PORT")),
        storage: HiveStorage::Parquet,
        parameters: BTreeMap::from([("sakia.load.id".to_owned(), "1".to_owned())]),
        adopt: false,
    }
}

fn partition(spec: &TableSpec, dt: &str, rows: u64) -> PartitionSpec {
    PartitionSpec {
        values: vec![dt.to_owned()],
        name: format!("dt={}", dt.replace(':', "%3A")),
        location: format!("{}/dt={}", spec.location, dt.replace(':', "%3A")),
        parameters: BTreeMap::from([("sakia.rows".to_owned(), rows.to_string())]),
        statistics: None,
    }
}

/// Everything a load asks of a metastore, each step twice.
async fn tables_and_partitions(port: &str) {
    let client = connect(port).await;
    let spec = spec(&stack::unique("parts"));
    for _ in 0..2 {
        client.ensure_database(&spec.database).await.unwrap();
        client.check_table(&spec, &spec.location).await.unwrap();
        client.ensure_table(&spec, None).await.unwrap();
    }
    let found = client.table(&spec.database, &spec.table).await.unwrap().unwrap();
    assert_eq!(found.table_type, "EXTERNAL_TABLE");
    assert_eq!((&found.columns, &found.partition_columns), (&spec.columns, &spec.partition_columns));
    assert_eq!((found.location.as_str(), found.owner.as_str()), (spec.location.as_str(), "etl"));
    assert_eq!(found.parameters["sakia.load.id"], "1");
    assert!(found.is_ours());

    let mut days: Vec<_> = (0..250).map(|n| partition(&spec, &format!("day:{n:03}"), n)).collect();
    for _ in 0..2 {
        client.ensure_partitions(&spec, &days).await.unwrap();
    }
    let names = client.partition_names((&spec.database, &spec.table)).await.unwrap();
    assert_eq!(names.len(), 250);
    assert!(names.contains(&"dt=day%3A007".to_owned()), "{:?}", &names[..3]);

    days.truncate(2);
    days[1] = partition(&spec, "day:001", 77);
    client.ensure_partitions(&spec, &days).await.unwrap();
    let others = client.other_partitions(&spec, "", &days).await.unwrap();
    assert_eq!(others.len(), 248);
    for name in &others {
        client.drop_partition(&spec, name).await.unwrap();
    }
    client.drop_partition(&spec, &others[0]).await.unwrap();
    assert_eq!(client.partition_names((&spec.database, &spec.table)).await.unwrap(), ["dt=day%3A000", "dt=day%3A001"]);

    let newer = BTreeMap::from([("sakia.load.id".to_owned(), "2".to_owned())]);
    client.set_table_parameters(&spec.database, &spec.table, &newer).await.unwrap();
    let found = client.table(&spec.database, &spec.table).await.unwrap().unwrap();
    assert_eq!(
        (found.parameters["sakia.load.id"].as_str(), found.parameters["comment"].as_str()),
        ("2", "orders of the shop")
    );
    assert_eq!(found.table_type, "EXTERNAL_TABLE");
    assert_eq!(found.owner, "etl");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_metastore_keeps_tables_and_partitions() {
    tables_and_partitions("METASTORE_PORT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_metastore_keeps_tables_and_partitions() {
    tables_and_partitions("OLD_METASTORE_PORT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_others_and_other_columns_are_refused() {
    let client = connect("METASTORE_PORT").await;
    let ours = spec(&stack::unique("ours"));
    client.ensure_database(&ours.database).await.unwrap();
    client.ensure_table(&ours, None).await.unwrap();
    let mut changed = ours.clone();
    changed.columns[1].hive_type = "string".to_owned();
    let error = client.ensure_table(&changed, None).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Schema);
    assert!(error.to_string().contains("total string"), "{error}");

    let foreign = spec(&stack::unique("foreign"));
    beeline(&format!("create external table storage_it.{} (id bigint) stored as parquet", foreign.table));
    let error = client.ensure_table(&foreign, None).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Exists, "{error}");
    let error = client.set_table_parameters("storage_it", &foreign.table, &BTreeMap::new()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Exists, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_address_is_used_where_the_first_is_dead() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let urls = vec![format!("thrift://{free}"), format!("thrift://{}", stack::address("METASTORE_PORT"))];
    let client = MetastoreClient::connect(&MetastoreOptions { urls, ..MetastoreOptions::default() }).await.unwrap();
    assert!(client.table("default", "no_such_table").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_metastore_says_its_version() {
    let current = connect("METASTORE_PORT").await.version().unwrap().clone();
    assert_eq!((current.major, current.text.as_str()), (4, stack::setting("HIVE_VERSION")));
    // Before 4.0 the answer is "3.0", whatever the version.
    let old = connect("OLD_METASTORE_PORT").await.version().unwrap().clone();
    assert_eq!(old.major, 3, "{old:?}");
}

/// Columns are added and widened; what a load counted is kept, also by the metastore.
async fn columns_grow(port: &str) {
    let client = connect(port).await;
    let mut spec = TableSpec { partition_columns: Vec::new(), ..spec(&stack::unique("grown")) };
    spec.columns = vec![Column::new("id", "int"), Column::new("name", "string")];
    client.ensure_database(&spec.database).await.unwrap();
    let mut counted = Statistics { rows: 3, bytes: 30, files: 1, present: (1, 30), load_id: "1".to_owned() };
    client.ensure_table(&spec, Some(&counted)).await.unwrap();
    let shown = async || {
        let found = client.table(&spec.database, &spec.table).await.unwrap().unwrap();
        let columns: Vec<String> = found.columns.iter().map(|c| format!("{} {}", c.name, c.hive_type)).collect();
        let numbers = ["numRows", "numFiles", "totalSize"].map(|name| found.parameters[name].clone());
        (columns.join(", "), numbers, found.parameters["COLUMN_STATS_ACCURATE"].clone())
    };
    let accurate = r#"{"BASIC_STATS":"true"}"#.to_owned();
    let first = ("id int, name string".to_owned(), ["3", "1", "30"].map(str::to_owned), accurate.clone());
    assert_eq!(shown().await, first);

    let mut grown = spec.clone();
    grown.columns = vec![Column::new("id", "bigint"), Column::new("name", "string"), Column::new("note", "string")];
    (counted.present, counted.load_id) = ((2, 60), "2".to_owned());
    for _ in 0..2 {
        client.ensure_table(&grown, Some(&counted)).await.unwrap();
        let columns = "id bigint, name string, note string".to_owned();
        assert_eq!(shown().await, (columns, ["6", "2", "60"].map(str::to_owned), accurate.clone()));
    }
    assert_eq!(
        client.check_table(&spec, &spec.location).await.unwrap_err().kind(),
        Kind::Schema,
        "a column was removed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_columns_of_a_table_grow_in_the_current_metastore() {
    columns_grow("METASTORE_PORT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_columns_of_a_table_grow_in_the_old_metastore() {
    columns_grow("OLD_METASTORE_PORT").await;
}

/// As the loads of two processes do that fill tables of a new database.
#[tokio::test]
async fn a_database_that_many_make_at_once_is_made() {
    let name = stack::unique("made_at_once");
    let clients = futures::future::join_all((0..3).map(|_| connect("METASTORE_PORT"))).await;
    let making = (0..12).map(|n| clients[n % clients.len()].ensure_database(&name));
    for made in futures::future::join_all(making).await {
        made.unwrap();
    }
    let location = clients[0].table_location(&name, "t").await.unwrap();
    assert!(location.ends_with(&format!("{name}.db/t")), "{location}");

    // A client that lives long meets a database that somebody dropped: once.
    beeline(&format!("DROP DATABASE {name}"));
    let spec = TableSpec { database: name.clone(), ..spec("t") };
    clients[0].ensure_table(&spec, None).await.unwrap_err();
    clients[0].ensure_database(&name).await.unwrap();
    clients[0].ensure_table(&spec, None).await.unwrap();
    beeline(&format!("DROP DATABASE {name} CASCADE"));
}
