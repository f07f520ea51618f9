//! `netcatudp`: lines in datagrams.

use super::super::options::{Component, mapped};
use super::super::output::Table;
use super::SourceDraft;

pub(super) const NETCAT_UDP: Component<SourceDraft> = Component {
    names: &["netcatudp", "org.apache.flume.source.NetcatUdpSource"],
    native: "netcat-udp",
    options: &[
        mapped("bind", "0.0.0.0", "bind"),
        mapped("port", "", "port"),
        mapped("remoteAddress", "", "client-header"),
        mapped("remoteAddressHeader", "", "client-header; Flume's guide calls it so, and Flume reads remoteAddress"),
    ],
    map: |said| {
        said.remark(super::DATAGRAMS);
        let mut table = Table::default();
        table.set("bind", said.needed("bind"));
        said.needed("port");
        table.set_some("port", said.number("port", 1));
        table.set_some("client-header", said.text("remoteAddress").or_else(|| said.text("remoteAddressHeader")));
        SourceDraft::one(table, None)
    },
};
