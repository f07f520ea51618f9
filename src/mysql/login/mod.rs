//! Everything that a connection is opened with: where the server is, who we are, how the connection is encrypted, and
//! what its session is set to. It is decided from the options before any server is touched.
//!
//! A password does not belong in a URL: it comes from a file or from the environment. It refuses URL parameters that are
//! not known, and an answer that is given twice and differently.

mod address;
mod hosts;
mod options;
mod parameters;
mod session;
pub(super) mod tls;
mod url;

use std::path::Path;
use std::time::Duration;

pub(super) use self::address::Address;
use self::address::DEFAULT_PORT;
pub use self::options::MySqlOptions;
pub(super) use self::session::SESSION;
use self::tls::Tls;
pub use self::url::JdbcParameters;
use crate::config::{CONNECT_TIMEOUT, Timespan};
use crate::error::{self, Error, Result};
use crate::secret::Secret;
use crate::secret::option_file::{self, Defaults};

/// The host where none is named.
const LOCALHOST: &str = "localhost";

/// Everything that a connection is opened with.
#[derive(Clone, Debug)]
pub(super) struct Login {
    /// Where servers listen, in the order in which they are tried; at least one.
    pub addresses: Vec<Address>,
    pub user: String,
    /// Empty where there is none.
    pub database: String,
    password: Option<Secret>,
    /// Where the password comes from, in words.
    pub password_from: String,
    pub tls: Tls,
    pub connect_timeout: Duration,
    pub read_timeout: Option<Duration>,
    /// Whether the server's public key is taken from the server itself, unseen, where the connection is in clear.
    pub public_key: bool,
    /// The statement that sets the session as the URL says, before it is set up as ours.
    pub set: Option<String>,
    /// A zone that the URL names for Java alone.
    pub unset_zone: Option<String>,
    /// What the URL says about values.
    pub jdbc: JdbcParameters,
}

impl Login {
    /// Decides where to connect to and reads the password. Relative files are below `base`.
    ///
    /// # Errors
    /// Config: a part is missing, given twice or makes no sense; those of
    /// [`SecretSource::read`](crate::secret::SecretSource::read) and [`Tls::new`].
    pub(super) fn new(options: &MySqlOptions, base: &Path) -> Result<Self> {
        let from_url = options.url.as_deref().map(url::parse).transpose()?.unwrap_or_default();
        let defaults = options.defaults_file.as_ref().map(|file| option_file::read(&base.join(file)));
        let from_file = defaults.transpose()?.unwrap_or_default();
        let Parts { addresses, user, database } = parts(&from_url, options, &from_file)?;
        let source = options.password_source();
        let (password, password_from) = match (source.read(base)?, from_file.password) {
            (Some(password), _) => (Some(password), source.label()),
            (None, Some(password)) => (Some(password), "the password of the defaults file".to_owned()),
            (None, None) if options.password.is_some() => (options.password.clone(), "the password given".to_owned()),
            (None, None) => (None, source.label()),
        };
        let mode = options.ssl_mode.or(from_url.ssl_mode).unwrap_or_default();
        let connect_timeout = options.connect_timeout.map(Timespan::get).or(from_url.connect_timeout);
        Ok(Self {
            tls: Tls::new(mode, &options.tls_files(base))?,
            connect_timeout: connect_timeout.unwrap_or(CONNECT_TIMEOUT),
            read_timeout: options.read_timeout.map(Timespan::get).or(from_url.read_timeout),
            public_key: from_url.public_key.unwrap_or(true),
            set: from_url.session.statement()?,
            unset_zone: from_url.session.unset_zone(),
            database: database.unwrap_or_default(),
            addresses,
            user,
            password,
            password_from,
            jdbc: from_url.jdbc,
        })
    }

    /// The password, empty where there is none.
    pub(super) fn password(&self) -> &str {
        self.password.as_ref().map_or("", Secret::expose)
    }
}

/// What the URL, the keys beside it and the file of defaults name together.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    addresses: Vec<Address>,
    user: String,
    database: Option<String>,
}

/// The URL and the keys beside it count before a file of defaults.
fn parts(from_url: &url::FromUrl, options: &MySqlOptions, defaults: &Defaults) -> Result<Parts> {
    let user = one("user", from_url.user.clone(), options.user.clone())?;
    let user = user.or_else(|| defaults.user.clone()).ok_or_else(|| missing("user"))?;
    let database = one("database", from_url.database.clone(), options.database.clone())?;
    Ok(Parts { addresses: addresses(from_url, options, defaults)?, user, database })
}

/// Where the servers are. A URL that names no host means this machine, as it does to Connector/J.
fn addresses(from_url: &url::FromUrl, options: &MySqlOptions, defaults: &Defaults) -> Result<Vec<Address>> {
    let hosts = match &from_url.hosts[..] {
        [] => vec![(None, None)],
        hosts => hosts.to_vec(),
    };
    let elsewhere = options.host.clone().or_else(|| defaults.host.clone());
    let elsewhere = elsewhere.or_else(|| options.url.is_some().then(|| LOCALHOST.to_owned()));
    let address = |(host, port): (Option<String>, Option<u16>)| {
        let host = match one("host", host, options.host.clone())? {
            Some(host) => host,
            None => elsewhere.clone().ok_or_else(|| missing("host"))?,
        };
        let port = match (port, options.port) {
            (Some(given), Some(key)) if given != key => return Err(twice("port")),
            (given, key) => given.or(key).or(defaults.port).unwrap_or(DEFAULT_PORT),
        };
        Ok(Address { host, port })
    };
    hosts.into_iter().map(address).collect()
}

fn one(what: &str, in_url: Option<String>, as_key: Option<String>) -> Result<Option<String>> {
    match (in_url, as_key) {
        (Some(in_url), Some(as_key)) if in_url != as_key => Err(twice(what)),
        (in_url, as_key) => Ok(in_url.or(as_key)),
    }
}

/// That the connection is not complete.
pub(super) fn missing(what: &str) -> Error {
    error::config(format!("the mysql connection names no {what}"))
        .hint("give a url such as mysql://USER@HOST:3306/DATABASE")
}

fn twice(what: &str) -> Error {
    error::config(format!("the mysql {what} is given in the url, and another one beside it")).hint("give it once")
}

#[cfg(test)]
mod tests;
