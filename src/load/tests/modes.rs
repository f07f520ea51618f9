//! What a plan may ask for besides replacing and appending: Sqoop's names, strangers, a merge, one partition, a
//! checkpoint that moves alone; and a crash at every call of each.

use super::*;

fn sqoop(mode: LoadMode) -> LoadPlan {
    LoadPlan { extension: None, names: PartNames::Sqoop, success_marker: true, ..plan(mode) }
}

async fn put(disk: &Disk, name: &str, text: &str) {
    let file = format!("{TARGET}/{name}");
    crate::storage::write_whole(disk.fs.as_ref(), &file, text.as_bytes(), CreateOptions::default()).await.unwrap();
}

/// Loads one file of one row for each id, numbered from 0.
async fn load_files(cluster: &Cluster, plan: LoadPlan, ids: &[i64]) -> Result<Committed> {
    let load = Load::open(cluster, plan).await?;
    let parts = stage_files(&load, ids).await?;
    load.commit(parts, json!(ids)).await
}

/// A file that is lost is written again, as every caller has to.
async fn stage_files(load: &Load, ids: &[i64]) -> Result<Vec<StagedPart>> {
    let mut parts = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        let write = || async {
            let mut part = load.part(number, 0, &Partition::none()).await?;
            part.write(&rows(&[*id])).await?;
            part.finish().await
        };
        let part = match write().await {
            Err(e) if e.kind() == Kind::Lost => write().await?,
            done => done?,
        };
        parts.push(part);
    }
    Ok(parts)
}

/// Files of the target by name, with the first line of each.
async fn names(disk: &Disk) -> Vec<(String, String)> {
    let name = |path: String| path[TARGET.len() + 1..].to_owned();
    let line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    disk.tree(TARGET).await.into_iter().map(|(path, text)| (name(path), line(text))).collect()
}

fn listed(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(name, line)| ((*name).to_owned(), (*line).to_owned())).collect()
}

#[tokio::test]
async fn files_are_called_as_sqoop_calls_them_and_appending_counts_on() {
    let disk = Disk::new();
    load_files(&disk.cluster(), sqoop(LoadMode::Replace), &[1, 2]).await.unwrap();
    let first = [("_SUCCESS", ""), ("part-m-00000", "1"), ("part-m-00001", "2")];
    assert_eq!(names(&disk).await, listed(&first));
    let append = LoadPlan { extension: Some("gz".into()), success_marker: false, ..sqoop(LoadMode::Append) };
    load_files(&disk.cluster(), append.clone(), &[3]).await.unwrap();
    load_files(&disk.cluster(), append, &[4]).await.unwrap();
    let more = [&first[..], &[("part-m-00002.gz", "3"), ("part-m-00003.gz", "4")]].concat();
    assert_eq!(names(&disk).await, listed(&more));
}

#[tokio::test]
async fn a_part_that_was_written_twice_is_noticed() {
    let disk = Disk::new();
    let load = Load::open(&disk.cluster(), plan(LoadMode::Append)).await.unwrap();
    let parts = [stage_files(&load, &[1]).await.unwrap(), stage_files(&load, &[2]).await.unwrap()].concat();
    assert_eq!(load.commit(parts, Value::Null).await.unwrap_err().kind(), Kind::Bug);
}

#[tokio::test]
async fn files_are_added_beside_those_of_others() {
    let disk = Disk::new();
    put(&disk, "part-m-00004", "theirs").await;
    let keep = || LoadPlan { strangers: Strangers::Keep, success_marker: false, ..sqoop(LoadMode::Append) };
    load_files(&disk.cluster(), keep(), &[1, 2]).await.unwrap();
    let all = [("part-m-00004", "theirs"), ("part-m-00005", "1"), ("part-m-00006", "2")];
    assert_eq!(names(&disk).await, listed(&all));

    let load = Load::open(&disk.cluster(), keep()).await.unwrap();
    let parts = stage_files(&load, &[3]).await.unwrap();
    put(&disk, "part-m-00007", "theirs too").await;
    let error = load.commit(parts, Value::Null).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Exists, "{error}");
    assert!(error.to_string().contains("part-m-00007"), "{error}");
    load_files(&disk.cluster(), keep(), &[3]).await.unwrap();
    assert_eq!(names(&disk).await.last().unwrap(), &("part-m-00008".to_owned(), "3".to_owned()));
}

#[tokio::test]
async fn a_target_of_others_is_taken_out_only_once_the_new_files_are_complete() {
    let disk = Disk::new();
    put(&disk, "old.csv", "theirs").await;
    let take = || LoadPlan { strangers: Strangers::Replace, ..sqoop(LoadMode::Replace) };
    let load = Load::open(&disk.cluster(), take()).await.unwrap();
    stage_files(&load, &[1]).await.unwrap();
    assert_eq!(names(&disk).await, listed(&[("old.csv", "theirs")]));
    drop(load);
    load_files(&disk.cluster(), take(), &[2]).await.unwrap();
    assert_eq!(names(&disk).await, listed(&[("_SUCCESS", ""), ("part-m-00000", "2")]));

    let nonsense = LoadPlan { strangers: Strangers::Keep, ..sqoop(LoadMode::Replace) };
    assert_eq!(Load::open(&disk.cluster(), nonsense).await.unwrap_err().kind(), Kind::Bug);
}

#[tokio::test]
async fn a_merge_takes_out_what_it_has_read_and_nothing_else() {
    let disk = Disk::new();
    for ids in [[1], [2]] {
        load_files(&disk.cluster(), sqoop(LoadMode::Append), &ids).await.unwrap();
    }
    let merge = || LoadPlan { replaces: Some(Vec::new()), ..sqoop(LoadMode::Replace) };
    let read = async |load: &mut Load| {
        let read: Vec<String> = load.files().await.unwrap().into_iter().map(|file| file.path).collect();
        load.replace_files(read.clone()).unwrap();
        read
    };
    let mut load = Load::open(&disk.cluster(), merge()).await.unwrap();
    assert_eq!(read(&mut load).await, [format!("{TARGET}/part-m-00000"), format!("{TARGET}/part-m-00001")]);
    let parts = stage_files(&load, &[12]).await.unwrap();
    put(&disk, "late.csv", "theirs").await;
    let error = load.commit(parts, Value::Null).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Exists, "{error}");
    assert!(error.to_string().contains("late.csv"), "{error}");

    let mut load = Load::open(&disk.cluster(), merge()).await.unwrap();
    read(&mut load).await;
    let parts = stage_files(&load, &[12]).await.unwrap();
    disk.fs.delete(&format!("{TARGET}/late.csv"), DeleteOptions::default()).await.unwrap();
    let error = load.commit(parts, Value::Null).await.unwrap_err();
    assert!(error.to_string().contains("was removed"), "{error}");

    let mut load = Load::open(&disk.cluster(), merge()).await.unwrap();
    read(&mut load).await;
    let parts = stage_files(&load, &[12]).await.unwrap();
    load.commit(parts, Value::Null).await.unwrap();
    assert_eq!(names(&disk).await, listed(&[("_SUCCESS", ""), ("part-m-00000", "12")]));
    load_files(&disk.cluster(), sqoop(LoadMode::Append), &[3]).await.unwrap();
    assert_eq!(names(&disk).await.last().unwrap().0, "part-m-00001");
}

#[tokio::test]
async fn a_checkpoint_moves_alone_where_nothing_is_new() {
    let disk = Disk::new();
    let first = LoadPlan { run_id: "first".into(), ..sqoop(LoadMode::Append) };
    let load = Load::open(&disk.cluster(), first).await.unwrap();
    assert_eq!(load.checkpoint(), None);
    load.commit_checkpoint(json!(7)).await.unwrap();
    load_files(&disk.cluster(), sqoop(LoadMode::Append), &[1]).await.unwrap();

    let second = LoadPlan { run_id: "second".into(), ..sqoop(LoadMode::Append) };
    let load = Load::open(&disk.cluster(), second).await.unwrap();
    assert_eq!(load.checkpoint(), Some(&json!([1])));
    load.commit_checkpoint(json!(9)).await.unwrap();
    let load = Load::open(&disk.cluster(), sqoop(LoadMode::Append)).await.unwrap();
    let manifest = load.previous().unwrap();
    assert_eq!((load.checkpoint(), manifest.rows(), manifest.run_id.as_str()), (Some(&json!(9)), 1, "second"));
    load.discard().await.unwrap();
    let state: Vec<String> = disk.tree("/lake/.sakia").await.into_keys().collect();
    assert_eq!(state, ["/lake/.sakia/orders/manifest.json"]);
}

/// Runs `second` over what `prepare` leaves, with a fault at each of its calls in turn, then again without one; the
/// end must be that of a clean run, and what was visible in between must be old or new, or nothing during a swap.
fn faults_everywhere<P, S>(faults: &[fn(usize) -> Fault], prepare: P, second: S)
where
    P: AsyncFn(&Disk),
    S: AsyncFn(&Cluster) -> Result<()>,
{
    let clean = Disk::new();
    life(prepare(&clean));
    let before = life(names(&clean));
    let (cluster, counter) = clean.faulty(Fault::Never);
    life(second(&cluster)).unwrap();
    let (after, tree) = life(async { (names(&clean).await, clean.tree("/lake").await) });
    for number in 1..=counter.calls() {
        for fault in faults.iter().map(|fault| fault(number)) {
            let disk = Disk::new();
            life(prepare(&disk));
            let (cluster, _) = disk.faulty(fault);
            let outcome = life(second(&cluster));
            if matches!(fault, Fault::Lose(_)) {
                outcome.unwrap();
            } else {
                let visible = life(names(&disk));
                let whole = |file: &(String, String)| before.contains(file) || after.contains(file);
                assert!(visible.iter().all(whole), "{fault:?} leaves {visible:?}");
                life(go_on(&disk, &before, fault, &second));
            }
            assert_eq!(life(names(&disk)), after, "{fault:?}");
            let paths = |tree: &BTreeMap<String, String>| tree.keys().cloned().collect::<Vec<_>>();
            assert_eq!(paths(&life(disk.tree("/lake"))), paths(&tree), "{fault:?}");
        }
    }
}

/// What is recorded is finished by being opened, what is not is done again.
async fn go_on<S>(disk: &Disk, before: &[(String, String)], fault: Fault, second: &S)
where
    S: AsyncFn(&Cluster) -> Result<()>,
{
    let look = LoadPlan { strangers: Strangers::Keep, ..sqoop(LoadMode::Append) };
    let opened = Load::open(&disk.cluster(), look).await.unwrap();
    let recorded = opened.checkpoint() == Some(&json!("second"));
    opened.discard().await.unwrap();
    if !recorded {
        assert_eq!(names(disk).await, before, "{fault:?}");
        second(&disk.cluster()).await.unwrap();
    }
}

const ALL: &[fn(usize) -> Fault] = &[Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::Lose];

#[test]
fn appending_beside_strangers_survives_a_fault_at_every_call() {
    let prepare = async |disk: &Disk| put(disk, "part-m-00004", "theirs").await;
    let second = async |cluster: &Cluster| {
        let keep = LoadPlan { strangers: Strangers::Keep, load_id: Some("2".into()), ..sqoop(LoadMode::Append) };
        let load = Load::open(cluster, keep).await?;
        let parts = stage_files(&load, &[1, 2]).await?;
        load.commit(parts, json!("second")).await.map(drop)
    };
    faults_everywhere(ALL, prepare, second);
}

#[test]
fn replacing_strangers_survives_a_fault_at_every_call() {
    let prepare = async |disk: &Disk| put(disk, "old.csv", "theirs").await;
    let second = async |cluster: &Cluster| {
        let take = LoadPlan { strangers: Strangers::Replace, load_id: Some("2".into()), ..sqoop(LoadMode::Replace) };
        let load = Load::open(cluster, take).await?;
        let parts = stage_files(&load, &[1, 2]).await?;
        load.commit(parts, json!("second")).await.map(drop)
    };
    faults_everywhere(ALL, prepare, second);
}

#[test]
fn a_merge_survives_a_fault_at_every_call() {
    let prepare = async |disk: &Disk| {
        for ids in [[1], [2]] {
            load_files(&disk.cluster(), sqoop(LoadMode::Append), &ids).await.unwrap();
        }
    };
    let second = async |cluster: &Cluster| {
        let merge = LoadPlan { replaces: Some(Vec::new()), load_id: Some("m".into()), ..sqoop(LoadMode::Replace) };
        let mut load = Load::open(cluster, merge).await?;
        let read = load.files().await?.into_iter().map(|file| file.path).collect();
        load.replace_files(read)?;
        let parts = stage_files(&load, &[12]).await?;
        load.commit(parts, json!("second")).await.map(drop)
    };
    faults_everywhere(ALL, prepare, second);
}

#[test]
fn a_moving_checkpoint_survives_a_fault_at_every_call() {
    let prepare = async |disk: &Disk| drop(load_files(&disk.cluster(), sqoop(LoadMode::Append), &[1]).await.unwrap());
    let second = async |cluster: &Cluster| {
        let load = Load::open(cluster, LoadPlan { load_id: Some("2".into()), ..sqoop(LoadMode::Append) }).await?;
        load.commit_checkpoint(json!("second")).await.map(drop)
    };
    faults_everywhere(ALL, prepare, second);
}
