//! Whole configurations.

use std::path::Path;

use super::*;
use crate::agent::AgentFile;
use crate::config::Document;

mod channels;
mod hbase;
mod hdfs;
mod kafka;
mod rpc;
mod syslog;

/// An agent `a1` of a text, and what is read of it.
fn imported(text: &str, lenient: bool) -> Result<Imported, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.properties");
    std::fs::write(&file, text).unwrap();
    let from = FlumeFiles { files: vec![file], agent: "a1".to_owned(), lenient, config_dir: None };
    let environment = [("HOME".to_owned(), "/home/flume".to_owned())].into();
    let done = import(&from, &Surroundings { environment, ..Surroundings::default() });
    let dir = dir.path().display().to_string();
    let shown = |text: String| text.replace(&format!("{dir}/"), "");
    match done {
        Ok(Imported { text, notes }) => {
            let mut document = Document::parse(&text, "x").unwrap();
            document.table("hdfs").unwrap();
            document.table("hbase").unwrap();
            document.table("kerberos").unwrap();
            let read = AgentFile::take(&mut document, Path::new("/"));
            let wrong: Vec<String> = read.err().unwrap_or_default().iter().map(Error::to_string).collect();
            assert!(wrong.is_empty(), "{text}\n{wrong:?}");
            Ok(Imported { text: shown(text), notes: notes.into_iter().map(shown).collect() })
        }
        Err(wrong) => Err(wrong.iter().map(|e| shown(format!("{e}; {}", e.remedy().unwrap_or("-")))).collect()),
    }
}

fn toml(text: &str) -> toml::Table {
    toml::from_str(&imported(text, false).unwrap_or_else(|wrong| panic!("{wrong:#?}")).text).unwrap()
}

fn notes(text: &str) -> String {
    imported(text, false).unwrap_or_else(|wrong| panic!("{wrong:#?}")).notes.join("\n")
}

fn wrong(text: &str) -> String {
    imported(text, false).unwrap_err().join("\n")
}

/// A source, a channel and a sink; `more` replaces and adds.
fn agent(more: &str) -> String {
    let base = [
        ("a1.sources", "r"),
        ("a1.channels", "c"),
        ("a1.sinks", "k"),
        ("a1.sources.r.type", "seq"),
        ("a1.sources.r.channels", "c"),
        ("a1.channels.c.type", "memory"),
        ("a1.channels.c.capacity", "10000"),
        ("a1.channels.c.transactionCapacity", "1000"),
        ("a1.sinks.k.type", "null"),
        ("a1.sinks.k.channel", "c"),
    ];
    let is_given = |key: &str| more.lines().any(|line| line.split('=').next().is_some_and(|own| own.trim() == key));
    let base = base.iter().filter(|(key, _)| !is_given(key)).map(|(key, value)| format!("{key} = {value}\n"));
    base.collect::<String>() + more
}

const HDFS: &str = "a1.sinks.k.type = hdfs\na1.sinks.k.hdfs.path = hdfs://nn:8020/lake/ev/%Y-%m-%d\n";

#[test]
fn a_small_agent() {
    let made = toml(&agent("a1.sources.r.totalEvents = 5\na1.sources.r.batchSize = 2"));
    let source = &made["source"][0];
    assert_eq!((source["name"].as_str(), source["type"].as_str()), (Some("r"), Some("sequence")));
    assert_eq!((source["total-events"].as_integer(), source["batch-size"].as_integer()), (Some(5), Some(2)));
    assert_eq!(made["channel"][0]["max-events"].as_integer(), Some(10_000));
    assert_eq!((made["sink"][0]["type"].as_str(), made["sink"][0]["channel"].as_str()), (Some("null"), Some("c")));
}

#[test]
fn flumes_defaults_are_kept_and_those_that_hurt_are_said() {
    let text = agent(&format!("{HDFS}a1.sinks.k.hdfs.fileType = DataStream\na1.channels.c.type = file"));
    let made = toml(&text);
    let sink = &made["sink"][0];
    assert_eq!((sink["path"].as_str(), sink["prefix"].as_str()), (Some("/lake/ev/%Y-%m-%d"), Some("FlumeData")));
    assert_eq!((sink["roll-count"].as_integer(), sink["roll-bytes"].as_integer()), (Some(10), Some(1024)));
    assert_eq!((sink["roll"]["age"].as_str(), sink["compression"].as_str()), (Some("30s"), Some("none")));
    assert_eq!(sink["reject-dir"].as_str(), Some("/lake/ev_rejected"));
    assert_eq!(made["hdfs"]["url"].as_str(), Some("hdfs://nn:8020"));
    assert_eq!(made["channel"][0]["directory"].as_str(), Some("/home/flume/.flume/file-channel/data-sakia"));
    let said = notes(&text);
    assert!(said.contains("by Flume's defaults, end after 10 events or 1024 bytes"), "{said}");
    assert!(said.contains("let Flume empty its channel before the switch"), "{said}");
    assert!(said.contains("a1.channels.c holds 10000 events, and a1.sinks.k completes its files where"), "{said}");
}

#[test]
fn rolls_rounding_and_codecs() {
    let text = agent(&format!(
        "{HDFS}a1.sinks.k.hdfs.fileType=CompressedStream\na1.sinks.k.hdfs.codeC=org.apache.hadoop.io.compress.BZip2Codec\n\
         a1.sinks.k.hdfs.rollInterval=0\na1.sinks.k.hdfs.rollSize=134217728\na1.sinks.k.hdfs.rollCount=0\n\
         a1.sinks.k.hdfs.round=true\na1.sinks.k.hdfs.roundValue=10\na1.sinks.k.hdfs.roundUnit=minute\n\
         a1.sinks.k.hdfs.timeZone=Europe/Paris\na1.sinks.k.hdfs.useLocalTimeStamp=true\n\
         a1.sinks.k.serializer=header_and_text\na1.sinks.k.hdfs.kerberosPrincipal=f@R\na1.sinks.k.hdfs.kerberosKeytab=/k\n\
         a1.sinks.k.hdfs.proxyUser=etl\na1.sinks.k.hdfs.callTimeout=10000"
    ));
    let made = toml(&text);
    let sink = &made["sink"][0];
    assert_eq!((sink["compression"].as_str(), sink["roll-bytes"].as_integer()), (Some("bzip2"), Some(134_217_728)));
    assert_eq!((sink["roll-count"].as_integer(), sink["roll"]["age"].as_str()), (Some(0), Some("3600s")));
    assert_eq!((sink["round"]["value"].as_integer(), sink["round"]["unit"].as_str()), (Some(10), Some("minute")));
    assert_eq!((sink["time-zone"].as_str(), sink["local-time"].as_bool()), (Some("Europe/Paris"), Some(true)));
    assert_eq!((made["kerberos"]["keytab"].as_str(), made["proxy-user"].as_str()), (Some("/k"), Some("etl")));
    let said = notes(&text);
    assert!(!said.contains("many small files"), "{said}");
    assert!(said.contains("hdfs.callTimeout = 10000: does nothing here"), "{said}");
    assert!(said.contains("rollInterval = 0: an epoch is complete after 1 h here"), "{said}");
}

#[test]
fn fv15_a_batch_above_the_transaction_stops_the_start_and_leniently_takes_the_component_out() {
    let source = "a1.sources = r s\na1.sources.s.type = seq\na1.sources.s.channels = c\na1.sources.s.batchSize = 2000";
    let said = wrong(&agent(source));
    assert!(said.contains("a1.sources.s takes batches of 2000 events"), "{said}");
    assert!(said.contains("Flume runs without this source"), "{said}");
    let left = imported(&agent(source), true).unwrap();
    assert!(left.text.contains("name = \"r\"") && !left.text.contains("name = \"s\""), "{}", left.text);
    assert!(left.notes.join("\n").contains("the component is left out, as Flume does"), "{:?}", left.notes);
    let alone = imported(&agent("a1.channels = c d\na1.channels.d.type = memory"), true).unwrap();
    assert!(!alone.text.contains("name = \"d\""), "{}", alone.text);
    let sink = "a1.channels = c d\na1.channels.d.type = memory\na1.sources.r.channels = c d\na1.sinks = k l\n\
                a1.sinks.l.type = null\na1.sinks.l.channel = d\na1.sinks.l.batchSize = 101";
    assert!(wrong(&agent(sink)).contains("channel d has a transactionCapacity of 100"));
}

#[test]
fn fv44_headers_of_one_group_alone() {
    let text = agent(
        "a1.sources.r.type = TAILDIR\na1.sources.r.filegroups = f1 f2\na1.sources.r.filegroups.f1 = /var/log/a/.*\\\\.log\n\
         a1.sources.r.filegroups.f2 = /var/log/b/x\na1.sources.r.headers.f2.site = shop\na1.sources.r.positionFile = /p\n\
         a1.sources.r.interceptors = i\na1.sources.r.interceptors.i.type = host",
    );
    let made = toml(&text);
    let [first, second] = &made["source"].as_array().unwrap()[..] else { panic!("{made:?}") };
    assert_eq!((first["name"].as_str(), second["name"].as_str()), (Some("r-rest"), Some("r-f2")));
    assert_eq!(first["file-regexes"][0].as_str(), Some("/var/log/a/.*\\.log"));
    assert_eq!(second["interceptors"][0]["key"].as_str(), Some("site"));
    assert_eq!(second["interceptors"][1]["type"].as_str(), Some("host"));
    assert_eq!(first["position-file"].as_str(), Some("/p"));
    let said = notes(&text);
    assert!(said.contains("where Flume was in its files is read from /p at the first start"), "{said}");
    let one = toml(&agent(
        "a1.sources.r.type=taildir\na1.sources.r.filegroups=f\na1.sources.r.filegroups.f=/l/x\na1.sources.r.headers.f.k=v",
    ));
    assert_eq!(one["source"][0]["name"].as_str(), Some("r"));
    assert_eq!(one["source"][0]["position-file"].as_str(), Some("/home/flume/.flume/taildir_position.json"));
    assert!(one["source"][0].get("start").is_none());
    let skip = agent(
        "a1.sources.r.type=TAILDIR\na1.sources.r.filegroups=f\na1.sources.r.filegroups.f=/l/x\na1.sources.r.skipToEnd=true",
    );
    assert_eq!(toml(&skip)["source"][0]["start"].as_str(), Some("end"));
}

#[test]
fn interceptors_and_selectors() {
    let text = agent(
        "a1.channels = c d\na1.channels.d.type = memory\na1.sources.r.channels = c d\na1.sinks = k l\n\
         a1.sinks.l.type = logger\na1.sinks.l.channel = d\na1.sources.r.interceptors = f sr st h u t rm x\n\
         a1.sources.r.interceptors.f.type = regex_filter\na1.sources.r.interceptors.f.regex = DEBUG|^#\n\
         a1.sources.r.interceptors.f.excludeEvents = true\na1.sources.r.interceptors.sr.type = search_replace\n\
         a1.sources.r.interceptors.sr.searchPattern = ([a-z0-9.]+)@([a-z.]+)\na1.sources.r.interceptors.sr.replaceString = <$2>\n\
         a1.sources.r.interceptors.st.type = static\na1.sources.r.interceptors.st.key = dc\na1.sources.r.interceptors.st.value = eu-1\n\
         a1.sources.r.interceptors.h.type = host\na1.sources.r.interceptors.h.useIP = false\n\
         a1.sources.r.interceptors.u.type = org.apache.flume.sink.solr.morphline.UUIDInterceptor$Builder\n\
         a1.sources.r.interceptors.t.type = timestamp\na1.sources.r.interceptors.rm.type = remove_header\n\
         a1.sources.r.interceptors.rm.withName = host\na1.sources.r.interceptors.rm.fromList = a , b\n\
         a1.sources.r.interceptors.x.type = regex_extractor\na1.sources.r.interceptors.x.regex = user=(\\\\w+).*?(\\\\d+)?$\n\
         a1.sources.r.interceptors.x.serializers = a b\na1.sources.r.interceptors.x.serializers.a.name = user\n\
         a1.sources.r.interceptors.x.serializers.b.name = timestamp\na1.sources.r.interceptors.x.serializers.b.type = \
         org.apache.flume.interceptor.RegexExtractorInterceptorMillisSerializer\n\
         a1.sources.r.interceptors.x.serializers.b.pattern = yyyy-MM-dd\n\
         a1.sources.r.selector.type = multiplexing\na1.sources.r.selector.header = user\n\
         a1.sources.r.selector.mapping.a = c d\na1.sources.r.selector.optional.b = d\na1.sources.r.selector.default = c",
    );
    let made = toml(&text);
    let source = &made["source"][0];
    let types: Vec<&str> =
        source["interceptors"].as_array().unwrap().iter().map(|i| i["type"].as_str().unwrap()).collect();
    let wanted = "regex-filter search-replace static host uuid timestamp remove-header regex-extractor";
    assert_eq!(types.join(" "), wanted);
    assert_eq!(source["interceptors"][6]["names"][1].as_str(), Some("b"));
    assert_eq!(source["interceptors"][7]["groups"][1]["time-pattern"].as_str(), Some("yyyy-MM-dd"));
    assert_eq!(source["selector"]["mapping"]["a"][1].as_str(), Some("d"));
    assert_eq!(source["selector"]["default"][0].as_str(), Some("c"));
}

#[test]
fn fv78_what_an_extractor_needs() {
    let of = |more: &str| {
        let i = "a1.sources.r.interceptors";
        wrong(&agent(&format!("{i} = x\n{i}.x.type = regex_extractor\n{}", more.replace('@', &format!("{i}.x.")))))
    };
    assert!(of("@serializers = a\n@serializers.a.name = n").contains("x has no regex"));
    assert!(of("@regex = (x)").contains("x has no serializers"));
    assert!(of("@regex = (x)\n@serializers = a").contains("has no serializers.a.name"));
    let said = of("@regex = (x)\n@serializers = a\n@serializers.a.name = n\n@serializers.a.type = default");
    assert!(said.contains("is taken by Flume for a class; write DEFAULT"), "{said}");
}

#[test]
fn what_is_not_here_is_named_with_what_to_use() {
    for (more, wanted) in [
        ("a1.sources.r.type = jms", "JMS is spoken by Java alone"),
        ("a1.sources.r.type = com.example.MySource", "a class of its own"),
        ("a1.sources.r.type = spooldirr", "is not a source of Flume"),
        ("a1.channels.c.type = org.apache.flume.channel.kafka.KafkaChannel", "use the channel `file`"),
        ("a1.sinks.k.type = hive", "Hive below 3"),
        (
            "a1.sources.r.interceptors = m\na1.sources.r.interceptors.m.type = org.apache.flume.sink.solr.morphline.MorphlineInterceptor$Builder",
            "morphlines are not carried",
        ),
        ("a1.sources.r.selector.type = com.example.S", "use replicating"),
        (
            "a1.sinks = k l\na1.sinks.l.type = null\na1.sinks.l.channel = c\na1.sinkgroups = g\na1.sinkgroups.g.sinks = k l\n\
             a1.sinkgroups.g.processor.type = com.example.P",
            "com.example.P does not go with several sinks",
        ),
        (
            "a1.sinks = k l m\na1.sinks.l.type = null\na1.sinks.l.channel = c\na1.sinks.m.type = null\na1.sinks.m.channel = c\n\
             a1.sinkgroups = g\na1.sinkgroups.g.sinks = k l\na1.sinkgroups.g.processor.type = failover",
            "sink m empties channel c beside a1.sinkgroups.g",
        ),
    ] {
        let said = wrong(&agent(more));
        assert!(said.contains(wanted), "{more}: {said}");
        // What Flume would run is never left out.
        assert!(imported(&agent(more), true).is_err(), "{more}");
    }
}

#[test]
fn options_that_nobody_knows_and_keys_that_lead_nowhere() {
    let said = notes(&agent("a1.sources.r.batchsize = 5\na1.sinks.k.batchSize = 50\na1.sources.other.type = seq"));
    assert!(said.contains("x.properties:11: a1.sources.r.batchsize = 5: is not an option that Flume knows"), "{said}");
    assert!(said.contains("did you mean batchSize?"), "{said}");
    assert!(said.contains("a1.sources.other is configured, and a1.sources does not list this source"), "{said}");
    assert!(wrong(&agent("a1.sink.k.type = null")).contains("did you mean a1.sinks.k.type?"));
    assert!(wrong("a2.sources = r").contains("there is no agent a1"));
    assert!(notes(&agent("a1.sources.r.totalEvents =")).contains("has no value, and is left out"));
    assert!(wrong(&agent("a1.sources.r.totalEvents = many")).contains("totalEvents = many is not a number"));
    assert!(wrong(&agent("a1.sources.r.channels = c x")).contains("there is no channel x"));
    assert!(imported(&agent("a1.sources.r.channels = c x"), true).is_ok());
    assert!(wrong(&agent("a1.channels.c.transactionCapacity = 20000")).contains("is above the capacity of 10000"));
}

#[test]
fn a_text_that_others_name_is_not_a_mistake() {
    let text = agent("BASE = 5\na1.sources.r.totalEvents = ${BASE}");
    assert_eq!(toml(&text)["source"][0]["total-events"].as_integer(), Some(5));
    assert!(!notes(&text).contains("BASE"), "{}", notes(&text));
    assert!(notes(&agent("BASE = 5")).contains("BASE names no agent"));
}

#[test]
fn two_sinks_write_to_one_cluster() {
    let two = |other: &str| {
        agent(&format!(
            "{HDFS}a1.sinks.k.hdfs.fileType=DataStream\na1.channels = c d\na1.channels.d.type = memory\n\
             a1.sources.r.channels = c d\na1.sinks = k l\na1.sinks.l.type = hdfs\na1.sinks.l.channel = d\n\
             a1.sinks.l.hdfs.fileType=DataStream\na1.sinks.l.hdfs.path = {other}"
        ))
    };
    assert_eq!(toml(&two("hdfs://nn:8020/other"))["sink"].as_array().unwrap().len(), 2);
    assert!(wrong(&two("hdfs://nn2:8020/other")).contains("two addresses"));
    assert!(wrong(&two("s3a://bucket/other")).contains("is on s3a, which is not written to"));
}

#[test]
fn the_configurations_of_the_peers_goldens() {
    // Those of Flume 1.11 whose outputs are kept, as far as their components are here.
    let exec = agent(
        "a1.sources.r.type=exec\na1.sources.r.command=seq 1 7\na1.sinks.k.type=hdfs\na1.sinks.k.hdfs.path=/o\n\
                      a1.sinks.k.hdfs.fileType=DataStream\na1.sinks.k.hdfs.rollInterval=0\na1.sinks.k.hdfs.rollSize=0\na1.sinks.k.hdfs.rollCount=0",
    );
    assert!(notes(&exec).contains("what the command prints while the agent does not run is lost"));
    assert_eq!(toml(&exec)["source"][0]["command"].as_str(), Some("seq 1 7"));
    let http =
        agent("a1.sources.r.type=http\na1.sources.r.bind=127.0.0.1\na1.sources.r.port=24490\na1.sinks.k.type=logger");
    assert_eq!(toml(&http)["source"][0]["port"].as_integer(), Some(24_490));
    assert!(!notes(&http).contains("whoever reaches"));
    let netcat = agent("a1.sources.r.type=netcat\na1.sources.r.bind=0.0.0.0\na1.sources.r.port=6667");
    assert_eq!(toml(&netcat)["source"][0]["max-line-bytes"].as_integer(), Some(512));
}

#[test]
fn syslog_over_tcp_and_in_datagrams() {
    let tcp = agent(
        "a1.sources.r.type=syslogtcp\na1.sources.r.host=0.0.0.0\na1.sources.r.port=5140\na1.sources.r.keepFields=priority hostname\n\
         a1.sources.r.clientIPHeader=ip",
    );
    let source = &toml(&tcp)["source"][0];
    assert_eq!((source["type"].as_str(), source["ports"][0].as_integer()), (Some("syslog"), Some(5140)));
    assert_eq!(
        (source["max-message-bytes"].as_integer(), source["client-ip-header"].as_str()),
        (Some(2500), Some("ip"))
    );
    assert_eq!(source["keep-fields"].as_array().unwrap().len(), 2);
    assert!(notes(&tcp).contains("syslog has no answers"));
    let multiport = agent(
        "a1.sources.r.type=multiport_syslogtcp\na1.sources.r.ports=5140 5141\na1.sources.r.portHeader=p\na1.sources.r.keepFields=all\n\
         a1.sources.r.charset.port.5141=ISO-8859-1",
    );
    let source = &toml(&multiport)["source"][0];
    assert_eq!((source["dialect"].as_str(), source["bind"].as_str()), (Some("multiport"), Some("0.0.0.0")));
    assert_eq!((source["ports"][1].as_integer(), source["port-header"].as_str()), (Some(5141), Some("p")));
    let udp = agent("a1.sources.r.type=syslogudp\na1.sources.r.port=5140");
    assert_eq!(toml(&udp)["source"][0]["transport"].as_str(), Some("udp"));
    assert!(notes(&udp).contains("datagrams that come while the agent does not run"));
    let netcat = agent("a1.sources.r.type=netcatudp\na1.sources.r.port=6666\na1.sources.r.remoteAddress=from");
    let source = &toml(&netcat)["source"][0];
    assert_eq!((source["type"].as_str(), source["client-header"].as_str()), (Some("netcat-udp"), Some("from")));
    for (more, wanted) in [
        ("a1.sources.r.type=syslogtcp\na1.sources.r.host=h", "a1.sources.r has no port"),
        (
            "a1.sources.r.type=syslogudp\na1.sources.r.port=1\na1.sources.r.clientHostnameHeader=h",
            "names of clients are not looked up",
        ),
        ("a1.sources.r.type=multiport_syslogtcp\na1.sources.r.ports=1 x", "are not all numbers"),
        (
            "a1.sources.r.type=multiport_syslogtcp\na1.sources.r.ports=1\na1.sources.r.charset.default=UTF-16",
            "is not here",
        ),
        (
            "a1.sources.r.type=syslogtcp\na1.sources.r.host=h\na1.sources.r.port=1\na1.sources.r.ssl=true",
            "a1.sources.r has no keystore",
        ),
    ] {
        let said = wrong(&agent(more));
        assert!(said.contains(wanted), "{more}: {said}");
    }
}

#[test]
fn a_spooled_directory() {
    let r = "a1.sources.r";
    let plain = agent(&format!("{r}.type=spooldir\n{r}.spoolDir=/spool"));
    let source = &toml(&plain)["source"][0];
    assert_eq!((source["directory"].as_str(), source["completed"].as_str()), (Some("/spool"), Some("rename")));
    assert_eq!(
        (source["max-line-chars"].as_integer(), source["tracker-dir"].as_str()),
        (Some(2048), Some(".flumespool"))
    );
    assert!(source.get("file-header").is_none() && source.get("include").is_none());
    let full = agent(&format!(
        "{r}.type=spooldir\n{r}.spoolDir=/spool\n{r}.trackingPolicy=tracker_dir\n{r}.basenameHeader=true\n{r}.fileHeader=true\n\
         {r}.fileHeaderKey=path\n{r}.includePattern=^.*log$\n{r}.consumeOrder=youngest\n{r}.inputCharset=ISO-8859-1\n\
         {r}.deserializer=org.apache.flume.sink.solr.morphline.BlobDeserializer$Builder\n{r}.deserializer.maxBlobLength=1000\n\
         {r}.recursiveDirectorySearch=true\n{r}.decodeErrorPolicy=IGNORE"
    ));
    let source = &toml(&full)["source"][0];
    assert_eq!((source["completed"].as_str(), source["order"].as_str()), (Some("track"), Some("youngest")));
    assert_eq!((source["file-header"].as_str(), source["basename-header"].as_str()), (Some("path"), Some("basename")));
    assert_eq!((source["deserializer"].as_str(), source["max-blob-bytes"].as_integer()), (Some("blob"), Some(1000)));
    assert_eq!((source["charset"].as_str(), source["decode-errors"].as_str()), (Some("iso-8859-1"), Some("ignore")));
    for (more, wanted) in [
        ("deletePolicy=later", "deletePolicy = later is not known"),
        ("deserializer=AVRO", "files of Avro are not taken apart"),
        ("deserializer=com.example.D", "is a class of its own"),
        ("inputCharset=UTF-16", "inputCharset = UTF-16 is not here"),
        ("batchSize=2000", "takes batches of 2000 events"),
    ] {
        let said = wrong(&agent(&format!("{r}.type=spooldir\n{r}.spoolDir=/spool\n{r}.{more}")));
        assert!(said.contains(wanted), "{more}: {said}");
    }
}

#[test]
fn sinks_that_empty_a_channel_together() {
    let two = "a1.sinks = k l\na1.sinks.l.type = null\na1.sinks.l.channel = c";
    let plain = agent(two);
    let group = &toml(&plain)["sink-group"][0];
    assert_eq!((group["name"].as_str(), group["sinks"][1].as_str()), (Some("k-l"), Some("l")));
    assert_eq!(group["processor"]["type"].as_str(), Some("load-balancing"));
    assert!(notes(&plain).contains("sinks k, l empty channel c together"), "{}", notes(&plain));
    let g = "a1.sinkgroups = g\na1.sinkgroups.g.sinks = k l\na1.sinkgroups.g.processor";
    let failover = agent(&format!("{two}\n{g}.type = failover\n{g}.priority.k = 5\n{g}.maxpenalty = 10000"));
    let processor = &toml(&failover)["sink-group"][0]["processor"];
    assert_eq!(processor["type"].as_str(), Some("failover"));
    assert_eq!(
        (processor["priorities"]["k"].as_integer(), processor["priorities"]["l"].as_integer()),
        (Some(5), Some(-1))
    );
    assert_eq!(processor["max-penalty"].as_str(), Some("10s"));
    let balance = agent(&format!("{two}\n{g}.type = load_balance\n{g}.selector = random\n{g}.backoff = true"));
    let processor = &toml(&balance)["sink-group"][0]["processor"];
    assert_eq!((processor["order"].as_str(), processor["max-penalty"].as_str()), (Some("random"), Some("30s")));
    for (more, wanted) in [
        ("type = failover\nX.priority.k = 5\nX.priority.l = 5", "is the priority of another sink"),
        ("type = load_balance\nX.selector = com.example.S", "is a class of its own"),
        ("type = default", "default does not go with several sinks"),
        ("priority.k = 5", "default does not go with several sinks"),
    ] {
        let said = wrong(&agent(&format!("{two}\n{g}.{}", more.replace('X', "a1.sinkgroups.g.processor"))));
        assert!(said.contains(wanted), "{more}: {said}");
    }
    let alone = agent("a1.sinkgroups = g\na1.sinkgroups.g.sinks = k\na1.sinkgroups.g.processor.type = failover");
    assert!(toml(&alone).get("sink-group").is_none() && notes(&alone).contains("has the sink k alone"));
    let apart = agent(&format!(
        "{}\n{g}.type = failover\na1.channels = c d\na1.channels.d.type = memory\na1.sources.r.channels = c d",
        two.replace("channel = c", "channel = d")
    ));
    let said = wrong(&apart);
    assert!(said.contains("a1.sinkgroups.g: its sinks empty different channels"), "{said}");
}

#[test]
fn files_on_the_local_disk() {
    let k = "a1.sinks.k";
    let plain = agent(&format!("{k}.type = file_roll\n{k}.sink.directory = /data/ev"));
    let sink = &toml(&plain)["sink"][0];
    assert_eq!((sink["type"].as_str(), sink["directory"].as_str()), (Some("file-roll"), Some("/data/ev")));
    assert_eq!((sink["reject-dir"].as_str(), sink["roll"]["age"].as_str()), (Some("/data/ev_rejected"), Some("30s")));
    let full = agent(&format!(
        "{k}.type = file_roll\n{k}.sink.directory = /data/ev\n{k}.sink.pathManager = rolltime\n{k}.sink.pathManager.prefix = p-\n\
         {k}.sink.pathManager.extension = log\n{k}.sink.rollInterval = 0\n{k}.sink.serializer = HEADER_AND_TEXT\n\
         {k}.sink.serializer.appendNewline = false"
    ));
    let sink = &toml(&full)["sink"][0];
    assert_eq!(
        (sink["names"].as_str(), sink["prefix"].as_str(), sink["extension"].as_str()),
        (Some("time"), Some("p-"), Some("log"))
    );
    assert_eq!((sink["serializer"].as_str(), sink["append-newline"].as_bool()), (Some("header-and-text"), Some(false)));
    assert_eq!(sink["roll"]["age"].as_str(), Some("3600s"));
    let said =
        wrong(&agent(&format!("{k}.type = file_roll\n{k}.sink.directory = /d\n{k}.sink.serializer = avro_event")));
    assert!(said.contains("is not written by this sink"), "{said}");
}
