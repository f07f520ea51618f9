//! The files of one directory and prefix, and of one schema where bodies have one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

use super::content::{Content, FileEncoder, marker};
use crate::agent::event::Event;
use crate::error::Result;
use crate::load::{Load, SideWriter, StagedPart};

/// Bytes of events that are shipped at once.
const PIECE_BYTES: usize = 512 << 10;

/// Bytes of a compressed block at least that is ended for the length of its file.
const LEAST_BLOCK_BYTES: usize = 64 << 10;

/// What files are like, and when one is complete.
#[derive(Clone, Debug)]
pub(in crate::agent) struct FileRules {
    pub content: Content,
    /// How names end, with their dot.
    pub suffix: String,
    /// Events of a file; no bound where it is 0.
    pub roll_count: u64,
    /// Bytes of a file, as it lies in HDFS; no bound where it is 0.
    pub roll_bytes: u64,
}

/// Where an event goes to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub directory: String,
    pub prefix: String,
    /// The number of its body's schema.
    pub schema: Option<usize>,
}

/// The numbers in the names of an epoch's files. Those of a directory and a prefix count on, whoever writes them and
/// whatever was closed meanwhile: files that are not published yet can be seen by nobody.
#[derive(Default)]
pub(super) struct Numbers(BTreeMap<(String, String), Arc<AtomicI64>>);

impl Numbers {
    /// The last number that a place's names have; as in Flume they count up from the time of the first.
    pub(super) fn of(&mut self, place: &Place, now: Timestamp) -> Arc<AtomicI64> {
        let first = || Arc::new(AtomicI64::new(now.as_millisecond()));
        self.0.entry((place.directory.clone(), place.prefix.clone())).or_insert_with(first).clone()
    }
}

/// Events of one place, in files one after the other.
pub(in crate::agent) struct Bucket {
    place: Place,
    schema: Option<String>,
    rules: FileRules,
    number: Arc<AtomicI64>,
    open: Option<OpenFile>,
    done: Vec<StagedPart>,
    /// The chunk that wrote to it last.
    pub used: usize,
}

struct OpenFile {
    writer: SideWriter,
    encoder: FileEncoder,
    /// Bytes that wait to be shipped.
    out: Vec<u8>,
    /// Events that were not shipped yet, and all of them.
    waiting: u64,
    events: u64,
    shipped: u64,
}

impl Bucket {
    pub(super) fn new(place: Place, schema: Option<&str>, rules: FileRules, number: Arc<AtomicI64>) -> Self {
        let schema = schema.map(str::to_owned);
        Self { place, schema, rules, number, open: None, done: Vec::new(), used: 0 }
    }

    /// Writes events, into as many files as the rules make of them.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub(super) async fn write(&mut self, load: &Load, events: Vec<Event>, now: Timestamp) -> Result<()> {
        for event in events {
            if self.open.as_ref().is_some_and(|open| open.is_complete(&self.rules)) {
                self.complete().await?;
            }
            let open = match &mut self.open {
                Some(open) => open,
                None => {
                    let name = self.next_name(load).await?;
                    let writer = load.side_part(&self.place.directory, &name).await?;
                    let encoder = FileEncoder::new(&self.rules.content, self.schema.as_deref(), marker())?;
                    self.open.insert(OpenFile::new(writer, encoder))
                }
            };
            open.add(&event, now, &self.rules).await?;
        }
        Ok(())
    }

    /// Bytes in memory that wait to be shipped, or for their block.
    pub(super) fn held_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.out.len() + open.encoder.waiting_bytes())
    }

    /// Ships what waits; the file goes on.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub(super) async fn ship(&mut self) -> Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.encoder.end_block(&mut open.out)?;
        open.ship().await
    }

    /// A name that is not taken in the directory.
    async fn next_name(&self, load: &Load) -> Result<String> {
        loop {
            let name = self.numbered();
            let path = format!("{}/{name}", self.place.directory);
            if load.filesystem().stat(&path).await?.is_none() {
                return Ok(name);
            }
        }
    }

    /// The name of the next number.
    fn numbered(&self) -> String {
        let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{}.{number}{}", self.place.prefix, self.rules.suffix)
    }

    async fn complete(&mut self) -> Result<()> {
        if let Some(open) = self.open.take() {
            self.done.push(open.finish().await?);
        }
        Ok(())
    }

    /// Completes the last file; gives all.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub(super) async fn finish(mut self) -> Result<Vec<StagedPart>> {
        self.complete().await?;
        Ok(self.done)
    }
}

impl OpenFile {
    fn new(writer: SideWriter, encoder: FileEncoder) -> Self {
        Self { writer, encoder, out: Vec::new(), waiting: 0, events: 0, shipped: 0 }
    }

    /// The length of the file so far.
    fn bytes(&self) -> u64 {
        self.shipped + self.out.len() as u64
    }

    /// Whether no event may follow.
    fn is_complete(&self, rules: &FileRules) -> bool {
        (rules.roll_count > 0 && self.events >= rules.roll_count)
            || (rules.roll_bytes > 0 && self.bytes() >= rules.roll_bytes)
    }

    async fn add(&mut self, event: &Event, now: Timestamp, rules: &FileRules) -> Result<()> {
        self.encoder.add(event, now, &mut self.out)?;
        self.events += 1;
        self.waiting += 1;
        if self.block_is_enough(rules) {
            self.encoder.end_block(&mut self.out)?;
        }
        if self.out.len() >= PIECE_BYTES { self.ship().await } else { Ok(()) }
    }

    /// Whether the block at hand may make the file as long as it is to be. What a codec makes of it is known only when it
    /// is ended, and small blocks are compressed badly.
    fn block_is_enough(&self, rules: &FileRules) -> bool {
        let waiting = self.encoder.waiting_bytes();
        let least = if rules.content.is_plain() { 1 } else { LEAST_BLOCK_BYTES };
        rules.roll_bytes > 0 && waiting >= least && self.bytes() + waiting as u64 >= rules.roll_bytes
    }

    async fn ship(&mut self) -> Result<()> {
        let out = std::mem::take(&mut self.out);
        if out.is_empty() && self.waiting == 0 {
            return Ok(());
        }
        self.shipped += out.len() as u64;
        self.writer.write(out, std::mem::take(&mut self.waiting)).await
    }

    async fn finish(self) -> Result<StagedPart> {
        let Self { mut writer, encoder, mut out, waiting, .. } = self;
        encoder.finish(&mut out)?;
        writer.write(out, waiting).await?;
        writer.finish().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::sinks::hdfs::content::Serializer;
    use crate::format::Compression;

    #[test]
    fn fv28_to_fv30_names_count_up_from_the_time_of_the_first() {
        let now = Timestamp::from_millisecond(1_795_320_223_794).unwrap();
        for (suffix, wanted) in [
            ("", ["FlumeData.1795320223795", "FlumeData.1795320223796"]),
            (".avro", ["FlumeData.1795320223795.avro", "FlumeData.1795320223796.avro"]),
            (".foo", ["FlumeData.1795320223795.foo", "FlumeData.1795320223796.foo"]),
        ] {
            let serializer = Serializer::Text { newline: true };
            let content = Content::Stream { serializer, compression: Compression::None };
            let rules = FileRules { content, suffix: suffix.into(), roll_count: 0, roll_bytes: 0 };
            let place = Place { directory: "/d".into(), prefix: "FlumeData".into(), schema: None };
            let number = Numbers::default().of(&place, now);
            let bucket = Bucket::new(place, None, rules, number);
            assert_eq!([bucket.numbered(), bucket.numbered()], wanted);
        }
    }

    #[test]
    fn names_count_on_when_a_file_was_closed_and_for_every_schema() {
        let place = |prefix: &str, schema| Place { directory: "/d".into(), prefix: prefix.into(), schema };
        let (mut numbers, now) = (Numbers::default(), Timestamp::now());
        let first = numbers.of(&place("p", Some(0)), now);
        assert_eq!(first.load(Ordering::Relaxed), now.as_millisecond());
        first.fetch_add(500, Ordering::Relaxed);
        for schema in [Some(0), Some(1), None] {
            let again = numbers.of(&place("p", schema), Timestamp::now());
            assert_eq!(again.load(Ordering::Relaxed), now.as_millisecond() + 500);
        }
        assert_eq!(numbers.of(&place("q", None), now).load(Ordering::Relaxed), now.as_millisecond());
    }
}
