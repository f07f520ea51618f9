//! Whether and how connections are encrypted.
//!
//! Without certificates to check against (`disabled`, `preferred`, `required`) a listener is kept out, but not somebody who
//! answers in the server's name; `verify-ca` and `verify-identity` keep both out.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};

use crate::error::{self, Result};
use crate::mysql::wire::Fault;

/// How much encryption is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never.
    Disabled,
    /// Where the server offers it; no certificate is checked.
    #[default]
    Preferred,
    /// Always; no certificate is checked.
    Required,
    /// Always, by a certificate of a known authority.
    VerifyCa,
    /// Always, by a certificate of a known authority for the host's name.
    VerifyIdentity,
}

/// Encryption as decided: the mode, and what it stands on.
#[derive(Clone)]
pub(crate) struct Tls {
    /// How much.
    pub mode: SslMode,
    connector: TlsConnector,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// The files that encryption may stand on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// Certificates of the authorities to trust, PEM; instead of the well-known ones.
    pub ca: Option<PathBuf>,
    /// Our own certificate, PEM.
    pub cert: Option<PathBuf>,
    /// Its private key, PEM.
    pub key: Option<PathBuf>,
}

impl Tls {
    /// Decides the encryption and reads its files.
    ///
    /// # Errors
    /// Config: a file that cannot be read or holds no certificate or key; a certificate without key, or the reverse.
    pub(crate) fn new(mode: SslMode, files: &TlsFiles) -> Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let roots = Arc::new(roots(files.ca.as_deref())?);
        let check = Check::new(mode, roots, provider.clone())?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| error::bug("no protocol version of TLS is known").source(e))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(check));
        let config = match (&files.cert, &files.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(cert), Some(key)) => builder
                .with_client_auth_cert(certificates(cert)?, private_key(key)?)
                .map_err(|e| error::config("ssl-cert and ssl-key do not fit each other").source(e))?,
            _ => return Err(error::config("ssl-cert and ssl-key belong together").hint("give both or neither")),
        };
        Ok(Self { mode, connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Encrypts a stream to `host`.
    ///
    /// # Errors
    /// Why it cannot be done, in words.
    pub(in crate::mysql) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> std::result::Result<TlsStream<TcpStream>, Fault> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            let why = format!("no certificate can be for the host {host}");
            Fault::Tls(why, "name the server as its certificate does")
        })?;
        self.connector.connect(name, stream).await.map_err(|e| self.fault(&e))
    }

    /// What hinders TLS, in words of ours, and what to do.
    fn fault(&self, error: &std::io::Error) -> Fault {
        use CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer};
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
        let (why, remedy) = match inner {
            Some(TlsError::InvalidCertificate(UnknownIssuer)) => (
                "the server's certificate is signed by an authority that is not known here",
                "name the certificate of that authority by ssl-ca",
            ),
            Some(TlsError::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => (
                "the server's certificate is for another name",
                "name the server as its certificate does, or let ssl-mode be verify-ca",
            ),
            Some(TlsError::InvalidCertificate(Expired | ExpiredContext { .. })) => {
                ("the server's certificate has expired", "let it be renewed")
            }
            Some(TlsError::InvalidCertificate(other)) => {
                return Fault::Tls(
                    format!("the server's certificate is not good: {other}"),
                    "look at it, and at ssl-ca",
                );
            }
            Some(TlsError::AlertReceived(alert)) => {
                return Fault::Tls(
                    format!("the server declined it ({alert:?})"),
                    "it may want to see a certificate of ours (ssl-cert and ssl-key), or not take the one it was shown",
                );
            }
            Some(TlsError::PeerIncompatible(_)) => (
                "the server speaks only versions of TLS before 1.2, or ciphers that are not safe",
                "let it speak TLS 1.2 or 1.3 (tls_version)",
            ),
            // It ends the connection where our certificate is not what it wants, too.
            None if error.kind() == std::io::ErrorKind::UnexpectedEof => (
                "the server ended the connection while TLS was agreed on",
                "look at its log; it may want to see a certificate of ours (ssl-cert and ssl-key)",
            ),
            _ => return Fault::Tls(error.to_string(), "check ssl-mode, ssl-ca, ssl-cert and ssl-key"),
        };
        Fault::Tls(why.to_owned(), remedy)
    }
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|e| unreadable(file, "authority's certificate").source(e))?;
            }
        }
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let found: Vec<_> = read.map_err(|e| unreadable(file, "certificate").source(e))?;
    if found.is_empty() {
        return Err(unreadable(file, "certificate"));
    }
    Ok(found)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(file).map_err(|e| unreadable(file, "private key").source(e))
}

fn unreadable(file: &Path, what: &str) -> crate::error::Error {
    error::config(format!("{} holds no {what} that can be read", file.display()))
        .hint("give a PEM file, and check that this user may read it")
}

/// Checks the server's certificate as far as the mode asks for it.
#[derive(Debug)]
struct Check {
    mode: SslMode,
    known: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
}

impl Check {
    fn new(mode: SslMode, roots: Arc<RootCertStore>, provider: Arc<CryptoProvider>) -> Result<Self> {
        let known = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
            .build()
            .map_err(|e| error::config("ssl-ca names no authority").source(e))?;
        Ok(Self { mode, known, provider })
    }
}

impl ServerCertVerifier for Check {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, TlsError> {
        if !matches!(self.mode, SslMode::VerifyCa | SslMode::VerifyIdentity) {
            return Ok(ServerCertVerified::assertion());
        }
        match self.known.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last, when the authority is found to be good.
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.mode == SslMode::VerifyCa => Ok(ServerCertVerified::assertion()),
            checked => checked,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
