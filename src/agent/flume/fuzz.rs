//! Configurations of Flume, whole: what they become is read back as an agent's own file.

use std::path::Path;

use super::{FlumeFiles, Surroundings, import, properties};
use crate::agent::AgentFile;
use crate::agent::fuzz::{Target, seeds};
use crate::config::Document;
use crate::error::Error;

pub(in crate::agent) const TARGETS: &[Target] = &[
    Target { name: "properties", seeds: configurations, run: read },
    Target { name: "flume", seeds: configurations, run: convert },
];

fn configurations() -> Vec<Vec<u8>> {
    seeds(&[
        "a1.sources = r\na1.channels = c\na1.sinks = k\na1.sources.r.type = seq\na1.sources.r.channels = c\n\
         a1.channels.c.type = memory\na1.channels.c.capacity = 10000\na1.channels.c.transactionCapacity = 1000\n\
         a1.sinks.k.type = null\na1.sinks.k.channel = c\n",
        "a1.sources = r\na1.channels = c\na1.sinks = k\na1.sources.r.type = TAILDIR\na1.sources.r.filegroups = f\n\
         a1.sources.r.filegroups.f = /var/log/a.*\\\\.log\na1.sources.r.headers.f.h = \\u00fc\na1.sources.r.channels = c\n\
         a1.sources.r.interceptors = i j\na1.sources.r.interceptors.i.type = regex_filter\n\
         a1.sources.r.interceptors.i.regex = ^#\na1.sources.r.interceptors.j.type = host\n\
         a1.channels.c.type = file\na1.channels.c.dataDirs = ${X:-/data}\n\
         a1.sinks.k.type = hdfs\na1.sinks.k.hdfs.path = hdfs://nn/ev/%{h}/%Y\na1.sinks.k.hdfs.fileType = DataStream\n\
         a1.sinks.k.channel = c\n",
    ])
}

fn read(data: &[u8]) {
    let _ = properties::parse(data, "x", &mut Vec::new());
}

fn convert(data: &[u8]) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let file = dir.path().join("x.properties");
    if std::fs::write(&file, data).is_err() {
        return;
    }
    let mut from = FlumeFiles { files: vec![file], agent: "a1".to_owned(), lenient: false, config_dir: None };
    for lenient in [false, true] {
        from.lenient = lenient;
        let Ok(made) = import(&from, &Surroundings::default()) else { continue };
        let document = Document::parse(&made.text, "x");
        assert!(document.is_ok(), "{}\n{:?}", made.text, document.err());
        let Ok(mut document) = document else { continue };
        let of_others = ["hdfs", "hbase", "kerberos"].map(|name| document.table(name).map(drop));
        assert!(of_others.iter().all(Result::is_ok), "{}", made.text);
        // A value may make no sense, and is told with the component that has it. A key is never one of nobody's.
        let wrong = AgentFile::take(&mut document, Path::new("/")).err().unwrap_or_default();
        let is_of_ours = |error: &Error| error.to_string().contains("unknown key");
        assert!(!wrong.iter().any(is_of_ours), "{}\n{wrong:?}", made.text);
    }
}
