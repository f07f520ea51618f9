//! Files of our encoders, read by Hadoop's own shell and by Hive.

use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use sakia::format::parquet::Timestamps;
use sakia::format::sequence::SequenceCompression;
use sakia::format::text::{Delimiters, TextStyle};
use sakia::format::{Compression, FileFormat, Output, ParquetOptions, SequenceOptions, TextOptions};
use sakia::storage::{CreateOptions, DeleteOptions, Filesystem, hdfs};

use crate::stack;

fn encode(format: &FileFormat, batch: &RecordBatch) -> Vec<u8> {
    let mut encoder = format.encoder(batch.schema()).unwrap();
    let mut out = Output::default();
    encoder.encode(batch, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    out.into_bytes()
}

async fn put(fs: &dyn Filesystem, path: &str, bytes: Vec<u8>) {
    let mut file = fs.create(path, CreateOptions::default()).await.unwrap();
    file.write(Bytes::from(bytes)).await.unwrap();
    file.close().await.unwrap();
}

/// Rows enough for several blocks of every codec.
fn rows(count: i64) -> RecordBatch {
    let fields = vec![Field::new("id", DataType::Int64, false), Field::new("v", DataType::Utf8, true)];
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let text = |i: i64| (i % 7 != 0).then(|| format!("grüße {} ☕, {}", i, i.wrapping_mul(0x9E37_79B9_7F4A)));
    let texts = StringArray::from_iter((0..count).map(text));
    RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from_iter_values(0..count)), Arc::new(texts)]).unwrap()
}

fn options(compression: Compression) -> TextOptions {
    let delimiters = Delimiters { fields: '|', ..Delimiters::default() };
    TextOptions {
        delimiters,
        style: TextStyle::Exact,
        null_string: "\\N".into(),
        compression,
        ..TextOptions::default()
    }
}

/// The codecs that the stack's Hadoop can read: zstd needs its native libraries, lz4 a jar that is not there.
const CODECS: [Compression; 4] = [Compression::Gzip, Compression::Bzip2, Compression::Deflate, Compression::Snappy];

#[tokio::test(flavor = "multi_thread")]
async fn hadoops_shell_reads_text_and_sequence_files_of_every_codec() {
    let fs = hdfs::connect(&stack::hdfs()).await.unwrap();
    let directory = format!("/tmp/{}", stack::unique("format_codecs"));
    let batch = rows(20_000);
    let plain = encode(&FileFormat::Text(options(Compression::None)), &batch);
    let plain = String::from_utf8(plain).unwrap();
    let (mut paths, mut want) = (Vec::new(), String::new());
    for codec in CODECS {
        let format = FileFormat::Text(options(codec));
        let path = format!("{directory}/text.{}", format.extension().unwrap());
        put(fs.as_ref(), &path, encode(&format, &batch)).await;
        paths.push(path);
        want.push_str(&plain);
    }
    let keyed: String = plain.lines().map(|line| format!("\t{line}\n")).collect();
    for codec in [&[Compression::None], &CODECS[..]].concat() {
        for compress in [SequenceCompression::Record, SequenceCompression::Block] {
            let few = codec != Compression::None && compress == SequenceCompression::Record;
            let batch = if few { batch.slice(0, 500) } else { batch.clone() };
            let format = FileFormat::Sequence(SequenceOptions { text: options(codec), compress });
            let path = format!("{directory}/{codec:?}-{compress:?}.seq");
            put(fs.as_ref(), &path, encode(&format, &batch)).await;
            paths.push(path);
            let lines: String = keyed.split_inclusive('\n').take(batch.num_rows()).collect();
            want.push_str(&lines);
        }
    }
    let mut args = vec!["dfs", "-text"];
    args.extend(paths.iter().map(String::as_str));
    let got = stack::hdfs_shell(&args);
    assert!(
        got == want,
        "{} bytes instead of {}: {}",
        got.len(),
        want.len(),
        got.chars().take(200).collect::<String>()
    );
    fs.delete(&directory, DeleteOptions { recursive: true }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn hive_reads_sequence_files_and_int96_since_1582() {
    let fs = hdfs::connect(&stack::hdfs()).await.unwrap();
    let name = stack::unique("format_hive");
    let directory = format!("/tmp/{name}");
    let delimiters = Delimiters { escaped_by: Some('\\'), ..Delimiters::hive() };
    let text = TextOptions {
        delimiters,
        null_string: "\\N".into(),
        compression: Compression::Gzip,
        ..options(Compression::None)
    };
    let text = TextOptions { delimiters, ..text };
    let format = FileFormat::Sequence(SequenceOptions { text, compress: SequenceCompression::Block });
    put(fs.as_ref(), &format!("{directory}/seq/part-0"), encode(&format, &rows(1000))).await;

    let times = ["1582-10-15 00:00:00", "1969-12-31 23:59:59.999999", "9999-12-31 23:59:59"];
    let micros = [-12_219_292_800_000_000i64, -1, 253_402_300_799_000_000];
    let micros_type = DataType::Timestamp(TimeUnit::Microsecond, None);
    let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("at", micros_type, true)]));
    let batch = RecordBatch::try_new(schema, vec![Arc::new(TimestampMicrosecondArray::from(micros.to_vec()))]).unwrap();
    let format = FileFormat::Parquet(ParquetOptions { timestamps: Timestamps::Int96, ..ParquetOptions::default() });
    put(fs.as_ref(), &format!("{directory}/int96/part-0"), encode(&format, &batch)).await;

    let got = stack::beeline(&format!(
        "create database {name}; use {name};
         create external table s (id bigint, v string) row format delimited fields terminated by '\\001' \
         escaped by '\\\\' stored as sequencefile location '{directory}/seq';
         create external table t (at timestamp) stored as parquet location '{directory}/int96';
         select count(*), count(v), sum(id), max(if(id = 8, v, '')) from s;
         select cast(at as string) from t order by at;
         drop database {name} cascade"
    ));
    let sum = (0..1000).sum::<i64>().to_string();
    let eighth = format!("grüße 8 ☕, {}", 8i64.wrapping_mul(0x9E37_79B9_7F4A));
    assert_eq!(got[0], ["1000", "857", sum.as_str(), eighth.as_str()]);
    let read: Vec<&str> = got[1..].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(read, times);
    fs.delete(&directory, DeleteOptions { recursive: true }).await.unwrap();
}
