//! The way to an open HDFS: addresses and settings, a login, a NameNode that answers and takes writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use hdfs_native::ClientBuilder;
use url::Url;

use super::health::Health;
use super::line::Line;
use super::modes::Modes;
use super::options::{self, HdfsOptions};
use super::web::WebHdfs;
use super::{Hdfs, HdfsFilesystem, SAFE_MODE_WAIT, Ways, defaults};
use crate::config::Timespan;
use crate::error::Result;
use crate::net::{thrift, tls};
use crate::storage::{Filesystem, fault};

/// With one NameNode there is nobody to fail over to: the client's 15 attempts would only delay the bad news by a
/// minute. These bridge about five seconds, such as a dropped connection.
const SINGLE_NAMENODE: [(&str, &str); 3] = [
    ("dfs.client.failover.max.attempts", "4"),
    ("dfs.client.failover.sleep.base.millis", "250"),
    ("dfs.client.failover.sleep.max.millis", "2000"),
];

/// Connects to HDFS; waits a while for a NameNode in safe mode.
///
/// # Errors
/// Config: no usable address. Unreachable: nobody answers there. Busy: still in safe mode. Auth: not let in.
pub async fn connect(options: &HdfsOptions) -> Result<Arc<dyn Filesystem>> {
    connect_by(options, false).await
}

/// Connects, and writes over WebHDFS from the beginning; for tests of that way.
#[doc(hidden)]
pub async fn connect_over_webhdfs(options: &HdfsOptions) -> Result<Arc<dyn Filesystem>> {
    connect_by(options, true).await
}

async fn connect_by(options: &HdfsOptions, web_only: bool) -> Result<Arc<dyn Filesystem>> {
    Ok(Arc::new(HdfsFilesystem(Arc::new(open(options, web_only).await?))))
}

/// Connects to one cluster.
pub(super) async fn open(options: &HdfsOptions, web_only: bool) -> Result<Hdfs> {
    let mut settings = options::settings(options)?;
    let url = options::address(options, &settings)?;
    let defaults = defaults::of(&settings)?;
    let namenodes = options::web_addresses(options, &settings, &url)?;
    let who = options::who(options, &settings, &namenodes)?;
    let is_tls = namenodes.iter().all(|url| url.scheme() == "https");
    let web = WebHdfs::new(namenodes, who, defaults, options.connect_timeout())?;
    if Url::parse(&url).is_ok_and(|url| url.port().is_some()) {
        for (name, value) in SINGLE_NAMENODE {
            settings.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    let line = Line::new(options, &settings, url.trim_start_matches("hdfs://"))?;
    let modes = Modes::new(defaults, &settings);
    let ways = match () {
        () if web_only => Ways::Web,
        // What has to be encrypted goes over the web inside TLS, or where somebody said so, or not at all.
        () if line.is_private() && !is_tls && options.webhdfs_url.is_none() => Ways::Native,
        () => Ways::Both,
    };
    let client = client(options, &settings, &url).await?;
    let patience = options.wait.map_or(SAFE_MODE_WAIT, Timespan::get);
    let fs = Hdfs { client, uri: url, defaults, modes, line, web, ways, health: Health::default(), patience };
    let namenodes = options::namenodes(&settings, fs.uri.trim_start_matches("hdfs://"));
    fs.greet(&namenodes, options.connect_timeout()).await?;
    // Making the root directory changes nothing, and a NameNode in safe mode refuses it.
    fs.patiently("making directory /".to_owned(), true, || fs.client.mkdirs("/", fs.defaults.directory_mode(), true))
        .await?;
    fs.line.check().await?;
    Ok(fs)
}

/// The client that does the work, with a login.
async fn client(options: &HdfsOptions, settings: &BTreeMap<String, String>, url: &str) -> Result<hdfs_native::Client> {
    // The client of the key server inside the one below has TLS by whatever the process has.
    tls::set_up();
    let mut builder = ClientBuilder::new().with_url(url).with_config(settings.clone());
    if let Some(directory) = &options.config_dir {
        builder = builder.with_config_dir(directory.display().to_string());
    }
    identified(builder, options).await?.build().map_err(|e| fault::hdfs(&format!("connecting to {url}"), e))
}

/// Says who we are: by name on an open cluster, by a ticket or a token on a secured one, where a name would ask to act as
/// somebody else.
///
/// # Errors
/// Auth, Config, Unreachable: there is no ticket; told now, for the client below would first try for a minute.
async fn identified(mut builder: ClientBuilder, options: &HdfsOptions) -> Result<ClientBuilder> {
    let access = &options.access;
    if !access.is_secure() {
        let user = access.proxy_user().map(str::to_owned).or_else(|| options.user.clone());
        return Ok(user.into_iter().fold(builder, ClientBuilder::with_user));
    }
    if options::token(options).is_none() {
        let credentials = access.credentials().clone();
        let ticket = thrift::blocking({
            let credentials = credentials.clone();
            move || credentials.ticket()
        });
        let ticket = ticket.await.map_err(|e| e.context("cannot log in to hdfs"))?;
        tracing::debug!(principal = ticket.principal, seconds = ticket.left.as_secs(), "logging in to hdfs");
        if credentials.keytab().is_some() || credentials.cache().is_some() {
            builder = builder.with_kerberos_principal(ticket.principal);
            builder = credentials.keytab().into_iter().fold(builder, ClientBuilder::with_kerberos_keytab);
            builder = credentials.cache().into_iter().fold(builder, ClientBuilder::with_kerberos_cache);
        }
    }
    Ok(access.proxy_user().into_iter().fold(builder, ClientBuilder::with_user))
}
