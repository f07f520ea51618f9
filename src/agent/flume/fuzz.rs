//! Configurations of Flume, whole: what they become is read back as an agent's own file.

use std::path::Path;

use super::{FlumeFiles, Surroundings, import_read, properties};
use crate::agent::AgentFile;
use crate::config::Document;
use crate::error::Error;
use crate::fuzz::{Target, seeds};

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
        "a1.sources = r\na1.channels = c\na1.sinks = k\na1.configfilters = f g\na1.configfilters.f.type = external\n\
         a1.configfilters.f.command = /bin/false\na1.configfilters.g.type = hadoop\n\
         a1.configfilters.g.credential.provider.path = jceks://file/none\na1.sources.r.type = netcat\n\
         a1.sources.r.bind = ${f['k']}${g[\"k\"]}\na1.sources.r.port = 1\na1.sources.r.channels = c\n\
         a1.channels.c.type = memory\na1.sinks.k.type = logger\na1.sinks.k.channel = c\nx = ${y:-${x}}${date:yyyy}\n",
    ])
}

fn read(data: &[u8]) {
    let _ = properties::parse(data, "x", &mut Vec::new());
}

/// No config filter is asked: a search for inputs would find out how to run commands.
fn convert(data: &[u8]) {
    let around = Surroundings::default();
    assert!(!around.asks_filters);
    let mut from = FlumeFiles { files: vec!["x".into()], agent: "a1".to_owned(), lenient: false, config_dir: None };
    for lenient in [false, true] {
        from.lenient = lenient;
        let mut notes = Vec::new();
        let Ok(read) = properties::parse(data, "x", &mut notes) else { return };
        let Ok(made) = import_read(read, notes, &from, &around) else { continue };
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
