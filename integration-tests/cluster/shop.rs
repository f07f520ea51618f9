//! The example shop, all the way, under names of its own: every hop against the real server, every result read back
//! with a tool that is not ours. A second run finds nothing to do.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::stack::{self, beeline, drop_hbase_table, happybase, hdfs_shell, python, root, sakia};

/// One shop of this test's own: a Hive database, an HDFS directory, an HBase table.
pub struct Shop {
    pub name: String,
    pub dir: tempfile::TempDir,
    facts: toml::Table,
}

impl Shop {
    /// Writes the example's pipeline under names of its own.
    fn new() -> Self {
        let name = stack::unique("it_shop");
        let dir = tempfile::tempdir().unwrap();
        let example = std::fs::read_to_string(root().join("examples/shop/pipeline.toml")).unwrap();
        let log = clicks();
        let pipeline = example
            .replace("../../target/shop/access.log", log.to_str().unwrap())
            .replace("../../target/shop/channel", "channel")
            .replace("../../", &format!("{}/", root().display()))
            .replace("\"/shop/", &format!("\"/it/{name}/"))
            .replace("\"shop.", &format!("\"{name}."))
            .replace("hive-database = \"shop\"", &format!("hive-database = \"{name}\""))
            // The database of the steps; that of the server, where the shop is read, stays.
            .replace("\ndatabase = \"shop\"\n", &format!("\ndatabase = \"{name}\"\n"))
            .replacen(&format!("database = \"{name}\"\npassword-file"), "database = \"shop\"\npassword-file", 1)
            .replace(&schema_path(), dir.path().join("schema.toml").to_str().unwrap());
        let schema = std::fs::read_to_string(schema_path()).unwrap();
        std::fs::write(
            dir.path().join("schema.toml"),
            schema.replace("table = \"customer_360\"", &format!("table = \"{name}\"")),
        )
        .unwrap();
        std::fs::write(dir.path().join("pipeline.toml"), pipeline).unwrap();
        let facts = std::fs::read_to_string(root().join("examples/shop/facts.toml")).unwrap().parse().unwrap();
        Self { name, dir, facts }
    }

    /// Runs the pipeline; the steps of its summary by name.
    fn run(&self) -> Vec<Value> {
        let output =
            sakia().args(["run", "pipeline.toml", "--output", "json"]).current_dir(self.dir.path()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "sakia run failed:\n{errors}");
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        summary["steps"].as_array().unwrap().clone()
    }

    pub fn fact(&self, table: &str, key: &str) -> &toml::Value {
        &self.facts[table][key]
    }

    fn number(&self, table: &str, key: &str) -> i64 {
        self.fact(table, key).as_integer().unwrap()
    }

    /// What beeline reads of this shop, tabs between columns.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let rows = beeline(&sql.replace("shop.", &format!("{}.", self.name)));
        rows.into_iter().map(|row| row.join("\t")).collect()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.rows(&format!("drop table if exists {}.customer_360; drop database {0} cascade", self.name));
            hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", "-f", &format!("/it/{}", self.name)]);
            drop_hbase_table(&self.name);
        }
    }
}

fn schema_path() -> String {
    root().join("hbase-schemas/customer_360.toml").display().to_string()
}

/// The click log that `make clicks` made.
fn clicks() -> PathBuf {
    let log = root().join("target/shop/access.log");
    assert!(log.exists(), "{} is missing: run `make shop`", log.display());
    log
}

fn step<'a>(steps: &'a [Value], name: &str) -> &'a Value {
    steps.iter().find(|s| s["step"] == name).unwrap_or_else(|| panic!("no step {name} in {steps:?}"))
}

#[test]
fn the_whole_road_and_a_second_time_nothing() {
    let shop = Shop::new();
    let steps = shop.run();
    the_summary_is_true(&shop, &steps);
    imports_are_in_hive(&shop);
    files_are_plain(&shop);
    other_readers_agree(&shop);
    clicks_are_in_hive(&shop);
    clicks_are_sessions(&shop);
    history_is_exact(&shop);
    the_last_batch_again_changes_nothing(&shop);
    customers_are_in_hbase(&shop);
    crate::warehouse::stands_on(&shop);
    for again in shop.run() {
        assert_eq!(again["outcome"], "unchanged", "{again}");
        assert_eq!(again["rows-out"], 0, "{again}");
    }
}

fn the_summary_is_true(shop: &Shop, steps: &[Value]) {
    for (name, table) in [
        ("import customers", "customers"),
        ("import products", "products"),
        ("import orders", "orders"),
        ("import order-items", "order_items"),
        ("import customer-changes", "customer_changes"),
    ] {
        let step = step(steps, name);
        assert_eq!(step["rows-in"], shop.number("rows", table), "{name}");
        assert_eq!(step["rows-out"], step["rows-in"], "{name}");
        assert!(step["bytes"].as_u64().unwrap() > 0 && step["files"].as_u64().unwrap() > 0, "{name}");
    }
    let agent = step(steps, "agent clicks");
    assert_eq!(agent["rows-in"], shop.number("clicks", "lines"));
    assert_eq!(agent["rejects"], shop.number("clicks", "malformed"));
    let versions = step(steps, "scd2 dim-customer");
    assert_eq!(versions["rows-in"], shop.number("rows", "customer_changes"));
}

fn imports_are_in_hive(shop: &Shop) {
    let counts = shop.rows(
        "select 'a', count(*) from shop.customers union all select 'b', count(*) from shop.customers_avro \
         union all select 'c', count(*) from shop.products union all select 'd', count(*) from shop.orders \
         union all select 'e', count(*) from shop.order_items order by 1",
    );
    let rows = |table| shop.number("rows", table);
    let expected = [rows("customers"), rows("customers"), rows("products"), rows("orders"), rows("order_items")];
    let expected: Vec<String> = "abcde".chars().zip(expected).map(|(c, n)| format!("{c}\t{n}")).collect();
    assert_eq!(counts, expected);

    let months = shop.rows("select order_month, count(*) from shop.orders group by order_month order by 1");
    let facts = shop.facts["orders"]["months"].as_table().unwrap();
    assert_eq!(months, facts.iter().map(|(month, n)| format!("{month}\t{n}")).collect::<Vec<_>>());
    assert_eq!(shop.rows("select sum(total) from shop.orders"), [shop.fact("orders", "total").as_str().unwrap()]);
    assert_eq!(shop.rows("select count(*) from shop.orders where customer_id is null"), ["3710"]);

    let described = shop.rows("describe shop.orders");
    for (column, hive_type, comment) in [
        ("order_id", "decimal(20,0)", "Our own number"),
        ("ordered_at", "timestamp", "Time of the first line"),
        ("total", "decimal(14,3)", "Sum of quantity"),
    ] {
        let line = described.iter().find(|line| line.starts_with(column)).unwrap();
        assert!(line.contains(hive_type) && line.contains(comment), "{line}");
    }
    let day = shop.rows("select first_order_date from shop.customers where customer_id = 12370");
    assert_eq!(day, ["2010-12-14"]);
}

fn files_are_plain(shop: &Shop) {
    let listed = hdfs_shell(&["dfs", "-ls", "-R", "-C", &format!("/it/{}/orders", shop.name)]);
    let (dirs, files): (Vec<&str>, Vec<&str>) = listed.lines().partition(|line| !line.ends_with(".parquet"));
    assert_eq!(dirs.len(), 13, "{dirs:?}");
    assert!(dirs.iter().all(|dir| dir.contains("/order_month=201")), "{dirs:?}");
    assert!(files.len() >= 13);
}

/// pyarrow and fastavro, over files that Hadoop's own shell fetched.
fn other_readers_agree(shop: &Shop) {
    let fetch = |table: &str| -> PathBuf {
        let to = shop.dir.path().join(table);
        std::fs::create_dir_all(&to).unwrap();
        let dir = format!("/it/{}/{table}", shop.name);
        for (n, path) in hdfs_shell(&["dfs", "-ls", "-C", &dir]).lines().enumerate() {
            let extension = Path::new(path).extension().unwrap().to_str().unwrap();
            std::fs::write(to.join(format!("{n}.{extension}")), stack::tool("hdfs", &["dfs", "-cat", path])).unwrap();
        }
        to
    };
    let (items, avro) = (fetch("order_items"), fetch("customers_avro"));
    let printed = python(
        "import glob, pyarrow.parquet as pq, pyarrow as pa, fastavro\n\
         tables = [pq.read_table(f) for f in sorted(glob.glob(args[0] + '/*.parquet'))]\n\
         t = pa.concat_tables(tables)\n\
         total = sum(q * p for q, p in zip(t['quantity'].to_pylist(), t['unit_price'].to_pylist()))\n\
         print(t.num_rows, t.schema.field('unit_price').type, t.schema.field('invoiced_at').type, total)\n\
         rows = [r for f in sorted(glob.glob(args[1] + '/*.avro')) for r in fastavro.reader(open(f, 'rb'))]\n\
         one = [r for r in rows if r['customer_id'] == 12370][0]\n\
         print(len(rows), one['country'], one['first_order_date'], one['orders_placed'])\n",
        &[items.to_str().unwrap(), avro.to_str().unwrap()],
    );
    let total = shop.fact("orders", "total").as_str().unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[0], format!("541909 decimal128(12, 3) timestamp[us] {total}"));
    assert!(lines[1].starts_with("4372 Cyprus 2010-12-14 "), "{}", lines[1]);
}

fn clicks_are_in_hive(shop: &Shop) {
    let (lines, malformed) = (shop.number("clicks", "lines"), shop.number("clicks", "malformed"));
    let counted = shop.rows("select count(*), count(distinct source_offset) from shop.clicks");
    let good = lines - malformed;
    assert_eq!(counted, [format!("{good}\t{good}")]);
    let months = shop.facts["clicks"]["days"].as_table().unwrap();
    let expected = months.iter().flat_map(|(month, days)| {
        days.as_array().unwrap().iter().enumerate().map(move |(n, lines)| format!("{month}-{:02}\t{lines}", n + 1))
    });
    let by_day = shop.rows("select dt, count(*) from shop.clicks group by dt order by dt");
    assert_eq!(by_day, expected.collect::<Vec<_>>());
    let rejects = hdfs_shell(&["dfs", "-cat", &format!("/it/{}/clicks_rejected/*", shop.name)]);
    assert_eq!(rejects.lines().count() as i64, malformed);
    let first: Value = serde_json::from_str(rejects.lines().next().unwrap()).unwrap();
    assert!(first["file"].is_string() && first["offset"].is_u64() && first["reason"].is_string(), "{first}");
}

fn clicks_are_sessions(shop: &Shop) {
    let fact = |key| shop.number("clickstream", key).to_string();
    let row = |sql: &str| shop.rows(sql).join(" ");
    let events = row("select count(*), count(customer_id), sum(if(is_bot, 1, 0)) from shop.fact_event");
    let good = (shop.number("clicks", "lines") - shop.number("clicks", "malformed")).to_string();
    assert_eq!(events, [good, fact("events_of_customers"), fact("events_of_programs")].join("\t"));
    let sessions = "select sum(if(is_bot, 0, 1)), sum(if(is_bot, 0, if(customer_id is null, 0, 1))), sum(if(is_bot, 1, 0)), \
                    sum(if(is_bot, 0, orders)) from shop.fact_session";
    let expected = ["sessions", "sessions_of_customers", "sessions_of_programs", "orders"].map(fact).join("\t");
    assert_eq!(row(sessions), expected);
    let reached: Vec<String> =
        shop.fact("clickstream", "reached").as_array().unwrap().iter().map(ToString::to_string).collect();
    let funnel = "select sum(landing), sum(list), sum(product), sum(cart), sum(checkout), sum(payment), sum(ordered) \
                  from shop.funnel_daily";
    assert_eq!(row(funnel), reached.join("\t"));
    let carts = "select count(*), count(order_id), count(abandoned_at), sum(adds) from shop.fact_cart";
    assert_eq!(row(carts), ["carts", "carts_ordered", "carts_left", "put_into_carts"].map(fact).join("\t"));
}

fn history_is_exact(shop: &Shop) {
    let versions = "select count(*), sum(if(is_current, 1, 0)) from shop.dim_customer";
    assert_eq!(shop.rows(versions), ["4388\t4372"]);
    let one = shop.rows(
        "select country, cast(valid_from as string), cast(valid_to as string), is_current \
         from shop.dim_customer where customer_id = 12370 order by valid_from",
    );
    assert_eq!(
        one,
        [
            "Cyprus\t2010-12-14 12:58:00\t2010-12-17 09:38:00\tfalse",
            "Austria\t2010-12-17 09:38:00\t2011-03-10 12:48:00\tfalse",
            "Cyprus\t2011-03-10 12:48:00\t9999-12-31 00:00:00\ttrue",
        ]
    );
}

fn the_last_batch_again_changes_nothing(shop: &Shop) {
    let content = "select count(*), sum(crc32(concat_ws('|', sk, country, cast(valid_from as string), \
                   cast(valid_to as string), batch_id))) from shop.dim_customer";
    let before = shop.rows(content);
    let output = sakia()
        .args(["scd2", "pipeline.toml", "--reapply-last", "--output", "json"])
        .current_dir(shop.dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["steps"][0]["rows-out"], 0, "{summary}");
    assert!(summary["steps"][0]["rows-in"].as_u64().unwrap() > 0, "{summary}");
    assert_eq!(shop.rows(content), before);
}

fn customers_are_in_hbase(shop: &Shop) {
    let printed = happybase(
        "t = c.table(args[0])\n\
         row = next(r for k, r in t.scan() if k.endswith(b'|000000012370'))\n\
         print(row[b'p:country'].decode(), row[b'p:previous_country'].decode(), row[b'm:orders'].decode())\n\
         print(sum(1 for _ in t.scan()))",
        &[&shop.name],
    );
    let orders = shop.rows("select count(*) from shop.orders where customer_id = 12370 and status = 'placed'");
    assert_eq!(printed.lines().collect::<Vec<_>>(), [format!("Cyprus Austria {}", orders[0]), "4372".to_owned()]);
    assert_eq!(shop.rows("select count(*) from shop.customer_360"), ["4372"]);
}
