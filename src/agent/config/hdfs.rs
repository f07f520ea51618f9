//! The keys of the sink `hdfs`: where its files go, what they are made of, and when one is complete.

use std::path::Path;

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::checks::{Wrong, Wrongs, at, check_range};
use crate::agent::sinks::hdfs::HdfsOptions;
use crate::agent::sinks::hdfs::bucket::FileRules;
use crate::agent::sinks::hdfs::content::{AvroBlocks, Content, Serializer, WriteFormat};
use crate::agent::sinks::hdfs::escape::{Clock, RoundUnit, Template, confined, is_prefix};
use crate::agent::sinks::hdfs::schemas::SchemaPlace;
use crate::error::{self, Error};
use crate::format::Compression;
use crate::format::avro::Container;
use crate::format::hadoop::Compressor;

/// Files of events in HDFS.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct HdfsArgs {
    path: String,
    #[serde(default = "file_prefix")]
    prefix: String,
    #[serde(default)]
    suffix: Option<String>,
    reject_dir: String,
    #[serde(default)]
    file_format: FileKind,
    #[serde(default)]
    serializer: Option<SerializerName>,
    #[serde(default)]
    append_newline: Option<bool>,
    #[serde(default)]
    write_format: Option<WriteFormat>,
    #[serde(default)]
    compression: Option<Compression>,
    #[serde(default)]
    avro: Option<AvroArgs>,
    #[serde(default)]
    roll_count: u64,
    #[serde(default = "roll_file_bytes")]
    roll_bytes: u64,
    #[serde(default = "max_open_files")]
    max_open_files: usize,
    #[serde(default)]
    time_zone: Option<String>,
    #[serde(default)]
    local_time: bool,
    #[serde(default)]
    round: Option<RoundArgs>,
}

/// What files are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FileKind {
    /// What the serializer makes of each event, one behind the other.
    #[default]
    Stream,
    SequenceFile,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SerializerName {
    #[default]
    Text,
    HeaderAndText,
    AvroEvent,
    AvroBody,
}

/// What the serializers of Avro are told.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AvroArgs {
    #[serde(default)]
    compression: Compression,
    #[serde(default = "avro_block_bytes")]
    block_bytes: usize,
    /// Where the schema of bodies lies whose headers do not name one.
    #[serde(default)]
    schema: Option<String>,
}

impl Default for AvroArgs {
    fn default() -> Self {
        Self { compression: Compression::default(), block_bytes: avro_block_bytes(), schema: None }
    }
}

/// As Java's writer makes them.
fn avro_block_bytes() -> usize {
    64 << 10
}

/// How the time in a path is rounded down.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RoundArgs {
    value: u8,
    unit: RoundUnit,
}

fn file_prefix() -> String {
    "events".to_owned()
}

/// A block of HDFS.
fn roll_file_bytes() -> u64 {
    128 << 20
}

fn max_open_files() -> usize {
    64
}

impl HdfsArgs {
    /// # Errors
    /// Config: a path, a time zone or a step of rounding that makes no sense.
    pub(super) fn plan(self) -> Result<HdfsOptions, Wrongs> {
        let mut wrong = Wrongs::default();
        let content = wrong.note(self.content());
        let zone = match &self.time_zone {
            None => Ok(TimeZone::system()),
            Some(name) => TimeZone::get(name).map_err(|_| {
                let e = error::config(format!("time-zone {name} is not known"));
                ("time-zone", e.hint("name one of the tz database, such as Europe/Berlin, or UTC"))
            }),
        };
        let zone = wrong.note(zone);
        let round = wrong.note(self.round.map(RoundArgs::plan).transpose());
        wrong.note(check_range("max-open-files", self.max_open_files as u64, 1, 5_000));
        let path = wrong.note(Template::new(&self.path).map_err(at("path")));
        let prefix = wrong.note(Template::new(&self.prefix).map_err(at("prefix")));
        // What is said of names and places needs all of these.
        let (Some((content, schema)), Some(zone), Some(round), Some(path), Some(prefix)) =
            (content, zone, round, path, prefix)
        else {
            return Err(wrong);
        };
        let options = HdfsOptions {
            path,
            prefix,
            clock: Clock { zone, round, local: self.local_time },
            reject_dir: self.reject_dir,
            sink: String::new(),
            rules: FileRules {
                suffix: self.suffix.unwrap_or_else(|| suffix(&content)),
                content,
                roll_count: self.roll_count,
                roll_bytes: self.roll_bytes,
            },
            schema,
            max_open_files: self.max_open_files,
        };
        let root = options.root();
        if !root.starts_with('/') {
            let e = error::config(format!("path {} does not begin with a directory", self.path))
                .hint("begin it with an absolute directory without escapes, such as /lake/events/%Y-%m-%d");
            wrong.add("path", e);
        } else if let Err(why) = confined(root, "/") {
            let e = error::config(format!("path {}: {}", self.path, why.trim_start_matches("its headers ")))
                .hint("choose a directory whose components begin with a letter or a digit");
            wrong.add("path", e);
        }
        let fixed = self.prefix.split('%').next().unwrap_or_default();
        let no_name = |key: &str, text: &str| {
            let e = error::config(format!("{key} {text:?} cannot be part of a file's name"));
            e.hint("leave out / and :, and do not begin with a point or an underscore")
        };
        if !fixed.is_empty() && is_prefix(fixed).is_err() {
            wrong.add("prefix", no_name("prefix", fixed));
        }
        if options.rules.suffix.contains(['/', ':']) {
            wrong.add("suffix", no_name("suffix", &options.rules.suffix));
        }
        if Path::new(&options.reject_dir).starts_with(root) {
            let what = format!("reject-dir {} lies in {root}, among the events", options.reject_dir);
            wrong.add("reject-dir", error::config(what).hint("give rejects a directory of their own"));
        }
        wrong.end().map(|()| options)
    }

    /// What files are made of, and the schema of bodies.
    ///
    /// # Errors
    /// Config: keys that do not belong together, or a codec that such files do not have.
    fn content(&self) -> Result<(Content, Option<SchemaPlace>), Wrongs> {
        let mut wrong = Wrongs::default();
        let is_stream = self.file_format == FileKind::Stream;
        let name = self.serializer.unwrap_or_default();
        let is_avro = is_stream && matches!(name, SerializerName::AvroEvent | SerializerName::AvroBody);
        let avro = self.avro.clone().unwrap_or_default();
        for (key, is_given, fits, needs) in [
            ("write-format", self.write_format.is_some(), !is_stream, "file-format = \"sequence-file\""),
            ("serializer", self.serializer.is_some(), is_stream, "file-format = \"stream\""),
            ("append-newline", self.append_newline.is_some(), is_stream && !is_avro, "a serializer of text"),
            ("avro", self.avro.is_some(), is_avro, "serializer = \"avro-event\" or \"avro-body\""),
            (
                "avro.schema",
                is_avro && avro.schema.is_some(),
                name == SerializerName::AvroBody,
                "serializer = \"avro-body\"",
            ),
        ] {
            if is_given && !fits {
                wrong.add(key, out_of_place(key, needs));
            }
        }
        let usual = if is_avro { Compression::None } else { Compression::default() };
        let compression = self.compression.unwrap_or(usual);
        wrong.note(Compressor::new(compression).map_err(at("compression")));
        if !is_stream {
            wrong.end()?;
            return Ok((Content::Sequence { values: self.write_format.unwrap_or_default(), compression }, None));
        }
        wrong.note(check_range("avro.block-bytes", avro.block_bytes as u64, 32, 1 << 30));
        let tried = Container::new("null", avro.compression, avro.block_bytes, &[], [0; 16]);
        wrong.note(tried.map_err(at("avro.compression")));
        let blocks = AvroBlocks { codec: avro.compression, bytes: avro.block_bytes };
        let newline = self.append_newline.unwrap_or(true);
        let serializer = match name {
            SerializerName::Text => Serializer::Text { newline },
            SerializerName::HeaderAndText => Serializer::HeaderAndText { newline },
            SerializerName::AvroEvent => Serializer::AvroEvent(blocks),
            SerializerName::AvroBody => Serializer::AvroBody(blocks),
        };
        let schema = avro.schema.map(|place| SchemaPlace::new(&place).map_err(at("avro.schema"))).transpose();
        let (Some(schema), true) = (wrong.note(schema), wrong.is_empty()) else { return Err(wrong) };
        Ok((Content::Stream { serializer, compression }, schema))
    }
}

/// What belongs to another kind of file than the one that is asked for.
fn out_of_place(key: &str, needs: &str) -> Error {
    error::config(format!("{key} has no meaning here")).hint(format!("leave it out, or give {needs}"))
}

/// The ending of files of a kind. That of a codec is for files that are compressed as a whole.
fn suffix(content: &Content) -> String {
    match content {
        Content::Sequence { .. } => String::new(),
        Content::Stream {
            serializer: Serializer::AvroEvent(_) | Serializer::AvroBody(_),
            compression: Compression::None,
        } => ".avro".to_owned(),
        Content::Stream { compression, .. } => compression.extension().map(|e| format!(".{e}")).unwrap_or_default(),
    }
}

impl RoundArgs {
    /// # Errors
    /// Config: the last step of a minute, an hour or a day would be shorter than the others.
    fn plan(self) -> Result<(i8, RoundUnit), Wrong> {
        let Self { value, unit } = self;
        let (most, units) = match unit {
            RoundUnit::Second => (60, "seconds"),
            RoundUnit::Minute => (60, "minutes"),
            RoundUnit::Hour => (24, "hours"),
        };
        check_range("round.value", value.into(), 1, u64::from(most))?;
        if most % value != 0 {
            let what = format!("round.value is {value}, by which {most} {units} cannot be divided");
            return Err(("round.value", error::config(what).hint("give a divisor, such as 5, 10, 15 or 30 minutes")));
        }
        Ok((i8::try_from(value).unwrap_or(i8::MAX), unit))
    }
}
