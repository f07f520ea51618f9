//! The keys of TLS at a port of a source, and the passwords of stores.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use tokio_rustls::rustls::ServerConfig;

use crate::error::{self, Error, Kind, Result};
use crate::net::tls::{Identity, ServerTls, Store, server_config};
use crate::secret::{Secret, SecretSource};

/// What a port shows to clients: a certificate and its key, PEM, or a key store of Java (PKCS #12).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ServerTlsArgs {
    #[serde(default)]
    cert: Option<PathBuf>,
    #[serde(default)]
    key: Option<PathBuf>,
    #[serde(default)]
    key_store: Option<PathBuf>,
    #[serde(default)]
    password_file: Option<PathBuf>,
    #[serde(default)]
    password_env: Option<String>,
    /// In clear: what a configuration of Flume's says.
    #[serde(default, deserialize_with = "secret")]
    password: Option<Secret>,
}

impl ServerTlsArgs {
    /// For a port of any protocol.
    ///
    /// # Errors
    /// Config: they name no certificate, or two; a file cannot be read. Auth: the password of a key store is wrong.
    pub(super) fn config(self, base: &Path) -> Result<Arc<ServerConfig>> {
        server_config(&self.identity(base)?).map(Arc::new).map_err(of_store)
    }

    /// For a port that speaks HTTP.
    ///
    /// # Errors
    /// Those of [`ServerTlsArgs::config`].
    pub(super) fn http(self, base: &Path) -> Result<ServerTls> {
        ServerTls::new(&self.identity(base)?).map_err(of_store)
    }

    fn identity(self, base: &Path) -> Result<Identity> {
        let Self { cert, key, key_store, password_file, password_env, password: said } = self;
        let password = password(password_file, password_env, said, base)?;
        match (cert, key, key_store) {
            (Some(cert), Some(key), None) if password.is_none() => {
                Ok(Identity::Pem { certificate: base.join(cert), key: base.join(key) })
            }
            (None, None, Some(file)) => Ok(Identity::Store(Store::new(base.join(file), password))),
            _ => Err(error::config("tls does not name one certificate with its key")
                .hint("give cert and key (PEM, a key without a password), or key-store (PKCS #12) and password-file")),
        }
    }
}

pub(super) fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    String::deserialize(from).map(|text| Some(Secret::new(text)))
}

/// The password of a store.
pub(super) fn password(
    file: Option<PathBuf>,
    env: Option<String>,
    said: Option<Secret>,
    base: &Path,
) -> Result<Option<Secret>> {
    let source = SecretSource { password_file: file, password_env: env, ..SecretSource::default() };
    source.read_or(said, base).map_err(|e| e.context("the password of the store"))
}

/// The error of a store, with where its password is said.
pub(super) fn of_store(error: Error) -> Error {
    match error.kind() {
        Kind::Auth => error.hint("its password is that of tls: password-file, password-env or password"),
        _ => error,
    }
}
