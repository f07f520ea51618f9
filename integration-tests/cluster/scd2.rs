//! SCD-2 against the real HiveServer2; histories are read back by beeline.
//!
//! The vectors of `data/scd2_vectors.json` go into one log, told apart by a key column, so that a round of arrivals of
//! all of them costs one batch.

mod asked;
mod definition;
mod exact;
mod history;
mod inferred;
mod kill;
mod late;
mod lifecycle;
mod options;
mod parquet;
mod shop;
mod snapshots;
mod spark;
mod swaps;

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value as Json;

use sakia::error::{Kind, Result};
use sakia::hiveserver2::Session;
use sakia::metastore::MetastoreOptions;
use sakia::scd2::{self, Ends, Scd2Args};
use sakia::shutdown::Stop;
use sakia::telemetry::summary::{Outcome, StepSummary};

use crate::hiveserver2::hiveserver2;
use crate::stack::{self, unique};

/// Rows of a query as Hive's own shell prints them, columns separated by tabs.
fn beeline(sql: &str) -> Vec<String> {
    stack::beeline(sql).iter().map(|row| row.join("\t")).collect()
}

/// A database of its own with a log of changes.
struct Log {
    session: Session,
    database: String,
    load: u32,
}

impl Log {
    async fn new(columns: &str) -> Self {
        let log = Self { session: Session::open(&hiveserver2()).await.unwrap(), database: unique("scd2_it"), load: 0 };
        log.hive(&format!("create database {}", log.database)).await;
        log.hive(&format!("create external table {}.log ({columns}) stored as parquet", log.database)).await;
        log
    }

    async fn hive(&self, sql: &str) {
        self.session.execute(sql, &Stop::new()).await.unwrap();
    }

    /// Adds rows and says, as an import does, that the table shows another load.
    async fn arrive(&mut self, rows: &[String]) {
        self.load += 1;
        self.hive(&format!("insert into {}.log values {}", self.database, rows.join(", "))).await;
        self.say_load(self.load).await;
    }

    async fn say_load(&self, load: u32) {
        let sql = format!("alter table {}.log set tblproperties ('sakia.load.id' = 'load-{load}')", self.database);
        self.hive(&sql).await;
    }

    fn args(&self, toml: &str) -> Scd2Args {
        toml::from_str(&format!("source = '{0}.log'\ntarget = '{0}.dim'\n{toml}", self.database)).unwrap()
    }

    /// The same for another target, which is kept in the shape `parquet`.
    fn in_parquet(&self, args: &Scd2Args, target: &str, buckets: u32) -> Scd2Args {
        let target = format!("{}.{target}", self.database);
        Scd2Args { target, shape: Some(scd2::Shape::Parquet), buckets: Some(buckets), ..args.clone() }
    }

    /// The history as beeline prints it.
    fn history(&self, columns: &str) -> Vec<String> {
        self.history_of("dim", columns)
    }

    fn history_of(&self, target: &str, columns: &str) -> Vec<String> {
        beeline(&format!("select {columns} from {}.{target} order by {columns}", self.database))
    }

    async fn close(self) {
        self.hive(&format!("drop database {} cascade", self.database)).await;
        self.session.close().await.unwrap();
    }
}

async fn apply(args: &Scd2Args) -> Result<StepSummary> {
    scd2::run(args, &ends(), "run-1", &Stop::new()).await
}

/// The stack's servers.
fn ends() -> Ends {
    let metastore = MetastoreOptions::new(format!("thrift://{}", stack::address("METASTORE_PORT")));
    Ends { hive: hiveserver2(), hdfs: Some(stack::hdfs()), metastore: Some(metastore) }
}

type Attributes = serde_json::Map<String, Json>;
/// Key, sequence, operation and attributes of an event.
type Told = (Option<u32>, u32, String, Attributes);

#[derive(Deserialize)]
struct Vector {
    id: String,
    tracked: Vec<String>,
    batches: Vec<Vec<Told>>,
    expected: Vec<(u32, Attributes, u32, Option<u32>)>,
}

impl Vector {
    /// The attributes as the log's columns: two tracked ones, one untracked.
    fn attributes(&self, attributes: &Attributes) -> [Json; 3] {
        let tracked = |i: usize| self.tracked.get(i).and_then(|name| attributes.get(name)).cloned();
        let untracked =
            attributes.iter().find(|(name, _)| !self.tracked.contains(name)).map(|(_, value)| value.clone());
        [tracked(0), tracked(1), untracked].map(Option::unwrap_or_default)
    }

    fn row(&self, (key, seq, op, attributes): &Told) -> String {
        let key = key.map_or("null".to_owned(), |key| key.to_string());
        let [first, second, untracked] = self.attributes(attributes).map(|value| match value {
            Json::Null => "null".to_owned(),
            Json::String(text) => format!("'{text}'"),
            number => format!("'{number}'"),
        });
        format!("('{}', {key}, timestamp '{}', '{op}', {first}, {second}, {untracked})", self.id, self.moment(*seq))
    }

    /// Sequence numbers as moments. What a vector deletes at once comes before all that the others say.
    fn moment(&self, seq: u32) -> String {
        let truncates = self.batches.iter().flatten().any(|(_, _, op, _)| op == "T");
        format!("2020-01-0{} 00:{:02}:{:02}", if truncates { 1 } else { 2 }, seq / 60, seq % 60)
    }

    /// A version as beeline prints it.
    fn version(&self, (key, attributes, from, to): &(u32, Attributes, u32, Option<u32>)) -> String {
        let [first, second, untracked] = self.attributes(attributes).map(|value| match value {
            Json::Null => "NULL".to_owned(),
            Json::String(text) => format!("[{text}]"),
            number => format!("[{number}]"),
        });
        let end = to.map_or("9999-12-31 00:00:00".to_owned(), |to| self.moment(to));
        format!("{}\t{key}\t{first}\t{second}\t{untracked}\t{}\t{end}\t{}", self.id, self.moment(*from), to.is_none())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_vector_ends_in_its_history_however_its_events_arrive() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("data/scd2_vectors.json")).unwrap();
    let mut log =
        Log::new("`case` string, id int, at timestamp, op string, first string, second string, other string").await;
    let args = log.args(
        "keys = ['case', 'id']\nsequence = 'at'\ntracked = ['first', 'second']\nuntracked = ['other']\n\
         op-column = 'op'\nbatches = 'all'",
    );
    let shapes = [args.clone(), log.in_parquet(&args, "swapped", 5)];
    let rounds = vectors.iter().map(|v| v.batches.len()).max().unwrap();
    for round in 0..rounds {
        let arrived: Vec<String> =
            vectors.iter().flat_map(|v| v.batches.get(round).into_iter().flatten().map(|event| v.row(event))).collect();
        log.arrive(&arrived).await;
        for args in &shapes {
            assert_eq!(apply(args).await.unwrap().outcome, Outcome::Done, "round {round} of {}", args.target);
        }
    }
    let columns = "`case`, id, concat('[', first, ']'), concat('[', second, ']'), concat('[', other, ']'), \
                   cast(valid_from as string), cast(valid_to as string), is_current";
    let seen = |target| log.history_of(target, columns).into_iter().collect::<BTreeSet<String>>();
    let expected: BTreeSet<String> = vectors.iter().flat_map(|v| v.expected.iter().map(|e| v.version(e))).collect();
    assert_eq!(seen("dim"), expected);
    assert_eq!(seen("swapped"), expected);

    // Everything once more, as a source does that delivers at least once.
    let all: Vec<String> = vectors.iter().flat_map(|v| v.batches.iter().flatten().map(|event| v.row(event))).collect();
    log.arrive(&all).await;
    for (args, target) in shapes.iter().zip(["dim", "swapped"]) {
        let again = apply(args).await.unwrap();
        assert_eq!((again.outcome, again.rows_out), (Outcome::Unchanged, 0), "{target}");
        let seen: BTreeSet<String> = log.history_of(target, columns).into_iter().collect();
        assert_eq!(seen, expected, "{target}");
    }
    log.close().await;
}

const BY_MONTH: &str = "keys = ['id']\nsequence = 'at'\ntracked = ['country']";

fn event(id: u32, at: &str, country: &str) -> String {
    format!("({id}, timestamp '{at}:00', '{country}')")
}

#[tokio::test(flavor = "multi_thread")]
async fn months_are_applied_once_late_events_land_where_they_belong() {
    let mut log = Log::new("id bigint comment 'the customer', at timestamp, country string").await;
    let args = log.args(BY_MONTH);
    log.arrive(&[
        event(12370, "2010-12-14 12:58", "Cyprus"),
        event(12370, "2010-12-17 09:38", "Austria"),
        event(12371, "2010-12-31 23:59", "Italy"),
        event(12371, "2011-01-01 00:00", "Spain"),
    ])
    .await;
    let first = apply(&args).await.unwrap();
    // Four versions inserted; Italy is closed by the second month.
    assert_eq!((first.outcome, first.rows_in, first.rows_out), (Outcome::Done, 4, 5));
    assert!(first.detail.starts_with("2 batches; 4 versions, 2 current"), "{}", first.detail);

    // Nothing new: no batch, no question to the tables.
    let second = apply(&args).await.unwrap();
    assert_eq!((second.outcome, second.rows_in, second.rows_out), (Outcome::Unchanged, 0, 0));

    // A new month, and an event that comes late into one that was applied.
    log.arrive(&[event(12370, "2011-03-10 12:48", "Cyprus"), event(12371, "2010-12-31 23:00", "Malta")]).await;
    let third = apply(&args).await.unwrap();
    // Malta inserted; Austria closed and Cyprus inserted.
    assert_eq!((third.outcome, third.rows_in, third.rows_out), (Outcome::Done, 6, 3));
    let expected = [
        "12370\tCyprus\t2010-12-14 12:58:00\t2010-12-17 09:38:00\tfalse",
        "12370\tAustria\t2010-12-17 09:38:00\t2011-03-10 12:48:00\tfalse",
        "12370\tCyprus\t2011-03-10 12:48:00\t9999-12-31 00:00:00\ttrue",
        "12371\tMalta\t2010-12-31 23:00:00\t2010-12-31 23:59:00\tfalse",
        "12371\tItaly\t2010-12-31 23:59:00\t2011-01-01 00:00:00\tfalse",
        "12371\tSpain\t2011-01-01 00:00:00\t9999-12-31 00:00:00\ttrue",
    ];
    let history = || {
        beeline(&format!(
            "select id, country, cast(valid_from as string), cast(valid_to as string), is_current from {}.dim \
             order by id, valid_from",
            log.database
        ))
    };
    assert_eq!(history(), expected);
    let keys = beeline(&format!(
        "select count(distinct sk), sum(if(sk = sha2(concat(id, '|', valid_from), 256), 1, 0)) from {}.dim",
        log.database
    ));
    assert_eq!(keys, ["6\t6"]);

    // The last batch once more.
    let forced = apply(&Scd2Args { reapply_last: true, ..args.clone() }).await.unwrap();
    assert_eq!((forced.outcome, forced.rows_in, forced.rows_out), (Outcome::Unchanged, 1, 0));
    assert_eq!(history(), expected);

    // A run that broke off before it could note the last batch goes on and changes nothing.
    log.hive(&format!(
        "alter table {}.dim set tblproperties ('sakia.scd2.high.water' = '2011-02-01 00:00:00', \
         'sakia.scd2.complete.load.id' = '')",
        log.database
    ))
    .await;
    let mended = apply(&args).await.unwrap();
    assert_eq!((mended.outcome, mended.rows_in, mended.rows_out), (Outcome::Unchanged, 1, 0));
    assert_eq!(history(), expected);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_and_leaves_the_target_alone() {
    let mut log = Log::new("id bigint, at timestamp, country string").await;
    let args = log.args(BY_MONTH);

    let missing = Scd2Args { source: format!("{}.nothing", log.database), ..args.clone() };
    let error = apply(&missing).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "{error}");
    assert_eq!(beeline(&format!("show tables in {} like 'dim'", log.database)), Vec::<String>::new());

    log.hive(&format!("create table {}.theirs (id bigint) stored as orc", log.database)).await;
    let foreign = Scd2Args { target: format!("{}.theirs", log.database), ..args.clone() };
    assert_eq!(apply(&foreign).await.unwrap_err().kind(), Kind::Exists);

    log.arrive(&[event(1, "2011-01-01 10:00", "Italy"), event(1, "2011-01-01 10:00", "Malta")]).await;
    let tie = apply(&args).await.unwrap();
    assert!(tie.detail.ends_with("1 moment at which one key has several events"), "{}", tie.detail);
    let before = log.history("id, country, valid_from");
    assert_eq!(before.len(), 1);

    let other = log.args("keys = ['id']\nsequence = 'at'\ntracked = ['country']\nop-column = 'country'");
    assert_eq!(apply(&other).await.unwrap_err().kind(), Kind::Config);

    log.arrive(&["(null, timestamp '2011-02-01 00:00:00', 'x'), (2, null, 'y')".to_owned()]).await;
    let error = apply(&args).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data, "{error}");
    assert!(error.to_string().contains("holds 1 events without key and 1 without at"), "{error}");
    assert_eq!(log.history("id, country, valid_from"), before);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_somebody_else_broke_is_noticed() {
    let mut log = Log::new("id bigint, at timestamp, country string").await;
    let args = log.args(BY_MONTH);
    log.arrive(&[event(1, "2011-01-01 10:00", "Italy")]).await;
    apply(&args).await.unwrap();
    log.hive(&format!(
        "insert into {}.dim select 'x', 2, 'Malta', timestamp '2011-01-01 00:00:00', \
         timestamp '2011-01-01 00:00:00', false, false, timestamp '2011-01-01 00:00:00', 'by hand'",
        log.database
    ))
    .await;
    let error = apply(&Scd2Args { reapply_last: true, ..args }).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.to_string().contains("1 empty intervals"), "{error}");
    log.close().await;
}
