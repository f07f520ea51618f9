//! Imports that lose an answer, or a connection, while the server works on: MariaDB's rows in the middle of a split, and
//! what the metastore says when it has done what it was asked.

use sakia::load::Cluster;
use sakia::metastore::MetastoreOptions;
use sakia::mysql::{MySqlClient, MySqlOptions, SslMode};
use sakia::shutdown::Stop;
use sakia::transfer::{Ends, import};

use super::Scene;
use crate::gate::{Gate, Lost};
use crate::stack::{self, root, setting};

const ROWS: u64 = 200_000;

/// Imports over four connections, of which one loses the rows of its split.
async fn read_through(how: Lost) {
    let scene = Scene::set(&[
        "CREATE TABLE ledger (id INT PRIMARY KEY, run INT NOT NULL, a CHAR(64) NOT NULL)",
        &format!("INSERT INTO ledger SELECT seq, 1, SHA2(seq, 256) FROM seq_1_to_{ROWS}"),
    ])
    .await;
    let gate = Gate::losing(&stack::address("MARIADB_PORT"), b"SELECT `id`, `run`", 2, how);
    let options = MySqlOptions {
        url: Some(format!("mysql://{}@{}/{}", setting("SHOP_USER"), gate.address(), scene.name)),
        password_file: Some(setting("SHOP_PASSWORD_FILE").into()),
        ssl_mode: Some(SslMode::Disabled),
        read_timeout: Some("3s".parse().unwrap()),
        ..Default::default()
    };
    let client = MySqlClient::new(&options, root()).unwrap();
    let args = scene.args_into("ledger", "ledger", "num-mappers = 4");
    let done = import::run(&args, &Ends::new(&client, &scene.cluster), "it", &Stop::new()).await.unwrap();
    assert_eq!(done.rows_out, ROWS, "{done:?}");
    let seen = scene.hive("select count(*), min(id), max(id), sum(id), sum(cast(id as bigint) * id) from @db.ledger");
    let (sum, squares) = (ROWS * (ROWS + 1) / 2, (1..=ROWS).map(|id| id * id).sum::<u64>());
    assert_eq!(seen, [[ROWS, 1, ROWS, sum, squares].map(|number| number.to_string())]);
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_falls_silent_in_a_split_loses_no_row() {
    read_through(Lost::Silence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_reset_in_a_split_loses_no_row() {
    read_through(Lost::Cut).await;
}

/// The metastore makes the database, the table or the partitions, and nobody hears of it: the same run finds them there,
/// or leaves them to the next one.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_metastore_did_without_an_answer_is_found_there() {
    for word in [&b"create_database"[..], b"create_table", b"add_partitions", b"alter_table", b"alter_partitions"] {
        let mut scene = Scene::set(&[
            "CREATE TABLE sales (id INT PRIMARY KEY, day DATE NOT NULL)",
            "INSERT INTO sales SELECT seq, DATE_ADD('2026-01-01', INTERVAL seq % 7 MONTH) FROM seq_1_to_700",
        ])
        .await;
        let gate = Gate::losing(&stack::address("METASTORE_PORT"), word, 1, Lost::Cut);
        let metastore = MetastoreOptions::new(format!("thrift://{}", gate.address()));
        let cluster = Cluster::connect(&stack::hdfs(), Some(&metastore)).await.unwrap();
        let client = scene.client();
        let args = scene.args_into("sales", "sales", "partition-by = 'm=month(day)'");
        let said = String::from_utf8_lossy(word).into_owned();
        for round in 1..=2 {
            let done = import::run(&args, &Ends::new(&client, &cluster), "it", &Stop::new()).await;
            if let Err(error) = done {
                assert!(round == 1 && error.exit_code() == 4, "{said}, run {round}: {error}");
            }
            scene.sql("UPDATE sales SET id = id + 1000 WHERE id < 1000 AND day = '2026-01-01'").await;
        }
        let seen = scene.hive("select count(*), count(distinct id), count(distinct m) from @db.sales");
        assert_eq!(seen, [["700", "700", "7"]], "{said}");
        scene.clear().await;
    }
}
