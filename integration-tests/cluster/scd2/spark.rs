//! Histories on a Spark Thrift server, in Parquet and in tables of Iceberg's; read back by the beeline that comes with Spark.

mod server;

use std::collections::BTreeSet;

use sakia::error::Kind;
use sakia::hiveserver2::{Engine, Session};
use sakia::metastore::MetastoreOptions;
use sakia::scd2::{self, Ends, Input, Scd2Args, Shape};
use sakia::shutdown::Stop;
use sakia::telemetry::summary::Outcome;

use self::server::Spark;
use super::Vector;
use crate::stack::{self, unique};

/// Vectors that arrive in so many rounds or fewer.
const ROUNDS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn spark_keeps_histories_in_parquet_and_in_tables_of_icebergs() {
    let spark = Spark::start().await;
    let session = Session::open(&spark.options()).await.unwrap();
    assert_eq!(session.engine().await.unwrap(), Engine::Spark);
    let database = unique("spark_it");
    let run = async |sql: String| session.execute(&sql, &Stop::new()).await.unwrap();
    run("set time zone 'UTC'".to_owned()).await;
    run(format!("create database {database}")).await;
    let columns = "`case` string, id int, at timestamp, op string, first string, second string, other string";
    run(format!("create table {database}.log ({columns}) stored as parquet")).await;

    let metastore = MetastoreOptions::new(format!("thrift://{}", stack::address("OLD_METASTORE_PORT")));
    let ends = Ends { hive: spark.options(), hdfs: Some(stack::hdfs()), metastore: Some(metastore) };
    let args = |target: &str, shape| -> Scd2Args {
        let toml = format!(
            "source = '{database}.log'\ntarget = '{database}.{target}'\nkeys = ['case', 'id']\nsequence = 'at'\n\
             tracked = ['first', 'second']\nuntracked = ['other']\nop-column = 'op'\nbatches = 'all'"
        );
        Scd2Args { shape, ..toml::from_str(&toml).unwrap() }
    };
    let apply = async |args: &Scd2Args| scd2::run(args, &ends, "run-1", &Stop::new()).await;

    // What Spark cannot do is said before anything is made.
    let error = apply(&args("refused", Some(Shape::Merge))).await.unwrap_err();
    assert!(error.kind() == Kind::Config && error.to_string().contains("no ACID tables"), "{error}");
    let error =
        apply(&Scd2Args { input: Input::Snapshot, op_column: None, ..args("refused", None) }).await.unwrap_err();
    assert!(error.kind() == Kind::Config && error.to_string().contains("spark cannot take those"), "{error}");

    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../data/scd2_vectors.json")).unwrap();
    let vectors: Vec<Vector> = vectors.into_iter().filter(|vector| vector.batches.len() <= ROUNDS).collect();
    // Spark's shape is Parquet where none is named.
    let (plain, iceberg) = (args("plain", None), args("iceberg", Some(Shape::Iceberg)));
    // What came in the first round comes once more in the second.
    for rounds in 1..=ROUNDS {
        let told = |vector: &Vector| -> Vec<String> {
            vector.batches.iter().take(rounds).flatten().map(|event| vector.row(event)).collect()
        };
        let arrived: Vec<String> = vectors.iter().flat_map(told).collect();
        run(format!("insert into {database}.log values {}", arrived.join(", "))).await;
        let (in_parquet, in_iceberg) = tokio::join!(apply(&plain), apply(&iceberg));
        assert_eq!(in_parquet.unwrap().outcome, Outcome::Done, "round {rounds}");
        assert_eq!(in_iceberg.unwrap().outcome, Outcome::Done, "round {rounds}");
    }
    let expected: BTreeSet<String> = vectors.iter().flat_map(|v| v.expected.iter().map(|e| v.version(e))).collect();
    let seen = |target: &str| -> BTreeSet<String> {
        let rows = spark.beeline(&format!(
            "set time zone 'UTC'; select `case`, id, concat('[', first, ']'), concat('[', second, ']'), \
             concat('[', other, ']'), cast(valid_from as string), cast(valid_to as string), is_current \
             from {database}.{target} where sk = sha2(concat_ws('|', `case`, id, valid_from), 256)"
        ));
        rows.into_iter().filter(|row| row.starts_with('V')).collect()
    };
    assert_eq!(seen("plain"), expected);
    assert_eq!(seen("iceberg"), expected);

    // Nothing is left to do, and the files of Parquet lie where the swap put them.
    let again = apply(&plain).await.unwrap();
    assert_eq!((again.outcome, again.rows_out), (Outcome::Unchanged, 0));
    run(format!("drop database {database} cascade")).await;
}
