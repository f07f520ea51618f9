//! `syslogtcp`, `multiport_syslogtcp` and `syslogudp`: messages of syslog.

use toml::Value;

use super::super::options::{Component, mapped, noted, refused, rows};
use super::super::output::Table;
use super::super::settings::Settings;
use super::{SourceDraft, rpc};

const NO_FORMAT: &str = "messages are read as RFC 5424 and RFC 3164 have them; what does not fit is kept whole";
const NO_NAMES: &str = "names of clients are not looked up; clientIPHeader gives their addresses";
const BYTES: &str = "bytes are taken as they are, in any charset whose first 128 characters are those of ASCII";

pub(super) const SYSLOG_TCP: Component<SourceDraft> = Component {
    names: &["syslogtcp", "org.apache.flume.source.SyslogTcpSource"],
    native: "syslog",
    options: rows![
        &[
            mapped("host", "", "bind"),
            mapped("port", "", "ports"),
            mapped("eventSize", "2500", "max-message-bytes, at least 10"),
            mapped("keepFields", "none", "keep-fields"),
            mapped("clientIPHeader", "", "client-ip-header"),
            refused("clientHostnameHeader", "", NO_NAMES),
            refused("format.*", "", NO_FORMAT),
        ],
        rpc::KEY_STORE,
        rpc::TLS
    ],
    map: |said| {
        let mut table = Table::default();
        table.set("bind", said.needed("host"));
        one_port(said, &mut table);
        tls(said, &mut table);
        message_bytes(said, &mut table);
        common(said, &mut table, TCP);
        SourceDraft::one(table, None)
    },
};

pub(super) const MULTIPORT: Component<SourceDraft> = Component {
    names: &["multiport_syslogtcp", "org.apache.flume.source.MultiportSyslogTCPSource"],
    native: "syslog",
    options: rows![
        &[
            mapped("host", "0.0.0.0", "bind"),
            mapped("ports", "", "ports"),
            mapped("eventSize", "2500", "max-message-bytes, at least 10"),
            mapped("keepFields", "none", "keep-fields"),
            mapped("portHeader", "", "port-header"),
            mapped("clientIPHeader", "", "client-ip-header"),
            refused("clientHostnameHeader", "", NO_NAMES),
            mapped("charset.default", "UTF-8", BYTES),
            mapped("charset.port.*", "", BYTES),
            noted("batchSize", "100", "only held against transactionCapacity: what a connection holds is put at once"),
            noted("readBufferBytes", "1024", "buffers have a size of their own"),
            noted("readBufferSize", "1024", "buffers have a size of their own"),
            noted("numProcessors", "", "there is no pool of threads to size"),
        ],
        rpc::KEY_STORE,
        rpc::TLS
    ],
    map: |said| {
        let mut table = Table::default();
        table.set("bind", said.needed("host"));
        said.needed("ports");
        let ports: Vec<Value> =
            said.list("ports").iter().filter_map(|port| Some(port.parse::<i64>().ok()?.into())).collect();
        if ports.len() < said.list("ports").len() {
            said.invalid("ports", "are not all numbers", "write them with blanks between them: 5140 5141");
        }
        table.set("ports", ports).set("dialect", "multiport");
        tls(said, &mut table);
        message_bytes(said, &mut table);
        table.set_some("port-header", said.text("portHeader"));
        let charsets = said.below("charset.port.").into_keys().map(|port| format!("charset.port.{port}"));
        for name in charsets.chain(["charset.default".to_owned()]) {
            let charset = said.text(&name).unwrap_or_default().to_ascii_lowercase();
            if ["utf-16", "utf16", "utf-32", "utf32", "cp037", "ibm"].iter().any(|wide| charset.starts_with(wide)) {
                said.not_here(&name, "is not here", "let the senders write UTF-8");
            }
        }
        common(said, &mut table, TCP);
        SourceDraft::one(table, said.number("batchSize", 1))
    },
};

pub(super) const SYSLOG_UDP: Component<SourceDraft> = Component {
    names: &["syslogudp", "org.apache.flume.source.SyslogUDPSource"],
    native: "syslog",
    options: &[
        mapped("host", "0.0.0.0", "bind"),
        mapped("port", "", "ports, with transport = \"udp\""),
        mapped("keepFields", "none", "keep-fields"),
        mapped("clientIPHeader", "", "client-ip-header"),
        refused("clientHostnameHeader", "", NO_NAMES),
        refused("format.*", "", NO_FORMAT),
        noted("eventSize", "2500", "a datagram is a message, however long; Flume does not read it either"),
    ],
    map: |said| {
        let mut table = Table::default();
        table.set("bind", said.needed("host")).set("transport", "udp");
        one_port(said, &mut table);
        common(said, &mut table, super::DATAGRAMS);
        SourceDraft::one(table, None)
    },
};

fn one_port(said: &Settings<'_>, table: &mut Table) {
    said.needed("port");
    table.set("ports", said.number("port", 1).map(Value::from).into_iter().collect::<Vec<_>>());
}

/// Flume ends messages at newlines, with TLS as well.
fn tls(said: &Settings<'_>, table: &mut Table) {
    rpc::tls(said, table);
    if said.flag("ssl") {
        table.set("framing", "lines");
    }
}

const TCP: &str = "syslog has no answers: what was sent and is not in the channel when the agent is killed is lost, as with \
                   Flume; a full channel holds the senders back";

fn message_bytes(said: &Settings<'_>, table: &mut Table) {
    table.set_some("max-message-bytes", said.number("eventSize", 1).map(|bytes| bytes.max(10)));
}

/// What the three have in common.
fn common(said: &Settings<'_>, table: &mut Table, promise: &str) {
    said.remark(promise);
    table.set_some("client-ip-header", said.text("clientIPHeader"));
    let text = said.text("keepFields").unwrap_or_default().to_ascii_lowercase();
    let fields: Vec<&str> = match text.as_str() {
        "none" | "false" => Vec::new(),
        "all" | "true" => vec!["all"],
        listed => {
            let known = ["priority", "version", "timestamp", "hostname"];
            for word in listed.split([' ', ',', '\t']).filter(|word| !word.is_empty() && !known.contains(word)) {
                said.note("keepFields", format!("{word} is not a field, and does nothing, as in Flume"));
            }
            known.into_iter().filter(|field| listed.contains(field)).collect()
        }
    };
    if !fields.is_empty() {
        table.set("keep-fields", fields.into_iter().map(Value::from).collect::<Vec<_>>());
    }
}
