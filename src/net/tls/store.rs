//! Java key stores, as Hadoop's `ssl-client.xml` names them: what is trusted, and what we show. JKS for certificates, and
//! PKCS #12, which `keytool` makes since Java 9 whatever the file is called.
//!
//! Source of JKS: OpenJDK 17 `sun.security.provider.JavaKeyStore`. Its private keys are sealed in a way of their own and
//! are refused.

use std::path::{Path, PathBuf};

use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::error::{self, Error, Result};
use crate::secret::Secret;
use crate::secret::java::{Bytes, skip_private_key, store_body};

const MAGIC: u32 = 0xfeed_feed;
const PRIVATE_KEY: u32 = 1;
const CERTIFICATE: u32 = 2;

/// A Java key store.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    file: PathBuf,
    /// JKS shows its certificates without one.
    password: Option<Secret>,
}

impl Store {
    pub(crate) fn new(file: impl Into<PathBuf>, password: Option<Secret>) -> Self {
        Self { file: file.into(), password }
    }

    /// Where it is.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The certificates that it holds as trusted; at least one.
    ///
    /// # Errors
    /// Config: it cannot be read or holds none. Auth: its password is wrong.
    pub(crate) fn authorities(&self) -> Result<Vec<CertificateDer<'static>>> {
        let bytes = self.read()?;
        let found = match is_jks(&bytes) {
            true => jks(&bytes, self.password.as_ref()).map_err(|e| self.named(e))?,
            false => {
                let store = self.pkcs12(&bytes)?;
                let certificates = store.entries().filter_map(|(_, entry)| match entry {
                    KeyStoreEntry::Certificate(certificate) => {
                        Some(CertificateDer::from(certificate.as_der().to_vec()))
                    }
                    _ => None,
                });
                certificates.collect()
            }
        };
        if found.is_empty() {
            return Err(self.named(error::config("it holds no trusted certificate")));
        }
        Ok(found)
    }

    /// The first private key and its chain of certificates.
    ///
    /// # Errors
    /// Config: it cannot be read, holds none, or is JKS. Auth: its password is wrong.
    pub(crate) fn identity(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let bytes = self.read()?;
        if is_jks(&bytes) {
            return Err(self.named(error::config("private keys of a JKS file are not read").hint(
                "make it PKCS #12: keytool -importkeystore -srckeystore OLD -destkeystore NEW -deststoretype PKCS12",
            )));
        }
        let store = self.pkcs12(&bytes)?;
        let Some((_, chain)) = store.private_key_chain() else {
            return Err(self.named(error::config("it holds no private key")));
        };
        let certificates = chain.certs().iter().map(|one| CertificateDer::from(one.as_der().to_vec())).collect();
        Ok((certificates, PrivatePkcs8KeyDer::from(chain.key().as_der().to_vec()).into()))
    }

    fn read(&self) -> Result<Vec<u8>> {
        std::fs::read(&self.file).map_err(|e| {
            error::config(format!("cannot read key store {}", self.file.display()))
                .hint("check the path and that this user may read it")
                .source(e)
        })
    }

    fn pkcs12(&self, bytes: &[u8]) -> Result<KeyStore> {
        let password = self.password.as_ref().map_or("", Secret::expose);
        KeyStore::from_pkcs12(bytes, password, Pkcs12ImportPolicy::Relaxed).map_err(|e| {
            let what = match &self.password {
                Some(_) => "its password is wrong, or it is damaged",
                None => "it has a password, and none is given, or it is damaged",
            };
            self.named(error::auth(what).source(e.to_string()).hint(
                "its password is that of [tls], by password-file, password-env or password-alias (--tls-password-file ..), \
                 or of the site file that names it, such as ssl.client.truststore.password",
            ))
        })
    }

    fn named(&self, error: Error) -> Error {
        error.context(format!("key store {}", self.file.display()))
    }
}

fn is_jks(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC.to_be_bytes())
}

/// The trusted certificates of a JKS file; its digest is looked at where a password is given.
fn jks(file: &[u8], password: Option<&Secret>) -> Result<Vec<CertificateDer<'static>>> {
    let foreign = || error::config("it is not a key store of java");
    let (body, is_right) = store_body(file, password.map_or("", Secret::expose)).ok_or_else(foreign)?;
    if password.is_some() && !is_right {
        return Err(error::auth("its password is wrong, or it is damaged")
            .hint("the password is that of ssl.client.truststore.password"));
    }
    let mut bytes = Bytes(body);
    let (_, version) = (bytes.int()?, bytes.int()?);
    let (count, mut found) = (bytes.int()?, Vec::new());
    let certificate = |bytes: &mut Bytes<'_>| -> Result<Vec<u8>> {
        if version != 1 {
            bytes.text()?;
        }
        let length = bytes.int()? as usize;
        Ok(bytes.take(length)?.to_vec())
    };
    for _ in 0..count {
        let (kind, _) = (bytes.int()?, bytes.text()?);
        bytes.take(8)?;
        match kind {
            CERTIFICATE => found.push(certificate(&mut bytes)?.into()),
            PRIVATE_KEY => skip_private_key(&mut bytes, certificate)?,
            _ => return Err(foreign()),
        }
    }
    Ok(found)
}
