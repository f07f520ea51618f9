//! `avro` and `thrift`: events that other agents and clients send.

use toml::Value;

use super::super::options::{Component, Opt, mapped, noted, refused, rows};
use super::super::output::Table;
use super::super::settings::Settings;
use super::SourceDraft;

const NO_KERBEROS: &str =
    "clients are not asked for tickets here; use ssl, and let a firewall say who reaches the port";
const THREADS: &str = "connections have no threads of their own: 1,000 are served at once";
pub(super) const VERSIONS: &str = "TLS 1.2 and 1.3 are spoken, with the ciphers that are held for safe";
pub(super) const STORE_TYPE: &str =
    "the file says it: PKCS #12, whatever it is called; a JKS is refused with how to make one of it";

pub(super) const AVRO: Component<SourceDraft> = Component {
    names: &["avro", "org.apache.flume.source.AvroSource"],
    native: "avro",
    options: rows![
        &[
            mapped("bind", "", "bind"),
            mapped("port", "", "port"),
            noted("threads", "", THREADS),
            mapped("compression-type", "none", "compression"),
            mapped("ipFilter", "false", "whether ip-filter is set"),
            mapped("ipFilterRules", "", "ip-filter; names of hosts but localhost are refused"),
        ],
        KEY_STORE,
        TLS
    ],
    map: |said| {
        let mut table = listener(said);
        match said.text("compression-type").unwrap_or_default().to_ascii_lowercase().as_str() {
            "deflate" => {
                table.set("compression", "deflate");
            }
            "none" => {}
            _ => said.note("compression-type", "is not deflate, and none, as Flume takes it"),
        }
        if said.flag("ipFilter") {
            let rules = said.needed("ipFilterRules");
            let rules = rules.split(',').map(|rule| Value::from(rule.trim())).collect::<Vec<_>>();
            table.set("ip-filter", rules);
        }
        tls(said, &mut table);
        SourceDraft::one(table, None)
    },
};

pub(super) const THRIFT: Component<SourceDraft> = Component {
    names: &["thrift", "org.apache.flume.source.ThriftSource"],
    native: "thrift",
    options: rows![
        &[
            mapped("bind", "", "bind"),
            mapped("port", "", "port"),
            noted("threads", "", THREADS),
            mapped("protocol", "compact", "protocol"),
            refused("kerberos", "false", NO_KERBEROS),
            noted("agent-principal", "", "kerberos is off"),
            noted("agent-keytab", "", "kerberos is off"),
        ],
        KEY_STORE,
        TLS
    ],
    map: |said| {
        let mut table = listener(said);
        protocol(said, &mut table);
        tls(said, &mut table);
        SourceDraft::one(table, None)
    },
};

/// What a port shows its clients.
pub(super) const KEY_STORE: &[Opt] = &[
    mapped("keystore", "", "tls.key-store"),
    mapped("keystore-password", "", "tls.password"),
    noted("keystore-type", "JKS", STORE_TYPE),
];

/// How TLS is spoken, by sources and sinks.
pub(in crate::agent::flume) const TLS: &[Opt] = &[
    mapped("ssl", "false", "whether tls is set"),
    noted("include-protocols", "", VERSIONS),
    noted("exclude-protocols", "SSLv3", VERSIONS),
    noted("include-cipher-suites", "", VERSIONS),
    noted("exclude-cipher-suites", "", VERSIONS),
];

fn listener(said: &Settings<'_>) -> Table {
    let mut table = Table::default();
    let bind = said.needed("bind");
    said.needed("port");
    table.set("bind", bind.as_str()).set_some("port", said.number("port", 1));
    if bind == "0.0.0.0" {
        said.remark(
            "whoever reaches this machine can send to it; give bind = 127.0.0.1, or ipFilter where there is one",
        );
    }
    table
}

/// The protocol of Thrift, for a source and a sink.
pub(in crate::agent::flume) fn protocol(said: &Settings<'_>, table: &mut Table) {
    match said.text("protocol").unwrap_or_default().to_ascii_lowercase().as_str() {
        "compact" => {}
        "binary" => {
            table.set("protocol", "binary");
        }
        _ => said.invalid("protocol", "is not a protocol of Thrift", "use compact or binary"),
    }
}

/// The certificate of a port, where it wants TLS.
pub(super) fn tls(said: &Settings<'_>, table: &mut Table) {
    if said.flag("ssl") {
        key_store(said, &["keystore-password"], table);
    }
}

/// The key store of a port, and its password by one of these names.
pub(super) fn key_store(said: &Settings<'_>, passwords: &[&str], table: &mut Table) {
    let mut tls = Table::default();
    tls.set("key-store", said.local_path(&said.needed("keystore")));
    if let Some(name) = passwords.iter().find(|name| said.given(name).is_some()) {
        tls.set_some("password", said.text(name));
        said.remark(format!(
            "the converted file holds {name} in clear; put it into a file, and name that by password-file"
        ));
    }
    table.set("tls", tls.inline());
}
