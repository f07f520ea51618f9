//! `netcat`: lines sent to a TCP port.

use super::super::options::{Component, mapped};
use super::super::output::Table;
use super::super::settings::Settings;
use super::SourceDraft;

pub(super) const NETCAT: Component<SourceDraft> = Component {
    names: &["netcat", "org.apache.flume.source.NetcatSource"],
    native: "netcat",
    options: &[
        mapped("bind", "", "bind"),
        mapped("port", "", "port"),
        mapped("max-line-length", "512", "max-line-bytes"),
        mapped("ack-every-event", "true", "ack-every-event"),
        mapped("encoding", "utf-8", "UTF-8 alone"),
    ],
    map,
};

fn map(said: &Settings<'_>) -> SourceDraft {
    if said.text("encoding").is_some_and(|charset| !is_utf8(charset)) {
        said.not_here("encoding", "is not here", "lines are taken as the bytes they are; send UTF-8");
    }
    let mut table = Table::default();
    table.set("bind", said.needed("bind"));
    said.needed("port");
    table.set_some("port", said.number("port", 1)).set_some("max-line-bytes", said.number("max-line-length", 1));
    table.set("ack-every-event", said.flag("ack-every-event"));
    SourceDraft::one(table, None)
}

/// Whether Java means UTF-8, or what is the same for ASCII.
pub(in crate::agent::flume) fn is_utf8(charset: &str) -> bool {
    ["utf-8", "utf8", "us-ascii"].iter().any(|name| charset.eq_ignore_ascii_case(name))
}
