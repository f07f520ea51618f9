//! Files of events on the local disk, as Flume's `file_roll` sink writes them: `PREFIX` and the time of the start, a minus
//! and a number.
//!
//! A file is an epoch: it is hidden until it is complete and on the disk, and becomes visible by the step that keeps the
//! channel's cursor, so each event is there once. The state of the directory is kept beside it, in `.sakia`.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::ZonedDateTime;
use serde::{Deserialize, Serialize};

use super::place::EventDirectory;
use super::{Begun, Chunk, EpochWriter, Kept, RejectFile, Sink, Written, text};
use crate::agent::channels::cursor::Cursor;
use crate::agent::disk;
use crate::agent::event::Event;
use crate::agent::rejects::Rejects;
use crate::agent::sorter::Sorter;
use crate::error::{self, Result};
use crate::load::{Cluster, Load, SideWriter, StagedPart};
use crate::storage::local::LocalFilesystem;

/// Bytes that are handed to the disk at once.
const PIECE_BYTES: usize = 512 << 10;

/// What is written of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Form {
    /// The body.
    #[default]
    Text,
    /// The headers in braces, a blank, the body.
    HeaderAndText,
}

/// How the names of files are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Names {
    /// From the milliseconds of the start on.
    #[default]
    Start,
    /// From the second in which each was begun, in local time.
    Time,
}

/// What the sink is told.
#[derive(Clone, Debug)]
pub(in crate::agent) struct FileRollOptions {
    /// An absolute path.
    pub directory: String,
    /// Where events go that were cut, as JSON lines.
    pub reject_dir: String,
    /// The sink, as rejects name it.
    pub sink: String,
    pub prefix: String,
    /// With its point, or empty.
    pub extension: String,
    pub names: Names,
    pub form: Form,
    /// A newline behind each event.
    pub newline: bool,
}

/// Where epochs go.
#[derive(Debug)]
pub(super) struct FileRollSink {
    cluster: Cluster,
    options: FileRollOptions,
    run_id: String,
    /// Others empty its channel, too.
    shares: bool,
    /// When the agent was started, in milliseconds since 1970.
    start_ms: i64,
    /// The number of the last file.
    number: u64,
}

impl FileRollSink {
    pub(super) fn new(options: FileRollOptions, run_id: String, shares: bool) -> Self {
        let cluster = Cluster { fs: Arc::new(LocalFilesystem::new("/")), metastore: None };
        Self { cluster, options, run_id, shares, start_ms: jiff::Timestamp::now().as_millisecond(), number: 0 }
    }

    fn directory(&self) -> EventDirectory<'_> {
        EventDirectory {
            cluster: &self.cluster,
            path: &self.options.directory,
            reject_dir: &self.options.reject_dir,
            run_id: &self.run_id,
            fingerprint: "agent file-roll 1",
            holds: "files of this sink",
            shares: self.shares,
        }
    }

    /// A name that is not taken.
    fn next_name(&mut self) -> String {
        loop {
            self.number += 1;
            let FileRollOptions { directory, prefix, extension, names, .. } = &self.options;
            let from = match names {
                Names::Start => self.start_ms.to_string(),
                Names::Time => ZonedDateTime::now().strftime("%Y%m%d%H%M%S").to_string(),
            };
            let name = format!("{prefix}{from}-{}{extension}", self.number);
            if Path::new(directory).join(&name).symlink_metadata().is_err() {
                return name;
            }
        }
    }
}

#[async_trait(?Send)]
impl Sink for FileRollSink {
    fn name(&self) -> String {
        format!("agent {}", self.options.directory)
    }

    fn sorter(&self) -> Option<Sorter> {
        None
    }

    async fn recover(&mut self) -> Result<Kept> {
        self.directory().recover().await
    }

    async fn begin(&mut self, from: &Cursor) -> Result<Begun> {
        let load = match self.directory().begin(from).await? {
            Ok(load) => load,
            Err(there) => return Ok(there),
        };
        if self.options.names == Names::Time {
            self.number = 0;
        }
        let name = self.next_name();
        let file = load.side_part(&self.options.directory, &name).await?;
        let (options, rejects) = (self.options.clone(), RejectFile::default());
        Ok(Begun::Epoch(Box::new(RollEpoch { load, options, file, out: Vec::new(), waiting: 0, rejects })))
    }
}

/// An epoch being written.
struct RollEpoch {
    load: Load,
    options: FileRollOptions,
    file: SideWriter,
    /// Bytes that wait for the disk, and their events.
    out: Vec<u8>,
    waiting: u64,
    rejects: RejectFile,
}

impl RollEpoch {
    async fn ship(&mut self) -> Result<()> {
        self.file.write(std::mem::take(&mut self.out), std::mem::take(&mut self.waiting)).await
    }
}

impl FileRollOptions {
    fn write(&self, event: &Event, out: &mut Vec<u8>) {
        text::put(event, self.newline, self.form == Form::HeaderAndText, out);
    }
}

#[async_trait(?Send)]
impl EpochWriter for RollEpoch {
    async fn write(&mut self, chunk: Chunk) -> Result<()> {
        let Chunk::Events(events) = chunk else { return Err(error::bug("a sink of events was given rows")) };
        let mut rejects = Rejects::default();
        for event in events {
            if let Err(reason) = event.is_whole() {
                rejects.add(&event, &reason, &self.options.sink)?;
            } else {
                self.options.write(&event, &mut self.out);
                self.waiting += 1;
            }
            if self.out.len() >= PIECE_BYTES {
                self.ship().await?;
            }
        }
        self.rejects.add(&self.load, &self.options.reject_dir, rejects).await
    }

    async fn commit(mut self: Box<Self>, to: &Cursor) -> Result<Written> {
        self.ship().await?;
        let Self { load, options, file, mut rejects, .. } = *self;
        let mut parts: Vec<StagedPart> = vec![file.finish().await?];
        parts.retain(|part| part.rows > 0);
        parts.extend(rejects.finish().await?);
        let parts = load.commit(parts, to.to_checkpoint()?).await?.manifest.parts;
        let directory = options.directory.clone();
        let synced = tokio::task::spawn_blocking(move || sync(&directory)).await;
        synced.map_err(|e| error::bug("a thread of the agent panicked").source(e))??;
        Ok(Written { first_reject: rejects.first_reason, ..Written::of(&parts, &options.reject_dir) })
    }
}

/// Makes what was renamed durable: the files in their directory, and then the state beside it.
fn sync(directory: &str) -> Result<()> {
    let directory = Path::new(directory);
    let parent = directory.parent().unwrap_or(directory);
    let state = parent.join(".sakia");
    let own = directory.file_name().map_or_else(|| state.clone(), |name| state.join(name));
    for path in [directory, parent, &state, &own] {
        if path.is_dir() {
            disk::sync_dir(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::agent::channels::ChannelLimits;
    use crate::agent::graph::{ChannelPlan, Graph, SinkPlan, SourcePlan};
    use crate::agent::reach::{Start, Surroundings};
    use crate::agent::roll::Roll;
    use crate::agent::selector::SelectorArgs;
    use crate::agent::servers::Servers;
    use crate::agent::sinks::SinkKind;
    use crate::agent::sources::SourceKind;
    use crate::agent::sources::sequence::SequenceOptions;
    use crate::retry::Retry;
    use crate::shutdown::Stop;

    fn options(directory: &Path) -> FileRollOptions {
        FileRollOptions {
            directory: directory.join("out").to_str().unwrap().to_owned(),
            reject_dir: directory.join("rejects").to_str().unwrap().to_owned(),
            sink: "k".to_owned(),
            prefix: "ev-".to_owned(),
            extension: ".log".to_owned(),
            names: Names::Start,
            form: Form::Text,
            newline: true,
        }
    }

    /// Numbers up to `events`, five a batch and ten a file; the names in the directory, and all lines.
    async fn run(directory: &Path, events: u64) -> (Vec<String>, Vec<String>) {
        let options = options(directory);
        let sequence = SequenceOptions { batch_size: 5, total_events: Some(events), body_bytes: None };
        let limits = ChannelLimits { max_bytes: 1 << 20, max_events: 1_000, segment_bytes: 1 << 20, min_free_bytes: 0 };
        let graph = Graph {
            sources: vec![SourcePlan {
                name: "numbers".into(),
                kind: SourceKind::Sequence(sequence),
                channels: vec!["c".into()],
                selector: SelectorArgs::default(),
                interceptors: Vec::new(),
            }],
            channels: vec![ChannelPlan {
                name: "c".into(),
                directory: Some(directory.join("channel")),
                limits,
                damaged: Default::default(),
                storage: Default::default(),
            }],
            sinks: vec![SinkPlan {
                name: "k".into(),
                channel: "c".into(),
                roll: Roll { rows: 10, bytes: 1 << 20, age: Duration::from_secs(60), idle: None },
                kind: SinkKind::FileRoll(Box::new(options.clone())),
            }],
        };
        let (supply, retry) = (Servers::default(), Retry::for_time(Duration::ZERO));
        let around = Surroundings { supply: &supply, run_id: "run", retry, start: Start::AtOnce };
        graph.run(&around, &Stop::new()).await.unwrap();
        let mut names: Vec<String> = fs::read_dir(&options.directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        let text = |name: &String| fs::read_to_string(Path::new(&options.directory).join(name)).unwrap();
        let lines = names.iter().flat_map(|name| text(name).lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        (names, lines)
    }

    #[tokio::test]
    async fn fv103_files_count_up_from_the_time_of_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let (names, lines) = run(dir.path(), 25).await;
        assert_eq!(lines, (0..25).map(|number| number.to_string()).collect::<Vec<_>>());
        let start = names[0].strip_prefix("ev-").unwrap().strip_suffix("-1.log").unwrap();
        assert_eq!(start.len(), 13);
        assert_eq!(names, [1, 2, 3].map(|number| format!("ev-{start}-{number}.log")));
        let (names, lines) = run(dir.path(), 27).await;
        assert_eq!((names.len(), lines.len()), (4, 27), "nothing comes twice: {names:?}");
        fs::remove_dir_all(dir.path().join("channel")).unwrap();
        assert_eq!(run(dir.path(), 27).await.1.len(), 27, "nor without its channel");
    }

    #[test]
    fn events_with_headers() {
        let mut event = Event { body: Bytes::from_static(b"body"), ..Event::default() };
        event.headers.set("b", "2");
        event.headers.set("a", "1");
        let options = FileRollOptions { form: Form::HeaderAndText, newline: false, ..options(Path::new("/x")) };
        let mut out = Vec::new();
        options.write(&event, &mut out);
        assert_eq!(out, b"{a=1, b=2} body");
    }
}
