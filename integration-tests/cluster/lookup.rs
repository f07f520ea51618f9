//! The lookup step: the shop's own query and schema over a handful of rows, and the rules about what is written with
//! queries of constants. Results are read back by happybase and beeline.

use sakia::error::Kind;
use sakia::hbase::TableSchema;
use sakia::hiveserver2::{HiveServer2Options, Session};
use sakia::lookup::{self, LookupArgs};
use sakia::shutdown::Stop;
use sakia::telemetry::summary::{Outcome, StepSummary};

use crate::hbase::{HBaseTable, options};
use crate::stack::{address, beeline, happybase, root, sakia};

fn hiveserver2() -> HiveServer2Options {
    toml::from_str(&format!("url = \"{}\"", address("HIVESERVER2_PORT"))).unwrap()
}

async fn hive(session: &Session, statement: &str) {
    session.execute(statement, &Stop::new()).await.unwrap();
}

/// An HBase table with a schema file and a query file of its own.
struct Lookup {
    table: HBaseTable,
    directory: tempfile::TempDir,
    args: LookupArgs,
}

impl Lookup {
    /// Takes the schema's text with `TABLE` in the place of the table's name.
    fn new(name: &str, schema: &str) -> Self {
        let table = HBaseTable::named(name);
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("schema.toml"), schema.replace("TABLE", &table.0)).unwrap();
        let args = LookupArgs {
            schema: "schema.toml".into(),
            query_file: "query.hql".into(),
            database: "default".into(),
            hive_table: None,
            timestamp_column: Some("as_of_ms".into()),
        };
        Self { table, directory, args }
    }

    /// Two columns: a country and the last page.
    fn of_two_columns(name: &str) -> Self {
        Self::new(
            name,
            r#"
            table = "TABLE"
            written-by = "m:run"
            row-key = { column = "id", salt-buckets = 16, width = 12 }
            [[family]]
            name = "p"
            [[family]]
            name = "m"
            [[column]]
            name = "country"
            cell = "p:country"
            [[column]]
            name = "last_page"
            cell = "m:last_page"
            "#,
        )
    }

    /// Makes the query give these rows: id, country, last page.
    fn query_gives(&self, rows: &[(u32, &str, Option<&str>)]) {
        let row = |(id, country, page): &(u32, &str, Option<&str>)| {
            let page = page.map_or("cast(null as string)".to_owned(), |page| format!("'{page}'"));
            format!("struct({id}, '{country}', {page}, 1319035860000)")
        };
        let rows = rows.iter().map(row).collect::<Vec<_>>().join(", ");
        let query = format!("SELECT inline(array({rows})) AS (id, country, last_page, as_of_ms);\n");
        std::fs::write(self.directory.path().join("query.hql"), query).unwrap();
    }

    async fn run(&self, run_id: &str) -> sakia::error::Result<StepSummary> {
        lookup::run(&self.args, self.directory.path(), &options(), &hiveserver2(), run_id, &Stop::new()).await
    }

    fn happybase(&self, script: &str) -> String {
        happybase(&format!("t = c.table(args[0])\n{script}"), &[&self.table.0])
    }
}

/// The shop's tables in a database of its own, as views of constants: those cost no job.
async fn make_shop(session: &Session, database: &str) {
    hive(session, &format!("CREATE DATABASE {database}")).await;
    for (view, columns, rows) in [
        (
            "customers",
            "customer_id, country",
            "struct(12370, 'Cyprus'), struct(12371, 'Austria'), struct(12372, 'Italy')",
        ),
        (
            "dim_customer",
            "customer_id, country, valid_from, is_current",
            "struct(12370, 'Cyprus', timestamp'2010-12-14 12:58:00', false), \
             struct(12370, 'Austria', timestamp'2010-12-17 09:38:00', false), \
             struct(12370, 'Cyprus', timestamp'2011-03-10 12:48:00', true), \
             struct(12371, 'Austria', timestamp'2011-01-01 10:00:00', true)",
        ),
        (
            "orders",
            "order_id, order_no, customer_id, status, ordered_at",
            "struct(1, '540001', 12370, 'placed', timestamp'2011-01-04 10:00:00'), \
             struct(2, '540002', 12370, 'placed', timestamp'2011-10-19 14:51:00'), \
             struct(3, 'C54003', 12370, 'cancelled', timestamp'2011-10-20 09:00:00'), \
             struct(4, '540004', null, 'placed', timestamp'2011-11-01 09:00:00')",
        ),
        (
            "order_items",
            "order_id, quantity, unit_price",
            "struct(1, 10, 2.550BD), struct(1, 1, 0.425BD), struct(2, 4, 100.000BD), struct(3, -1, 100.000BD), \
             struct(4, 1, 9.990BD)",
        ),
        (
            "clicks",
            "customer_id, event_ts, path",
            "struct(12370L, timestamp'2011-10-19 14:50:00', '/cart'), \
             struct(12370L, timestamp'2011-10-19 14:40:00', '/p/85123A'), \
             struct(null, timestamp'2011-12-01 00:00:00', '/')",
        ),
    ] {
        let select = format!("SELECT inline(array({rows})) AS ({columns})");
        hive(session, &format!("CREATE VIEW {database}.{view} AS {select}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_show_what_the_shop_knows_and_a_second_run_writes_nothing() {
    let schema = std::fs::read_to_string(root().join("hbase-schemas/customer_360.toml")).unwrap();
    let mut shop = Lookup::new("shop", &schema.replace("table = \"customer_360\"", "table = \"TABLE\""));
    let database = shop.table.0.clone();
    shop.args.query_file = root().join("hive-ddl/lookup/customer_360.hql");
    shop.args.database.clone_from(&database);
    shop.args.hive_table = Some("customer_360".into());
    let session = Session::open(&hiveserver2()).await.unwrap();
    make_shop(&session, &database).await;

    let first = shop.run("run-1").await.unwrap();
    assert_eq!((first.outcome, first.rows_in, first.rows_out), (Outcome::Done, 3, 3), "{first:?}");
    let cells = shop.happybase(
        "cells = t.row('00|000000012370', include_timestamp=True)\n\
         print(set(ts for _, ts in cells.values()))\n\
         for k, (v, _) in sorted(cells.items()): print(k.decode(), v.decode())",
    );
    let expected = "{1319035860000}\n\
                    m:last_order_at 2011-10-19 14:51:00\n\
                    m:last_order_no 540002\n\
                    m:last_page /cart\n\
                    m:last_seen_at 2011-10-19 14:50:00\n\
                    m:orders 2\n\
                    m:revenue 325.925\n\
                    m:written_by run-1\n\
                    p:country Cyprus\n\
                    p:country_since 2011-03-10 12:48:00\n\
                    p:customer_id 12370\n\
                    p:previous_country Austria\n";
    assert_eq!(cells, expected);
    beeline_reads_it_too(&database);

    let second = shop.run("run-2").await.unwrap();
    assert_eq!((second.outcome, second.rows_in, second.rows_out), (Outcome::Unchanged, 3, 0), "{second:?}");
    assert!(!shop.happybase("print(list(t.scan()))").contains("run-2"));

    hive(&session, &format!("DROP DATABASE {database} CASCADE")).await;
    session.close().await.unwrap();
    let left = shop.happybase("print(sum(1 for _ in t.scan()))");
    assert_eq!(left, "3\n", "dropping the external table leaves hbase's rows alone");
}

fn beeline_reads_it_too(database: &str) {
    let rows = beeline(&format!(
        "SELECT row_key, customer_id, country, country_since, previous_country, orders, revenue, last_order_no, \
         last_order_at, last_page, last_seen_at FROM {database}.customer_360 ORDER BY customer_id"
    ));
    let shown: Vec<String> = rows.iter().map(|row| row.join("\t").replace(' ', "_").replace('\t', " ")).collect();
    let expected = [
        "00|000000012370 12370 Cyprus 2011-03-10_12:48:00.0 Austria 2 325.925 540002 2011-10-19_14:51:00.0 /cart \
         2011-10-19_14:50:00.0",
        "06|000000012371 12371 Austria 2011-01-01_10:00:00.0 NULL 0 0.000 NULL NULL NULL NULL",
        "0c|000000012372 12372 Italy NULL NULL 0 0.000 NULL NULL NULL NULL",
    ];
    assert_eq!(shown, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_goes_and_comes_back_at_the_same_event_time() {
    let lookup = Lookup::of_two_columns("null");
    for (run_id, page, shown) in [
        ("run-1", Some("/cart"), "b'/cart'"),
        ("run-2", None, "None"),
        ("run-3", Some("/cart"), "b'/cart'"),
        ("run-4", None, "None"),
        ("run-5", Some(""), "b''"),
    ] {
        lookup.query_gives(&[(12370, "Cyprus", page), (1, "Italy", None)]);
        let summary = lookup.run(run_id).await.unwrap();
        assert_eq!(summary.rows_out, if run_id == "run-1" { 2 } else { 1 }, "{summary:?}");
        let row = lookup.happybase("r = t.row('00|000000012370')\nprint(r.get(b'm:last_page'), r[b'm:run'])");
        assert_eq!(row, format!("{shown} b'{run_id}'\n"));
        assert_eq!(lookup.run("again").await.unwrap().outcome, Outcome::Unchanged);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_query_does_not_give_are_counted_and_kept() {
    let lookup = Lookup::of_two_columns("foreign");
    lookup.query_gives(&[(1, "Italy", None), (2, "France", None)]);
    lookup.run("run-1").await.unwrap();
    lookup.query_gives(&[(2, "France", None)]);
    let summary = lookup.run("run-2").await.unwrap();
    assert_eq!(summary.outcome, Outcome::Unchanged);
    assert!(summary.detail.contains("1 rows in hbase that the query does not give"), "{}", summary.detail);
    assert_eq!(lookup.happybase("print(sum(1 for _ in t.scan()))"), "2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_stays_hidden_is_an_error() {
    let lookup = Lookup::of_two_columns("hidden");
    lookup.query_gives(&[(12370, "Cyprus", None)]);
    lookup.run("run-1").await.unwrap();
    lookup.happybase("t.delete('00|000000012370')"); // a tombstone of this moment, far above the events of 2011
    let error = lookup.run("run-2").await.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Refused, 3));
    assert!(error.to_string().starts_with("1 rows of hbase table"), "{error}");
    assert!(error.remedy().unwrap().contains("major_compact"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_result_and_a_foreign_hive_table_write_nothing() {
    let mut lookup = Lookup::of_two_columns("refused");
    lookup.query_gives(&[(1, "Italy", None), (1, "France", None)]);
    let error = lookup.run("run-1").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.to_string().contains("more than one row for id 1"), "{error}");

    lookup.query_gives(&[(1, "Italy", None)]);
    let session = Session::open(&hiveserver2()).await.unwrap();
    lookup.args.hive_table = Some(lookup.table.0.clone());
    hive(&session, &format!("CREATE VIEW {} AS SELECT 1 AS x", lookup.table.0)).await;
    let error = lookup.run("run-2").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Schema);
    assert!(error.to_string().contains(&format!("default.{}", lookup.table.0)), "{error}");
    hive(&session, &format!("DROP VIEW {}", lookup.table.0)).await;
    assert_eq!(lookup.happybase("print(sum(1 for _ in t.scan()))"), "0\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_stored_as_they_are_and_a_cell_that_is_too_large_is_named() {
    let lookup = Lookup::of_two_columns("bytes");
    let query = |page: &str| {
        let rows = format!("struct(1, 'Italy', unhex('00FF8041'), 5), struct(2, 'Malta', {page}, 5)");
        let query = format!("SELECT inline(array({rows})) AS (id, country, last_page, as_of_ms)");
        std::fs::write(lookup.directory.path().join("query.hql"), query).unwrap();
    };
    query("cast(repeat('x', 11000000) as binary)");
    let error = lookup.run("run-1").await.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Data, 1), "{error}");
    let said = error.to_string();
    for part in ["cell m:last_page", "row 0d|000000000002", "takes 110000", "more than the limit of 10485760"] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(lookup.happybase("print(list(t.scan()))"), "[]\n", "nothing was written");
    query("unhex('')");
    lookup.run("run-2").await.unwrap();
    assert_eq!(lookup.happybase("print([r[b'm:last_page'] for _, r in t.scan()])"), "[b'\\x00\\xff\\x80A', b'']\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_at_a_time_fills_a_table() {
    let lookup = Lookup::of_two_columns("twice");
    lookup.query_gives(&[(1, "Italy", None)]);
    let (first, second) = tokio::join!(lookup.run("run-1"), lookup.run("run-2"));
    let (done, refused) = if first.is_ok() { (first, second) } else { (second, first) };
    assert_eq!(done.unwrap().rows_out, 1);
    let error = refused.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Busy, 75), "{error}");
    let said = error.to_string();
    assert!(said.contains(&format!("hbase table {} is held by run run-", lookup.table.0)), "{said}");
    assert_eq!(lookup.run("run-3").await.unwrap().outcome, Outcome::Unchanged, "the lease was given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_row_is_looked_up_by_its_id() {
    let lookup = Lookup::of_two_columns("get");
    lookup.query_gives(&[(12370, "Cyprus", None), (7, r"\u001B[31mred", None)]);
    lookup.run("run-1").await.unwrap();
    let schema = TableSchema::read(&lookup.directory.path().join("schema.toml")).unwrap();
    let found = lookup::get(&options(), &schema, "12370").await.unwrap();
    assert_eq!(found.row_key, "00|000000012370");
    let values: Vec<_> = found.lines.iter().map(|line| (line.column.as_str(), line.value.as_deref())).collect();
    assert_eq!(values, [("country", Some("Cyprus")), ("last_page", None)]);
    let missing = lookup::get(&options(), &schema, "1").await.unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound);

    // On the command line nothing reaches the terminal that it would obey.
    let pipeline = lookup.directory.path().join("pipeline.toml");
    let text = format!(
        "[hiveserver2]\nurl = '{}'\n[hbase]\nurl = '{}'\n[[step]]\ntype = 'lookup'\nname = 'l'\n\
         schema = 'schema.toml'\nquery-file = 'query.hql'\ndatabase = 'default'\n",
        address("HIVESERVER2_PORT"),
        address("HBASE_THRIFT_PORT")
    );
    std::fs::write(&pipeline, text).unwrap();
    let printed = |output: &str| {
        let mut sakia = sakia();
        sakia.arg("lookup").arg(&pipeline).args(["--key", "7", "--output", output]);
        String::from_utf8(sakia.output().unwrap().stdout).unwrap()
    };
    let (table, json) = (printed("table"), printed("json"));
    assert!(!table.contains('\u{1b}') && table.contains(r"\u001b[31mred"), "{table}");
    let row: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(!json.contains('\u{1b}'), "{json}");
    assert_eq!(row["columns"]["country"]["value"], "\u{1b}[31mred");
    assert!(
        row["row-key"].as_str().unwrap().ends_with("|000000000007") && row["columns"]["last_page"].is_null(),
        "{row}"
    );
}
