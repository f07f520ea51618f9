//! What the files of the sink `hdfs` are made of.

use super::{HDFS, agent, imported, notes, toml, wrong};

/// The sink of an agent with more said of it; `@` stands for its name.
fn sink(more: &str) -> toml::Table {
    toml(&of(more))["sink"][0].as_table().unwrap().clone()
}

fn of(more: &str) -> String {
    agent(&format!("{HDFS}{}", more.replace('@', "a1.sinks.k.")))
}

/// The text of a key, in a table within a table where there is a point in it.
fn text<'a>(table: &'a toml::Table, key: &str) -> Option<&'a str> {
    match key.split_once('.') {
        Some((outer, key)) => table.get(outer)?.get(key)?.as_str(),
        None => table.get(key)?.as_str(),
    }
}

#[test]
fn flumes_default_is_a_sequence_file_of_bytes() {
    let made = sink("");
    assert_eq!((text(&made, "file-format"), text(&made, "write-format")), (Some("sequence-file"), Some("writable")));
    assert_eq!((text(&made, "compression"), text(&made, "suffix")), (Some("none"), None));
    let said = notes(&of(""));
    assert!(
        said.contains("by Flume's defaults, SequenceFiles of BytesWritable, which Hive cannot read as text"),
        "{said}"
    );
    let made = sink(
        "@hdfs.writeFormat=Text\n@hdfs.codeC=snappy\n@serializer=avro_event\n@hdfs.fileType=sequencefile\n@writeFormat.x=1",
    );
    assert_eq!((text(&made, "write-format"), text(&made, "compression")), (Some("text"), Some("snappy")));
    assert_eq!((text(&made, "suffix"), text(&made, "serializer")), (Some(".snappy"), None));
    let said = notes(&of("@hdfs.writeFormat=Text\n@serializer=avro_event"));
    assert!(!said.contains("Hive cannot read"), "{said}");
    assert!(said.contains("serializer = avro_event: does nothing, as in Flume"), "{said}");
    for (format, wanted) in
        [("text", "is not a format that Flume finds"), ("org.shop.F$Builder", "is a class of its own")]
    {
        let said = wrong(&of(&format!("@hdfs.writeFormat={format}")));
        assert!(said.contains(wanted), "{format}: {said}");
    }
    let class = sink("@hdfs.writeFormat=org.apache.flume.sink.hdfs.HDFSTextSerializer$Builder");
    assert_eq!(text(&class, "write-format"), Some("text"));
}

#[test]
fn codecs_are_found_as_flume_finds_them() {
    for (name, ours, ending) in [
        ("gzip", "gzip", ".gz"),
        ("GZIP", "gzip", ".gz"),
        ("GzipCodec", "gzip", ".gz"),
        ("org.apache.hadoop.io.compress.GzipCodec", "gzip", ".gz"),
        ("bzip2codec", "bzip2", ".bz2"),
        ("snappy", "snappy", ".snappy"),
        ("Lz4", "lz4", ".lz4"),
        ("zstandard", "zstd", ".zst"),
        ("default", "deflate", ".deflate"),
        ("DeflateCodec", "deflate", ".deflate"),
    ] {
        let of = |kind: &str| sink(&format!("@hdfs.fileType={kind}\n@hdfs.codeC={name}"));
        let (stream, sequence) = (of("CompressedStream"), of("SequenceFile"));
        assert_eq!((text(&stream, "compression"), text(&stream, "suffix")), (Some(ours), None), "{name}");
        assert_eq!((text(&sequence, "compression"), text(&sequence, "suffix")), (Some(ours), Some(ending)), "{name}");
    }
    for (name, wanted) in [
        ("zstd", "codeC = zstd is not a codec that Flume finds"),
        ("org.apache.hadoop.io.compress.gzipcodec", "is not a codec that Flume finds"),
        ("com.shop.GzipCodec", "is a class of its own"),
        ("lzo", "is LZO"),
        ("com.hadoop.compression.lzo.LzopCodec", "is LZO"),
    ] {
        for kind in ["CompressedStream", "SequenceFile"] {
            let said = wrong(&of(&format!("@hdfs.fileType={kind}\n@hdfs.codeC={name}")));
            assert!(said.contains(wanted) && said.lines().count() == 1, "{name}: {said}");
        }
    }
}

#[test]
fn fv29_fv30_a_suffix_that_is_said_stands_alone() {
    for (more, wanted) in [
        ("@hdfs.fileType=DataStream\n@serializer=avro_event\n@hdfs.fileSuffix=.avro", ".avro"),
        ("@hdfs.fileType=CompressedStream\n@hdfs.codeC=gzip\n@hdfs.fileSuffix=.foo", ".foo"),
        ("@hdfs.fileType=SequenceFile\n@hdfs.codeC=gzip\n@hdfs.fileSuffix=.foo", ".foo"),
    ] {
        assert_eq!(text(&sink(more), "suffix"), Some(wanted), "{more}");
    }
}

#[test]
fn avro_with_headers_and_bodies_of_avro() {
    let made = sink("@hdfs.fileType=DataStream\n@serializer=avro_event");
    assert_eq!((text(&made, "serializer"), text(&made, "suffix")), (Some("avro-event"), Some("")));
    assert_eq!((text(&made, "avro.compression"), text(&made, "compression")), (Some("none"), Some("none")));
    assert_eq!(made["avro"]["block-bytes"].as_integer(), Some(2_048_000));
    let bodies = "@hdfs.fileType=DataStream\n@serializer=org.apache.flume.sink.hdfs.AvroEventSerializer$Builder\n\
                  @serializer.compressionCodec=snappy\n@serializer.syncIntervalBytes=4096\n@hdfs.fileSuffix=.avro";
    let made = sink(&format!("{bodies}\n@serializer.schemaURL=hdfs://nn:8020/schemas/click.avsc"));
    assert_eq!((text(&made, "serializer"), text(&made, "suffix")), (Some("avro-body"), Some(".avro")));
    assert_eq!(text(&made, "avro.schema"), Some("hdfs://nn:8020/schemas/click.avsc"));
    assert_eq!(
        (text(&made, "avro.compression"), made["avro"]["block-bytes"].as_integer()),
        (Some("snappy"), Some(4096))
    );
    let said = notes(&of(bodies));
    assert!(said.contains("each schema has files of its own"), "{said}");
    let said = wrong(&of(&format!("{bodies}\n@serializer.schemaURL=http://repo/click.avsc")));
    assert!(said.contains("is neither in HDFS nor a file of this host"), "{said}");
    let stream =
        "@hdfs.fileType=CompressedStream\n@hdfs.codeC=gzip\n@serializer=avro_event\n@serializer.appendNewline=false";
    let said = notes(&of(stream));
    assert!(said.contains("its Avro files are compressed as a whole"), "{said}");
    assert!(said.contains("serializer.appendNewline = false: does nothing, as in Flume"), "{said}");
    assert_eq!(text(&sink(stream), "suffix"), None);
}

#[test]
fn what_flume_does_not_find_is_said() {
    let stream = |more: &str| of(&format!("@hdfs.fileType=DataStream\n{more}"));
    for (more, wanted) in [
        ("@serializer=avro", "serializer = avro is not one that Flume finds"),
        ("@serializer=com.shop.AvroEventSerializer$Builder", "is a class of its own"),
        ("@serializer=avro_event\n@serializer.compressionCodec=gzip", "is not a codec of Avro"),
        ("@serializer=avro_event\n@serializer.syncIntervalBytes=31", "at least 32"),
        ("@serializer=avro_event\n@serializer.syncIntervalBytes=1073741825", "more than Avro takes"),
        ("@hdfs.fileType=Parquet", "fileType = Parquet is not known"),
    ] {
        let said = wrong(&stream(more));
        assert!(said.contains(wanted), "{more}: {said}");
    }
    let lenient = imported(&stream("@serializer=avro_event\n@serializer.compressionCodec=gzip"), true).unwrap();
    assert!(lenient.text.contains("compression = \"none\""), "{}", lenient.text);
    assert!(lenient.notes.join("\n").contains("nothing is compressed, as in Flume"), "{:?}", lenient.notes);
    let said = notes(&stream("@serializer.columns=a b"));
    assert!(said.contains("serializer.columns = a b: does nothing here"), "{said}");
    let said = notes(&stream(
        "@serializer=avro_event\na1.sources.r.type=TAILDIR\na1.sources.r.filegroups=f\na1.sources.r.filegroups.f=/l/x",
    ));
    assert!(said.contains("which a sink with headers writes too"), "{said}");
}

#[test]
fn fv41_a_codec_with_a_data_stream_and_a_compressed_stream_without_one() {
    let said = wrong(&agent(&format!("{HDFS}a1.sinks.k.hdfs.fileType=DataStream\na1.sinks.k.hdfs.codeC=gzip")));
    assert!(said.contains("codeC = gzip is given with fileType DataStream"), "{said}");
    let said = wrong(&agent(&format!("{HDFS}a1.sinks.k.hdfs.fileType=CompressedStream")));
    assert!(said.contains("CompressedStream has no codec"), "{said}");
}

#[test]
fn fv31_files_in_use_are_hidden_whatever_they_are_called() {
    let plain = sink("@hdfs.fileType=DataStream");
    for more in [
        "@hdfs.inUsePrefix=_\n@hdfs.inUseSuffix=.open",
        "@hdfs.emptyInUseSuffix=true\n@hdfs.inUseSuffix=.open",
        "@hdfs.emptyInUseSuffix=true",
    ] {
        let more = format!("@hdfs.fileType=DataStream\n{more}");
        assert_eq!(sink(&more), plain, "{more}");
        let said = notes(&of(&more));
        for line in more.lines().skip(1) {
            let wanted = format!(
                "{}: does nothing here: files lie hidden",
                line.replace('@', "a1.sinks.k.").replace('=', " = ")
            );
            assert!(said.contains(&wanted), "{wanted}: {said}");
        }
    }
}

#[test]
fn fv36_how_often_a_file_is_closed_is_not_counted() {
    let plain = sink("@hdfs.fileType=DataStream");
    for more in ["retryInterval=0", "retryInterval=-1", "closeTries=0", "closeTries=-4"] {
        let more = format!("@hdfs.fileType=DataStream\n@hdfs.{more}");
        assert_eq!(sink(&more), plain, "{more}");
        let said = notes(&of(&more)).contains("does nothing here: calls to HDFS have limits of their own");
        assert_eq!(said, !more.ends_with("closeTries=0"), "Flume's default is not said: {more}");
    }
}

#[test]
fn fv37_a_file_that_is_quiet_is_complete() {
    let made = sink("@hdfs.fileType=DataStream\n@hdfs.rollInterval=0\n@hdfs.idleTimeout=1");
    assert_eq!((text(&made, "roll.age"), text(&made, "roll.idle")), (Some("3600s"), Some("1s")));
    assert_eq!(text(&sink("@hdfs.fileType=DataStream\n@hdfs.idleTimeout=0"), "roll.idle"), None);
}
