//! Which partitions are marked as complete, and when: never before the rows that complete them are visible, always once
//! they are, whatever call the agent dies at.

use std::collections::BTreeSet;

use super::*;

impl Place {
    fn complete_args(&self, complete: &str, drain: bool) -> AgentArgs {
        AgentArgs { complete: Some(toml::from_str(complete).unwrap()), ..self.args(drain) }
    }

    async fn complete_on(&self, fs: Arc<dyn Filesystem>) -> Result<StepSummary> {
        let cluster = Cluster { fs, metastore: None };
        let once = Retry::for_time(Duration::ZERO);
        let args = self.complete_args("lateness = '1h'", true);
        run_patiently(&args, self.0.path(), &cluster, "run", &Stop::new(), once).await
    }

    /// The days that are marked, and those that have rows.
    fn days(&self) -> (BTreeSet<u32>, BTreeSet<u32>) {
        let (mut marked, mut filled) = (BTreeSet::new(), BTreeSet::new());
        for entry in fs::read_dir(self.path("cluster/lake/clicks")).into_iter().flatten() {
            let path = entry.unwrap().path();
            let day = path.to_str().unwrap().rsplit('-').next().unwrap().parse().unwrap();
            for file in fs::read_dir(&path).unwrap() {
                match file.unwrap().file_name().to_str().unwrap() {
                    "_SUCCESS" => marked.insert(day),
                    name => !name.starts_with('_') && filled.insert(day),
                };
            }
        }
        (marked, filled)
    }
}

#[tokio::test]
async fn days_are_marked_when_a_later_one_says_so_and_late_rows_are_counted() {
    let place = Place::new();
    place.log("a.log", 3);
    let first = place.complete_on(place.filesystem()).await.unwrap();
    assert_eq!(place.days(), ([1, 2].into(), [1, 2, 3].into()));
    assert!(first.detail.contains("2 partitions complete") && !first.detail.contains("late"), "{}", first.detail);
    place.log("b.log", 2);
    let second = place.complete_on(place.filesystem()).await.unwrap();
    assert!(second.detail.contains("6 late rows for partitions that were complete"), "{}", second.detail);
    assert_eq!((second.rows_out, place.landed()), (6, place.expected()));
    assert_eq!(place.days().0, [1, 2].into());
    place.log("c.log", 5);
    let third = place.complete_on(place.filesystem()).await.unwrap();
    assert!(third.detail.contains("2 partitions complete, 6 late rows"), "{}", third.detail);
    assert_eq!(place.days(), ([1, 2, 3, 4].into(), [1, 2, 3, 4, 5].into()));
    // Where it is no longer asked for, what the target knows of it does not stand in the way.
    place.log("d.log", 1);
    assert_eq!(place.run().await.rows_out, 3);
    assert_eq!(place.landed(), place.expected());
}

/// Dies at each call of a run, and runs again.
fn marked_in_time(fault: fn(usize) -> Fault) {
    let logs = |place: &Place| {
        // Each log is an epoch: the first completes one day, the second another one.
        place.log("a.log", 2);
        place.log("b.log", 3);
    };
    let clean = Place::new();
    logs(&clean);
    let counting = Arc::new(FaultyFilesystem::new(clean.filesystem(), Fault::Never));
    life(clean.complete_on(counting.clone())).unwrap();
    assert_eq!(clean.days(), ([1, 2].into(), [1, 2, 3].into()));
    for call in 1..=counting.calls() {
        let place = Place::new();
        logs(&place);
        let died = life(place.complete_on(Arc::new(FaultyFilesystem::new(place.filesystem(), fault(call)))));
        let (marked, filled) = place.days();
        assert!(marked.iter().all(|day| filled.contains(&(day + 1))), "call {call}: {marked:?} of {filled:?}");
        life(place.complete_on(place.filesystem())).unwrap();
        assert_eq!(place.landed(), place.expected(), "call {call}: {:?}", died.err());
        assert_eq!(place.days(), ([1, 2].into(), [1, 2, 3].into()), "call {call}");
    }
}

#[test]
fn dead_before_any_call_days_are_marked_neither_early_nor_never() {
    marked_in_time(Fault::Crash);
}

#[test]
fn dead_after_any_call_days_are_marked_neither_early_nor_never() {
    marked_in_time(Fault::CrashAfter);
}

#[tokio::test]
async fn while_nothing_comes_the_clock_completes_the_last_day() {
    let place = Place::new();
    place.log("a.log", 2);
    let (stop, cluster) = (Stop::new(), Cluster { fs: place.filesystem(), metastore: None });
    let args = place.complete_args("lateness = '1h'\nidle-after = '1s'\nmarker = '_DONE'", false);
    let running = async { run(&args, place.0.path(), &cluster, "run", &stop).await.unwrap() };
    let day = |day: u32| place.path(&format!("cluster/lake/clicks/dt=2010-12-{day:02}/_DONE"));
    let watching = async {
        while !day(2).is_file() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Another one later: the clock has completed it before it came.
        place.log("b.log", 1);
        while place.landed() != place.expected() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stop.request(15);
    };
    let (summary, ()) = tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(running, watching) })
        .await
        .expect("the last day is completed");
    assert!(day(1).is_file());
    assert!(summary.detail.contains("2 partitions complete, 3 late rows"), "{}", summary.detail);
    assert_eq!(place.run().await.outcome, Outcome::Unchanged);
}
