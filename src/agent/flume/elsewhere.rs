//! What Flume has and is not here: each with what to use instead.

use super::grammar::Kind;
use crate::error::{self, Error};

/// Short names and classes of a kind of component, and what to use.
pub(super) struct Elsewhere {
    pub kind: Kind,
    pub names: &'static [&'static str],
    pub instead: &'static str,
}

const fn no(kind: Kind, names: &'static [&'static str], instead: &'static str) -> Elsewhere {
    Elsewhere { kind, names, instead }
}

/// All of them; a component that comes here leaves this list.
pub(super) const ALL: &[Elsewhere] = &[
    no(
        Kind::Source,
        &["jms", "org.apache.flume.source.jms.JMSSource"],
        "JMS is spoken by Java alone; let a bridge post to a source `http`",
    ),
    no(
        Kind::Source,
        &[
            "scribe",
            "org.apache.flume.source.scribe.ScribeSource",
            "org.apache.flume.source.twitter.TwitterSource",
            "org.apache.flume.source.avroLegacy.AvroLegacySource",
            "org.apache.flume.source.thriftLegacy.ThriftLegacySource",
        ],
        "its protocol is spoken by nobody any more; use `http` or TAILDIR",
    ),
    no(Kind::Channel, &["jdbc", "org.apache.flume.channel.jdbc.JdbcChannel"], "it is Derby's; use the channel `file`"),
    no(
        Kind::Channel,
        &["org.apache.flume.channel.kafka.KafkaChannel"],
        "there is no channel in Kafka; use the channel `file`, behind a source `kafka` or before a sink `kafka`",
    ),
    no(
        Kind::Channel,
        &["org.apache.flume.channel.PseudoTxnMemoryChannel"],
        "it is for tests; use the channel `memory`",
    ),
    no(
        Kind::Sink,
        &["hive", "org.apache.flume.sink.hive.HiveSink"],
        "it needs a Hive below 3; use a sink `table` in a file of sakia's own, which registers Parquet files with Hive",
    ),
    no(
        Kind::Sink,
        &["morphline_solr", "org.apache.flume.sink.solr.morphline.MorphlineSolrSink"],
        "morphlines are not carried; index from the files that a sink `hdfs` writes",
    ),
    no(
        Kind::Sink,
        &[
            "irc",
            "org.apache.flume.sink.irc.IRCSink",
            "elasticsearch",
            "org.apache.flume.sink.elasticsearch.ElasticSearchSink",
            "dataset",
            "org.apache.flume.sink.kite.DatasetSink",
            "org.apache.flume.sink.kudu.KuduSink",
        ],
        "it is outside the cluster or gone from Flume itself; land the events by a sink `hdfs` or `table`",
    ),
];

/// The error of a type that is not here.
pub(super) fn refused(kind: Kind, prefix: &str, name: &str) -> Error {
    let found =
        ALL.iter().find(|row| row.kind == kind && row.names.iter().any(|known| known.eq_ignore_ascii_case(name)));
    let what = format!("{prefix}.type = {name} is not here");
    match found {
        Some(row) => error::config(what).hint(row.instead),
        None if name.contains('.') => {
            error::config(format!("{prefix}.type = {name} is a class of its own, and Java's are not run here"))
                .hint(format!("use a {} that Flume brings; docs/flume.md lists those that are here", kind.noun()))
        }
        None => error::config(format!("{prefix}.type = {name} is not a {} of Flume", kind.noun()))
            .hint("docs/flume.md lists those that are here"),
    }
}

/// What to use in the place of an interceptor's class.
pub(super) fn interceptor(name: &str) -> &'static str {
    if name.contains("orphline") {
        "morphlines are not carried; search_replace, regex_extractor and regex_filter do what many of them do"
    } else {
        "use one that Flume brings; docs/flume.md lists those that are here"
    }
}
