//! `avro` and `thrift`: other agents.

use super::super::options::{Component, Opt, mapped, noted, refused, rows};
use super::super::output::Table;
use super::super::settings::Settings;
use super::super::sources::{TLS, protocol};
use super::SinkDraft;

const NO_KERBEROS: &str = "no ticket is shown to another agent here; use ssl";
const NOBODY: &str = "name the certificate of the other agent, or of who signed it, in a truststore";

pub(super) const AVRO: Component<SinkDraft> = Component {
    names: &["avro", "org.apache.flume.sink.AvroSink"],
    native: "avro",
    options: rows![
        &[
            mapped("hostname", "", "host"),
            mapped("port", "", "port"),
            mapped("batch-size", "100", "batch-size"),
            mapped("connect-timeout", "20000", "connect-timeout"),
            mapped("request-timeout", "20000", "request-timeout"),
            mapped("reset-connection-interval", "0", "reset-connection-interval"),
            mapped("compression-type", "none", "compression"),
            mapped("compression-level", "6", "compression-level"),
            noted("maxIoWorkers", "", "there is no pool of threads to size; Flume 1.11 does not read it either"),
        ],
        TRUST_STORE,
        TLS
    ],
    map: |said| {
        let mut table = agent(said);
        table.set_ms("connect-timeout", limit(said, "connect-timeout"));
        let deflates = said.text("compression-type").is_some_and(|text| text.eq_ignore_ascii_case("deflate"));
        if deflates {
            table.set("compression", "deflate");
            table.set_some("compression-level", said.number("compression-level", 0));
        }
        if tls(said, &mut table) && deflates {
            table.set("compress-around-tls", true);
            said.remark(
                "what TLS made is compressed, as Flume 1.11 on the other side wants it; where that is Flume 1.9 or older, \
                 take compress-around-tls out of the converted file",
            );
        }
        SinkDraft { table, batch: said.number("batch-size", 1), ..SinkDraft::default() }
    },
};

pub(super) const THRIFT: Component<SinkDraft> = Component {
    names: &["thrift", "org.apache.flume.sink.ThriftSink"],
    native: "thrift",
    options: rows![
        &[
            mapped("hostname", "", "host"),
            mapped("port", "", "port"),
            mapped("batch-size", "100", "batch-size"),
            noted("connect-timeout", "20000", "Flume does not read it here; a connection has 20 s"),
            mapped("request-timeout", "20000", "request-timeout"),
            mapped("reset-connection-interval", "0", "reset-connection-interval"),
            noted("connection-reset-interval", "", "Flume does not read it; it is called reset-connection-interval"),
            noted("maxConnections", "5", "one connection is used, as by the sink of Flume"),
            mapped("protocol", "compact", "protocol"),
            refused("kerberos", "false", NO_KERBEROS),
            noted("client-principal", "", "kerberos is off"),
            noted("client-keytab", "", "kerberos is off"),
            noted("server-principal", "", "kerberos is off"),
        ],
        TRUST_STORE,
        TLS
    ],
    map: |said| {
        let mut table = agent(said);
        protocol(said, &mut table);
        tls(said, &mut table);
        SinkDraft { table, batch: said.number("batch-size", 1), ..SinkDraft::default() }
    },
};

/// Whom a sink trusts.
const TRUST_STORE: &[Opt] = &[
    refused("trust-all-certs", "false", NOBODY),
    mapped("truststore", "", "tls.trust-store"),
    mapped("truststore-password", "", "tls.password"),
    noted("truststore-type", "JKS", "the file says it: JKS or PKCS #12"),
];

fn agent(said: &Settings<'_>) -> Table {
    let mut table = Table::default();
    table.set("host", said.needed("hostname"));
    said.needed("port");
    table.set_some("port", said.number("port", 1));
    table.set_some("batch-size", said.number("batch-size", 1));
    table.set_ms("request-timeout", limit(said, "request-timeout"));
    let reset = said.number("reset-connection-interval", 0).filter(|seconds| *seconds > 0);
    table.set_ms("reset-connection-interval", reset.map(|seconds| seconds.saturating_mul(1_000)));
    said.remark("events arrive at least once, as with Flume: those that got no answer are sent again");
    table
}

/// A time limit: below a second Flume takes its default.
fn limit(said: &Settings<'_>, name: &str) -> Option<i64> {
    let ms = said.number(name, 0)?;
    if ms >= 1_000 {
        return Some(ms);
    }
    said.note(name, "is below a second, and 20 s, as Flume takes it");
    Some(20_000)
}

fn tls(said: &Settings<'_>, table: &mut Table) -> bool {
    let is_on = said.flag("ssl");
    if is_on {
        let mut tls = Table::default();
        tls.set_some("trust-store", said.text("truststore").map(|file| said.local_path(file)));
        tls.set_some("password", said.text("truststore-password"));
        if said.given("truststore-password").is_some() {
            said.remark("the converted file holds truststore-password in clear; put it into a file, and name that by password-file");
        }
        table.set("tls", tls.inline());
    }
    is_on
}
