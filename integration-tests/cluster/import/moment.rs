//! One moment in time: money moves between accounts while four connections read, and the sum holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mysql_async::prelude::Queryable;

use super::{Scene, connect};
use crate::stack::python;

#[tokio::test(flavor = "multi_thread")]
async fn transfers_during_an_import_do_not_bend_the_sum() {
    let scene = Scene::set(&[
        "CREATE TABLE accounts (id INT PRIMARY KEY, amount INT NOT NULL)",
        "INSERT INTO accounts SELECT seq, 100 FROM seq_1_to_20000",
    ])
    .await;
    let (done, moved) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut bank = connect(Some(&scene.name)).await;
    let teller = tokio::spawn({
        let (done, moved) = (done.clone(), moved.clone());
        async move {
            let mut n = 0u64;
            while !done.load(Ordering::SeqCst) {
                n += 1;
                let (from, to) = (n * 7919 % 20000 + 1, n * 104_729 % 20000 + 1);
                bank.query_drop("BEGIN").await.unwrap();
                bank.exec_drop("UPDATE accounts SET amount = amount - 1 WHERE id = ?", (from,)).await.unwrap();
                bank.exec_drop("UPDATE accounts SET amount = amount + 1 WHERE id = ?", (to,)).await.unwrap();
                bank.query_drop("COMMIT").await.unwrap();
                moved.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    for round in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let before = moved.load(Ordering::SeqCst);
        let summary = scene.import_to_disk("accounts", "", dir.path()).await;
        assert!(moved.load(Ordering::SeqCst) > before, "round {round}: nothing moved, the test shows nothing");
        assert_eq!(summary.files, 4, "round {round}: {}", summary.detail);
        let script = "import pyarrow.parquet as pq\nprint(sum(pq.read_table(args[0])['amount'].to_pylist()))";
        let sum = python(script, &[dir.path().join("accounts").to_str().unwrap()]);
        assert_eq!(sum.trim(), "2000000", "round {round}");
    }
    done.store(true, Ordering::SeqCst);
    teller.await.unwrap();
    scene.clear().await;
}
