//! One holder at a time, whatever became of the one before.

use super::holder::process_start;
use super::*;
use crate::storage::local::LocalFilesystem;

const PATH: &str = "/lake/.sakia/orders/lock";

fn disk() -> (tempfile::TempDir, Arc<dyn Filesystem>) {
    let root = tempfile::tempdir().unwrap();
    let fs = Arc::new(LocalFilesystem::new(root.path()));
    (root, fs)
}

async fn acquire_over(found: Holder) -> Result<Lock> {
    let (_root, fs) = disk();
    put(fs.as_ref(), PATH, &found).await.unwrap();
    let outcome = Lock::acquire(&fs, PATH, "second").await;
    let files: Vec<_> = fs.list("/lake/.sakia/orders").await.unwrap().into_iter().map(|f| f.path).collect();
    assert_eq!(files, [PATH], "nothing is left beside the lock");
    outcome
}

#[tokio::test]
async fn a_damaged_lock_is_named_and_an_empty_one_is_none() {
    let (_root, fs) = disk();
    fs.mkdirs(&format!("{PATH}/somebody")).await.unwrap();
    let error = Lock::acquire(&fs, PATH, "second").await.unwrap_err();
    assert!(error.kind() == Kind::Data && error.to_string().contains(PATH), "{error}");
    fs.delete(&format!("{PATH}/somebody"), DeleteOptions::default()).await.unwrap();
    Lock::acquire(&fs, PATH, "second").await.unwrap().check().await.unwrap();
}

#[tokio::test]
async fn another_host_is_waited_for_until_its_time_is_up() {
    let mut found = Holder { host: "elsewhere".into(), ..Holder::new("first") };
    let error = acquire_over(found.clone()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Busy);
    assert!(error.to_string().contains("first") && error.to_string().contains("elsewhere"), "{error}");
    found.expires_ms = now_ms() - 1;
    acquire_over(found).await.unwrap();
}

#[tokio::test]
async fn a_dead_process_of_this_host_holds_nothing() {
    // No process has such an id. One made and ended here would, between its fork and its exec, hold open every
    // locked file of the tests that run beside this one.
    acquire_over(Holder { pid: u32::MAX, ..Holder::new("first") }).await.unwrap();
    // A living process that took the same id.
    let parent = std::os::unix::process::parent_id();
    acquire_over(Holder { pid: parent, process_start: "long ago".into(), ..Holder::new("first") }).await.unwrap();
    let alive = Holder { pid: parent, process_start: process_start(parent).unwrap(), ..Holder::new("first") };
    assert_eq!(acquire_over(alive).await.unwrap_err().kind(), Kind::Busy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_contenders_gets_a_dead_lock() {
    for _ in 0..20 {
        let (_root, fs) = disk();
        put(fs.as_ref(), PATH, &Holder { expires_ms: 0, ..Holder::new("dead") }).await.unwrap();
        let contenders = (0..8).map(|n| {
            let fs = fs.clone();
            tokio::spawn(async move { Lock::acquire(&fs, PATH, &n.to_string()).await })
        });
        let outcomes = futures::future::join_all(contenders).await.into_iter().map(|o| o.unwrap());
        let (locks, errors): (Vec<_>, Vec<_>) = outcomes.partition(Result::is_ok);
        assert_eq!(locks.len(), 1);
        for error in errors.into_iter().filter_map(Result::err) {
            assert_eq!(error.kind(), Kind::Busy, "{error}");
        }
        for lock in locks.into_iter().flatten() {
            lock.check().await.unwrap();
            lock.release().await.unwrap();
        }
        assert!(fs.list("/lake/.sakia/orders").await.unwrap().is_empty(), "nothing is left beside the lock");
        Lock::acquire(&fs, PATH, "next").await.unwrap();
    }
}

#[tokio::test]
async fn a_dead_heir_does_not_keep_a_dead_lock() {
    let (_root, fs) = disk();
    let dead = Holder { expires_ms: 0, ..Holder::new("dead") };
    put(fs.as_ref(), PATH, &dead).await.unwrap();
    let heir = Holder { expires_ms: 0, ..Holder::new("killed while taking over") };
    put(fs.as_ref(), &format!("{PATH}.{}.heir", dead.token), &heir).await.unwrap();
    Lock::acquire(&fs, PATH, "next").await.unwrap().check().await.unwrap();
}

#[tokio::test]
async fn a_holder_that_slept_does_not_go_on() {
    let (_root, fs) = disk();
    let lock = Lock::acquire(&fs, PATH, "sleeper").await.unwrap();
    lock.check().await.unwrap();
    let mut slept = read(fs.as_ref(), PATH).await.unwrap().unwrap();
    slept.expires_ms = now_ms() + 1000;
    remove(fs.as_ref(), PATH).await.unwrap();
    put(fs.as_ref(), PATH, &slept).await.unwrap();
    assert_eq!(lock.check().await.unwrap_err().kind(), Kind::Busy);
}

/// On the local disk a listing is not of one moment: a lock that is prolonged beside it is there all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lock_is_seen_while_it_is_prolonged() {
    let (_root, fs) = disk();
    let holder = Holder::new("long");
    put(fs.as_ref(), PATH, &holder).await.unwrap();
    let prolonging = tokio::spawn({
        let (fs, mut holder) = (fs.clone(), holder.clone());
        async move {
            for _ in 0..2000 {
                let next = Holder { expires_ms: holder.expires_ms + 1, ..holder.clone() };
                let (from, to) = (format!("{PATH}/{}", holder.name()), format!("{PATH}/{}", next.name()));
                fs.rename(&from, &to, RenameOptions::default()).await.unwrap();
                holder = next;
            }
        }
    });
    while !prolonging.is_finished() {
        assert_eq!(read(fs.as_ref(), PATH).await.unwrap().unwrap().token, holder.token);
    }
    prolonging.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_held_lock_is_renewed() {
    let (_root, fs) = disk();
    let lock = Lock::acquire(&fs, PATH, "long").await.unwrap();
    let first = read(fs.as_ref(), PATH).await.unwrap().unwrap();
    let renewed = async {
        loop {
            tokio::time::sleep(RENEWAL).await;
            let now = read(fs.as_ref(), PATH).await.unwrap().unwrap();
            if now.expires_ms > first.expires_ms {
                return now;
            }
        }
    };
    let now = tokio::time::timeout(20 * RENEWAL, renewed).await.unwrap();
    assert_eq!(now.token, first.token);
    lock.check().await.unwrap();
}
