//! One holder at a time, whatever became of the one before.

use super::*;
use crate::lease::{Lease, RENEWAL, now_ms, process_start};
use crate::storage::local::LocalFilesystem;

const PATH: &str = "/lake/.sakia/orders/lock";

fn disk() -> (tempfile::TempDir, Arc<dyn Filesystem>) {
    let root = tempfile::tempdir().unwrap();
    let fs = Arc::new(LocalFilesystem::new(root.path()));
    (root, fs)
}

fn place(fs: &Arc<dyn Filesystem>) -> DirectoryLease {
    DirectoryLease::new(fs.clone(), PATH)
}

async fn acquire(fs: &Arc<dyn Filesystem>, owner: &str) -> Result<Lease> {
    Lease::acquire(Arc::new(place(fs)), owner).await
}

/// Puts the lease of somebody else there.
async fn put(fs: &Arc<dyn Filesystem>, holder: &Holder) {
    fs.mkdirs(&place(fs).entry(holder)).await.unwrap();
}

async fn acquire_over(found: Holder) -> Result<Lease> {
    let (_root, fs) = disk();
    put(&fs, &found).await;
    let outcome = acquire(&fs, "second").await;
    let files: Vec<_> = fs.list("/lake/.sakia/orders").await.unwrap().into_iter().map(|f| f.path).collect();
    assert_eq!(files, [PATH], "nothing is left beside the lease");
    outcome
}

#[tokio::test]
async fn a_lease_that_is_dropped_is_given_back_and_one_that_came_after_it_is_kept() {
    let (_root, fs) = disk();
    drop(acquire(&fs, "failed").await.unwrap());
    crate::lease::returned().await;
    assert!(!fs.list("/lake/.sakia/orders").await.unwrap().iter().any(|entry| entry.path == PATH));

    drop(acquire(&fs, "failed").await.unwrap());
    let next = acquire(&fs, "next").await.unwrap();
    crate::lease::returned().await;
    next.check().await.unwrap();
}

#[tokio::test]
async fn a_damaged_lease_is_named_and_an_empty_one_does_not_count() {
    let (_root, fs) = disk();
    fs.mkdirs(&format!("{PATH}/somebody")).await.unwrap();
    let error = acquire(&fs, "second").await.unwrap_err();
    assert!(error.kind() == Kind::Data && error.to_string().contains(PATH), "{error}");
    fs.delete(&format!("{PATH}/somebody"), DeleteOptions::default()).await.unwrap();
    acquire(&fs, "second").await.unwrap().check().await.unwrap();
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
async fn one_of_many_contenders_gets_a_dead_lease() {
    for _ in 0..20 {
        let (_root, fs) = disk();
        put(&fs, &Holder { expires_ms: 0, ..Holder::new("dead") }).await;
        let contenders = (0..8).map(|n| {
            let fs = fs.clone();
            tokio::spawn(async move { acquire(&fs, &n.to_string()).await })
        });
        let outcomes = futures::future::join_all(contenders).await.into_iter().map(|o| o.unwrap());
        let (leases, errors): (Vec<_>, Vec<_>) = outcomes.partition(Result::is_ok);
        assert_eq!(leases.len(), 1);
        for error in errors.into_iter().filter_map(Result::err) {
            assert_eq!(error.kind(), Kind::Busy, "{error}");
        }
        for lease in leases.into_iter().flatten() {
            lease.check().await.unwrap();
            lease.release().await.unwrap();
        }
        assert!(fs.list("/lake/.sakia/orders").await.unwrap().is_empty(), "nothing is left beside the lease");
        acquire(&fs, "next").await.unwrap();
    }
}

#[tokio::test]
async fn a_holder_that_slept_does_not_go_on() {
    let (_root, fs) = disk();
    let lease = acquire(&fs, "sleeper").await.unwrap();
    lease.check().await.unwrap();
    let mut slept = place(&fs).read().await.unwrap().unwrap();
    slept.expires_ms = now_ms() + 1000;
    fs.delete(PATH, DeleteOptions { recursive: true }).await.unwrap();
    put(&fs, &slept).await;
    assert_eq!(lease.check().await.unwrap_err().kind(), Kind::Busy);
}

/// On the local disk a listing is not of one moment: a lease that is renewed beside it is there all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lease_is_seen_while_it_is_renewed() {
    let (_root, fs) = disk();
    let holder = Holder::new("long");
    put(&fs, &holder).await;
    let renewing = tokio::spawn({
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
    while !renewing.is_finished() {
        assert_eq!(place(&fs).read().await.unwrap().unwrap().token, holder.token);
    }
    renewing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_held_lease_is_renewed() {
    let (_root, fs) = disk();
    let lease = acquire(&fs, "long").await.unwrap();
    let first = place(&fs).read().await.unwrap().unwrap();
    let renewed = async {
        loop {
            tokio::time::sleep(RENEWAL).await;
            let now = place(&fs).read().await.unwrap().unwrap();
            if now.expires_ms > first.expires_ms {
                return now;
            }
        }
    };
    let now = tokio::time::timeout(20 * RENEWAL, renewed).await.unwrap();
    assert_eq!(now.token, first.token);
    lease.check().await.unwrap();
}

/// One that slept past its time gives back its own lease only.
#[tokio::test]
async fn a_lease_that_was_taken_over_is_not_given_back() {
    let (_root, fs) = disk();
    let lost = Holder { expires_ms: 0, ..Holder::new("slept") };
    put(&fs, &lost).await;
    let lease = acquire(&fs, "successor").await.unwrap();
    assert!(!place(&fs).replace(&lost, &Holder::new("renewed")).await.unwrap());
    place(&fs).remove(&lost).await.unwrap();
    lease.check().await.unwrap();
}
