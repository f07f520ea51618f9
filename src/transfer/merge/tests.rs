//! Merges of rows in memory against a model.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use proptest::prelude::*;
use tokio::sync::mpsc;

use super::*;
use crate::error::{self, Kind, Result};
use crate::load::Partition;
use crate::transfer::input::{Batches, DataFile, Dataset};

/// Files of batches.
struct Memory {
    files: Vec<DataFile>,
    batches: Vec<Vec<RecordBatch>>,
}

impl Memory {
    fn dataset(batches: Vec<Vec<RecordBatch>>) -> Arc<dyn Dataset> {
        let file = |number: usize| DataFile::new(format!("/f{number}"), 1, Partition::none());
        Arc::new(Self { files: (0..batches.len()).map(file).collect(), batches })
    }
}

impl Dataset for Memory {
    fn files(&self) -> &[DataFile] {
        &self.files
    }

    fn read(&self, file: usize, columns: Option<&[String]>) -> Result<Batches> {
        let columns = columns.map(<[String]>::to_vec);
        Ok(Box::new(self.batches[file].clone().into_iter().map(move |batch| match &columns {
            None => Ok(batch),
            Some(names) => {
                let places: Result<Vec<_>> = names.iter().map(|n| key::position(batch.schema_ref(), n)).collect();
                batch.project(&places?).map_err(|e| error::bug("projection").source(e))
            }
        })))
    }
}

type Row = (Option<i64>, String, i64);

fn batch(rows: &[Row]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(rows.iter().map(|r| r.0).collect::<Int64Array>()) as ArrayRef, true),
        ("land", Arc::new(rows.iter().map(|r| Some(r.1.as_str())).collect::<StringArray>()), true),
        ("value", Arc::new(rows.iter().map(|r| r.2).collect::<Int64Array>()), false),
    ])
    .unwrap()
}

/// Files of batches of at most three rows.
fn dataset(files: &[Vec<Row>]) -> Arc<dyn Dataset> {
    Memory::dataset(files.iter().map(|rows| rows.chunks(3).map(batch).collect()).collect())
}

fn rows(batch: &RecordBatch) -> Vec<Row> {
    let (id, value) = (batch["id"].as_primitive::<Int64Type>(), batch["value"].as_primitive::<Int64Type>());
    let land = batch["land"].as_string::<i32>();
    id.iter().zip(land).zip(value).map(|((i, l), v)| (i, l.unwrap().to_owned(), v.unwrap())).collect()
}

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

/// All that survives, the old first.
async fn merged(old: &Arc<dyn Dataset>, new: &Arc<dyn Dataset>, verdict: &Verdict) -> Result<Vec<Row>> {
    let mut out = Vec::new();
    for (data, judged) in [(old, &verdict.old), (new, &verdict.new)] {
        for file in 0..data.files().len() {
            let (to, mut batches) = mpsc::channel(1);
            let collect = async {
                let mut found = Vec::new();
                while let Some(batch) = batches.recv().await {
                    found.extend(rows(&batch));
                }
                found
            };
            let (sent, found) = tokio::join!(survivors(data.clone(), judged, file, to), collect);
            assert_eq!(sent?, found.len() as u64);
            out.extend(found);
        }
    }
    Ok(out)
}

fn files() -> impl Strategy<Value = Vec<Vec<Row>>> {
    let row = (-9_i64..9, "[ab]{0,2}", 0..1000_i64).prop_map(|(id, land, value)| (Some(id), land, value));
    prop::collection::vec(prop::collection::vec(row, 0..20), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A merge is what a map says, whatever memory it is given.
    #[test]
    fn a_merge_is_what_a_map_says(old in files(), new in files(), budget in prop::sample::select(vec![1, 700, 1 << 20])) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (old_data, new_data) = (dataset(&old), dataset(&new));
        let options = MergeOptions { key_memory_bytes: budget, workers: 2 };
        let found = runtime.block_on(async {
            let verdict = judge(&old_data, &new_data, &keys(&["ID", "land"]), &options).await.unwrap();
            let mut rows = merged(&old_data, &new_data, &verdict).await.unwrap();
            rows.sort_unstable();
            (verdict, rows)
        });
        let newest: BTreeMap<(Option<i64>, String), i64> =
            new.iter().flatten().map(|(id, land, value)| ((*id, land.clone()), *value)).collect();
        let kept = old.iter().flatten().filter(|(id, land, _)| !newest.contains_key(&(*id, land.clone()))).cloned();
        let mut want: Vec<Row> = kept.collect();
        let old_dead = old.iter().map(Vec::len).sum::<usize>() - want.len();
        want.extend(newest.iter().map(|((id, land), value)| (*id, land.clone(), *value)));
        want.sort_unstable();
        prop_assert_eq!(found.1, want);
        let new_rows = new.iter().map(Vec::len).sum::<usize>();
        prop_assert_eq!(found.0.old.total_dead(), old_dead as u64);
        prop_assert_eq!(found.0.new.total_dead(), (new_rows - newest.len()) as u64);
        prop_assert!(budget > 700 || newest.len() < 20 || found.0.passes > 1, "{} passes", found.0.passes);
    }
}

/// Sqoop's own test of its merge: `{0:0, 1:42}` and `{1:43, 3:313}` make `{0:0, 1:43, 3:313}`.
#[tokio::test]
async fn newer_rows_win_as_in_sqoop() {
    let file = |rows: &[(i64, i64)]| rows.iter().map(|(id, v)| (Some(*id), String::new(), *v)).collect::<Vec<_>>();
    let (old, new) = (dataset(&[file(&[(0, 0), (1, 42)])]), dataset(&[file(&[(1, 43), (3, 313)])]));
    let verdict = judge(&old, &new, &keys(&["id"]), &MergeOptions::default()).await.unwrap();
    let found: HashMap<_, _> =
        merged(&old, &new, &verdict).await.unwrap().into_iter().map(|(id, _, v)| (id.unwrap(), v)).collect();
    assert_eq!(found, HashMap::from([(0, 0), (1, 43), (3, 313)]));
    assert_eq!(verdict.passes, 1);
}

#[tokio::test]
async fn a_null_key_is_named() {
    let row = |id: Option<i64>| (id, "a".to_owned(), 1);
    let whole = dataset(&[vec![row(Some(1))]]);
    let broken = dataset(&[vec![row(Some(1))], vec![row(Some(2)), row(Some(3)), row(Some(4)), row(None)]]);
    for (old, new) in [(&whole, &broken), (&broken, &whole)] {
        let error = judge(old, new, &keys(&["id"]), &MergeOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Data);
        assert_eq!(error.to_string(), "/f1: key column id is NULL in row 4");
    }
    let error = judge(&whole, &whole, &keys(&["ids"]), &MergeOptions::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (Kind::NotFound, Some("their columns are id, land, value")));
}

#[tokio::test]
async fn a_file_that_changed_meanwhile_is_found() {
    let row = |id: i64| (Some(id), "a".to_owned(), 1);
    let (old, new) = (dataset(&[vec![row(1), row(2)]]), dataset(&[vec![row(2)]]));
    let verdict = judge(&old, &new, &keys(&["id"]), &MergeOptions::default()).await.unwrap();
    let changed = dataset(&[vec![row(1)]]);
    let error = merged(&changed, &new, &verdict).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.to_string().contains("/f0 has 1 rows now and had 2"), "{error}");
}
