//! What TLS to the cluster stands on: the `[tls]` table of a pipeline, else `ssl-client.xml`, else this host's authorities.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{self, Result};
use crate::net::tls::{Identity, Store, Trust};
use crate::secret::with_password_source;
use crate::site::Site;

with_password_source! {
    flags: "tls-", whose: " of the trust store or key store";
    /// What TLS to the cluster's servers stands on; the `[tls]` table of a pipeline. It does not switch TLS on: that is
    /// said of each server.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    pub struct TlsOptions {
        /// PEM file of the authorities that vouch for the cluster's servers [default: the trust store of ssl-client.xml,
        /// or those that this host knows]
        #[arg(id = "tls_ca", long = "tls-ca", value_name = "FILE")]
        pub ca: Option<PathBuf>,
        /// Java trust store (JKS or PKCS12) instead of a PEM file
        #[arg(id = "tls_trust_store", long = "tls-trust-store", value_name = "FILE")]
        pub trust_store: Option<PathBuf>,
        /// PEM file of our own certificate, for servers that ask for one
        #[arg(id = "tls_cert", long = "tls-cert", value_name = "FILE")]
        pub cert: Option<PathBuf>,
        /// PEM file of its private key
        #[arg(id = "tls_key", long = "tls-key", value_name = "FILE")]
        pub key: Option<PathBuf>,
        /// Java key store (PKCS12) with our certificate and its key, instead of PEM files
        #[arg(id = "tls_key_store", long = "tls-key-store", value_name = "FILE")]
        pub key_store: Option<PathBuf>,
    }
}

/// What is trusted and what is shown.
///
/// # Errors
/// Config: two ways for one thing, half of a certificate, or a password that cannot be read.
pub(super) fn tls(options: Option<&TlsOptions>, hadoop: &Site, base: &Path) -> Result<(Trust, Option<Identity>)> {
    let given = options.cloned().unwrap_or_default();
    let below = |file: &Option<PathBuf>| file.as_ref().map(|file| base.join(file));
    let both = |one: &str, other: &str| {
        error::config(format!("{one} and {other} of [tls] are both given")).hint("keep one of them")
    };
    let password = given.password_source().read(base)?;
    let trust = match (below(&given.ca), below(&given.trust_store)) {
        (Some(_), Some(_)) => return Err(both("ca", "trust-store")),
        (Some(file), None) => Trust::Pem(file),
        (None, Some(file)) => Trust::Store(Store::new(file, password.clone())),
        (None, None) => match hadoop.get("ssl.client.truststore.location") {
            Some(file) => Trust::Store(Store::new(file, hadoop.password("ssl.client.truststore.password")?)),
            None => Trust::System,
        },
    };
    let identity = match (below(&given.cert), below(&given.key), below(&given.key_store)) {
        (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => return Err(both("cert", "key-store")),
        (Some(certificate), Some(key), None) => Some(Identity::Pem { certificate, key }),
        (Some(_), None, None) | (None, Some(_), None) => {
            return Err(error::config("cert and key of [tls] belong together").hint("give both or neither"));
        }
        (None, None, Some(file)) => Some(Identity::Store(Store::new(file, password))),
        // Hadoop's file names one also where no server asks for it; it is read when it is needed.
        (None, None, None) => match hadoop.get("ssl.client.keystore.location").filter(|file| Path::new(file).is_file())
        {
            Some(file) if asks_for_certificates(hadoop) => {
                Some(Identity::Store(Store::new(file, hadoop.password("ssl.client.keystore.password")?)))
            }
            _ => None,
        },
    };
    Ok((trust, identity))
}

fn asks_for_certificates(hadoop: &Site) -> bool {
    hadoop.is_true("hadoop.ssl.require.client.cert") || hadoop.is_true("dfs.client.https.need-auth")
}
