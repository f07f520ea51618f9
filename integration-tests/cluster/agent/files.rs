//! Files of events as Flume's sink `hdfs` writes them, by Flume's own configurations, read back by Hadoop's shell, Hive,
//! fastavro and pyarrow.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use sakia::storage::{CreateOptions, hdfs, write_whole};

use crate::stack::{self, address, beeline, hdfs_shell, python, tool, unique};

/// Lines of the log; more than Flume's batches and less than its channels hold.
const LINES: usize = 2_000;

/// An agent of Flume's that follows one log and puts each line into every sink.
struct Site {
    dir: tempfile::TempDir,
    name: String,
    config: String,
    sinks: Vec<String>,
}

impl Site {
    /// `log` is the file, and `source` more of the source.
    fn new(log: &[u8], source: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("flume").tempdir().unwrap();
        fs::write(dir.path().join("in.log"), log).unwrap();
        let config = format!(
            "a1.sources = r\na1.sources.r.type = TAILDIR\na1.sources.r.filegroups = f\n\
             a1.sources.r.filegroups.f = {}/in.log\n{source}\n",
            dir.path().display()
        );
        Self { dir, name: unique("flume_files"), config, sinks: Vec::new() }
    }

    fn path(&self, sink: &str) -> String {
        format!("/tmp/{}/{sink}", self.name)
    }

    /// Adds a sink `hdfs`; `@` in `more` stands for the beginning of its keys.
    fn sink(&mut self, name: &str, more: &str) {
        let target = format!("hdfs://{}{}", address("NAMENODE_PORT"), self.path(name));
        self.config.push_str(&format!(
            "a1.channels.{name}.type = memory\na1.channels.{name}.capacity = 10000\n\
             a1.channels.{name}.transactionCapacity = 1000\na1.sinks.{name}.type = hdfs\n\
             a1.sinks.{name}.channel = {name}\na1.sinks.{name}.hdfs.path = {target}\n{}\n",
            more.replace('@', &format!("a1.sinks.{name}."))
        ));
        self.sinks.push(name.to_owned());
    }

    /// Runs the agent until the log is read and written.
    fn run(&self) {
        let names = self.sinks.join(" ");
        let lists = format!("a1.channels = {names}\na1.sinks = {names}\na1.sources.r.channels = {names}\n");
        let file = self.dir.path().join("flume.properties");
        fs::write(&file, self.config.clone() + &lists).unwrap();
        let mut agent = Command::new(env!("CARGO_BIN_EXE_sakia"));
        agent.args(["agent", "run", "--name", "a1", "--drain", "--flume-conf"]).arg(&file);
        let done = agent.env("HADOOP_USER_NAME", "root").env_remove("HADOOP_CONF_DIR").output().unwrap();
        assert!(done.status.success(), "{}\n{}", String::from_utf8_lossy(&done.stderr), self.config);
    }

    /// The files of a sink, in the order of their names.
    fn files(&self, sink: &str) -> Vec<String> {
        hdfs_shell(&["dfs", "-ls", "-C", &self.path(sink)]).lines().map(str::to_owned).collect()
    }

    /// What Hadoop's shell shows of all files of a sink.
    fn shown(&self, sink: &str) -> String {
        hdfs_shell(&["dfs", "-text", &format!("{}/*", self.path(sink))])
    }

    /// The files of a sink on this machine.
    fn fetched(&self, sink: &str) -> Vec<PathBuf> {
        let fetch = |(number, path): (usize, &String)| {
            let file = self.dir.path().join(format!("{sink}-{number}"));
            fs::write(&file, tool("hdfs", &["dfs", "-cat", path])).unwrap();
            file
        };
        self.files(sink).iter().enumerate().map(fetch).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", &format!("/tmp/{}", self.name)]);
        }
    }
}

fn lines() -> Vec<String> {
    (0..LINES).map(|n| format!("{} line {n} of the log", 1_709_164_800_000 + n)).collect()
}

/// The first word of a line is its time.
const TIME_OF_LINE: &str = "a1.sources.r.interceptors = i\na1.sources.r.interceptors.i.type = regex_extractor\n\
     a1.sources.r.interceptors.i.regex = ^(\\\\d+)\na1.sources.r.interceptors.i.serializers = t\n\
     a1.sources.r.interceptors.i.serializers.t.name = timestamp";

/// Files of as many events as there are.
const WHOLE: &str = "@hdfs.rollCount = 0\n@hdfs.rollSize = 0\n@hdfs.rollInterval = 0\n";

fn log() -> Vec<u8> {
    (lines().join("\n") + "\n").into_bytes()
}

#[test]
fn sequence_files_are_read_by_hadoops_shell_and_by_hive() {
    let mut site = Site::new(&log(), TIME_OF_LINE);
    site.sink("usual", "");
    site.sink("text", &format!("{WHOLE}@hdfs.writeFormat = Text"));
    site.sink("none", &format!("{WHOLE}@hdfs.codeC = none"));
    for codec in ["gzip", "bzip2", "default", "snappy"] {
        site.sink(codec, &format!("{WHOLE}@hdfs.writeFormat = Text\n@hdfs.codeC = {codec}"));
        site.sink(&format!("{codec}-bytes"), &format!("{WHOLE}@hdfs.codeC = {codec}"));
    }
    site.run();
    let hex = |line: &str| line.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    let keyed = |value: &dyn Fn(&str) -> String| -> String {
        lines().iter().map(|line| format!("{}\t{}\n", line.split(' ').next().unwrap(), value(line))).collect()
    };
    let (texts, bytes) = (keyed(&str::to_owned), keyed(&hex));
    assert_eq!(site.shown("text"), texts);
    assert_eq!(site.shown("none"), bytes);
    for codec in ["gzip", "bzip2", "default", "snappy"] {
        assert!(site.shown(codec) == texts, "{codec}");
        assert!(site.shown(&format!("{codec}-bytes")) == bytes, "{codec}");
    }
    // By Flume's defaults each file holds ten events, and its name counts on.
    let files = site.files("usual");
    assert_eq!(files.len(), LINES / 10);
    assert!(site.shown("usual") == bytes);
    let name = site.files("snappy")[0].clone();
    assert!(name.contains("/FlumeData.1") && name.ends_with(".snappy"), "{name}");

    let database = &site.name;
    let tables: String = ["text", "snappy", "gzip"]
        .iter()
        .map(|sink| {
            let path = site.path(sink);
            format!(
                "create external table {database}.`{sink}` (line string) stored as sequencefile location '{path}';\n"
            )
        })
        .collect();
    let rows = beeline(&format!(
        "create database {database};\n{tables}\
         select count(*), count(distinct line), max(line) from {database}.`text`;\n\
         select count(*), count(distinct line), max(line) from {database}.`snappy`;\n\
         select count(*), count(distinct line), max(line) from {database}.`gzip`;\ndrop database {database} cascade;"
    ));
    let last = lines().pop().unwrap();
    assert_eq!(rows, vec![vec![LINES.to_string(), LINES.to_string(), last]; 3]);
}

/// Reads Hadoop's blocks of LZ4 and a stream of zstd, which the stack's Hadoop has no libraries for: sizes in big-endian,
/// then a block as LZ4 writes it by itself.
const UNPACK: &str = "
import struct
import pyarrow as pa
def lz4(data):
    out, at = b'', 0
    while at < len(data):
        whole, at = struct.unpack_from('>I', data, at)[0], at + 4
        done = 0
        while done < whole:
            length, at = struct.unpack_from('>I', data, at)[0], at + 4
            piece = pa.Codec('lz4_raw').decompress(data[at:at + length], whole, asbytes=True)
            out, at, done = out + piece, at + length, done + len(piece)
    return out
def zstd(data):
    return pa.input_stream(pa.py_buffer(data), compression='zstd').read()
def varint(data, at):
    first = struct.unpack_from('b', data, at)[0]
    if first >= -112:
        return first, at + 1
    length = -(first + 112)
    return int.from_bytes(data[at + 1:at + 1 + length], 'big'), at + 1 + length
def sequence(data, unpack):
    marker = b'\\xff\\xff\\xff\\xff' + data[data.index(b'Codec') + 5 + 4:][:16]
    rows = []
    for block in data.split(marker)[1:]:
        count, at = varint(block, 0)
        parts = []
        for _ in range(4):
            length, at = varint(block, at)
            parts.append(unpack(block[at:at + length]))
            at += length
        assert at == len(block)
        keys, values, at = parts[1], parts[3], 0
        assert len(keys) == 8 * count
        for n in range(count):
            length, at = varint(values, at)
            rows.append((struct.unpack_from('>q', keys, 8 * n)[0], values[at:at + length]))
            at += length
    return rows
unpack = {'lz4': lz4, 'zstandard': zstd}[args[0]]
stream = unpack(open(args[1], 'rb').read())
rows = sequence(open(args[2], 'rb').read(), unpack)
lines = stream.decode().splitlines()
assert [str(k) for k, _ in rows] == [line.split()[0] for line in lines]
assert [v.decode() for _, v in rows] == lines
print(len(lines), lines[-1])
";

#[test]
fn compressed_streams_of_every_codec_are_read_by_others() {
    let mut site = Site::new(&log(), TIME_OF_LINE);
    let shown = ["gzip", "BZip2Codec", "org.apache.hadoop.io.compress.DefaultCodec", "deflate", "Snappy"];
    for (number, codec) in shown.iter().enumerate() {
        site.sink(&format!("k{number}"), &format!("{WHOLE}@hdfs.fileType = CompressedStream\n@hdfs.codeC = {codec}"));
    }
    for codec in ["lz4", "zstandard"] {
        site.sink(codec, &format!("{WHOLE}@hdfs.fileType = CompressedStream\n@hdfs.codeC = {codec}"));
        site.sink(&format!("{codec}-seq"), &format!("{WHOLE}@hdfs.writeFormat = Text\n@hdfs.codeC = {codec}"));
    }
    site.run();
    let want = String::from_utf8(log()).unwrap();
    for (number, ending) in [".gz", ".bz2", ".deflate", ".deflate", ".snappy"].into_iter().enumerate() {
        let sink = format!("k{number}");
        let files = site.files(&sink);
        assert!(files.len() == 1 && files[0].ends_with(ending), "{files:?}");
        assert!(site.shown(&sink) == want, "{}", shown[number]);
    }
    for codec in ["lz4", "zstandard"] {
        let (stream, sequence) = (site.fetched(codec), site.fetched(&format!("{codec}-seq")));
        let args = [codec, stream[0].to_str().unwrap(), sequence[0].to_str().unwrap()];
        assert_eq!(python(UNPACK, &args).trim(), format!("{LINES} {}", lines().pop().unwrap()));
    }
}

/// Prints the records of Avro files as JSON lines, the codec first.
const AVRO: &str = "
import fastavro, json
for file in args:
    reader = fastavro.reader(open(file, 'rb'))
    print(reader.codec, reader.writer_schema['name'])
    for record in reader:
        print(json.dumps(record, default=bytes.decode, sort_keys=True))
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_and_bodies_in_avro_are_read_by_fastavro_and_by_hive() {
    // Lines that are data of Avro: a length, and so many letters.
    let words = ["tea", "milk", "coffee", "cinnamon"];
    let datum = |word: &str| [&[2 * word.len() as u8][..], word.as_bytes()].concat();
    let log: Vec<u8> = words.iter().flat_map(|word| [datum(word), b"\n".to_vec()].concat()).collect();
    let log = [log, b"no datum\n".to_vec()].concat();
    let mut site = Site::new(&log, "");
    let schema =
        r#"{"type": "record", "name": "Item", "namespace": "shop", "fields": [{"name": "word", "type": "string"}]}"#;
    let path = format!("/tmp/{}/item.avsc", site.name);
    let local = site.dir.path().join("item.avsc");
    fs::write(&local, schema).unwrap();
    let cluster = hdfs::connect(&stack::hdfs()).await.unwrap();
    write_whole(&*cluster, &path, schema.as_bytes(), CreateOptions::default()).await.unwrap();
    let body = format!(
        "{WHOLE}@hdfs.fileType = DataStream\n@serializer = org.apache.flume.sink.hdfs.AvroEventSerializer$Builder\n\
         @serializer.compressionCodec = deflate\n@hdfs.fileSuffix = .avro\n"
    );
    site.sink("body", &format!("{body}@serializer.schemaURL = hdfs://{}{path}", address("NAMENODE_PORT")));
    site.sink("local", &format!("{body}@serializer.schemaURL = file://{}", local.display()));
    let event = format!("{WHOLE}@hdfs.fileType = DataStream\n@serializer = avro_event\n");
    for codec in ["null", "deflate", "snappy", "bzip2", "xz", "zstandard"] {
        site.sink(&format!("event-{codec}"), &format!("{event}@serializer.compressionCodec = {codec}"));
    }
    site.run();
    for sink in ["body", "local"] {
        let files = site.fetched(sink);
        let printed = python(AVRO, &[files[0].to_str().unwrap()]);
        let want: String = words.iter().map(|word| format!("{{\"word\": \"{word}\"}}\n")).collect();
        assert_eq!((files.len(), printed), (1, format!("deflate shop.Item\n{want}")));
        let rejects = hdfs_shell(&["dfs", "-cat", &format!("{}_rejected/*", site.path(sink))]);
        assert!(rejects.lines().count() == 1 && rejects.contains("not a datum of its schema"), "{rejects}");
    }
    for codec in ["null", "deflate", "snappy", "bzip2", "xz", "zstandard"] {
        let files = site.fetched(&format!("event-{codec}"));
        let printed = python(AVRO, &[files[0].to_str().unwrap()]);
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!((lines[0], lines.len()), (format!("{codec} Event").as_str(), 6), "{printed}");
        assert!(
            lines[5].starts_with("{\"body\": \"no datum\", \"headers\": {\"byteoffset\": \"29\", \"file\": "),
            "{printed}"
        );
    }
    let database = &site.name;
    let of_event = r#"{"type": "record", "name": "Event", "fields": [{"name": "headers", "type": {"type": "map", "values": "string"}}, {"name": "body", "type": "bytes"}]}"#;
    let table = |name: &str, sink: &str, schema: &str| {
        let path = site.path(sink);
        format!(
            "create external table {database}.{name} stored as avro location '{path}' \
             tblproperties ('avro.schema.literal' = '{schema}');\n"
        )
    };
    let rows = beeline(&format!(
        "create database {database};\n{}{}select word from {database}.items order by word;\n\
         select count(*), sum(cast(headers['byteoffset'] as int)) from {database}.events;\n\
         drop database {database} cascade;",
        table("items", "body", schema),
        table("events", "event-snappy", of_event),
    ));
    assert_eq!(rows, [vec!["cinnamon"], vec!["coffee"], vec!["milk"], vec!["tea"], vec!["5", "64"]]);
}
