//! TLS; as a client, and as a server in `server`: what is trusted, what we show, and a blocking connection over it. The host's name is what its
//! certificate is checked against and what is asked for (SNI). Versions 1.2 and 1.3.

mod server;
mod store;

use std::fmt;
use std::io::{self, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as AsyncTlsStream;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Error as TlsError, RootCertStore, StreamOwned,
};

pub(crate) use self::server::{ServerTls, server_config};
pub(crate) use self::store::Store;
use super::{Server, is_timeout, set_limit};
use crate::error::{self, Error, Result};

/// How long a server may take to decline our certificate.
const VERDICT: Duration = Duration::from_millis(300);

/// Whose signature makes a server's certificate good.
#[derive(Clone, Debug, Default)]
pub(crate) enum Trust {
    /// The authorities that this host knows.
    #[default]
    System,
    /// Those in a PEM file.
    Pem(PathBuf),
    /// Those in a Java key store.
    Store(Store),
}

/// What we show a server that asks who we are.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// A certificate and its private key, PEM.
    Pem {
        /// The certificate, and those between it and its authority.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// The first private key of a Java key store (PKCS #12).
    Store(Store),
}

/// TLS as decided for a server: what is trusted, what is shown.
#[derive(Clone)]
pub(crate) struct Tls(Arc<ClientConfig>);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// A blocking connection inside TLS.
pub(crate) type TlsStream = StreamOwned<ClientConnection, TcpStream>;

impl Tls {
    /// Trusts nobody, for a client that speaks no TLS: this host's authorities take milliseconds to read.
    ///
    /// # Errors
    /// Bug: TLS cannot be set up.
    pub(super) fn without_trust() -> Result<Self> {
        Self::of(RootCertStore::empty(), None)
    }

    /// Reads the files.
    ///
    /// # Errors
    /// Config: a file that cannot be read or holds nothing of what it should.
    pub(crate) fn new(trust: &Trust, identity: Option<&Identity>) -> Result<Self> {
        Self::of(roots(trust)?, identity)
    }

    fn of(roots: RootCertStore, identity: Option<&Identity>) -> Result<Self> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| error::bug("no protocol version of TLS is known").source(e))?
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (certificates, key) = shown(identity)?;
                builder
                    .with_client_auth_cert(certificates, key)
                    .map_err(|e| error::config("our certificate and its private key do not fit each other").source(e))?
            }
        };
        Ok(Self(Arc::new(config)))
    }

    /// The settings, for a client that makes its connections itself.
    pub(crate) fn config(&self) -> ClientConfig {
        (*self.0).clone()
    }

    /// Agrees with a server on keys and hangs up; gives the version of TLS. A server that wants a certificate of ours says
    /// so after its part of TLS 1.3 is over, so it is listened to for a moment.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub(super) fn try_out(&self, server: &Server, socket: TcpStream) -> Result<&'static str> {
        let mut stream = self.connect(server, socket)?;
        set_limit(&stream.sock, VERDICT).map_err(|e| server.unreachable(e))?;
        match stream.read(&mut [0]) {
            Err(e) if cause(&e).is_some() => Err(failed(server, e)),
            _ => Ok(stream.conn.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS")),
        }
    }

    /// Agrees with a server on keys, over a connection that does not block. Who calls it sets a time limit.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub(crate) async fn wrap<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        server: &Server,
        stream: S,
    ) -> Result<AsyncTlsStream<S>> {
        let connector = TlsConnector::from(self.0.clone());
        connector.connect(name_of(server)?, stream).await.map_err(|e| failed(server, e))
    }

    /// Agrees with a server on keys; the socket's time limits hold.
    ///
    /// # Errors
    /// Unreachable: the connection broke, or the server does not speak TLS. Auth: its certificate is not good, or it
    /// wants to see one of ours.
    pub(crate) fn connect(&self, server: &Server, mut socket: TcpStream) -> Result<TlsStream> {
        let name = name_of(server)?;
        let mut session =
            ClientConnection::new(self.0.clone(), name).map_err(|e| error::bug("tls cannot be started").source(e))?;
        while session.is_handshaking() {
            session.complete_io(&mut socket).map_err(|e| failed(server, e))?;
        }
        Ok(StreamOwned::new(session, socket))
    }
}

/// The name that a server's certificate is held against.
fn name_of(server: &Server) -> Result<ServerName<'static>> {
    ServerName::try_from(server.host().to_owned())
        .map_err(|e| error::config(format!("{} is not a host's name", server.host())).source(e))
}

/// Makes the one provider of ciphers that of clients in libraries, too, which ask the process for one.
pub(crate) fn set_up() {
    // It is there already where this was done before.
    let _ = ring::default_provider().install_default();
}

/// The one provider of ciphers in the binary.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The authorities to trust.
///
/// # Errors
/// Config: the file cannot be read or names none.
pub(crate) fn roots(trust: &Trust) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let (found, file) = match trust {
        Trust::System => {
            let found = rustls_native_certs::load_native_certs().certs;
            roots.add_parsable_certificates(found);
            if roots.is_empty() {
                roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
            return Ok(roots);
        }
        Trust::Pem(file) => (certificates(file)?, file.as_path()),
        Trust::Store(store) => (store.authorities()?, store.file()),
    };
    for certificate in found {
        roots.add(certificate).map_err(|e| unreadable(file, "authority's certificate").source(e))?;
    }
    Ok(roots)
}

fn shown(identity: &Identity) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    match identity {
        Identity::Pem { certificate, key } => Ok((certificates(certificate)?, private_key(key)?)),
        Identity::Store(store) => store.identity(),
    }
}

/// The certificates of a PEM file; at least one.
///
/// # Errors
/// Config: there is none.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let found: Vec<_> = read.map_err(|e| unreadable(file, "certificate").source(e))?;
    if found.is_empty() {
        return Err(unreadable(file, "certificate"));
    }
    Ok(found)
}

/// The private key of a PEM file.
///
/// # Errors
/// Config: there is none.
pub(crate) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(file).map_err(|e| unreadable(file, "private key").source(e))
}

fn unreadable(file: &Path, what: &str) -> Error {
    error::config(format!("{} holds no {what} that can be read", file.display()))
        .hint("give a PEM file, and check that this user may read it")
}

/// Why a handshake ended.
fn failed(server: &Server, error: io::Error) -> Error {
    if is_timeout(&error) {
        return server.silent();
    }
    match cause(&error) {
        Some(tls) => explained(server, tls),
        None => server.unreachable(error).hint("check that this port speaks TLS"),
    }
}

/// Why a connection broke, where TLS says it: a server may decline us when its part of the handshake is over.
pub(crate) fn declined(server: &Server, error: &io::Error) -> Option<Error> {
    cause(error).map(|tls| explained(server, tls))
}

/// The error of TLS below one of the connection.
pub(super) fn cause(error: &io::Error) -> Option<&TlsError> {
    of_chain(error.get_ref()?)
}

/// The error of TLS that an error is, or that it holds: one of a connection leaves out what it holds where it is asked for
/// what is below it.
pub(super) fn of_chain<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e TlsError> {
    error.downcast_ref().or_else(|| error.downcast_ref::<io::Error>().and_then(cause))
}

/// What rustls calls an error, with its remedy.
pub(super) fn explained(server: &Server, error: &TlsError) -> Error {
    use AlertDescription::{
        AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked, CertificateUnknown,
        UnknownCA,
    };
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer,
    };
    let remedy = match error {
        TlsError::InvalidCertificate(UnknownIssuer) => {
            "the authority that signed it is not known here: name its certificate, or the cluster's trust store"
        }
        TlsError::InvalidCertificate(BadSignature) => {
            "its authority is known here by another key, as before a change of it: name its present certificate"
        }
        TlsError::InvalidCertificate(Expired | ExpiredContext { .. }) => "let the server's certificate be renewed",
        TlsError::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "name the server as its certificate does"
        }
        TlsError::InvalidCertificate(_) => "look at the server's certificate: openssl s_client -connect HOST:PORT",
        TlsError::AlertReceived(CertificateRequired) => {
            "it wants to see a certificate of ours: name it in [tls], by cert and key or key-store"
        }
        TlsError::AlertReceived(
            BadCertificate | UnknownCA | CertificateUnknown | CertificateExpired | CertificateRevoked | AccessDenied,
        ) => {
            "it does not take our certificate: check who signed it, that it is for clients, and that it has not expired"
        }
        TlsError::AlertReceived(_) => "it may want to see a certificate of ours, or speak only old versions of TLS",
        _ => "check that this port speaks TLS",
    };
    let failed = match error {
        TlsError::InvalidCertificate(_) => error::auth(format!("the certificate of {server} is not good")),
        TlsError::AlertReceived(_) => error::auth(format!("{server} declined the TLS connection")),
        _ => error::unreachable(format!("{server} does not answer in TLS")),
    };
    failed.source(error.to_string()).hint(remedy)
}
