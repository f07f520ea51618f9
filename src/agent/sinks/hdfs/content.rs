//! What stands in a file of events, as Flume's HDFS sink writes it: streams of a serializer's bytes (`DataStream`,
//! `CompressedStream`) and sequence files (`SequenceFile`).
//!
//! Source: Flume 1.11 `HDFSSequenceFile`, `HDFSWritableSerializer`, `HDFSTextSerializer`, `FlumeEventAvroEventSerializer`,
//! `AvroEventSerializer`.

use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::agent::event::Event;
use crate::agent::event::names::TIMESTAMP;
use crate::agent::sinks::text;
use crate::error::{self, Result};
use crate::format::Compression;
use crate::format::avro::{Container, put_bytes, put_long};
use crate::format::hadoop::Compressor;
use crate::format::sequence::{Classes, SequenceCompression, SequenceWriter, put_vint};

/// What the files of a sink are made of.
#[derive(Clone, Debug)]
pub(in crate::agent) enum Content {
    /// What a serializer makes of each event, one behind the other; the codec is that of the whole file.
    Stream { serializer: Serializer, compression: Compression },
    /// Records of a sequence file; the codec is that of its blocks.
    Sequence { values: WriteFormat, compression: Compression },
}

/// What stands in a stream for an event.
#[derive(Clone, Debug)]
pub(in crate::agent) enum Serializer {
    /// The body.
    Text { newline: bool },
    /// The headers in braces, a blank, the body.
    HeaderAndText { newline: bool },
    /// A record of Avro that holds headers and body.
    AvroEvent(AvroBlocks),
    /// The body, which is a datum of Avro; its schema is that of the file.
    AvroBody(AvroBlocks),
}

/// How the records of an Avro file lie in it.
#[derive(Clone, Copy, Debug)]
pub(in crate::agent) struct AvroBlocks {
    pub codec: Compression,
    /// Bytes of a block before compression.
    pub bytes: usize,
}

/// The class of the values in a sequence file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::agent) enum WriteFormat {
    /// `BytesWritable`.
    #[default]
    Writable,
    /// `Text`.
    Text,
}

/// The schema of `avro-event`, letter by letter that of Flume's files.
const EVENT_SCHEMA: &str = r#"{"type":"record","name":"Event","fields":[{"name":"headers","type":{"type":"map","values":"string"}},{"name":"body","type":"bytes"}]}"#;

impl Content {
    /// Whether bytes lie in the file as they are made.
    pub(super) fn is_plain(&self) -> bool {
        match self {
            Self::Stream { compression, serializer: Serializer::AvroEvent(blocks) | Serializer::AvroBody(blocks) } => {
                *compression == Compression::None && blocks.codec == Compression::None
            }
            Self::Stream { compression, .. } | Self::Sequence { compression, .. } => *compression == Compression::None,
        }
    }

    /// Whether an event can stand in such a file.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check(&self, event: &Event) -> Result<(), String> {
        match self {
            Self::Sequence { .. } => time_of(event).map(drop),
            Self::Stream { .. } => Ok(()),
        }
    }
}

/// The time that an event says it is of, in milliseconds; `None` where it says nothing.
///
/// # Errors
/// Why it is not a time.
fn time_of(event: &Event) -> Result<Option<i64>, String> {
    let Some(said) = event.headers.get(TIMESTAMP) else { return Ok(None) };
    said.parse().map(Some).map_err(|_| format!("its header {TIMESTAMP} is {said:?}, not a number of milliseconds"))
}

/// A marker for one file. It is drawn: one that could be known beforehand could be sent in a body, and readers that look
/// for the next one would take it for the file's.
pub(super) fn marker() -> [u8; 16] {
    let drawn = Sha256::new().chain_update(Uuid::now_v7()).chain_update(Uuid::now_v7()).finalize();
    std::array::from_fn(|i| drawn[i])
}

/// Makes the bytes of one file.
pub(super) struct FileEncoder {
    records: Records,
    compressor: Compressor,
    /// What goes through the compressor next.
    bytes: Vec<u8>,
}

enum Records {
    Text { newline: bool, headers: bool },
    AvroEvent(Container),
    AvroBody(Container),
    Sequence(SequenceWriter, WriteFormat),
}

impl FileEncoder {
    /// Begins a file; `schema` is that of the bodies, where they have one.
    ///
    /// # Errors
    /// Config: a codec that such files do not have. Bug: the schema is missing.
    pub(super) fn new(content: &Content, schema: Option<&str>, marker: [u8; 16]) -> Result<Self> {
        let avro =
            |schema: &str, AvroBlocks { codec, bytes }: AvroBlocks| Container::new(schema, codec, bytes, &[], marker);
        let (records, compression) = match content {
            Content::Stream { serializer, compression } => {
                let records = match serializer {
                    Serializer::Text { newline } => Records::Text { newline: *newline, headers: false },
                    Serializer::HeaderAndText { newline } => Records::Text { newline: *newline, headers: true },
                    Serializer::AvroEvent(blocks) => Records::AvroEvent(avro(EVENT_SCHEMA, *blocks)?),
                    Serializer::AvroBody(blocks) => {
                        let schema = schema.ok_or_else(|| error::bug("a file of avro bodies has no schema"))?;
                        Records::AvroBody(avro(schema, *blocks)?)
                    }
                };
                (records, *compression)
            }
            Content::Sequence { values, compression } => {
                let classes = match values {
                    WriteFormat::Writable => Classes::LONG_AND_BYTES,
                    WriteFormat::Text => Classes::LONG_AND_TEXT,
                };
                let writer = SequenceWriter::new(classes, *compression, SequenceCompression::Block, |_| marker)?;
                (Records::Sequence(writer, *values), Compression::None)
            }
        };
        let mut encoder = Self { records, compressor: Compressor::new(compression)?, bytes: Vec::new() };
        // Its header counts from the first event on.
        if let Records::AvroEvent(container) | Records::AvroBody(container) = &mut encoder.records {
            container.end_block(&mut encoder.bytes)?;
        }
        Ok(encoder)
    }

    /// Adds an event. In a sequence file its key is its time, or the time of writing where it has none.
    ///
    /// # Errors
    /// Data: it cannot stand in such a file. Bug: a codec failed.
    pub(super) fn add(&mut self, event: &Event, now: Timestamp, out: &mut Vec<u8>) -> Result<()> {
        let Self { records, bytes, .. } = self;
        match records {
            Records::Text { newline, headers } => text::put(event, *newline, *headers, bytes),
            Records::AvroEvent(container) => {
                put_event(event, container.block());
                container.row_done(bytes)?;
            }
            Records::AvroBody(container) => {
                container.block().extend_from_slice(&event.body);
                container.row_done(bytes)?;
            }
            Records::Sequence(writer, values) => {
                let time = time_of(event).map_err(error::data)?.unwrap_or_else(|| now.as_millisecond());
                let mut length = Vec::with_capacity(9);
                match values {
                    WriteFormat::Writable => length.extend_from_slice(&(event.body.len() as u32).to_be_bytes()),
                    WriteFormat::Text => put_vint(&mut length, event.body.len() as i64),
                }
                writer.add(&time.to_be_bytes(), [&length, &event.body], bytes)?;
            }
        }
        self.pass(out)
    }

    /// Bytes that wait for the rest of their block, before compression.
    pub(super) fn waiting_bytes(&self) -> usize {
        match &self.records {
            Records::Text { .. } => 0,
            Records::AvroEvent(container) | Records::AvroBody(container) => container.waiting_bytes(),
            Records::Sequence(writer, _) => writer.waiting_bytes(),
        }
    }

    /// Ends the block at hand, if there is one; the file goes on.
    ///
    /// # Errors
    /// Bug: a codec failed.
    pub(super) fn end_block(&mut self, out: &mut Vec<u8>) -> Result<()> {
        match &mut self.records {
            Records::Text { .. } => {}
            Records::AvroEvent(container) | Records::AvroBody(container) => container.end_block(&mut self.bytes)?,
            Records::Sequence(writer, _) => writer.end_block(&mut self.bytes)?,
        }
        self.pass(out)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Bug: a codec failed.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        self.end_block(out)?;
        if let Records::Sequence(writer, _) = &mut self.records {
            // Flume leaves one behind the last record, too.
            writer.sync(&mut self.bytes)?;
            self.pass(out)?;
        }
        self.compressor.finish(out)
    }

    fn pass(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.compressor.write(&self.bytes)?;
        self.bytes.clear();
        self.compressor.drain(out);
        Ok(())
    }
}

/// Appends an event as a datum of [`EVENT_SCHEMA`].
fn put_event(event: &Event, out: &mut Vec<u8>) {
    let count = event.headers.all().count();
    if count > 0 {
        put_long(out, count as i64);
        for (name, value) in event.headers.all() {
            put_bytes(out, name.as_bytes());
            put_bytes(out, value.as_bytes());
        }
    }
    put_long(out, 0);
    put_bytes(out, &event.body);
}

#[cfg(test)]
mod tests;
