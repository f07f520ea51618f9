//! What all connections of a run to a cluster share: its site files, whose Kerberos tickets or which delegation tokens are
//! shown, in whose name, and what TLS stands on. Each room decides from it how its own servers are spoken to.
//!
//! Settings of a pipeline win over the site files.

mod options;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, OnceLock};

pub use self::options::TlsOptions;
use crate::error::{self, Result};
use crate::kerberos::{Credentials, KerberosOptions, Token, Tokens};
use crate::net::login::Login;
use crate::net::sasl::Protection;
use crate::net::tls::{Identity, Store, Tls, Trust};
use crate::site::{self, Site};

const HADOOP: [&str; 3] = ["core-site.xml", "hdfs-site.xml", "ssl-client.xml"];
const HIVE: [&str; 2] = ["core-site.xml", "hive-site.xml"];
const HBASE: [&str; 2] = ["core-site.xml", "hbase-site.xml"];

/// The setting that says whether a cluster wants Kerberos, and its words.
pub(crate) const AUTHENTICATION: &str = "hadoop.security.authentication";
pub(crate) const KERBEROS: &str = "kerberos";
pub(crate) const SIMPLE: &str = "simple";

/// What the connections of a run share. The default one is that of an open cluster without site files.
#[derive(Clone, Debug, Default)]
pub struct Access(Option<Arc<Shared>>);

/// What the default one has.
static NOTHING: LazyLock<Shared> = LazyLock::new(Shared::default);

#[derive(Debug, Default)]
struct Shared {
    credentials: Credentials,
    tokens: Tokens,
    proxy_user: Option<String>,
    trust: Trust,
    identity: Option<Identity>,
    /// Made of both when it is first asked for: each new connection would read the files again.
    tls: OnceLock<Tls>,
    hadoop: Site,
    hive: Site,
    hbase: Site,
}

/// Two are the same if they are one, or both the default one.
impl PartialEq for Access {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.shared(), other.shared())
    }
}

impl Eq for Access {}

/// What a pipeline, or a command line, says about it.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccessOptions<'o> {
    /// `[kerberos]`.
    pub kerberos: Option<&'o KerberosOptions>,
    /// `[tls]`.
    pub tls: Option<&'o TlsOptions>,
    /// The user in whose name all is done.
    pub proxy_user: Option<&'o str>,
    /// Directory of Hadoop's site files, which may hold Hive's and HBase's as well.
    pub hadoop: Option<PathBuf>,
    /// Properties of the command line, over all files.
    pub properties: Vec<(&'o str, &'o str)>,
}

impl Access {
    /// Reads site files, key stores' places and the token file; relative files are below `base`.
    ///
    /// # Errors
    /// Config: what is named cannot be read, or a setting has a value that is not known.
    pub(crate) fn new(options: &AccessOptions<'_>, base: &Path) -> Result<Self> {
        let read = |variable: &str, names: &[&str]| -> Result<Site> {
            let own = site::directory(variable);
            if let Some(own) = own.as_deref().filter(|own| !own.is_dir()) {
                // Profiles name directories of what is not installed, too.
                let named = own.display();
                tracing::warn!("{variable} names {named}, which is not a directory: its site file is not read");
            }
            // A directory of its own wins; many have everything in one.
            let site = [own.as_deref(), options.hadoop.as_deref()]
                .into_iter()
                .flatten()
                .find(|directory| names.last().is_some_and(|name| directory.join(name).is_file()))
                .map(|directory| Site::of_directory(directory, names))
                .transpose()?
                .flatten();
            Ok(site.unwrap_or_default().with(options.properties.iter().copied()))
        };
        if let Some(named) = options.hadoop.as_deref().filter(|named| !named.is_dir()) {
            return Err(error::config(format!("there is no directory {} for Hadoop's site files", named.display()))
                .hint(
                    "let HADOOP_CONF_DIR, or config-dir in [hdfs], name the directory of core-site.xml, or unset it",
                ));
        }
        let hadoop = options.hadoop.as_deref().map(|directory| Site::of_directory(directory, &HADOOP)).transpose()?;
        let hadoop = hadoop.flatten().unwrap_or_default().with(options.properties.iter().copied());
        let (hive, hbase) = (read("HIVE_CONF_DIR", &HIVE)?, read("HBASE_CONF_DIR", &HBASE)?);
        for site in [&hadoop, &hive, &hbase] {
            site.check()?;
        }
        let (trust, identity) = options::tls(options.tls, &hadoop, base)?;
        Ok(Self(Some(Arc::new(Shared {
            credentials: Credentials::new(options.kerberos.unwrap_or(&KerberosOptions::default()), base)?,
            tokens: Tokens::of_environment()?,
            proxy_user: options.proxy_user.map(str::to_owned).or_else(|| {
                // As Hadoop's own clients take it.
                std::env::var("HADOOP_PROXY_USER").ok().filter(|user| !user.is_empty())
            }),
            trust,
            identity,
            tls: OnceLock::new(),
            hadoop,
            hive,
            hbase,
        }))))
    }

    fn shared(&self) -> &Shared {
        self.0.as_deref().unwrap_or(&NOTHING)
    }

    /// `core-site.xml`, `hdfs-site.xml` and `ssl-client.xml`.
    pub(crate) fn hadoop(&self) -> &Site {
        &self.shared().hadoop
    }

    /// `hive-site.xml` over `core-site.xml`.
    pub(crate) fn hive(&self) -> &Site {
        &self.shared().hive
    }

    /// `hbase-site.xml` over `core-site.xml`.
    pub(crate) fn hbase(&self) -> &Site {
        &self.shared().hbase
    }

    /// Whose tickets are shown.
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.shared().credentials
    }

    /// The user in whose name all is done, where it is another one than who logs in.
    pub(crate) fn proxy_user(&self) -> Option<&str> {
        self.shared().proxy_user.as_deref()
    }

    /// Whether the cluster's site files ask for Kerberos.
    pub(crate) fn is_secure(&self) -> bool {
        self.shared().hadoop.get(AUTHENTICATION).is_some_and(|kind| kind.eq_ignore_ascii_case(KERBEROS))
    }

    /// The first part of who logs in to a secured cluster, by ticket or by token, which most clusters take for the user's
    /// name. Blocks.
    pub(crate) fn short_name(&self) -> Option<String> {
        if !self.is_secure() {
            return None;
        }
        match self.shared().credentials.ticket() {
            Ok(ticket) => ticket.principal.split(['/', '@']).next().map(str::to_owned),
            Err(_) => self.shared().tokens.owner(),
        }
    }

    /// The delegation token of a kind.
    pub(crate) fn token(&self, kind: &str, service: Option<&str>) -> Option<&Token> {
        self.shared().tokens.find(kind, service)
    }

    /// All tokens.
    pub(crate) fn tokens(&self) -> &Tokens {
        &self.shared().tokens
    }

    /// A login by ticket with the server of a principal.
    pub(crate) fn kerberos(&self, server: &str, protection: Vec<Protection>) -> Login {
        Login::Kerberos { credentials: self.shared().credentials.clone(), server: server.to_owned(), protection }
    }

    /// TLS by the pipeline's settings, the site files' or this host's authorities.
    ///
    /// # Errors
    /// Config, Auth: a file cannot be read.
    pub(crate) fn tls(&self) -> Result<Tls> {
        let Shared { trust, identity, tls, .. } = self.shared();
        match tls.get() {
            Some(tls) => Ok(tls.clone()),
            None => Tls::new(trust, identity.as_ref()).map(|made| tls.get_or_init(|| made).clone()),
        }
    }

    /// TLS by this host's authorities alone, where whoever else speaks to a server knows no others.
    ///
    /// # Errors
    /// Those of [`tls`](Self::tls).
    pub(crate) fn tls_of_host(&self) -> Result<Tls> {
        Tls::new(&Trust::System, None)
    }

    /// Whether a server that asks for a certificate of ours is shown one.
    pub(crate) fn has_identity(&self) -> bool {
        self.shared().identity.is_some()
    }

    /// TLS that trusts a key store of its own, as some servers' settings name one.
    ///
    /// # Errors
    /// Config, Auth: a file cannot be read.
    pub(crate) fn tls_trusting(&self, store: Store) -> Result<Tls> {
        Tls::new(&Trust::Store(store), self.shared().identity.as_ref())
    }
}
