//! The click stream as tables: hive-ddl/clickstream, run by `hiveql` steps over made-up events that come in batches, held
//! against what a program of its own makes of all of them at once.

use std::path::PathBuf;

use sakia::storage::{self, CreateOptions};
use serde_json::Value;

use crate::stack::{address, beeline, hdfs, hdfs_shell, python, root, sakia, unique};

const REFERENCE: &str = include_str!("clickstream/reference.py");

/// The columns of `parsed_events`, without its partition.
const COLUMNS: &str = "event_id string, event_ts_utc timestamp, event_seq bigint, ip string, user_agent string, method string, \
    path string, status int, referrer string, utm_source string, utm_medium string, utm_campaign string, device string, \
    is_bot boolean, visitor_id string, customer_id bigint, event_name string, stage tinyint, product_id string, \
    order_id string, price decimal(12,3), quantity int";

/// What is compared, by the names of the reference's files.
const COMPARED: [(&str, &str); 3] = [
    ("events", "select event_id, customer_id, bot_reason, identity, session_id, session_seq, dt from fact_event"),
    (
        "sessions",
        "select session_id, identity, visitor_id, customer_id, cast(started_at as string), cast(ended_at as string), events, \
         entry_path, exit_path, utm_source, utm_campaign, is_bot, bot_reason, stages, concat(if(reached_1, 1, 0), \
         if(reached_2, 1, 0), if(reached_3, 1, 0), if(reached_4, 1, 0), if(reached_5, 1, 0), if(reached_6, 1, 0), \
         if(reached_7, 1, 0)), max_stage, orders, dt from fact_session",
    ),
    (
        "carts",
        "select cart_id, identity, customer_id, session_id, cast(started_at as string), cast(last_active_at as string), adds, \
         quantity, value, products, order_id, cast(abandoned_at as string), dt from fact_cart",
    ),
];

/// Options of the statements.
struct Options {
    session_by: &'static str,
    at_midnight: bool,
    on_campaign: bool,
}

impl Options {
    fn pairs(&self) -> [(&'static str, String); 8] {
        [
            ("session_gap_minutes", "30".to_owned()),
            ("session_by", self.session_by.to_owned()),
            ("new_session_at_midnight", self.at_midnight.to_string()),
            ("new_session_on_campaign", self.on_campaign.to_string()),
            ("identity_days", "2".to_owned()),
            ("bot_requests_a_minute", "20".to_owned()),
            ("funnel", "134567".to_owned()),
            ("cart_idle_minutes", "60".to_owned()),
        ]
    }
}

struct Place {
    name: String,
    dir: tempfile::TempDir,
    seed: u64,
}

impl Place {
    fn new() -> Self {
        let seed = u64::from(std::process::id());
        println!("seed {seed}");
        Self { name: unique("clickstream"), dir: tempfile::tempdir().unwrap(), seed }
    }

    /// Writes the pipeline, and what has to come of it.
    fn with(&self, options: &Options) {
        let pairs = options.pairs();
        let variables: Vec<String> = pairs.iter().map(|(name, value)| format!("{name} = '{value}'")).collect();
        let step = |name: &str, source: &str| {
            format!(
                "[[step]]\ntype = 'hiveql'\nname = '{name}'\nfile = '{root}/hive-ddl/clickstream/{name}.hql'\n\
                 state-dir = '/it/{db}/state/{name}'\nsource = '{db}.{source}'\ndatabase = '{db}'\n\
                 rerun-on-change = true\nvariables = {{ {} }}\n",
                variables.join(", "),
                root = root().display(),
                db = self.name,
            )
        };
        let pipeline = format!(
            "[hdfs]\nurl = 'hdfs://{}'\nuser = 'root'\n[metastore]\nurl = 'thrift://{}'\n[hiveserver2]\nurl = '{}'\n\
             user = 'root'\n{}{}{}",
            address("NAMENODE_PORT"),
            address("METASTORE_PORT"),
            address("HIVESERVER2_PORT"),
            step("events", "parsed_events"),
            step("sessions", "fact_event"),
            step("carts", "fact_event"),
        );
        std::fs::write(self.path("pipeline.toml"), pipeline).unwrap();
        let mut args = vec![self.seed.to_string(), self.dir.path().display().to_string()];
        args.extend(pairs.iter().map(|(name, value)| format!("{name}={value}")));
        println!("{}", python(REFERENCE, &args.iter().map(String::as_str).collect::<Vec<_>>()));
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    /// The details of the steps' summaries.
    fn run(&self) -> Vec<String> {
        let output =
            sakia().args(["run", "pipeline.toml", "--output", "json"]).current_dir(self.dir.path()).output().unwrap();
        assert!(output.status.success(), "seed {}: {}", self.seed, String::from_utf8_lossy(&output.stderr));
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        let details = summary["steps"].as_array().unwrap().iter();
        details.map(|step| step["detail"].as_str().unwrap().to_owned()).collect()
    }

    /// Puts the events where Hive finds them.
    async fn stage(&self) {
        let dir = format!("/it/{}/staged", self.name);
        let (fs, rows) = (storage::connect(&hdfs()).await.unwrap(), std::fs::read(self.path("staged.tsv")).unwrap());
        storage::write_whole(fs.as_ref(), &format!("{dir}/rows.tsv"), &rows, CreateOptions::default()).await.unwrap();
        beeline(&format!(
            "create database {0}; use {0}; create external table staged ({COLUMNS}, dt string, batch int) \
             row format delimited fields terminated by '\\t' location '{dir}'; \
             create table parsed_events ({COLUMNS}) partitioned by (dt string) stored as parquet",
            self.name
        ));
    }

    /// Lets a batch of the events come.
    fn arrive(&self, batch: &str) {
        beeline(&format!(
            "use {}; set hive.exec.dynamic.partition.mode=nonstrict; insert into parsed_events partition (dt) \
             select {} dt from staged where batch {batch}",
            self.name,
            COLUMNS.split(", ").filter_map(|c| c.split(' ').next()).map(|c| format!("{c}, ")).collect::<String>(),
        ));
    }

    fn is_as_the_reference_says(&self, what: &str) {
        for (file, query) in COMPARED {
            let rows = beeline(&format!("use {}; {query}", self.name));
            let mut found: Vec<String> = rows.into_iter().map(|row| row.join("\t")).collect();
            found.sort();
            let wanted = std::fs::read_to_string(self.path(&format!("{file}.tsv"))).unwrap();
            let mut wanted: Vec<&str> = wanted.lines().collect();
            wanted.sort_unstable();
            let missing = wanted.iter().find(|row| found.binary_search(&(**row).to_owned()).is_err());
            let wrong = found.iter().find(|row| wanted.binary_search(&row.as_str()).is_err());
            assert_eq!((missing, wrong), (None, None), "seed {}, {file} {what}", self.seed);
            assert_eq!(found.len(), wanted.len(), "seed {}, {file} {what}", self.seed);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            beeline(&format!("drop database if exists {} cascade", self.name));
            hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", "-f", &format!("/it/{}", self.name)]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_and_late_rows_end_where_all_at_once_does() {
    let place = Place::new();
    place.with(&Options { session_by: "customer", at_midnight: false, on_campaign: true });
    place.stage().await;
    for batch in 0..3 {
        place.arrive(&format!("= {batch}"));
        let details = place.run();
        if batch == 2 {
            // Late rows of one day: that day, and those behind it that its sessions, or the people of its browsers, reach.
            assert!(details[0].starts_with("1 partition; "), "{details:?}");
        }
    }
    place.is_as_the_reference_says("in batches");
    assert!(place.run().iter().all(|detail| detail == "no partition is new"));

    // Everything at once, by other options.
    place.with(&Options { session_by: "visitor", at_midnight: true, on_campaign: false });
    let details = place.run();
    assert!(details.iter().all(|detail| detail.starts_with("6 partitions; ")), "{details:?}");
    place.is_as_the_reference_says("at once");
}
