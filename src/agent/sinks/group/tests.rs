//! Groups against what fails and what is killed: each event is in one of the targets, once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::agent::AgentFile;
use crate::agent::channels::file::FileChannel;
use crate::agent::channels::lock::ChannelLock;
use crate::agent::channels::{Channel, ChannelLimits};
use crate::agent::drain::Drain;
use crate::agent::interceptors::Interceptors;
use crate::agent::monitor::SinkMeter;
use crate::agent::outlet::{Feed, Outlet};
use crate::agent::report::Report;
use crate::agent::roll::Roll;
use crate::agent::selector::{Selector, SelectorArgs};
use crate::agent::servers::Servers;
use crate::agent::sources::Source;
use crate::agent::sources::sequence::{self, SequenceOptions, SequenceSource};
use crate::config::Document;
use crate::load::Cluster;
use crate::retry::{Retry, Sayer};
use crate::shutdown::Stop;
use crate::storage::Filesystem;
use crate::storage::faulty::{Fault, FaultyFilesystem, life};
use crate::storage::local::LocalFilesystem;
use crate::telemetry::summary::StepSummary;

const FAILOVER: Processor = Processor::Failover { max_penalty: Duration::from_secs(30) };
const IN_TURN: Processor = Processor::LoadBalancing { is_random: false, max_penalty: None };
const ROOMY: ChannelLimits =
    ChannelLimits { max_bytes: 1 << 20, max_events: 10_000, segment_bytes: 1 << 20, min_free_bytes: 0 };

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.path("cluster")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn filesystem(&self) -> Arc<dyn Filesystem> {
        Arc::new(LocalFilesystem::new(self.path("cluster")))
    }

    /// Numbers up to `events`, five a batch and ten an epoch, into a group of sinks, each on its filesystem.
    async fn run(
        &self,
        events: u64,
        processor: Processor,
        members: &[(&str, i64, &Arc<dyn Filesystem>)],
    ) -> Result<StepSummary> {
        let member = |(name, priority, fs): &(&str, i64, &Arc<dyn Filesystem>)| Member {
            name: (*name).to_owned(),
            priority: *priority,
            kind: sink(name, fs),
        };
        let mut group = GroupSink::new("g".to_owned(), members.iter().map(member).collect(), processor);
        let kept = group.recover().await?;
        let lock = ChannelLock::take(&self.path("channel"))?;
        let channel: Arc<dyn Channel> = Arc::new(match kept {
            Kept::Target(cursor) => FileChannel::open(lock, ROOMY, cursor.as_ref())?,
            Kept::SomeTargets(cursor) => FileChannel::open_ahead(lock, ROOMY, cursor.as_ref())?,
            Kept::Channel => panic!("a group keeps cursors"),
        });
        let selector = Selector::new(&SelectorArgs::default(), &["c".to_owned()])?;
        let feed = Feed { channel: channel.clone(), feeders: Arc::default() };
        let outlet = Arc::new(Outlet::new("n", sequence::FORM, vec![feed], selector, Interceptors::default()));
        let position = outlet.position(|| Ok(None))?;
        let options = SequenceOptions { batch_size: 5, total_events: Some(events), body_bytes: None };
        Box::new(SequenceSource::new(options, position.as_ref())).run(outlet)?;
        let name = group.name();
        let mut drain = Drain {
            channel,
            roll: Roll { rows: 10, bytes: 1 << 20, age: Duration::from_secs(60), idle: None },
            retry: Retry {
                budget: Duration::from_millis(100),
                first_pause: Duration::from_millis(1),
                longest_pause: Duration::from_millis(10),
            },
            meter: Arc::new(SinkMeter::default()),
            sayer: Sayer::default(),
            report: Report::default(),
            sink: Box::new(group),
        };
        let (mut summary, meter) = (StepSummary::new(name), drain.meter.clone());
        drain.run(&Stop::new()).await?;
        meter.fill(&mut summary);
        Ok(summary)
    }

    /// How many lines each sink has, and all lines with how often each is there.
    fn lines(&self) -> (BTreeMap<String, usize>, BTreeMap<u64, usize>) {
        let (mut of, mut lines) = (BTreeMap::new(), BTreeMap::new());
        for sink in ["a", "b"] {
            let directory = self.path("cluster/lake").join(sink);
            for entry in fs::read_dir(directory).into_iter().flatten() {
                let path = entry.unwrap().path();
                for line in fs::read_to_string(&path).unwrap_or_default().lines() {
                    *of.entry(sink.to_owned()).or_default() += 1;
                    *lines.entry(line.parse().unwrap()).or_default() += 1;
                }
            }
        }
        (of, lines)
    }
}

/// The sink of a name: `null`, or files in `/lake/NAME`.
fn sink(name: &str, fs: &Arc<dyn Filesystem>) -> Box<dyn Sink> {
    let own = match name {
        "null" => "type = 'null'".to_owned(),
        name => format!("type = 'hdfs'\npath = '/lake/{name}'\nreject-dir = '/lake/rejects'\ncompression = 'none'"),
    };
    let text = format!(
        "[[source]]\nname = 's'\ntype = 'sequence'\nchannels = ['c']\n[[channel]]\nname = 'c'\ntype = 'memory'\n\
         [[sink]]\nname = 'k'\nchannel = 'c'\n{own}\n"
    );
    let mut document = Document::parse(&text, "t").unwrap();
    let kind = AgentFile::take(&mut document, Path::new("/")).unwrap().graph.sinks.remove(0).kind;
    let servers = Servers { cluster: Some(Cluster { fs: fs.clone(), metastore: None }), hbase: None };
    kind.open(&servers, "run", true).unwrap()
}

fn once(numbers: std::ops::Range<u64>) -> BTreeMap<u64, usize> {
    numbers.map(|number| (number, 1)).collect()
}

fn split(a: usize, b: usize) -> BTreeMap<String, usize> {
    [("a", a), ("b", b)].into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), n)).collect()
}

#[tokio::test]
async fn epochs_are_divided_as_the_processor_says() {
    for (processor, wanted) in [(FAILOVER, split(40, 0)), (IN_TURN, split(20, 20))] {
        let place = Place::new();
        let fs = place.filesystem();
        let summary = place.run(40, processor, &[("a", 10, &fs), ("b", 5, &fs)]).await.unwrap();
        assert_eq!((summary.rows_in, summary.rows_out), (40, 40));
        assert_eq!(place.lines(), (wanted, once(0..40)));
    }
}

#[tokio::test]
async fn fv106_the_standby_takes_over_from_a_filesystem_that_fails() {
    let place = Place::new();
    let fs = place.filesystem();
    place.run(10, FAILOVER, &[("a", 10, &fs), ("b", 5, &fs)]).await.unwrap();
    // All is well at the start, and then nothing works any more.
    let counting = Arc::new(FaultyFilesystem::new(fs.clone(), Fault::Never));
    let counted: Arc<dyn Filesystem> = counting.clone();
    sink("a", &counted).recover().await.unwrap();
    let dead: Arc<dyn Filesystem> = Arc::new(FaultyFilesystem::new(fs.clone(), Fault::Crash(counting.calls() + 1)));
    place.run(30, FAILOVER, &[("a", 10, &dead), ("b", 5, &fs)]).await.unwrap();
    assert_eq!(place.lines(), (split(10, 20), once(0..30)));
    // The first is well again: it goes on, though its target is behind.
    place.run(40, FAILOVER, &[("a", 10, &fs), ("b", 5, &fs)]).await.unwrap();
    assert_eq!(place.lines(), (split(20, 20), once(0..40)));
}

/// Lets the first sink, or both, fail at each call, and runs again with all well.
fn each_once(fault: fn(usize) -> Fault, processor: Processor, both: bool, lose_channel: bool) {
    let count = || {
        let place = Place::new();
        let counting = Arc::new(FaultyFilesystem::new(place.filesystem(), Fault::Never));
        let (counted, well): (Arc<dyn Filesystem>, _) = (counting.clone(), place.filesystem());
        let other = if both { &counted } else { &well };
        life(place.run(20, processor, &[("a", 10, &counted), ("b", 5, other)])).unwrap();
        assert_eq!(place.lines().1, once(0..20));
        counting.calls()
    };
    let calls = count();
    assert!(calls > 20, "{calls}");
    for call in 1..=calls {
        let place = Place::new();
        let well = place.filesystem();
        let faulty: Arc<dyn Filesystem> = Arc::new(FaultyFilesystem::new(well.clone(), fault(call)));
        let other = if both { &faulty } else { &well };
        let died = life(place.run(20, processor, &[("a", 10, &faulty), ("b", 5, other)]));
        if lose_channel {
            fs::remove_dir_all(place.path("channel")).ok();
        }
        life(place.run(30, processor, &[("a", 10, &well), ("b", 5, &well)])).unwrap();
        assert_eq!(place.lines().1, once(0..30), "call {call}: {:?}", died.err());
    }
}

#[test]
fn one_sink_that_fails_once_at_any_call() {
    each_once(Fault::Fail, FAILOVER, false, false);
}

#[test]
fn one_sink_that_dies_before_any_call() {
    each_once(Fault::Crash, FAILOVER, false, false);
    each_once(Fault::Crash, IN_TURN, false, false);
}

#[test]
fn one_sink_that_dies_after_any_call() {
    each_once(Fault::CrashAfter, FAILOVER, false, false);
    each_once(Fault::CrashAfter, IN_TURN, false, true);
}

#[test]
fn all_that_die_at_any_call() {
    each_once(Fault::CrashAfter, IN_TURN, true, false);
    each_once(Fault::Crash, FAILOVER, true, true);
}

#[tokio::test]
async fn a_sink_without_a_target_leaves_the_channel_ahead_of_the_others() {
    let place = Place::new();
    let fs = place.filesystem();
    for events in [20, 40, 60] {
        place.run(events, IN_TURN, &[("a", 0, &fs), ("null", 0, &fs)]).await.unwrap();
    }
    let (of, lines) = place.lines();
    assert_eq!(of, split(30, 0));
    assert!(lines.values().all(|count| *count == 1), "{lines:?}");
}

#[tokio::test]
async fn targets_of_different_channels_are_refused() {
    let place = Place::new();
    let fs = place.filesystem();
    place.run(10, IN_TURN, &[("a", 0, &fs)]).await.unwrap();
    fs::rename(place.path("channel"), place.path("first")).unwrap();
    place.run(20, IN_TURN, &[("b", 0, &fs)]).await.unwrap();
    let error = place.run(30, IN_TURN, &[("a", 0, &fs), ("b", 0, &fs)]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(error.to_string().contains("sinks a and b of group g were filled from different channels"), "{error}");
}
