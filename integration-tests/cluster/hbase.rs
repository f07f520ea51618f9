//! The HBase client against the real gateway; results are read back by happybase.

use std::time::Instant;

use sakia::error::Kind;
use sakia::hbase::{BatchLimits, HBaseClient, HBaseOptions, RowMutation, Scan, TableSchema};

use crate::gate::Gate;
use crate::stack::{address, drop_hbase_table, happybase, hbase_shell, unique};

/// An HBase table with a name of its own, dropped at the end.
pub struct HBaseTable(pub String);

impl HBaseTable {
    /// Picks a name; makes nothing.
    pub fn named(prefix: &str) -> Self {
        Self(unique(&format!("it_{prefix}")))
    }
}

impl Drop for HBaseTable {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            drop_hbase_table(&self.0);
        }
    }
}

pub fn options() -> HBaseOptions {
    HBaseOptions::new([address("HBASE_THRIFT_PORT")])
}

fn schema(table: &str) -> TableSchema {
    TableSchema::parse(&format!(
        r#"
        table = "{table}"
        written-by = "m:run"
        row-key = {{ column = "id", salt-buckets = 4, width = 8 }}
        [[family]]
        name = "p"
        [[family]]
        name = "m"
        max-versions = 2
        [[column]]
        name = "name"
        cell = "p:name"
        "#
    ))
    .unwrap()
}

async fn client() -> HBaseClient {
    HBaseClient::connect(&options()).await.unwrap()
}

fn rows(schema: &TableSchema, count: u32) -> Vec<RowMutation> {
    let mut rows: Vec<_> = (0..count)
        .map(|id| {
            let mut row = RowMutation::new(schema.row_key.encode(&id.to_string()).unwrap()).unwrap();
            row.put("p:name", format!("name {id}"));
            row.put("p:empty", "");
            row.put("m:bytes", vec![0, 255, u8::try_from(id % 256).unwrap()]);
            row.put("m:a", "1");
            row.put("m:b", "2");
            row
        })
        .collect();
    rows.sort_by(|a, b| a.key().cmp(b.key()));
    rows
}

async fn put(client: &HBaseClient, table: &str, rows: &[RowMutation], timestamp_ms: i64) {
    for batch in BatchLimits::default().cut(rows) {
        client.mutate(table, batch, timestamp_ms).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_made_once_and_its_families_are_checked() {
    let table = HBaseTable::named("ensure");
    let (client, schema) = (client().await, schema(&table.0));
    assert!(client.ensure_table(&schema).await.unwrap());
    assert!(!client.ensure_table(&schema).await.unwrap());
    let families = happybase(
        "f = c.table(args[0]).families()\n\
         for name in sorted(f): print(name.decode(), f[name]['max_versions'], f[name]['compression'].decode(), f[name]['bloom_filter_type'].decode())",
        &[&table.0],
    );
    assert_eq!(families, "m 2 NONE ROW\np 1 NONE ROW\n");

    let wider = TableSchema::parse(
        &include_str!("../../hbase-schemas/customer_360.toml")
            .replace("table = \"customer_360\"", &format!("table = \"{}\"", table.0))
            .replace("name = \"p\"", "name = \"profile\"")
            .replace("\"p:", "\"profile:"),
    )
    .unwrap();
    let error = client.ensure_table(&wider).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Schema);
    assert!(error.to_string().ends_with("has the column families m, p, but not profile"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_put_twice_are_there_once_with_their_timestamp() {
    let table = HBaseTable::named("put");
    let (client, schema) = (client().await, schema(&table.0));
    client.ensure_table(&schema).await.unwrap();
    let rows = rows(&schema, 20_000);
    let started = Instant::now();
    put(&client, &table.0, &rows, 1_323_434_220_123).await;
    println!("{:.0} rows/s put ({} rows of 5 cells)", 20_000.0 / started.elapsed().as_secs_f64(), rows.len());
    put(&client, &table.0, &rows[..1_000], 1_323_434_220_123).await;

    let read_back = happybase(
        "t = c.table(args[0])\n\
         rows = list(t.scan(batch_size=1000))\n\
         print(len(rows), all(len(data) == 5 for _, data in rows))\n\
         print(t.cells(args[1], 'p:name', versions=9, include_timestamp=True))\n\
         print(t.row(args[1])[b'm:bytes'], t.row(args[1])[b'p:empty'])",
        &[&table.0, &schema.row_key.encode("12370").unwrap()],
    );
    let expected = "20000 True\n[(b'name 12370', 1323434220123)]\nb'\\x00\\xffR' b''\n";
    assert_eq!(read_back, expected);

    let key = schema.row_key.encode("12370").unwrap();
    let started = Instant::now();
    for _ in 0..200 {
        let row = client.get(&table.0, key.as_bytes(), &[]).await.unwrap().unwrap();
        assert_eq!(row.cell("p:name").unwrap().value, b"name 12370");
    }
    println!("{:.2} ms a get", started.elapsed().as_secs_f64() * 1000.0 / 200.0);
    assert!(client.get(&table.0, b"none", &[]).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_keeps_to_its_prefix_and_columns() {
    let table = HBaseTable::named("scan");
    let (client, schema) = (client().await, schema(&table.0));
    client.ensure_table(&schema).await.unwrap();
    put(&client, &table.0, &rows(&schema, 1_000), 7).await;
    let mut seen = 0;
    for prefix in ["00|", "01|", "02|", "03|"] {
        let scan = Scan { prefix: prefix.into(), columns: vec!["p:name".into()], batch_rows: 100, ..Scan::default() };
        let mut scanner = client.scan(&table.0, scan);
        while let Some(rows) = scanner.next_rows().await.unwrap() {
            assert!(rows.len() <= 100);
            assert!(rows.iter().all(|row| row.key.starts_with(prefix.as_bytes()) && row.cells.len() == 1));
            seen += rows.len();
        }
    }
    assert_eq!(seen, 1_000);
    let mut scanner = client.scan(&table.0, Scan { keys_only: true, ..Scan::default() });
    let rows = scanner.next_rows().await.unwrap().unwrap();
    assert!(rows.iter().all(|row| row.cells.values().all(|cell| cell.value.is_empty())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_costs_a_scan_and_a_put_nothing() {
    let table = HBaseTable::named("cut");
    let gate = Gate::before(&address("HBASE_THRIFT_PORT"));
    let cut = || {
        gate.shut();
        gate.open();
    };
    let client = HBaseClient::connect(&HBaseOptions::new([gate.address()])).await.unwrap();
    let schema = schema(&table.0);
    client.ensure_table(&schema).await.unwrap();
    let rows = rows(&schema, 1_000);
    cut();
    put(&client, &table.0, &rows, 7).await;
    let mut scanner = client.scan(&table.0, Scan { batch_rows: 300, ..Scan::default() });
    let mut keys = Vec::new();
    while let Some(batch) = scanner.next_rows().await.unwrap() {
        keys.extend(batch.into_iter().map(|row| row.key));
        cut();
    }
    assert_eq!(keys, rows.iter().map(|row| row.key().to_vec()).collect::<Vec<_>>());
}

/// The region is cut in two, and one half closed and opened again, while rows are put and read.
#[tokio::test(flavor = "multi_thread")]
async fn regions_that_split_and_move_cost_no_cell() {
    let table = HBaseTable::named("split");
    let (client, schema) = (client().await, schema(&table.0));
    client.ensure_table(&schema).await.unwrap();
    let rows = rows(&schema, 2_000);
    put(&client, &table.0, &rows, 1).await;
    let script = format!(
        "split '{0}', '02|'\n\
         admin = org.apache.hadoop.hbase.client.ConnectionFactory.createConnection(@hbase.configuration).getAdmin\n\
         name = org.apache.hadoop.hbase.TableName.valueOf('{0}')\n\
         sleep 0.1 until admin.getRegions(name).size == 2\n\
         admin.getRegions(name).each {{ |r| admin.unassign(r.getRegionName, false); admin.assign(r.getRegionName) }}\n\
         puts \"regions #{{admin.getRegions(name).size}}\"\n",
        table.0
    );
    let moved = tokio::task::spawn_blocking(move || hbase_shell(&script));
    let mut rounds = 1;
    while !moved.is_finished() {
        rounds += 1;
        put(&client, &table.0, &rows, rounds).await;
    }
    let said = moved.await.unwrap();
    assert!(said.contains("regions 2"), "{said}");
    let read_back = happybase(
        "rows = [data[b'p:name'] for _, data in c.table(args[0]).scan(columns=[b'p:name'], include_timestamp=True)]\n\
         print(len(rows), min(t for _, t in rows) == int(args[1]), len(c.table(args[0]).regions()))",
        &[&table.0, &rounds.to_string()],
    );
    assert_eq!(read_back, "2000 True 2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named() {
    let table = HBaseTable::named("missing");
    let (client, schema) = (client().await, schema(&table.0));
    let mut row = RowMutation::new("k").unwrap();
    row.put("nope:q", "v");

    let error = client.mutate(&table.0, std::slice::from_ref(&row), 1).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains(&table.0)), (Kind::NotFound, true), "{error}");
    let error = client.get(&table.0, b"k", &[]).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains(&table.0)), (Kind::NotFound, true), "{error}");
    let error = client.scan(&table.0, Scan::default()).next_rows().await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains(&table.0)), (Kind::NotFound, true), "{error}");
    let error = client.families(&table.0).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains(&table.0)), (Kind::NotFound, true), "{error}");

    client.ensure_table(&schema).await.unwrap();
    let error = client.mutate(&table.0, &[row], 1).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains("nope")), (Kind::NotFound, true), "{error}");

    let elsewhere = TableSchema { namespace: "no_such_namespace".into(), ..schema };
    let error = client.ensure_table(&elsewhere).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains("no_such_namespace")), (Kind::NotFound, true), "{error}");
}

/// What the lookup's rule about NULL stands on.
#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_hides_what_is_not_newer() {
    let table = HBaseTable::named("tombstone");
    let (client, schema) = (client().await, schema(&table.0));
    client.ensure_table(&schema).await.unwrap();
    let put = |value: &str| {
        let mut row = RowMutation::new("k").unwrap();
        row.put("p:name", value);
        row.put("m:run", "r");
        [row]
    };
    let mut delete = RowMutation::new("k").unwrap();
    delete.delete("p:name");
    let name = || async {
        let row = client.get(&table.0, b"k", &[]).await.unwrap().unwrap();
        row.cell("p:name").map(|cell| String::from_utf8(cell.value.clone()).unwrap())
    };
    client.mutate(&table.0, &put("a"), 100).await.unwrap();
    assert_eq!(name().await.as_deref(), Some("a"));
    client.mutate(&table.0, &[delete], 100).await.unwrap();
    assert_eq!(name().await, None);
    client.mutate(&table.0, &put("b"), 100).await.unwrap();
    assert_eq!(name().await, None, "a put of the tombstone's time is hidden");
    client.mutate(&table.0, &put("c"), 101).await.unwrap();
    assert_eq!(name().await.as_deref(), Some("c"));
}
