//! Files of events on a local filesystem: what they are called, what is in them, and each event once whatever the agent
//! dies of.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::tz::TimeZone;
use tempfile::TempDir;

use super::content::{AvroBlocks, WriteFormat};
use super::escape::RoundUnit;
use super::*;
use crate::agent::channels::memory::MemoryChannel;
use crate::agent::channels::{Channel, ChannelLimits};
use crate::agent::drain::Drain;
use crate::agent::event::Batch;
use crate::agent::graph::{ChannelPlan, Graph, SinkPlan, SourcePlan};
use crate::agent::interceptors::InterceptorArgs;
use crate::agent::position::Advance;
use crate::agent::reach::{Start, Surroundings};
use crate::agent::report::Report;
use crate::agent::roll::Roll;
use crate::agent::selector::SelectorArgs;
use crate::agent::servers::Servers;
use crate::agent::sinks::SinkKind;
use crate::agent::sources::SourceKind;
use crate::agent::sources::sequence::{FORM, SequenceOptions};
use crate::format::decode::{Input, SequenceDecoder, TextDecodeOptions};
use crate::format::{Compression, TextOptions};
use crate::retry::{Retry, Sayer};
use crate::shutdown::Stop;
use crate::storage::faulty::{Fault, FaultyFilesystem, life};
use crate::storage::local::LocalFilesystem;
use crate::storage::{CreateOptions, Filesystem, write_whole};
use crate::telemetry::summary::StepSummary;

/// A cluster and a channel.
struct Site(TempDir);

impl Site {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.0.path().join("cluster")).unwrap();
        place
    }

    fn filesystem(&self) -> Arc<dyn Filesystem> {
        Arc::new(LocalFilesystem::new(self.0.path().join("cluster")))
    }

    /// Events 0 to `events`, five a batch, each with the header `site`, and epochs of ten.
    async fn run_on(&self, fs: Arc<dyn Filesystem>, options: HdfsOptions, events: u64) -> Result<StepSummary> {
        let site = InterceptorArgs::Static { key: "site".into(), value: "shop".into(), preserve_existing: true };
        self.run_with(fs, options, events, 10, site, Retry::for_time(Duration::ZERO)).await
    }

    /// Events 0 to `events`, five a batch, as an interceptor makes them, and epochs of `rows`.
    async fn run_with(
        &self,
        fs: Arc<dyn Filesystem>,
        options: HdfsOptions,
        events: u64,
        rows: u64,
        interceptor: InterceptorArgs,
        retry: Retry,
    ) -> Result<StepSummary> {
        let sequence = SequenceOptions { batch_size: 5, total_events: Some(events), body_bytes: None };
        let limits = ChannelLimits { max_bytes: 1 << 20, max_events: 1_000, segment_bytes: 1 << 20, min_free_bytes: 0 };
        let graph = Graph {
            sources: vec![SourcePlan {
                name: "numbers".into(),
                kind: SourceKind::Sequence(sequence),
                channels: vec!["c".into()],
                selector: SelectorArgs::default(),
                interceptors: vec![interceptor],
            }],
            channels: vec![ChannelPlan {
                name: "c".into(),
                directory: Some(self.0.path().join("channel")),
                limits,
                damaged: Default::default(),
                storage: Default::default(),
            }],
            sinks: vec![SinkPlan {
                name: "k".into(),
                channel: "c".into(),
                roll: Roll { rows, bytes: 1 << 20, age: Duration::from_secs(60), idle: None },
                kind: SinkKind::Hdfs(Box::new(options)),
            }],
        };
        let cluster = Cluster { fs, metastore: None };
        let supply = Servers { cluster: Some(cluster), hbase: None };
        let around = Surroundings { supply: &supply, run_id: "run", retry, start: Start::AtOnce };
        Ok(graph.run(&around, &Stop::new()).await?.sinks.remove(0).0)
    }

    /// The files below a directory of the cluster, hidden ones left out, and their bytes.
    fn files(&self, directory: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let root = self.0.path().join("cluster").join(directory);
        gather(&root, &root, &mut files);
        files
    }

    /// The lines of all files below a directory, with how often each is there.
    fn lines(&self, directory: &str) -> BTreeMap<String, usize> {
        let mut lines = BTreeMap::new();
        for bytes in self.files(directory).values() {
            for line in String::from_utf8(bytes.clone()).unwrap().lines() {
                *lines.entry(line.to_owned()).or_default() += 1;
            }
        }
        lines
    }
}

fn gather(directory: &Path, root: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with('.') {
            continue;
        } else if path.is_dir() {
            gather(&path, root, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}

fn options(path: &str) -> HdfsOptions {
    HdfsOptions {
        path: Template::new(path).unwrap(),
        prefix: Template::new("events").unwrap(),
        clock: Clock { zone: TimeZone::UTC, round: Some((10, RoundUnit::Minute)), local: false },
        reject_dir: "/lake/rejects".into(),
        sink: "k".into(),
        rules: FileRules { content: text(Compression::None), suffix: ".log".into(), roll_count: 0, roll_bytes: 0 },
        schema: None,
        max_open_files: 8,
    }
}

fn text(compression: Compression) -> Content {
    Content::Stream { serializer: Serializer::Text { newline: true }, compression }
}

fn numbers(count: u64) -> BTreeMap<String, usize> {
    (0..count).map(|number| (number.to_string(), 1)).collect()
}

#[tokio::test]
async fn events_stand_in_files_by_header_and_each_once() {
    let place = Site::new();
    let run = async |events| place.run_on(place.filesystem(), options("/lake/events/%{site}"), events).await.unwrap();
    let summary = run(25).await;
    assert_eq!((summary.rows_in, summary.rows_out, summary.files, summary.rejects), (25, 25, 3, 0));
    assert_eq!(place.lines("lake/events"), numbers(25));
    let names: Vec<String> = place.files("lake/events").into_keys().collect();
    let is_named = |name: &String| {
        let counter = name.strip_prefix("shop/events.").and_then(|rest| rest.strip_suffix(".log"));
        counter.is_some_and(|counter| counter.len() == 13 && counter.parse::<u64>().is_ok())
    };
    assert!(names.iter().all(is_named), "{names:?}");
    assert_eq!(run(40).await.rows_in, 15);
    assert_eq!(place.lines("lake/events"), numbers(40));
}

#[tokio::test]
async fn files_are_complete_by_count_and_by_size() {
    for (roll_count, roll_bytes, wanted) in [(4, 0, vec![4, 4, 2]), (0, 6, vec![3, 3, 3, 1]), (0, 0, vec![10])] {
        let place = Site::new();
        let mut options = options("/lake/events");
        options.rules = FileRules { roll_count, roll_bytes, ..options.rules };
        place.run_on(place.filesystem(), options, 10).await.unwrap();
        let files = place.files("lake/events");
        let lines: Vec<usize> = files.values().map(|bytes| bytes.iter().filter(|b| **b == b'\n').count()).collect();
        assert_eq!(lines, wanted, "roll-count {roll_count}, roll-bytes {roll_bytes}");
        let counters: Vec<u64> = files.keys().map(|name| name.split('.').nth(1).unwrap().parse().unwrap()).collect();
        assert!(counters.windows(2).all(|pair| pair[1] == pair[0] + 1), "they count on: {counters:?}");
    }
}

#[tokio::test]
async fn fv25_and_fv26_a_thousand_events_in_ten_files() {
    let foo = || InterceptorArgs::SearchReplace { search: "^.*$".into(), replace: "foo".into() };
    // Without newlines a file is as long as its bodies are, which Flume counts.
    for (roll_count, roll_bytes, newline, wanted) in [
        (100, 0, false, vec![300; 10]),
        (0, 300, false, vec![300; 10]),
        (0, 300, true, [vec![300; 13], vec![100]].concat()),
    ] {
        let place = Site::new();
        let mut options = options("/lake/events");
        options.rules.content =
            Content::Stream { serializer: Serializer::Text { newline }, compression: Compression::None };
        options.rules = FileRules { roll_count, roll_bytes, ..options.rules };
        let once = Retry::for_time(Duration::ZERO);
        let summary = place.run_with(place.filesystem(), options, 1_000, 1_000, foo(), once).await.unwrap();
        let lengths: Vec<usize> = place.files("lake/events").values().map(Vec::len).collect();
        assert_eq!((lengths, summary.rows_out), (wanted, 1_000), "roll-count {roll_count}, roll-bytes {roll_bytes}");
    }
}

#[tokio::test]
async fn fv35_an_empty_channel_makes_no_file() {
    let place = Site::new();
    let summary = place.run_on(place.filesystem(), options("/lake/events"), 0).await.unwrap();
    assert_eq!((summary.rows_in, summary.files, place.files("").len()), (0, 0, 0));
}

#[tokio::test]
async fn files_are_compressed_as_hadoop_does_it() {
    let place = Site::new();
    let mut options = options("/lake/events");
    options.rules.content = text(Compression::Gzip);
    place.run_on(place.filesystem(), options, 10).await.unwrap();
    let (_, bytes) = place.files("lake/events").pop_first().unwrap();
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    assert_eq!(text.lines().count(), 10);
}

#[tokio::test]
async fn blocks_end_where_the_file_is_to_end() {
    let writable = |compression| Content::Sequence { values: WriteFormat::Writable, compression };
    let avro = |codec| {
        let serializer = Serializer::AvroEvent(AvroBlocks { codec, bytes: 2_048_000 });
        Content::Stream { serializer, compression: Compression::None }
    };
    // Records of 21 bytes behind a header of 95; with Avro's header five reach 250 bytes; what is compressed is less than a
    // block may be.
    for (content, wanted) in [
        (writable(Compression::None), vec![8, 2]),
        (writable(Compression::Snappy), vec![10]),
        (avro(Compression::None), vec![5, 5]),
        (avro(Compression::Deflate), vec![10]),
    ] {
        let place = Site::new();
        let mut options = options("/lake/events");
        options.rules = FileRules { content, roll_bytes: 250, ..options.rules };
        let summary = place.run_on(place.filesystem(), options.clone(), 10).await.unwrap();
        let files: Vec<Vec<u8>> = place.files("lake/events").into_values().collect();
        let rows: Vec<usize> = files.iter().map(|file| records(file)).collect();
        assert_eq!((rows, summary.rows_out), (wanted, 10), "{:?}", options.rules.content);
        assert_eq!(summary.bytes, files.iter().map(|file| file.len() as u64).sum::<u64>());
    }
}

/// Records of a sequence file or of one of Avro.
fn records(file: &[u8]) -> usize {
    if file.starts_with(b"SEQ") {
        let input = Input::new("x", Arc::new(Bytes::copy_from_slice(file)));
        return SequenceDecoder::new(input, None, &TextDecodeOptions::new(TextOptions::default()))
            .unwrap()
            .map(Result::unwrap)
            .count();
    }
    apache_avro::Reader::new(file).unwrap().map(Result::unwrap).count()
}

#[tokio::test]
async fn a_body_that_is_not_of_its_schema_is_put_aside() {
    let place = Site::new();
    let fs = place.filesystem();
    let schema = br#"{"type": "fixed", "name": "Digit", "size": 1}"#;
    write_whole(&*fs, "/schemas/digit.avsc", schema, CreateOptions::default()).await.unwrap();
    let mut options = options("/lake/events");
    let serializer = Serializer::AvroBody(AvroBlocks { codec: Compression::Snappy, bytes: 64 });
    options.rules.content = Content::Stream { serializer, compression: Compression::None };
    options.schema = Some(SchemaPlace::new("/schemas/digit.avsc").unwrap());
    let summary = place.run_on(fs, options, 13).await.unwrap();
    assert_eq!((summary.rows_in, summary.rows_out, summary.rejects), (13, 10, 3));
    let file = place.files("lake/events").pop_first().unwrap().1;
    let read = apache_avro::Reader::new(&file[..]).unwrap().map(Result::unwrap).nth(7).unwrap();
    assert_eq!(read, apache_avro::types::Value::Fixed(1, b"7".to_vec()));
    let rejects = place.lines("lake/rejects");
    assert!(rejects.keys().all(|line| line.contains("1 bytes follow the datum")), "{rejects:?}");
}

#[tokio::test]
async fn fv22_an_event_without_a_place_is_put_aside_and_holds_nobody_up() {
    let place = Site::new();
    let summary = place.run_on(place.filesystem(), options("/lake/events/%Y"), 10).await.unwrap();
    assert_eq!((summary.rows_in, summary.rows_out, summary.rejects), (10, 0, 10));
    let rejects = place.lines("lake/rejects");
    assert_eq!(rejects.len(), 10);
    assert!(rejects.keys().all(|line| line.contains("no header timestamp") && line.contains("\"site\":\"shop\"")));
    assert!(place.files("lake/events").is_empty());
}

#[test]
fn dead_at_any_call_each_event_lands_once() {
    let rolled = || {
        let mut options = options("/lake/events/%{site}");
        options.rules.roll_count = 4;
        options
    };
    let clean = Site::new();
    let counting = Arc::new(FaultyFilesystem::new(clean.filesystem(), Fault::Never));
    life(clean.run_on(counting.clone(), rolled(), 20)).unwrap();
    assert_eq!(clean.lines("lake/events"), numbers(20));
    for fault in [Fault::Crash, Fault::CrashAfter] {
        for call in 1..=counting.calls() {
            let place = Site::new();
            let faulty = Arc::new(FaultyFilesystem::new(place.filesystem(), fault(call)));
            let died = life(place.run_on(faulty, rolled(), 20));
            life(place.run_on(place.filesystem(), rolled(), 30)).unwrap();
            assert_eq!(place.lines("lake/events"), numbers(30), "call {call}: {:?}", died.err());
        }
    }
}

/// Tries again at once.
const AT_ONCE: Retry = Retry {
    budget: Duration::from_secs(60),
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(1),
};

/// Twenty events in epochs of ten on a filesystem with a fault, which the agent survives unless it is one of the first
/// calls, before it takes any event; gives the filesystem.
fn survived(fault: Fault) -> Arc<FaultyFilesystem> {
    let place = Site::new();
    let mut options = options("/lake/events/%{site}");
    options.rules.roll_count = 4;
    let site = InterceptorArgs::Static { key: "site".into(), value: "shop".into(), preserve_existing: true };
    let faulty = Arc::new(FaultyFilesystem::new(place.filesystem(), fault));
    let summary = life(place.run_with(faulty.clone(), options, 20, 10, site, AT_ONCE)).unwrap();
    assert_eq!((place.lines("lake/events"), summary.rows_out), (numbers(20), 20), "{fault:?}");
    assert_eq!(place.files("lake/events").len(), 6, "{fault:?}");
    faulty
}

/// The calls that an agent makes before it takes an event.
fn first_calls() -> Arc<FaultyFilesystem> {
    let place = Site::new();
    let faulty = Arc::new(FaultyFilesystem::new(place.filesystem(), Fault::Never));
    life(place.run_on(faulty.clone(), options("/lake/events/%{site}"), 0)).unwrap();
    faulty
}

#[test]
fn fv32_and_fv33_a_rename_or_a_close_that_fails_is_tried_again() {
    let first = first_calls().calls();
    for call in ["rename", "close"] {
        let after = |times| Fault::Named { call, after: first, times };
        let clean = survived(after(0)).named_calls();
        for attempts in [1, 5, 2] {
            let calls = survived(after(attempts - 1)).named_calls();
            assert!(calls >= clean + attempts - 1, "{call}: {calls} calls, {clean} where none fails");
        }
    }
}

#[test]
fn fv34_and_fv39_a_call_that_fails_once_neither_loses_nor_doubles() {
    let (first, calls) = (first_calls().calls(), survived(Fault::Never).calls());
    assert!(calls > first + 30, "{first}, {calls}");
    for call in first + 1..=calls {
        survived(Fault::Fail(call));
    }
}

/// What a channel holds becomes visible when an epoch is old enough, or nothing came for long enough.
#[tokio::test(flavor = "multi_thread")]
async fn fv27_and_fv37_files_end_with_time() {
    let second = Duration::from_secs(1);
    let long = Duration::from_secs(3_600);
    for (age, idle) in [(second, None), (long, Some(second))] {
        let place = Site::new();
        let cluster = Cluster { fs: place.filesystem(), metastore: None };
        let limits = ChannelLimits { max_bytes: 1 << 20, max_events: 1_000, segment_bytes: 1 << 20, min_free_bytes: 0 };
        let channel: Arc<dyn Channel> = Arc::new(MemoryChannel::new(limits, None));
        let sink = HdfsSink { cluster, options: options("/lake/events"), run_id: "run".into(), shares: false };
        let mut drain = Drain {
            channel: channel.clone(),
            sink: Box::new(sink),
            roll: Roll { rows: 1_000, bytes: 1 << 20, age, idle },
            retry: AT_ONCE,
            report: Report::default(),
            meter: Arc::default(),
            sayer: Sayer::default(),
        };
        let put = async {
            for (number, wanted) in [("0", 1), ("1", 2)] {
                let events = vec![Event { body: Bytes::from(number), ..Event::default() }];
                let after = Advance { source: "s".into(), form: FORM, entries: BTreeMap::new() };
                let began = std::time::Instant::now();
                assert!(channel.put(Batch { events, after }).unwrap());
                while place.files("lake/events").len() < wanted {
                    assert!(began.elapsed() < Duration::from_secs(60), "age {age:?}, idle {idle:?}");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                assert!(began.elapsed() >= second, "age {age:?}, idle {idle:?}");
            }
            channel.end();
        };
        let stop = Stop::new();
        let ((), done) = tokio::join!(put, drain.run(&stop));
        done.unwrap();
        assert_eq!(place.lines("lake/events"), numbers(2));
    }
}
