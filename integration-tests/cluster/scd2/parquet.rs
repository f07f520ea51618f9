//! Dimensions in the shape `parquet`: which buckets are written anew, what becomes of those that were replaced or become
//! empty, and what is asked of such a dimension.

use std::collections::BTreeMap;

use sakia::config::Timespan;
use sakia::error::Kind;
use sakia::metastore::MetastoreClient;
use sakia::scd2::Scd2Args;
use sakia::storage::{Filesystem, hdfs as storage};
use sakia::telemetry::summary::Outcome;

use super::{Log, apply, beeline, ends};
use crate::stack::{address, hdfs, sakia};

/// Where each bucket of a dimension lies.
pub(super) async fn locations(metastore: &MetastoreClient, log: &Log, target: &str) -> BTreeMap<String, String> {
    let Some(table) = metastore.stored_table(&log.database, target).await.unwrap() else { return BTreeMap::new() };
    table.partitions.into_iter().map(|mut found| (found.values.remove(0), found.storage.location)).collect()
}

pub(super) async fn metastore() -> MetastoreClient {
    MetastoreClient::connect(&ends().metastore.unwrap()).await.unwrap()
}

/// Files and bytes at a location.
async fn size(fs: &dyn Filesystem, location: &str) -> (usize, u64) {
    let path = location.strip_prefix(&fs.uri()).unwrap();
    let files = fs.list(path).await.unwrap();
    (files.len(), files.iter().map(|file| file.len_bytes).sum())
}

/// Every directory below the root of a dimension's files, `<id>/bucket=N`.
async fn directories(fs: &dyn Filesystem, location: &str) -> Vec<String> {
    let path = location.strip_prefix(&fs.uri()).unwrap();
    let root = path.rsplitn(3, '/').nth(2).unwrap();
    let mut all = Vec::new();
    for id in fs.list(root).await.unwrap().into_iter().filter(|entry| entry.is_dir) {
        all.extend(fs.list(&id.path).await.unwrap().into_iter().map(|entry| entry.path));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn only_touched_buckets_are_written_anew_and_an_empty_one_is_emptied() {
    let mut log = Log::new("id int, at timestamp, op string, v string").await;
    let args = log.args("keys = ['id']\nsequence = 'at'\ntracked = ['v']\nop-column = 'op'\nbatches = 'all'");
    let args = log.in_parquet(&args, "dim", 8);
    // A thousand keys with texts that do not compress, and one whose only event is deleted later.
    log.hive(&format!(
        "insert into {}.log select pos + 1, timestamp '2020-01-01 00:00:00', 'U', sha2(cast(pos as string), 512) \
         from (select posexplode(split(space(999), ' '))) as p",
        log.database
    ))
    .await;
    log.say_load(1).await;
    let (metastore, fs) = (metastore().await, storage::connect(&hdfs()).await.unwrap());
    let done = apply(&args).await.unwrap();
    assert_eq!((done.outcome, done.rows_in, done.rows_out), (Outcome::Done, 1000, 1000));
    let first = locations(&metastore, &log, "dim").await;
    assert_eq!(first.len(), 8);
    let (table_type, of_key) = (
        beeline(&format!("show tblproperties {}.dim('EXTERNAL')", log.database)),
        beeline(&format!("select bucket from {}.dim where id = 7", log.database)),
    );
    assert!(table_type[0].contains("TRUE"), "{table_type:?}");
    let in_rust = u64::from(crc32fast::hash(b"7")) % 8;
    assert_eq!(of_key, [in_rust.to_string()], "other programs find the bucket of a key");

    // One key changes: one bucket, of which no more is written than twice its bytes.
    log.load = 1;
    log.arrive(&["(7, timestamp '2020-02-01 00:00:00', 'U', 'changed')".to_owned()]).await;
    assert_eq!(apply(&args).await.unwrap().rows_out, 2);
    let second = locations(&metastore, &log, "dim").await;
    let moved: Vec<&String> = first.iter().filter(|(bucket, at)| second[*bucket] != **at).map(|(b, _)| b).collect();
    assert_eq!(moved, [&of_key[0]]);
    let (was, is) = (size(fs.as_ref(), &first[&of_key[0]]).await, size(fs.as_ref(), &second[&of_key[0]]).await);
    assert!(was.0 == 1 && is.0 == 1 && is.1 <= 2 * was.1, "{was:?} {is:?}");
    assert_eq!(
        beeline(&format!("select count(*), sum(if(is_current, 1, 0)) from {}.dim", log.database)),
        ["1001\t1000"]
    );
    let others = format!("select count(*) from {}.dim where batch_id = 'run-1/all'", log.database);
    assert_eq!(beeline(&others), ["999"], "rows of other keys, and of the same bucket, are as they were");

    // Nothing but an empty bucket is left of a log that deletes at the moment of each insertion.
    let few = log.in_parquet(&args, "few", 2);
    log.hive(&format!(
        "insert overwrite table {}.log values (1, timestamp '2020-01-01 00:00:00', 'U', 'x')",
        log.database
    ))
    .await;
    log.say_load(3).await;
    assert_eq!(apply(&few).await.unwrap().rows_out, 1);
    log.load = 3;
    log.arrive(&["(1, timestamp '2020-01-01 00:00:00', 'D', null)".to_owned()]).await;
    let emptied = apply(&few).await.unwrap();
    assert_eq!((emptied.outcome, emptied.rows_out), (Outcome::Done, 1));
    assert_eq!(beeline(&format!("select count(*) from {}.few", log.database)), ["0"]);
    let places = locations(&metastore, &log, "few").await;
    assert_eq!(places.len(), 2, "an empty bucket stays a partition");

    // What was replaced is there until its grace time is over, and the tables of the attempts are not.
    assert!(fs.stat(first[&of_key[0]].strip_prefix(&fs.uri()).unwrap()).await.unwrap().is_some());
    let tables = beeline(&format!("show tables in {}", log.database));
    assert_eq!(tables, ["dim", "few", "log"]);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let tidy = Scd2Args { grace: Some("1ms".parse::<Timespan>().unwrap()), ..few };
    assert_eq!(apply(&tidy).await.unwrap().outcome, Outcome::Unchanged);
    let mut left = directories(fs.as_ref(), &places["0"]).await;
    left.sort();
    let mut used: Vec<String> = places.values().map(|at| at.strip_prefix(&fs.uri()).unwrap().to_owned()).collect();
    used.sort();
    assert_eq!(left, used, "only what the partitions are in");
    log.close().await;
}

/// What the command prints, and whether it ended well.
fn ask(log: &Log, act: &str, more: &[&str]) -> (bool, String) {
    let name = |table: &str| format!("{}.{table}", log.database);
    let output = sakia()
        .args(["scd2"])
        .args(Some(act).filter(|act| !act.is_empty()))
        .args(["--source", &name("log"), "--target", &name("dim"), "--keys", "id", "--sequence", "at"])
        .args(["--tracked", "v", "--batches", "all", "--hiveserver2-url", &address("HIVESERVER2_PORT")])
        .args(more)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.success(), said.concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dimension_in_parquet_is_planned_verified_and_asked_and_keeps_its_shape() {
    let mut log = Log::new("id int, at timestamp, v varchar(5)").await;
    let args = log.args("keys = ['id']\nsequence = 'at'\ntracked = ['v']\nbatches = 'all'");
    let args = log.in_parquet(&args, "dim", 4);
    let event = |day: u32, v: &str| format!("(1, timestamp '2020-01-{day:02} 00:00:00', '{v}')");
    log.arrive(&[event(1, "a"), event(3, "b")]).await;
    let hdfs_url = format!("hdfs://{}", address("NAMENODE_PORT"));
    let metastore_url = format!("thrift://{}", address("METASTORE_PORT"));
    let servers = ["--hdfs-url", &hdfs_url, "--hdfs-user", "root", "--metastore-url", &metastore_url];
    let asked = |act: &str, more: &[&str], words: &[&str]| {
        let (is_good, said) = ask(&log, act, more);
        assert!(is_good, "{act}: {said}");
        for word in words {
            assert!(said.contains(word), "{act} does not say '{word}': {said}");
        }
    };
    let new = ["--shape", "parquet", "--buckets", "4"];
    asked(
        "plan",
        &new,
        &["rewrite in", "2 rows inserted, 0 changed, 0 deleted", "buckets     1 of 4", "INSERT OVERWRITE"],
    );
    asked("status", &new, &["not made yet"]);
    assert_eq!(beeline(&format!("show tables in {}", log.database)), ["log"], "nothing is made");
    let (is_good, said) = ask(&log, "", &new);
    assert!(!is_good && said.contains("nothing says where HDFS and the metastore are"), "{said}");
    assert_eq!(beeline(&format!("show tables in {}", log.database)), ["log"], "nothing is made");

    asked("", &[&new[..], &servers[..]].concat(), &["1 batch; 2 versions, 1 current"]);
    asked("status", &[], &["shape       parquet, 4 buckets", "complete and verified"]);
    asked("verify", &[], &["equal", "2 versions, 1 current; it shows what its log says"]);
    log.arrive(&[event(2, "c")]).await;
    let before = log.history("v, valid_from, valid_to");
    let (is_good, said) = ask(&log, "plan", &[]);
    assert!(is_good && said.contains("1 rows inserted, 1 changed, 0 deleted"), "{said}");
    assert_eq!(log.history("v, valid_from, valid_to"), before);
    for refused in [&["--shape", "merge"][..], &["--buckets", "5"]] {
        let (is_good, said) = ask(&log, "plan", refused);
        assert!(!is_good && said.contains("was made"), "{said}");
    }
    let mut column = log.in_parquet(&args, "bad", 1);
    column.columns.is_current = "is now".into();
    let error = apply(&column).await.unwrap_err();
    assert!(error.kind() == Kind::Schema && error.to_string().contains("cannot read a name with ' '"), "{error}");

    // The log's types grow, and with them the columns of the table and of its partitions.
    let change = format!("alter table {}.log change column v v varchar(9)", log.database);
    log.hive(&change).await;
    log.arrive(&[event(4, "longer-v")]).await;
    apply(&Scd2Args { shape: None, buckets: None, ..args.clone() }).await.unwrap();
    assert_eq!(log.history("valid_from, v").last().unwrap(), "2020-01-04 00:00:00.0\tlonger-v");

    // Somebody else's row is noticed before anything is swapped.
    let bucket = &beeline(&format!("select distinct bucket from {}.dim", log.database))[0];
    log.hive(&format!(
        "insert into {0}.dim partition (bucket = '{bucket}') select sk, id, v, valid_from, valid_to, is_current, \
         is_deleted, last_seq, batch_id from {0}.dim where is_current",
        log.database
    ))
    .await;
    let (is_good, said) = ask(&log, "verify", &[]);
    assert!(!is_good && said.contains("dim has 1 overlaps"), "{said}");
    let metastore = metastore().await;
    let places = locations(&metastore, &log, "dim").await;
    log.arrive(&[event(5, "e")]).await;
    let error = apply(&args).await.unwrap_err();
    assert!(error.kind() == Kind::Data && error.to_string().contains("overlaps"), "{error}");
    assert_eq!(locations(&metastore, &log, "dim").await, places);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_parquet_are_those_in_orc_whatever_the_types() {
    let log = Log::new(
        "id int, at timestamp, f float, d decimal(10,2), i int, s smallint, c char(4), vc varchar(4), b binary, da date",
    )
    .await;
    let args = log
        .args("keys = ['id']\nsequence = 'at'\ntracked = ['f', 'd', 'i', 's', 'c', 'vc', 'b', 'da']\nbatches = 'all'");
    let swapped = log.in_parquet(&args, "swapped", 3);
    let row = |id: u32, at: &str, n: i32, text: &str, date: &str| {
        format!(
            "{id}, timestamp '{at}', cast(0.5 as float), cast({n}.25 as decimal(10,2)), {n}, cast({n} as smallint), \
             '{text}', '{text}', unhex('80FF'), date '{date}'"
        )
    };
    let insert = |rows: Vec<String>| {
        let rows: Vec<String> = rows.iter().map(|row| format!("select {row}")).collect();
        format!("insert into {}.log {}", log.database, rows.join(" union all "))
    };
    // Days and moments before the calendar changed, and behind what 64 bits of nanoseconds hold.
    log.hive(&insert(vec![
        row(1, "0001-01-01 00:00:00", -1, "a ", "0001-01-01"),
        row(1, "1582-10-10 00:00:00.000001", 2, "b", "1582-10-10"),
        row(2, "2021-03-28 02:30:00", 3, "é", "9998-12-31"),
        row(3, "9998-12-31 23:59:59.999999", 4, "", "1500-02-28"),
    ]))
    .await;
    let columns = "id, cast(valid_from as string), cast(valid_to as string), f, d, i, s, concat('[', c, ']'), vc, hex(b), \
                   cast(da as string), sk, is_current, is_deleted, cast(last_seq as string)";
    log.say_load(1).await;
    apply(&args).await.unwrap();
    apply(&swapped).await.unwrap();
    let seen = log.history_of("swapped", columns);
    assert_eq!(seen, log.history(columns));
    assert_eq!(seen.len(), 4);
    log.close().await;
}
