//! What the metastore declines, and when that is known; what other settings leave behind; tables that come later than
//! their data.

use sakia::error::Kind;
use sakia::load::{Cluster, Load, LoadMode, LoadPlan, Partition, TablePlan};
use sakia::metastore::HiveStorage;

use crate::load::{cluster, dt, load, plan, rows};
use crate::stack::{self, beeline};

fn without_table(plan: LoadPlan) -> LoadPlan {
    LoadPlan { table: None, ..plan }
}

/// Nothing of a target lies anywhere, and there is no table.
async fn assert_nothing(cluster: &Cluster, table: &str) {
    let path = format!("/tmp/load_it/{table}");
    assert!(cluster.fs.stat(&path).await.unwrap().is_none(), "{path}");
    assert!(cluster.metastore.as_ref().unwrap().table("load_it", table).await.unwrap().is_none(), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_the_metastore_cannot_hold_is_known_before_anything_is_published() {
    let (cluster, table) = (cluster().await, stack::unique("latin1"));
    for mode in [LoadMode::Replace, LoadMode::Append] {
        let error =
            load(&cluster, plan(&table, mode, &["dt"]), &[(dt("a"), &[1]), (dt("日本"), &[2])]).await.unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), (Kind::Data, 1), "{error}");
        assert!(error.to_string().contains("dt=日本"), "{error}");
        assert_nothing(&cluster, &table).await;
    }
    // Mended at the source, the same load goes through.
    load(&cluster, plan(&table, LoadMode::Replace, &["dt"]), &[(dt("a"), &[1]), (dt("jp"), &[2])]).await.unwrap();
    assert_eq!(beeline(&format!("select dt, id from load_it.{table} order by id")), [["a", "1"], ["jp", "2"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_one_to_hive_are_refused_before_a_file_is_written() {
    let (cluster, table) = (cluster().await, stack::unique("twice"));
    let upper = |target: &str, name: &str| {
        let plan = plan(target, LoadMode::Replace, &[]);
        LoadPlan { table: Some(TablePlan::new("load_it", name, HiveStorage::Parquet)), ..plan }
    };
    let first = Load::open(&cluster, upper(&table, &table)).await.unwrap();
    let other = format!("{table}_2");
    let error = Load::open(&cluster, upper(&other, &table.to_uppercase())).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Exists, "{error}");
    assert!(error.to_string().contains(&format!("load_it.{table}")), "{error}");
    first.discard().await.unwrap();
    let error = Load::open(&cluster, upper(&other, "été")).await.unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_is_declined_is_left_behind_by_other_settings() {
    let (cluster, table) = (cluster().await, stack::unique("declined"));
    let file: [(Partition, &[i64]); 1] = [(Partition::none(), &[7])];
    let open = Load::open(&cluster, plan(&table, LoadMode::Append, &[])).await.unwrap();
    let mut part = open.part(0, 0, &Partition::none()).await.unwrap();
    part.write(&rows(&[7])).await.unwrap();
    let parts = vec![part.finish().await.unwrap()];
    // Somebody makes a table of that name while the load is under way.
    beeline(&format!("create external table load_it.{table} (other string) stored as parquet"));
    let error = open.commit(parts, serde_json::Value::Null).await.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Exists, 5), "{error}");
    assert!(error.remedy().unwrap().contains("hive-table"), "{error}");

    // The same settings end the same way; another table, or none, does not.
    let error = load(&cluster, plan(&table, LoadMode::Append, &[]), &file).await.unwrap_err();
    assert_eq!(error.exit_code(), 5, "{error}");
    let elsewhere = LoadPlan {
        table: Some(TablePlan::new("load_it", format!("{table}_2"), HiveStorage::Parquet)),
        ..plan(&table, LoadMode::Append, &[])
    };
    load(&cluster, elsewhere, &[(Partition::none(), &[8])]).await.unwrap();
    assert_eq!(beeline(&format!("select id from load_it.{table}_2 order by id")), [["7"], ["8"]]);
    load(&cluster, without_table(plan(&table, LoadMode::Append, &[])), &file).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_came_later_has_all_that_lies_there() {
    let (cluster, table) = (cluster().await, stack::unique("later"));
    let append = || plan(&table, LoadMode::Append, &["dt"]);
    let first = without_table(append());
    load(&cluster, first.clone(), &[(dt("a:b"), &[1]), (dt(""), &[2])]).await.unwrap();
    // Nothing new: the load says that its table is due.
    let open = Load::open(&cluster, append()).await.unwrap();
    assert!(open.is_registration_due());
    open.register_again().await.unwrap();
    open.discard().await.unwrap();
    let query = format!("select dt, id from load_it.{table} order by id");
    assert_eq!(beeline(&query), [["a:b", "1"], ["__HIVE_DEFAULT_PARTITION__", "2"]]);
    // Dropped by hand, it comes back with the next load, all of it.
    beeline(&format!("drop table load_it.{table}"));
    load(&cluster, append(), &[(dt("c"), &[3])]).await.unwrap();
    // A load without the table in between is found by the next one that has it.
    load(&cluster, without_table(append()), &[(dt("d"), &[4])]).await.unwrap();
    load(&cluster, append(), &[(dt("c"), &[5])]).await.unwrap();
    let all = [["a:b", "1"], ["__HIVE_DEFAULT_PARTITION__", "2"], ["c", "3"], ["d", "4"], ["c", "5"]];
    assert_eq!(beeline(&query), all);
}
