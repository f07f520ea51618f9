//! Where the server is, who we are, and how a session is set up.
//!
//! A password never stands in a URL: it comes from a file or from the environment. It refuses URL parameters that are
//! not known and a server asked for twice in different words.

mod driver;
mod url;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

pub use self::url::JdbcParameters;
use super::wire::tls::{SslMode, Tls, TlsFiles};
use crate::config::{CONNECT_TIMEOUT, Timespan};
use crate::error::{self, Error, Kind, Result};
use crate::secret::option_file::{self, Defaults};
use crate::secret::{Secret, SecretSource};

/// The port of MySQL and MariaDB.
const DEFAULT_PORT: u16 = 3306;

/// Silence after which the system asks whether the server is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// What every session is set to before its first statement: text in Unicode, instants in UTC, strict and plain SQL, no
/// time-out while the target stalls.
pub(super) const SESSION: &str = "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES', net_write_timeout = 3600, \
     net_read_timeout = 3600, wait_timeout = 28800";

/// How to reach a MySQL or MariaDB server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MySqlOptions {
    /// Server and database, as mysql://USER@HOST:PORT/DATABASE; jdbc:mysql:// and jdbc:mariadb:// are accepted too
    #[arg(long = "connect", value_name = "URL")]
    pub url: Option<String>,
    /// Host, instead of a URL
    #[arg(long = "mysql-host", value_name = "HOST")]
    pub host: Option<String>,
    /// Port, instead of a URL [default: 3306]
    #[arg(long = "mysql-port", value_name = "PORT")]
    pub port: Option<u16>,
    /// User, if the URL names none
    #[arg(long = "username", value_name = "USER")]
    pub user: Option<String>,
    /// Database, if the URL names none
    #[arg(long = "mysql-database", value_name = "NAME")]
    pub database: Option<String>,
    /// File that holds the password; one trailing newline is dropped
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Environment variable that holds the password
    #[arg(long, value_name = "NAME")]
    pub password_env: Option<String>,
    /// Asks for the password on the terminal
    #[arg(long)]
    #[serde(default)]
    pub password_prompt: bool,
    /// Name of the password in a Hadoop credential file; needs --credential-provider
    #[arg(long, value_name = "ALIAS")]
    pub password_alias: Option<String>,
    /// Hadoop credential file, as jceks://file/PATH or localjceks://file/PATH
    #[arg(long, value_name = "URI")]
    pub credential_provider: Option<String>,
    /// MySQL option file whose group client names user, password, host and port where nothing else does
    #[arg(long, value_name = "FILE")]
    pub defaults_file: Option<PathBuf>,
    /// Encryption of the connection [default: preferred, or as the URL says]
    #[arg(long, value_name = "MODE", value_enum)]
    pub ssl_mode: Option<SslMode>,
    /// PEM file of the authorities that vouch for the server [default: the well-known ones]
    #[arg(long, value_name = "FILE")]
    pub ssl_ca: Option<PathBuf>,
    /// PEM file of our own certificate
    #[arg(long, value_name = "FILE")]
    pub ssl_cert: Option<PathBuf>,
    /// PEM file of its private key
    #[arg(long, value_name = "FILE")]
    pub ssl_key: Option<PathBuf>,
    /// How long the server has to accept a connection and let us in; that of the URL, of the pipeline, or 20s, where
    /// absent.
    #[arg(skip)]
    pub connect_timeout: Option<Timespan>,
    /// Silence after which a reading connection is given up, such as 5m [default: none]
    #[arg(long, value_name = "TIME")]
    pub read_timeout: Option<Timespan>,
    /// The password itself, where a prompt or the cluster gave it; never in a file, never shown.
    #[arg(skip)]
    #[serde(skip)]
    pub password: Option<Secret>,
}

/// One MySQL server, as a certain user, in a certain database.
#[derive(Clone)]
pub struct MySqlClient {
    opts: mysql_async::Opts,
    login: Login,
    address: String,
    password_from: String,
    jdbc: JdbcParameters,
}

/// Leaves out the driver's options, which would show the password.
impl std::fmt::Debug for MySqlClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MySqlClient").field("login", &self.login).field("jdbc", &self.jdbc).finish_non_exhaustive()
    }
}

/// Everything that a connection is opened with.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub host: String,
    pub port: u16,
    pub user: String,
    /// Empty where there is none.
    pub database: String,
    password: Option<Secret>,
    pub tls: Tls,
    pub connect_timeout: Duration,
    pub read_timeout: Option<Duration>,
    /// Whether the server's public key is taken from the server itself, unseen, where the connection is in clear.
    pub public_key: bool,
}

impl Login {
    /// The password, empty where there is none.
    pub fn password(&self) -> &str {
        self.password.as_ref().map_or("", Secret::expose)
    }

    /// Has the system notice a server that is gone.
    pub fn keep_alive(&self, stream: &TcpStream) -> std::io::Result<()> {
        let keep_alive = socket2::TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE);
        socket2::SockRef::from(stream).set_tcp_keepalive(&keep_alive)
    }
}

/// Host, port, user and database, decided from a URL or from single keys.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    host: String,
    port: u16,
    user: String,
    database: Option<String>,
}

impl MySqlClient {
    /// Decides where to connect to and reads the password; touches no server. Relative files are below `base`.
    ///
    /// # Errors
    /// Config: a part is missing, given twice or makes no sense; those of [`SecretSource::read`] and [`Tls::new`].
    pub fn new(options: &MySqlOptions, base: &Path) -> Result<Self> {
        let client = Self::of_server(options, base)?;
        match client.database() {
            "" => Err(missing("database")),
            _ => Ok(client),
        }
    }

    /// As [`MySqlClient::new`], but a database need not be named.
    ///
    /// # Errors
    /// As [`MySqlClient::new`].
    pub fn of_server(options: &MySqlOptions, base: &Path) -> Result<Self> {
        let from_url = options.url.as_deref().map(url::parse).transpose()?.unwrap_or_default();
        let defaults = options.defaults_file.as_ref().map(|file| option_file::read(&base.join(file)));
        let from_file = defaults.transpose()?.unwrap_or_default();
        let Address { host, port, user, database } = address(&from_url, options, &from_file)?;
        let source = password_source(options);
        let (password, password_from) = match (source.read(base)?, from_file.password) {
            (Some(password), _) => (Some(password), source.label()),
            (None, Some(password)) => (Some(password), "the password of the defaults file".to_owned()),
            (None, None) if options.password.is_some() => (options.password.clone(), "the password given".to_owned()),
            (None, None) => (None, source.label()),
        };
        let files = tls_files(options, base);
        let mode = options.ssl_mode.or(from_url.ssl_mode).unwrap_or_default();
        let login = Login {
            tls: Tls::new(mode, &files)?,
            connect_timeout: options
                .connect_timeout
                .map(Timespan::get)
                .or(from_url.connect_timeout)
                .unwrap_or(CONNECT_TIMEOUT),
            read_timeout: options.read_timeout.map(Timespan::get).or(from_url.read_timeout),
            public_key: from_url.public_key.unwrap_or(true),
            database: database.unwrap_or_default(),
            host,
            port,
            user,
            password,
        };
        let (opts, address) = (driver::opts(&login, &files), format!("{}:{}", login.host, login.port));
        Ok(Self { opts, login, address, password_from, jdbc: from_url.jdbc })
    }

    pub(super) fn login(&self) -> &Login {
        &self.login
    }

    /// Says in our words what the server says about a login.
    pub(super) fn explain_login(&self, error: Error, act: &str) -> Error {
        match error.kind() {
            Kind::Auth => {
                let Self { login: Login { user, .. }, address, password_from, .. } = self;
                error::auth(format!("mysql server {address} refuses user {user} with {password_from}"))
                    .hint("check user and password-file or password-env, and that the account may come from this host")
                    .source(root_text(&error))
            }
            Kind::NotFound => error::not_found(format!("there is no database {} on {}", self.database(), self.address))
                .hint("check the database in the url")
                .source(root_text(&error)),
            Kind::Unreachable => error::unreachable(act).hint("check host and port, and that the server runs").source(
                // The chain of the driver repeats itself; its root says it all.
                root_text(&error),
            ),
            _ => error,
        }
    }

    /// What to say of a server that does not greet in time.
    pub(super) fn no_greeting(&self, act: &str) -> Error {
        let limit = self.login.connect_timeout.as_secs_f64();
        error::unreachable(format!("{act}: no greeting within {limit} s"))
            .hint("check host and port, and that a mysql server listens there")
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The database of the connection; empty where there is none.
    pub fn database(&self) -> &str {
        &self.login.database
    }

    /// The user of the connection.
    pub fn user(&self) -> &str {
        &self.login.user
    }

    /// What the URL says about values.
    pub fn jdbc(&self) -> JdbcParameters {
        self.jdbc
    }
}

fn tls_files(options: &MySqlOptions, base: &Path) -> TlsFiles {
    let below = |file: &Option<PathBuf>| file.as_ref().map(|file| base.join(file));
    TlsFiles { ca: below(&options.ssl_ca), cert: below(&options.ssl_cert), key: below(&options.ssl_key) }
}

fn root_text(error: &Error) -> String {
    let mut below: &dyn std::error::Error = error;
    while let Some(next) = below.source() {
        below = next;
    }
    below.to_string()
}

fn password_source(options: &MySqlOptions) -> SecretSource {
    SecretSource {
        password_file: options.password_file.clone(),
        password_env: options.password_env.clone(),
        password_prompt: options.password_prompt,
        password_alias: options.password_alias.clone(),
        credential_provider: options.credential_provider.clone(),
    }
}

/// What is said in several places: the URL and the keys beside it count before a file of defaults.
fn address(from_url: &url::FromUrl, options: &MySqlOptions, defaults: &Defaults) -> Result<Address> {
    let user = one("user", from_url.user.clone(), options.user.clone())?;
    let user = user.or_else(|| defaults.user.clone()).ok_or_else(|| missing("user"))?;
    let database = one("database", from_url.database.clone(), options.database.clone())?;
    let host = one("host", from_url.host.clone(), options.host.clone())?;
    let host = host.or_else(|| defaults.host.clone()).ok_or_else(|| missing("host"))?;
    let port = match (from_url.port, options.port) {
        (Some(_), Some(_)) => return Err(twice("port")),
        (given, key) => given.or(key).or(defaults.port).unwrap_or(DEFAULT_PORT),
    };
    Ok(Address { host, port, user, database })
}

fn one(what: &str, in_url: Option<String>, as_key: Option<String>) -> Result<Option<String>> {
    match (in_url, as_key) {
        (Some(_), Some(_)) => Err(twice(what)),
        (in_url, as_key) => Ok(in_url.or(as_key)),
    }
}

fn missing(what: &str) -> Error {
    error::config(format!("the mysql connection names no {what}"))
        .hint("give a url such as mysql://USER@HOST:3306/DATABASE")
}

fn twice(what: &str) -> Error {
    error::config(format!("the mysql {what} is given in the url and again beside it")).hint("give it once")
}

#[cfg(test)]
mod tests;
