//! The shop's warehouse, behind its pipeline: dimensions, facts and aggregates by `examples/shop/warehouse.toml`, the business
//! questions held against DuckDB, the reconciliation, segments back in MySQL, and the triggers.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::shop::Shop;
use crate::stack::{address, beeline, python, root, sakia, tool};

/// The questions, with how many rows their answers have at least.
const QUESTIONS: [(&str, usize); 14] = [
    ("01_month_revenue", 13),
    ("02_tier_revenue", 4),
    ("03_moved_city", 80),
    ("04_funnel_by_device", 3),
    ("05_abandoned_carts", 1),
    ("06_rfm", 100),
    ("07_first_touch", 4),
    ("08_price_history", 6),
    ("09_late_tickets", 4),
    ("09_lost_customers", 1),
    ("10_sessions_orders", 0),
    ("11_top_spenders", 10),
    ("11_products_per_category", 11),
    ("11_top_brand", 13),
];

/// What DuckDB gets of MySQL.
const SOURCES: [(&str, &str); 7] = [
    ("orders", "select order_id, order_no, customer_id, status, ordered_at from orders"),
    ("order_items", "select order_id, line_no, product_id, quantity, unit_price from order_items"),
    ("products", "select product_id, stock_code from products"),
    ("profile_changes", "select * from profile_changes"),
    ("product_changes", "select * from product_changes"),
    ("shipments", "select order_id, carrier, promised_on, delivered_at from shipments"),
    ("tickets", "select ticket_id, customer_id, order_id, csat, opened_at, closed_at from tickets"),
];

/// And of the click stream's tables.
const CLICKS: [(&str, &str); 3] = [
    (
        "fact_session",
        "customer_id, started_at, device, is_bot, reached_1, reached_2, reached_3, reached_4, reached_5, reached_6, reached_7",
    ),
    ("fact_cart", "cart_id, customer_id, abandoned_at, value"),
    ("fact_event", "event_id, event_ts_utc, customer_id, is_bot, utm_campaign, event_name, order_id"),
];

/// Everything behind the pipeline; the shop's tables are in Hive.
pub fn stands_on(shop: &Shop) {
    tool(
        "mariadb",
        &[
            "-e",
            &format!("create database {0}; create table {0}.customer_segments like shop.customer_segments", shop.name),
        ],
    );
    let steps = run(shop, "warehouse.toml", &warehouse(shop));
    the_steps_are_true(&steps);
    facts_are_whole(shop);
    questions_are_answered(shop);
    segments_are_back(shop);
    events_are_told_once(shop);
    tool("mariadb", &["-e", &format!("drop database {}", shop.name)]);
}

/// The example under names of the test's own. What it writes to MySQL goes into a database of the test's own, too.
fn warehouse(shop: &Shop) -> [String; 2] {
    let example = std::fs::read_to_string(root().join("examples/shop/warehouse.toml")).unwrap();
    let name = &shop.name;
    let renamed = example
        .replace("../../target/shop/events", "events")
        .replace("../../", &format!("{}/", root().display()))
        .replace("\"/shop/", &format!("\"/it/{name}/"))
        .replace("\"shop.", &format!("\"{name}."))
        .replace("hive-database = \"shop\"", &format!("hive-database = \"{name}\""))
        .replace("\ndatabase = \"shop\"\n", &format!("\ndatabase = \"{name}\"\n"));
    // The first is that of the server, where the shop is read.
    let reads =
        renamed.replacen(&format!("database = \"{name}\"\npassword-file"), "database = \"shop\"\npassword-file", 1);
    let (reads, writes) = reads.split_once("# --- segments for the CRM").unwrap();
    let servers = reads.split_once("# --- MySQL to HDFS").unwrap().0;
    let servers = servers.replacen("database = \"shop\"", &format!("database = \"{name}\""), 1);
    [reads.to_owned(), format!("{servers}# --- segments{writes}")]
}

fn run(shop: &Shop, file: &str, parts: &[String; 2]) -> Vec<Value> {
    let mut steps = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let file = format!("{number}-{file}");
        std::fs::write(shop.dir.path().join(&file), part).unwrap();
        let done = sakia().args(["run", &file, "--output", "json"]).current_dir(shop.dir.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let summary: Value = serde_json::from_slice(&done.stdout).unwrap();
        steps.extend(summary["steps"].as_array().unwrap().iter().cloned());
    }
    steps
}

fn the_steps_are_true(steps: &[Value]) {
    let step =
        |name: &str| steps.iter().find(|step| step["step"] == name).unwrap_or_else(|| panic!("{name}: {steps:?}"));
    for (name, rows) in [("customer-profiles", 4372), ("profile-changes", 8422), ("product-changes", 34069)] {
        assert_eq!(step(&format!("import {name}"))["rows-out"], rows, "{name}");
    }
    let places = step("reconcile orders");
    assert_eq!(places["outcome"], "equal", "{places}");
    assert_eq!(places["comparison"]["sides"].as_array().unwrap().len(), 5, "{places}");
    assert_eq!(step("export segments")["rows-in"], 4339);
    for name in ["trigger abandoned-carts", "trigger segment-at-risk"] {
        let events = step(name);
        assert!(events["rows-out"].as_u64().unwrap() > 0 && events["rejects"].as_u64().unwrap() > 0, "{events}");
    }
}

fn query(shop: &Shop, arguments: &[&str]) {
    let url = format!("jdbc:hive2://{}/{}", address("HIVESERVER2_PORT"), shop.name);
    let done = sakia().args(["query", "--silent", "-u", &url, "-n", "root"]).args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// No line is lost, each keeps the versions that held, and the months again change nothing.
fn facts_are_whole(shop: &Shop) {
    let total = shop.fact("orders", "total").as_str().unwrap();
    let counted = "select count(*), sum(net), sum(if(customer_sk = '-1', 1, 0)), \
                   sum(if(profile_sk = '-1', 1, 0)), sum(if(product_sk = '-1', 1, 0)) from shop.fact_order_line";
    let expected = [format!("541909\t{total}\t135080\t135080\t330")];
    assert_eq!(shop.rows(counted), expected);
    let file = root().join("hive-ddl/warehouse/fact_order_line.hql");
    query(shop, &["--hivevar", "from_month=2011-12", "-f", file.to_str().unwrap()]);
    assert_eq!(shop.rows(counted), expected);
}

fn questions_are_answered(shop: &Shop) {
    let folder = shop.dir.path().join("answers");
    std::fs::create_dir(&folder).unwrap();
    for (name, sql) in SOURCES {
        std::fs::write(folder.join(format!("{name}.tsv")), tool("mariadb", &["--batch", "-e", sql])).unwrap();
    }
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    for (table, columns) in CLICKS {
        // Of the events only those that a question asks for.
        let what = if table == "fact_event" { " where utm_campaign is not null or order_id is not null" } else { "" };
        let sql = format!("select {columns} from {table}{what}");
        query(shop, &["--output", "parquet", "--output-file", &path(&format!("{table}.parquet")), "-e", &sql]);
    }
    for (question, _) in QUESTIONS {
        let file = root().join(format!("hive-ddl/questions/{question}.hql"));
        let variables = ["--hivevar", "as_of=2011-12-09", "--hivevar", "min_value=5", "--hivevar", "stock_code=22086"];
        let to = path(&format!("{question}.csv"));
        let how = ["--output", "csv", "--output-file", &to, "-f", file.to_str().unwrap()];
        query(shop, &[&variables[..], &how[..]].concat());
    }
    let script = std::fs::read_to_string(root().join("integration-tests/cluster/warehouse/answers.py")).unwrap();
    let compared = python(&script, &[folder.to_str().unwrap()]);
    let lines: Vec<&str> = compared.lines().collect();
    assert_eq!(lines.len(), QUESTIONS.len(), "{compared}");
    for (question, least) in QUESTIONS {
        let line = lines.iter().find(|line| line.starts_with(&format!("{question} "))).unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let rows: usize = words[1].parse().unwrap();
        assert!(rows >= least && words[1] == words[2] && words[3] == "0", "{line}");
    }
    // That no order is missing in the log says something: the log has orders.
    let orders = shop.rows("select count(distinct order_id) from shop.fact_event where event_name = 'Order Completed'");
    assert_eq!(orders, [shop.fact("clicks", "stages")["order"].as_integer().unwrap().to_string()]);
}

fn segments_are_back(shop: &Shop) {
    let of_hive = "select segment, count(*), sum(revenue) from shop.customer_value group by segment order by segment";
    let sql =
        format!("select segment, count(*), sum(revenue) from {}.customer_segments group by 1 order by 1", shop.name);
    let of_mysql = String::from_utf8(tool("mariadb", &["--batch", "--skip-column-names", "-e", &sql])).unwrap();
    assert_eq!(of_mysql.lines().collect::<Vec<_>>(), shop.rows(of_hive));
    assert_eq!(of_mysql.lines().count(), 6, "{of_mysql}");
}

/// Nobody is written to who did not agree, and a second run tells nothing.
fn events_are_told_once(shop: &Shop) {
    let files = |dir: &Path| std::fs::read_dir(dir).unwrap().count();
    let events = shop.dir.path().join("events");
    assert_eq!(files(&events), 2);
    let sql = format!(
        "select count(*), sum(delivered_at is not null), sum(p.marketing_opt_in = 1 and p.status = 'active' and p.do_not_contact = 0) \
         from {}.crm_events e join shop.customer_profiles p on p.customer_id = e.subject",
        shop.name
    );
    let told = String::from_utf8(tool("mariadb", &["--batch", "--skip-column-names", "-e", &sql])).unwrap();
    let numbers: Vec<&str> = told.trim().split('\t').collect();
    assert!(numbers[0] != "0" && numbers.iter().all(|n| *n == numbers[0]), "{told}");
    let again = Command::new(env!("CARGO_BIN_EXE_sakia"))
        .args(["trigger", "1-warehouse.toml", "--output", "json"])
        .current_dir(shop.dir.path())
        .output()
        .unwrap();
    let summary: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert!(summary["steps"].as_array().unwrap().iter().all(|step| step["outcome"] == "unchanged"), "{summary}");
    assert_eq!(files(&events), 2);
    let tables = beeline(&format!("show tables in {}", shop.name));
    assert_eq!(tables.iter().filter(|row| row[0].starts_with("dim_")).count(), 3, "{tables:?}");
}
