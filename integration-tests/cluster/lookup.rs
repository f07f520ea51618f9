//! The lookup step with the shop's own query and schema over a handful of rows; read back by happybase and beeline.
//! The Hive tables are views of constants, which cost no job and can be changed between two runs.

use std::path::{Path, PathBuf};

use sakia::error::{Effect, Kind};
use sakia::hbase::{HBaseOptions, TableSchema};
use sakia::hiveserver2::{HiveServer2Options, Session};
use sakia::lookup::{self, LookupArgs};
use sakia::shutdown::Stop;
use sakia::telemetry::summary::{Outcome, StepSummary};

use crate::peers::{HBaseTable, beeline, happybase, root};

/// A database of its own with the shop's tables, and the schema file of a table of its own.
struct Shop {
    database: String,
    table: HBaseTable,
    directory: tempfile::TempDir,
    session: Session,
}

fn hiveserver2() -> HiveServer2Options {
    toml::from_str("endpoints = [\"localhost:10000\"]").unwrap()
}

impl Shop {
    async fn open(name: &str) -> Self {
        let table = HBaseTable::named(name);
        let shop = Self {
            database: table.0.clone(),
            directory: tempfile::tempdir().unwrap(),
            session: Session::open(&hiveserver2()).await.unwrap(),
            table,
        };
        let schema = std::fs::read_to_string(root().join("hbase-schemas/customer_360.toml")).unwrap();
        let own = schema.replace("table = \"customer_360\"", &format!("table = \"{}\"", shop.table.0));
        std::fs::write(shop.schema_file(), own).unwrap();
        shop.hive(&format!("CREATE DATABASE {}", shop.database)).await;
        shop.view("customers", "customer_id, country", "(12370, 'Cyprus'), (12371, 'Austria'), (12372, 'Italy')").await;
        shop.view(
            "dim_customer",
            "customer_id, country, valid_from, is_current",
            "(12370, 'Cyprus', timestamp'2010-12-14 12:58:00', false), \
             (12370, 'Austria', timestamp'2010-12-17 09:38:00', false), \
             (12370, 'Cyprus', timestamp'2011-03-10 12:48:00', true), \
             (12371, 'Austria', timestamp'2011-01-01 10:00:00', true)",
        )
        .await;
        shop.view(
            "orders",
            "order_id, order_no, customer_id, status, ordered_at",
            "(1, '540001', 12370, 'placed', timestamp'2011-01-04 10:00:00'), \
             (2, '540002', 12370, 'placed', timestamp'2011-10-19 14:51:00'), \
             (3, 'C54003', 12370, 'cancelled', timestamp'2011-10-20 09:00:00'), \
             (4, '540004', null, 'placed', timestamp'2011-11-01 09:00:00')",
        )
        .await;
        shop.view(
            "order_items",
            "order_id, quantity, unit_price",
            "(1, 10, 2.550BD), (1, 1, 0.425BD), (2, 4, 100.000BD), (3, -1, 100.000BD), (4, 1, 9.990BD)",
        )
        .await;
        shop.clicks("'/cart'").await;
        shop
    }

    fn schema_file(&self) -> PathBuf {
        self.directory.path().join("schema.toml")
    }

    fn schema(&self) -> TableSchema {
        TableSchema::read(&self.schema_file()).unwrap()
    }

    /// Two pages of customer 12370 out of order; `path` is the later one.
    async fn clicks(&self, path: &str) {
        self.view(
            "clicks",
            "customer_id, event_ts, path",
            &format!(
                "('12370', timestamp'2011-10-19 14:50:00', {path}), \
                 ('12370', timestamp'2011-10-19 14:40:00', '/p/85123A'), \
                 (null, timestamp'2011-12-01 00:00:00', '/')"
            ),
        )
        .await;
    }

    async fn view(&self, name: &str, columns: &str, tuples: &str) {
        let structs = tuples.replace("(", "struct(");
        self.hive(&format!("DROP VIEW IF EXISTS {}.{name}", self.database)).await;
        let select = format!("SELECT inline(array({structs})) AS ({columns})");
        self.hive(&format!("CREATE VIEW {}.{name} AS {select}", self.database)).await;
    }

    async fn hive(&self, statement: &str) {
        self.session.execute(statement, &Stop::new()).await.unwrap();
    }

    async fn run(&self, run_id: &str) -> sakia::error::Result<StepSummary> {
        let args = LookupArgs {
            schema: self.schema_file(),
            query_file: "hive-ddl/lookup/customer_360.hql".into(),
            database: self.database.clone(),
            hive_table: Some("customer_360".into()),
            timestamp_column: Some("as_of_ms".into()),
        };
        let hbase = HBaseOptions::new(["localhost:9090"]);
        lookup::run(&args, root(), &hbase, &hiveserver2(), run_id, &Stop::new()).await
    }

    fn happybase(&self, script: &str) -> String {
        happybase(&format!("t = c.table(args[0])\n{script}"), &[&self.table.0])
    }

    async fn close(self) {
        self.hive(&format!("DROP DATABASE {} CASCADE", self.database)).await;
        let left = self.happybase("print(sum(1 for _ in t.scan()))");
        assert_eq!(left, "3\n", "dropping the external table leaves hbase's rows alone");
        self.session.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_what_the_query_says_and_a_second_run_writes_nothing() {
    let shop = Shop::open("pages").await;
    let first = shop.run("run-1").await.unwrap();
    assert_eq!((first.outcome, first.rows_in, first.rows_out), (Outcome::Done, 3, 3), "{first:?}");

    let row = shop.happybase("for k, (v, ts) in sorted(t.row('00|000000012370', include_timestamp=True).items()): print(k.decode(), v.decode(), ts)");
    let expected = "m:last_order_at 2011-10-19 14:51:00 1319035860000\n\
                    m:last_order_no 540002 1319035860000\n\
                    m:last_page /cart 1319035860000\n\
                    m:last_seen_at 2011-10-19 14:50:00 1319035860000\n\
                    m:orders 2 1319035860000\n\
                    m:revenue 325.925 1319035860000\n\
                    m:written_by run-1 1319035860000\n\
                    p:country Cyprus 1319035860000\n\
                    p:country_since 2011-03-10 12:48:00 1319035860000\n\
                    p:customer_id 12370 1319035860000\n\
                    p:previous_country Austria 1319035860000\n";
    assert_eq!(row, expected);

    let query = format!(
        "SELECT row_key, customer_id, country, country_since, previous_country, orders, revenue, last_order_no, \
         last_order_at, last_page, last_seen_at FROM {}.customer_360 ORDER BY customer_id",
        shop.database
    );
    let rows = beeline(&query);
    let text = rows.iter().map(|row| row.join(" | ")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(text, @"");

    let second = shop.run("run-2").await.unwrap();
    assert_eq!((second.outcome, second.rows_in, second.rows_out), (Outcome::Unchanged, 3, 0), "{second:?}");
    assert!(!shop.happybase("print(list(t.scan()))").contains("run-2"));

    let found = lookup::get(&HBaseOptions::new(["localhost:9090"]), &shop.schema(), "12370").await.unwrap();
    assert!(found.to_table().contains("Cyprus"), "{}", found.to_table());
    let missing = lookup::get(&HBaseOptions::new(["localhost:9090"]), &shop.schema(), "1").await.unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_goes_and_comes_back_at_the_same_event_time() {
    let shop = Shop::open("null").await;
    shop.run("run-1").await.unwrap();
    for (run_id, path, shown) in
        [("run-2", "cast(null as string)", "None"), ("run-3", "'/cart'", "b'/cart'"), ("run-4", "''", "b''")]
    {
        shop.clicks(path).await;
        let summary = shop.run(run_id).await.unwrap();
        assert_eq!((summary.outcome, summary.rows_out), (Outcome::Done, 1), "{summary:?}");
        let row = shop.happybase("r = t.row('00|000000012370')\nprint(r.get(b'm:last_page'), r[b'm:written_by'])");
        assert_eq!(row, format!("{shown} b'{run_id}'\n"));
        assert_eq!(shop.run("again").await.unwrap().outcome, Outcome::Unchanged);
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_nobody_asked_for_are_counted_and_kept() {
    let shop = Shop::open("foreign").await;
    shop.run("run-1").await.unwrap();
    shop.view("customers", "customer_id, country", "(12370, 'Cyprus'), (12372, 'Italy')").await;
    let summary = shop.run("run-2").await.unwrap();
    assert_eq!(summary.outcome, Outcome::Unchanged);
    assert!(summary.detail.contains("1 rows in hbase that the query does not give"), "{}", summary.detail);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_stays_hidden_is_an_error() {
    let shop = Shop::open("hidden").await;
    shop.run("run-1").await.unwrap();
    shop.happybase("t.delete('00|000000012370')"); // a tombstone of this moment, far above the events of 2011
    let error = shop.run("run-2").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert_eq!(error.exit_code(), 3, "{:?}", Effect::Partial);
    assert!(error.to_string().starts_with("1 rows of hbase table"), "{error}");
    assert!(error.remedy().unwrap().contains("major_compact"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hive_table_of_another_schema_is_refused_before_anything_is_written() {
    let shop = Shop::open("drift").await;
    shop.hive(&format!("CREATE VIEW {}.customer_360 AS SELECT 1 AS x", shop.database)).await;
    let error = shop.run("run-1").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Schema);
    assert!(error.to_string().contains(&format!("{}.customer_360", shop.database)), "{error}");
    assert_eq!(shop.happybase("print(sum(1 for _ in t.scan()))"), "0\n");
    assert!(Path::new(&shop.schema_file()).exists());
}
