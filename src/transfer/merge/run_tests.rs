//! Merges of directories on the local disk, in every format.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{Field, Schema};
use parquet::arrow::ArrowWriter;

use super::*;
use crate::error::Kind;
use crate::format::avro::AvroTimestamps;
use crate::format::decode::{Calendar, TextDecodeOptions};
use crate::format::{AvroOptions, Compression, FileFormat, Output, ParquetOptions, SequenceOptions, TextOptions};
use crate::load::Cluster;
use crate::shutdown::Stop;
use crate::storage::local::LocalFilesystem;
use crate::telemetry::summary::{Outcome, StepSummary};
use crate::transfer::args::{FileNames, MergeArgs};
use crate::transfer::input::{FileSet, FileSetOptions, list};

type Row = (i64, &'static str, Option<i128>, i64);

const OLD: [Row; 4] =
    [(1, "one", Some(150), 1), (2, "two, twice", None, 2), (3, "three", Some(-5), 3), (4, "", None, 4)];
const NEW: [Row; 3] = [(2, "zwei", Some(7), 20), (5, "fünf", Some(99), 50), (2, "deux", None, 21)];
const MERGED: [Row; 5] = [
    (1, "one", Some(150), 1),
    (2, "deux", None, 21),
    (3, "three", Some(-5), 3),
    (4, "", None, 4),
    (5, "fünf", Some(99), 50),
];

fn batch(rows: &[Row]) -> RecordBatch {
    let total = rows.iter().map(|r| r.2).collect::<Decimal128Array>().with_precision_and_scale(12, 2).unwrap();
    let at: TimestampMicrosecondArray = rows.iter().map(|r| Some(r.3 * 1_000_000)).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|r| Some(r.0)).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|r| Some(r.1)).collect::<StringArray>()),
        Arc::new(total),
        Arc::new(at),
    ];
    let of = |name: &str, at: usize, nullable: bool| Field::new(name, columns[at].data_type().clone(), nullable);
    let id = of("id", 0, false).with_metadata([("avro.prop.sqlType".to_owned(), "-5".to_owned())]);
    let fields = vec![id, of("name", 1, true), of("total", 2, true), of("at", 3, false)];
    let metadata = [("avro.prop.tableName".to_owned(), "orders".to_owned())];
    RecordBatch::try_new(Arc::new(Schema::new_with_metadata(fields, metadata)), columns).unwrap()
}

/// Puts a file where a tool of others might have.
fn put(root: &Path, path: &str, format: &FileFormat, batch: &RecordBatch) {
    let mut encoder = format.encoder(batch.schema()).unwrap();
    let mut out = Output::default();
    encoder.encode(batch, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, out.into_bytes()).unwrap();
}

struct Scene {
    dir: tempfile::TempDir,
    cluster: Cluster,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cluster = Cluster { fs: Arc::new(LocalFilesystem::new(dir.path())), metastore: None };
        Self { dir, cluster }
    }

    fn data(format: &FileFormat) -> Self {
        let (scene, extension) = (Self::new(), format.extension().map(|e| format!(".{e}")).unwrap_or_default());
        for (name, rows) in [("old/a", &OLD[..2]), ("old/b", &OLD[2..]), ("new/a", &NEW[..1]), ("new/b", &NEW[1..])] {
            put(scene.dir.path(), &format!("{name}{extension}"), format, &batch(rows));
        }
        std::fs::write(scene.dir.path().join("old/_SUCCESS"), "").unwrap();
        std::fs::write(scene.dir.path().join("old/empty"), "").unwrap();
        scene
    }

    async fn merge(&self, target: &str, change: impl Fn(&mut MergeArgs)) -> crate::error::Result<StepSummary> {
        let mut args = MergeArgs {
            new_data: "/new".into(),
            onto: "/old".into(),
            target_dir: target.into(),
            merge_key: vec!["ID".into()],
            ..MergeArgs::default()
        };
        change(&mut args);
        let options = MergeOptions { key_memory_bytes: 1, workers: 2 };
        run_with(&args, &self.cluster, "r1", &Stop::new(), &options).await
    }

    async fn set(&self, directory: &str, text: &TextOptions) -> FileSet {
        let files = list(self.cluster.fs.as_ref(), directory).await.unwrap();
        let options = FileSetOptions::new(TextDecodeOptions::new(text.clone()), Vec::new());
        FileSet::open(self.cluster.fs.clone(), files, options).await.unwrap()
    }

    async fn batches(&self, directory: &str, text: &TextOptions) -> Vec<RecordBatch> {
        let set = self.set(directory, text).await;
        let read = move || {
            let all = (0..set.files().len()).flat_map(|file| set.read(file, None).unwrap());
            all.map(|batch| batch.unwrap()).collect()
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    }
}

fn rows(batches: &[RecordBatch]) -> Vec<(i64, String, Option<i128>, i64)> {
    let mut rows = Vec::new();
    for batch in batches {
        let (id, total) = (batch["id"].as_primitive::<Int64Type>(), batch["total"].as_primitive::<Decimal128Type>());
        for row in 0..batch.num_rows() {
            let total = total.is_valid(row).then(|| total.value(row));
            let at = match batch["at"].as_primitive_opt::<TimestampMicrosecondType>() {
                Some(micros) => micros.value(row) / 1_000_000,
                None => batch["at"].as_primitive::<arrow_array::types::TimestampMillisecondType>().value(row) / 1000,
            };
            rows.push((id.value(row), batch["name"].as_string::<i32>().value(row).to_owned(), total, at));
        }
    }
    rows.sort_unstable();
    rows
}

fn want(rows: &[Row]) -> Vec<(i64, String, Option<i128>, i64)> {
    rows.iter().map(|r| (r.0, r.1.to_owned(), r.2, r.3)).collect()
}

#[tokio::test]
async fn a_plan_shows_what_would_be_done_and_does_nothing() {
    let scene = Scene::data(&FileFormat::Parquet(ParquetOptions::default()));
    let args = |target: &str| MergeArgs {
        new_data: "/new".into(),
        onto: "/old".into(),
        target_dir: target.into(),
        merge_key: vec!["ID".into()],
        ..MergeArgs::default()
    };
    let shown = plan(&args("/old"), &scene.cluster).await.unwrap().to_string();
    for line in [
        "merge       by ID: of all rows",
        "older       2 files in /old,",
        "newer       2 files in /new,",
        "  /new/b.parquet (",
        "write       parquet files in /old, in the place of the older ones",
        "Decimal128(12, 2)",
    ] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    let elsewhere = plan(&args("/merged"), &scene.cluster).await.unwrap().to_string();
    assert!(elsewhere.contains("write       parquet files in /merged, in the place of what is there"), "{elsewhere}");
    assert!(!scene.dir.path().join("merged").exists() && !scene.dir.path().join(".sakia").exists());
    assert_eq!(plan(&args("/new"), &scene.cluster).await.unwrap_err().kind(), Kind::Config);
}

fn columnar() -> Vec<FileFormat> {
    let parquet = |compression| FileFormat::Parquet(ParquetOptions { compression, ..ParquetOptions::default() });
    let int96 = ParquetOptions { timestamps: crate::format::parquet::Timestamps::Int96, ..ParquetOptions::default() };
    let avro = |codec, timestamps, all_nullable| {
        FileFormat::Avro(AvroOptions {
            codec,
            timestamps,
            all_nullable,
            namespace: Some("shop.x".into()),
            ..AvroOptions::new("orders")
        })
    };
    vec![
        parquet(Compression::Zstd),
        parquet(Compression::None),
        FileFormat::Parquet(int96),
        avro(Compression::Gzip, AvroTimestamps::Millis, true),
        avro(Compression::None, AvroTimestamps::Micros, false),
        avro(Compression::Zstd, AvroTimestamps::Millis, false),
    ]
}

#[tokio::test]
async fn typed_files_are_merged_as_they_are() {
    for format in columnar() {
        let scene = Scene::data(&format);
        let before = scene.set("/old", &TextOptions::default()).await;
        let summary = scene.merge("/merged", |_| {}).await.unwrap_or_else(|e| panic!("{format:?}: {e}"));
        assert_eq!((summary.outcome, summary.rows_in, summary.rows_out), (Outcome::Done, 7, 5), "{format:?}");
        assert!(
            summary.detail.starts_with("2 new rows took the place of 1 old ones; 1 new rows gave way"),
            "{}",
            summary.detail
        );
        let merged = scene.batches("/merged", &TextOptions::default()).await;
        assert_eq!(rows(&merged), want(&MERGED), "{format:?}");
        let after = scene.set("/merged", &TextOptions::default()).await;
        assert_eq!((after.kind(), after.head().schema.fields()), (before.kind(), before.head().schema.fields()));
        let json = |set: &FileSet| {
            set.head().avro_schema.as_ref().map(|s| serde_json::from_str::<serde_json::Value>(s).unwrap())
        };
        assert_eq!(json(&after), json(&before));
        // The codec, read from the file's own words, is still that of the old files.
        let format_of = |set: &FileSet| Rewrite::of(set, None).unwrap().format;
        assert_eq!(format_of(&after), format_of(&before));
    }
}

#[tokio::test]
async fn a_merge_in_place_replaces_what_was_read() {
    let format = FileFormat::Parquet(ParquetOptions::default());
    let scene = Scene::data(&format);
    let first = scene.merge("/old", |args| args.file_names = FileNames::Sqoop).await.unwrap();
    assert_eq!((first.rows_in, first.rows_out), (7, 5));
    let text = TextOptions::default();
    assert_eq!(rows(&scene.batches("/old", &text).await), want(&MERGED));
    let names: Vec<String> =
        list(scene.cluster.fs.as_ref(), "/old").await.unwrap().iter().map(|f| f.path.clone()).collect();
    assert!(names.iter().all(|n| n.starts_with("/old/part-m-0000")), "{names:?}");
    // Once more: the same rows come out.
    scene.merge("/old", |_| {}).await.unwrap();
    assert_eq!(rows(&scene.batches("/old", &text).await), want(&MERGED));
    // Nothing new: nothing is touched.
    std::fs::remove_dir_all(scene.dir.path().join("new")).unwrap();
    std::fs::create_dir(scene.dir.path().join("new")).unwrap();
    let nothing = scene.merge("/old/", |_| {}).await.unwrap();
    assert_eq!((nothing.outcome, nothing.files), (Outcome::Unchanged, 0));
    assert_eq!(rows(&scene.batches("/old", &text).await), want(&MERGED));
}

#[tokio::test]
async fn text_is_copied_as_it_stood() {
    let delimiters = crate::format::text::Delimiters {
        fields: ';',
        enclosed_by: Some('"'),
        enclose_optionally: true,
        escaped_by: Some('\\'),
        ..Default::default()
    };
    for compression in [Compression::None, Compression::Gzip, Compression::Snappy] {
        let text = TextOptions { delimiters, compression, ..TextOptions::default() };
        for format in [
            FileFormat::Text(text.clone()),
            FileFormat::Sequence(SequenceOptions { text: text.clone(), ..Default::default() }),
        ] {
            let scene = Scene::data(&format);
            let words = |args: &mut MergeArgs| {
                args.text.fields_terminated_by = Some(";".into());
                args.text.optionally_enclosed_by = Some("\"".into());
                args.text.escaped_by = Some("\\".into());
                args.columns = ["id", "name", "total", "at"].map(str::to_owned).to_vec();
            };
            let summary = scene.merge("/merged", words).await.unwrap_or_else(|e| panic!("{format:?}: {e}"));
            assert_eq!(summary.rows_out, 5);
            let mut records: Vec<String> = Vec::new();
            for directory in ["/old", "/new", "/merged"] {
                let lines = scene.batches(directory, &text).await;
                let mut lines: Vec<String> = lines
                    .iter()
                    .flat_map(|b| b["record"].as_string::<i32>().iter().map(|r| r.unwrap().to_owned()))
                    .collect();
                lines.sort_unstable();
                if directory == "/merged" {
                    records.retain(|r| !r.starts_with("2;") || r.contains("deux"));
                    records.sort_unstable();
                    assert_eq!(lines, records, "{format:?}");
                } else {
                    records.extend(lines);
                }
            }
            // By the number of the field as well.
            let by_number = |args: &mut MergeArgs| {
                words(args);
                (args.columns, args.merge_key) = (Vec::new(), vec!["1".into()]);
            };
            assert_eq!(scene.merge("/numbered", by_number).await.unwrap().rows_out, 5);
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_nothing_is_left() {
    let parquet = FileFormat::Parquet(ParquetOptions::default());
    let scene = Scene::data(&parquet);
    put(scene.dir.path(), "new/c.parquet", &parquet, &batch(&NEW).project(&[0, 1]).unwrap());
    let error = scene.merge("/merged", |_| {}).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Schema);
    assert!(error.to_string().contains("/new/a.parquet alone has total Decimal128(12, 2), at "), "{error}");
    assert!(!scene.dir.path().join("merged").exists());

    let scene = Scene::data(&FileFormat::Avro(AvroOptions::new("orders")));
    std::fs::remove_dir_all(scene.dir.path().join("new")).unwrap();
    put(scene.dir.path(), "new/a", &FileFormat::Avro(AvroOptions::new("o")), &batch(&NEW).project(&[0]).unwrap());
    let error = scene.merge("/merged", |_| {}).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Schema);
    assert!(error.to_string().contains("/old/a.avro alone has name Utf8, total Decimal128(12, 2)"), "{error}");

    let scene = Scene::data(&parquet);
    for (change, kind) in [
        (Box::new(|args: &mut MergeArgs| args.new_data = "/old".into()) as Box<dyn Fn(&mut MergeArgs)>, Kind::Config),
        (Box::new(|args: &mut MergeArgs| args.new_data = "/nothing".into()), Kind::NotFound),
        (Box::new(|args: &mut MergeArgs| args.merge_key = vec!["key".into()]), Kind::NotFound),
        (Box::new(|args: &mut MergeArgs| args.merge_key = vec!["total".into()]), Kind::Data),
        (Box::new(|args: &mut MergeArgs| args.target_dir = "/new".into()), Kind::Config),
    ] {
        let error = scene.merge("/merged", change).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!scene.dir.path().join("merged").exists());
    }
}

/// As an import of changed rows does it: stage the new rows, keep the old ones of other keys, commit both.
#[tokio::test]
async fn a_load_keeps_the_survivors_of_its_target() {
    for format in columnar() {
        let scene = Scene::data(&format);
        let (fs, new) = (scene.cluster.fs.clone(), batch(&NEW[..2]));
        let plan = crate::load::LoadPlan {
            replaces: Some(Vec::new()),
            ..crate::load::LoadPlan::new("/old", crate::load::LoadMode::Replace, new.schema(), {
                let (format, schema) = (format.clone(), new.schema());
                Arc::new(move |_| format.encoder(schema.clone()))
            })
        };
        let mut load = crate::load::Load::open(&scene.cluster, plan).await.unwrap();
        let mut part = load.part(0, 0, &crate::load::Partition::none()).await.unwrap();
        part.write(&new).await.unwrap();
        let mut parts = vec![part.finish().await.unwrap()];
        let set = FileSetOptions::new(TextDecodeOptions::new(TextOptions::default()), Vec::new());
        let old = list(fs.as_ref(), "/old").await.unwrap();
        let options = MergeOptions::default();
        let keeping = Keeping { fs: &fs, keys: &["id".to_owned()], set: &set, options: &options };
        let kept = keep_survivors(&load, old, &parts, 1, keeping).await.unwrap();
        assert_eq!((kept.replaced_rows, kept.doubles), (1, 0));
        parts.extend(kept.parts);
        load.replace_files(load.files().await.unwrap().into_iter().map(|f| f.path).collect()).unwrap();
        load.commit(parts, serde_json::Value::Null).await.unwrap();
        let mut merged = want(&MERGED);
        merged[1] = want(&NEW)[0].clone();
        assert_eq!(rows(&scene.batches("/old", &TextOptions::default()).await), merged, "{format:?}");
    }
}

/// What Hive wrote in its old calendar is written again in the real one, and says so.
#[tokio::test]
async fn dates_of_hive_keep_their_names() {
    let golden = |name: &str| {
        let path = format!("{}/integration-tests/golden/hive-dates/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
    };
    let day = |batches: &[RecordBatch], id: i32| {
        let rows = batches.iter().flat_map(|batch| {
            let (id, day) = (batch["i"].as_primitive::<Int32Type>(), batch["d"].as_primitive::<Date32Type>());
            id.iter().zip(day.iter()).map(|(id, day)| (id.unwrap(), day.unwrap())).collect::<Vec<_>>()
        });
        rows.into_iter().find(|(i, _)| *i == id).unwrap().1
    };
    for (name, extension) in [("int64.parquet", "parquet"), ("millis.avro", "avro")] {
        let scene = Scene::new();
        for directory in ["old", "new"] {
            std::fs::create_dir(scene.dir.path().join(directory)).unwrap();
            std::fs::write(scene.dir.path().join(format!("{directory}/f.{extension}")), golden(name)).unwrap();
        }
        let merged = scene.merge("/merged", |args| args.merge_key = vec!["i".into()]).await;
        assert_eq!(merged.unwrap_or_else(|e| panic!("{name}: {e}")).rows_out, 7, "{name}");
        let batches = scene.batches("/merged", &TextOptions::default()).await;
        assert_eq!((day(&batches, 1), day(&batches, 2)), (-719_162, -141_438), "{name}");
    }
}

/// Days that may be of either calendar are an error, unless somebody says which it is.
#[tokio::test]
async fn dates_of_no_calendar_are_refused() {
    let scene = Scene::new();
    let day = Date32Array::from(vec![-141_428]);
    let id: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let batch = RecordBatch::try_from_iter([("i", id), ("d", Arc::new(day) as ArrayRef)]).unwrap();
    for directory in ["old", "new"] {
        std::fs::create_dir(scene.dir.path().join(directory)).unwrap();
        let file = std::fs::File::create(scene.dir.path().join(format!("{directory}/f.parquet"))).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
    let merge =
        |calendar| scene.merge("/merged", move |args| (args.merge_key, args.calendar) = (vec!["i".into()], calendar));
    let error = merge(None).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.to_string().contains("column d: it lies before 1582-10-15"), "{error}");
    for (calendar, want) in [(Calendar::Hybrid, -141_438), (Calendar::Proleptic, -141_428)] {
        merge(Some(calendar)).await.unwrap();
        let batches = scene.batches("/merged", &TextOptions::default()).await;
        assert_eq!(batches[0]["d"].as_primitive::<Date32Type>().value(0), want, "{calendar:?}");
    }
}
