//! Loads that keep what they replace: where it goes, and a crash at every call on the way.

use super::*;
use crate::load::Strangers;

const TRASH: &str = "/user/me/.Trash/Current";

fn disk() -> Disk {
    Disk::keeping(TRASH)
}

/// Replaces whatever is there by one row.
async fn replace(cluster: &Cluster, load_id: &str, id: i64) -> Result<()> {
    let plan = LoadPlan {
        strangers: Strangers::Replace,
        keeps_replaced: true,
        load_id: Some(load_id.to_owned()),
        ..plan(LoadMode::Replace)
    };
    load(cluster, plan, [id, id], json!(load_id)).await.map(drop)
}

/// The texts below a path of the trash, by what follows it.
async fn kept(disk: &Disk, below: &str) -> Vec<(String, String)> {
    let tree = disk.tree(TRASH).await.into_iter();
    tree.filter_map(|(path, text)| Some((path.strip_prefix(&format!("{TRASH}{below}"))?.to_owned(), text))).collect()
}

#[tokio::test]
async fn what_is_replaced_goes_to_the_trash_under_the_path_it_had() {
    let disk = disk();
    let theirs = disk.fs.create("/lake/orders/theirs.csv", CreateOptions::default()).await.unwrap();
    theirs.close().await.unwrap();
    replace(&disk.cluster(), "1", 1).await.unwrap();
    assert_eq!(kept(&disk, "/lake/orders").await, [("/theirs.csv".to_owned(), String::new())]);
    replace(&disk.cluster(), "2", 2).await.unwrap();
    // The name was taken: the time is put behind it.
    let second = kept(&disk, "/lake/orders1").await;
    assert!(second.len() == 2 && second.iter().all(|(_, text)| text == "1\nend\n"), "{second:?}");
    assert_eq!(disk.visible().await, seen(&[(0, 2), (1, 2)]));

    // A load that does not keep what it replaces leaves the trash alone.
    let before = disk.tree(TRASH).await;
    load(&disk.cluster(), plan(LoadMode::Replace), [3, 3], Value::Null).await.unwrap();
    assert_eq!(disk.tree(TRASH).await, before);
}

#[tokio::test]
async fn a_file_where_a_directory_has_to_be_is_gone_around() {
    let disk = disk();
    disk.fs.create(&format!("{TRASH}/lake"), CreateOptions::default()).await.unwrap().close().await.unwrap();
    for id in [1, 2] {
        replace(&disk.cluster(), &id.to_string(), id).await.unwrap();
    }
    let found = kept(&disk, "/lake1").await;
    assert!(found.len() == 2 && found.iter().all(|(path, _)| path.contains("/orders/dt=")), "{found:?}");
}

#[tokio::test]
async fn without_a_trash_nothing_is_replaced() {
    let disk = disk();
    replace(&disk.cluster(), "1", 1).await.unwrap();
    // Where the trash should be made there is a file.
    disk.fs.create("/user/me", CreateOptions::default()).await.unwrap().close().await.unwrap();
    let error = replace(&disk.cluster(), "2", 2).await.unwrap_err();
    assert!(error.to_string().contains("is to go to the trash") && error.remedy().is_some(), "{error}");
    assert_eq!(disk.visible().await, seen(&[(0, 1), (1, 1)]));
}

#[test]
fn what_is_replaced_is_in_the_trash_once_whatever_call_it_is_killed_at() {
    let first = || {
        let disk = disk();
        life(replace(&disk.cluster(), "1", 1)).unwrap();
        disk
    };
    let clean = first();
    let (cluster, counter) = clean.faulty(Fault::Never);
    life(replace(&cluster, "2", 2)).unwrap();
    let (lake, trash) = (life(clean.tree("/lake")), life(clean.tree("/user")));
    assert_eq!(trash.len(), 2);
    for number in 1..=counter.calls() {
        for fault in [Fault::Fail(number), Fault::Crash(number), Fault::CrashAfter(number)] {
            let disk = first();
            let (cluster, _) = disk.faulty(fault);
            assert!(life(replace(&cluster, "2", 2)).is_err(), "{fault:?} was noticed");
            // The next run may keep nothing itself: what was recorded decides.
            life(async {
                let opened = Load::open(&disk.cluster(), plan(LoadMode::Replace)).await.unwrap();
                let recorded = opened.previous().unwrap().load_id == "2";
                opened.discard().await.unwrap();
                if !recorded {
                    assert_eq!(disk.tree("/user").await, BTreeMap::new(), "{fault:?}");
                    replace(&disk.cluster(), "2", 2).await.unwrap();
                }
                assert_eq!(disk.tree("/lake").await, lake, "{fault:?}");
                assert_eq!(disk.tree("/user").await, trash, "{fault:?}");
            });
        }
    }
}
