//! What the files of Flume's HDFS sink are made of: `hdfs.fileType`, `hdfs.codeC`, `hdfs.writeFormat` and the serializers.
//! It refuses LZO, and formats, codecs and serializers that are classes of somebody's own.
//!
//! Source: Flume 1.11 `HDFSEventSink`, `HDFSWriterFactory`, `SequenceFileSerializerFactory`, `EventSerializerFactory`,
//! `AbstractAvroEventSerializer`.

use super::super::super::output::Table;
use super::super::super::settings::Settings;
use crate::agent::sinks::hdfs::schemas::SchemaPlace;
use crate::format::Compression;

/// Hadoop's codecs by the names of their classes, and ours.
const CODECS: [(&str, &str); 7] = [
    ("GzipCodec", "gzip"),
    ("BZip2Codec", "bzip2"),
    ("SnappyCodec", "snappy"),
    ("Lz4Codec", "lz4"),
    ("ZStandardCodec", "zstd"),
    ("DefaultCodec", "deflate"),
    ("DeflateCodec", "deflate"),
];

/// Codecs of Avro files, and ours. Their names are taken by the letter.
const AVRO_CODECS: [(&str, &str); 6] = [
    ("null", "none"),
    ("deflate", "deflate"),
    ("snappy", "snappy"),
    ("bzip2", "bzip2"),
    ("xz", "xz"),
    ("zstandard", "zstd"),
];

/// Flume's serializers: the short name, the class, and ours.
const SERIALIZERS: [(&str, &str, &str); 4] = [
    ("TEXT", "org.apache.flume.serialization.BodyTextEventSerializer$Builder", "text"),
    ("HEADER_AND_TEXT", "org.apache.flume.serialization.HeaderAndBodyTextEventSerializer$Builder", "header-and-text"),
    ("AVRO_EVENT", "org.apache.flume.serialization.FlumeEventAvroEventSerializer$Builder", "avro-event"),
    ("", "org.apache.flume.sink.hdfs.AvroEventSerializer$Builder", "avro-body"),
];

/// The least and the most that a block of Avro may hold.
const AVRO_BLOCKS: std::ops::RangeInclusive<i64> = 32..=1 << 30;

/// The keys that say what files are made of, and how their names end.
pub(super) fn files(said: &Settings<'_>, suffix: Option<&str>) -> Table {
    let mut table = Table::default();
    let codec = codec(said);
    let kind = said.text("hdfs.fileType").unwrap_or_default().to_ascii_lowercase();
    let ending = codec.and_then(|codec| codec.parse::<Compression>().ok()?.extension());
    match (kind.as_str(), codec) {
        ("sequencefile", codec) => {
            table.set("file-format", "sequence-file").set("write-format", write_format(said));
            // Flume gives it the ending of its codec.
            let ending = ending.map(|ending| format!(".{ending}"));
            table.set("compression", codec.unwrap_or("none")).set_some("suffix", suffix.map(str::to_owned).or(ending));
        }
        ("datastream", Some(_)) => {
            let hint = "take it out, or write fileType = CompressedStream";
            said.invalid("hdfs.codeC", "is given with fileType DataStream", hint);
        }
        // What is wrong with the codec was said.
        ("compressedstream", None) if said.given("hdfs.codeC").is_none_or(is_none) => {
            said.invalid("hdfs.fileType", "has no codec", "give hdfs.codeC, such as gzip");
        }
        ("datastream" | "compressedstream", codec) => {
            // Flume does not give Avro an ending.
            let none = (serializer(said, &mut table) && codec.is_none()).then_some("");
            table.set("compression", codec.unwrap_or("none")).set_some("suffix", suffix.or(none));
        }
        _ => said.invalid("hdfs.fileType", "is not known", "write SequenceFile, DataStream or CompressedStream"),
    }
    table
}

fn is_none(codec: &str) -> bool {
    codec.eq_ignore_ascii_case("none")
}

/// The codec, as Flume looks for it: by its class, the class without its package, or that without `Codec`.
fn codec(said: &Settings<'_>) -> Option<&'static str> {
    let text = said.text("hdfs.codeC").filter(|text| !is_none(text))?;
    let is_it = |class: &str| {
        text.strip_prefix("org.apache.hadoop.io.compress.") == Some(class)
            || class.eq_ignore_ascii_case(text)
            || class.strip_suffix("Codec").is_some_and(|short| short.eq_ignore_ascii_case(text))
    };
    if let Some((_, ours)) = CODECS.iter().find(|(class, _)| is_it(class)) {
        return Some(*ours);
    }
    let known = "use GzipCodec, BZip2Codec, SnappyCodec, Lz4Codec, ZStandardCodec or DefaultCodec";
    if text.to_ascii_lowercase().contains("lzo") {
        said.not_here("hdfs.codeC", "is LZO, which is not written", "use SnappyCodec or Lz4Codec, which are as quick");
    } else if text.contains('.') && !text.starts_with("org.apache.hadoop.io.compress.") {
        said.not_here("hdfs.codeC", "is a class of its own", known);
    } else {
        said.invalid("hdfs.codeC", "is not a codec that Flume finds", known);
    }
    None
}

fn write_format(said: &Settings<'_>) -> &'static str {
    let text = said.text("hdfs.writeFormat").unwrap_or_default();
    for name in
        ["serializer", "serializer.appendNewline", "serializer.compressionCodec", "serializer.syncIntervalBytes"]
    {
        if said.given(name).is_some() {
            said.note(name, "does nothing, as in Flume: a SequenceFile has records by hdfs.writeFormat");
        }
    }
    match text {
        "Writable" | "org.apache.flume.sink.hdfs.HDFSWritableSerializer$Builder" => {
            let whose = match (said.given("hdfs.fileType"), said.given("hdfs.writeFormat")) {
                (Some(_), Some(_)) => "",
                _ => ", by Flume's defaults,",
            };
            said.remark(format!(
                "its files are{whose} SequenceFiles of BytesWritable, which Hive cannot read as text; \
                 give hdfs.writeFormat = Text, or hdfs.fileType = DataStream"
            ));
            "writable"
        }
        "Text" | "org.apache.flume.sink.hdfs.HDFSTextSerializer$Builder" => "text",
        text if text.contains('.') => {
            said.not_here("hdfs.writeFormat", "is a class of its own", "use Writable or Text");
            "writable"
        }
        _ => {
            said.invalid(
                "hdfs.writeFormat",
                "is not a format that Flume finds",
                "write Writable or Text, by the letter",
            );
            "writable"
        }
    }
}

/// The serializer and its keys; whether it writes Avro.
fn serializer(said: &Settings<'_>, table: &mut Table) -> bool {
    let text = said.text("serializer").unwrap_or_default();
    let is_it = |short: &str, class: &str| !short.is_empty() && short.eq_ignore_ascii_case(text) || class == text;
    let Some((.., ours)) = SERIALIZERS.iter().find(|(short, class, _)| is_it(short, class)) else {
        let hint = "use TEXT, HEADER_AND_TEXT, AVRO_EVENT or org.apache.flume.sink.hdfs.AvroEventSerializer$Builder";
        match text.contains('.') {
            true => said.not_here("serializer", "is a class of its own", hint),
            false => said.invalid("serializer", "is not one that Flume finds", hint),
        }
        return false;
    };
    let of_text = ["text", "header-and-text"].contains(ours);
    if *ours != "text" {
        table.set("serializer", *ours);
    }
    if of_text && !said.flag("serializer.appendNewline") {
        table.set("append-newline", false);
    }
    let not_of_it = match *ours {
        "avro-body" => &["appendNewline"][..],
        "avro-event" => &["appendNewline", "schemaURL"],
        _ => &["compressionCodec", "syncIntervalBytes", "schemaURL"],
    };
    for name in not_of_it.iter().map(|name| format!("serializer.{name}")).filter(|name| said.given(name).is_some()) {
        said.note(&name, "does nothing, as in Flume: this serializer does not know it");
    }
    if !of_text {
        table.set("avro", avro(said, *ours == "avro-body").inline());
        let kind = said.text("hdfs.fileType").unwrap_or_default();
        if kind.eq_ignore_ascii_case("CompressedStream") {
            said.remark(
                "its Avro files are compressed as a whole, so that no reader of Avro takes them before they are \
                 unpacked; give hdfs.fileType = DataStream and serializer.compressionCodec",
            );
        }
    }
    !of_text
}

/// The keys of a serializer of Avro.
fn avro(said: &Settings<'_>, of_bodies: bool) -> Table {
    let mut table = Table::default();
    let name = "serializer.compressionCodec";
    let text = said.text(name).unwrap_or_default();
    let codec = AVRO_CODECS.iter().find(|(known, _)| *known == text).map(|(_, ours)| *ours);
    match codec {
        Some(_) => {}
        None if said.common.lenient => said.note(name, "is not a codec of Avro; nothing is compressed, as in Flume"),
        None => {
            let hint = "use null, deflate, snappy, bzip2, xz or zstandard; Flume compresses nothing";
            said.invalid(name, "is not a codec of Avro", hint);
        }
    }
    table.set("compression", codec.unwrap_or("none"));
    let name = "serializer.syncIntervalBytes";
    let bytes = said.number(name, *AVRO_BLOCKS.start());
    if bytes.is_some_and(|bytes| !AVRO_BLOCKS.contains(&bytes)) {
        said.invalid(name, "is more than Avro takes", "give 1073741824 at most");
    }
    table.set_some("block-bytes", bytes);
    if of_bodies {
        if let Some(url) = said.text("serializer.schemaURL") {
            match SchemaPlace::new(url) {
                Ok(_) => {
                    table.set("schema", url);
                }
                Err(_) => said.not_here(
                    "serializer.schemaURL",
                    "is neither in HDFS nor a file of this host",
                    "put the schema there, and name it as hdfs:///PATH or file:///PATH",
                ),
            }
        }
        said.remark(
            "each schema has files of its own, where Flume takes that of a file's first event for all; a body that is \
             not of its schema is put aside, and flume.avro.schema.url can name files of the sink's filesystem alone",
        );
    }
    table
}
