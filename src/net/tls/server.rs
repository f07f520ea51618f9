//! TLS as a server: what we show to clients.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use super::{Identity, provider, shown};
use crate::error::{self, Result};

/// What clients are shown; nobody is asked for a certificate.
///
/// # Errors
/// Config: a file cannot be read or holds nothing of what it should, or certificate and key do not fit each other. Auth: the
/// password of a key store is wrong.
pub(crate) fn server_config(identity: &Identity) -> Result<ServerConfig> {
    let (certificates, key) = shown(identity)?;
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| error::bug("no protocol version of TLS is known").source(e))?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|e| {
            error::config("the certificate and its private key do not fit each other")
                .hint("name the key that the certificate was made for")
                .source(e)
        })
}

/// TLS as decided for a port of ours that speaks HTTP.
#[derive(Clone)]
pub(crate) struct ServerTls(TlsAcceptor);

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

impl ServerTls {
    /// Reads the certificate and its private key; clients need none of theirs.
    ///
    /// # Errors
    /// Those of [`server_config`].
    pub(crate) fn new(identity: &Identity) -> Result<Self> {
        let mut config = server_config(identity)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Agrees with a client on keys, which it may take so long for.
    ///
    /// # Errors
    /// The client speaks no TLS, does not trust us, or is too slow.
    pub(crate) async fn accept(&self, stream: TcpStream, limit: Duration) -> io::Result<TlsStream<TcpStream>> {
        tokio::time::timeout(limit, self.0.accept(stream)).await?
    }
}
