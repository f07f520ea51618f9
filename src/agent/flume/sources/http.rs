//! `http`: events that clients post.

use super::super::options::{Component, mapped, noted, refused};
use super::super::output::Table;
use super::super::settings::Settings;
use super::{SourceDraft, rpc};

const JETTY: &str = "it is about Jetty, which is not here";

pub(super) const HTTP: Component<SourceDraft> = Component {
    names: &["http", "org.apache.flume.source.http.HTTPSource"],
    native: "http",
    options: &[
        mapped("port", "", "port"),
        mapped("bind", "0.0.0.0", "bind"),
        mapped("handler", "org.apache.flume.source.http.JSONHandler", "handler"),
        refused("handler.*", "", "take it out; the parameters of the query are the headers of a blob"),
        mapped("ssl", "false", "whether tls is set"),
        mapped("enableSSL", "false", "whether tls is set"),
        mapped("keystore", "", "tls.key-store"),
        mapped("keystore-password", "", "tls.password"),
        mapped("keystorePassword", "", "tls.password"),
        noted("keystore-type", "JKS", rpc::STORE_TYPE),
        noted("include-*", "", rpc::VERSIONS),
        noted("exclude-*", "", rpc::VERSIONS),
        noted("excludeProtocols", "SSLv3", rpc::VERSIONS),
        noted("QueuedThreadPool.*", "", JETTY),
        noted("HttpConfiguration.*", "", JETTY),
        noted("SslContextFactory.*", "", JETTY),
        noted("ServerConnector.*", "", JETTY),
    ],
    map,
};

fn map(said: &Settings<'_>) -> SourceDraft {
    let mut table = Table::default();
    let bind = said.needed("bind");
    said.needed("port");
    table.set("bind", bind.as_str()).set_some("port", said.number("port", 1));
    if bind == "0.0.0.0" {
        said.remark(
            "whoever reaches this machine can send to it; give bind = 127.0.0.1, or a token-file in the converted file",
        );
    }
    if said.flag("ssl") || said.flag("enableSSL") {
        rpc::key_store(said, &["keystore-password", "keystorePassword"], &mut table);
    }
    match said.text("handler").and_then(|class| class.rsplit('.').next()) {
        None | Some("JSONHandler") => {}
        Some(class) if class.eq_ignore_ascii_case("blobhandler") => {
            table.set("handler", "blob");
        }
        Some(_) => said.not_here("handler", "is a class of its own", "use JSONHandler or BLOBHandler"),
    }
    SourceDraft::one(table, None)
}
