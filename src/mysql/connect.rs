//! Where the server is, who we are, and how a session is set up.
//!
//! A password never stands in a URL: it comes from a file or from the environment. It refuses URL parameters and a
//! server asked for twice in different words.

use std::path::Path;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use serde::{Deserialize, Serialize};
use url::Url;

use super::advice::advise;
use crate::error::{self, Error, Kind, Result};
use crate::secret::{Secret, SecretSource};

/// The port of MySQL and MariaDB.
const DEFAULT_PORT: u16 = 3306;

/// Time a server has to accept a connection and greet.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// What the server answers to KILL of a connection that is gone.
const NO_SUCH_THREAD: u16 = 1094;

/// What every session is set to before its first statement: instants in UTC, strict and plain SQL, no time-out while
/// the target stalls, rows seen as of the snapshot.
const SESSION: &str = "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES', net_write_timeout = 3600, \
                       net_read_timeout = 3600, wait_timeout = 28800";

/// How to reach a MySQL or MariaDB server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MySqlOptions {
    /// Server and database, as mysql://USER@HOST:PORT/DATABASE; jdbc:mysql:// is accepted too
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
    pub password_file: Option<std::path::PathBuf>,
    /// Environment variable that holds the password
    #[arg(long, value_name = "NAME")]
    pub password_env: Option<String>,
    /// The password itself, where a prompt or the cluster gave it; never in a file, never shown.
    #[arg(skip)]
    #[serde(skip)]
    pub password: Option<Secret>,
}

/// One MySQL server, as a certain user, in a certain database.
#[derive(Clone, Debug)]
pub struct MySqlClient {
    opts: Opts,
    address: String,
    user: String,
    database: String,
    password_from: String,
}

/// Host, port, user and database, decided from a URL or from single keys.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    host: String,
    port: u16,
    user: String,
    database: String,
}

impl MySqlClient {
    /// Decides where to connect to and reads the password; touches no server. Relative files are below `base`.
    ///
    /// # Errors
    /// Config: a part is missing, given twice or makes no sense; those of [`SecretSource::read`].
    pub fn new(options: &MySqlOptions, base: &Path) -> Result<Self> {
        let Address { host, port, user, database } = address(options)?;
        let (password_file, password_env) = (options.password_file.clone(), options.password_env.clone());
        let password_from = match (&password_file, &password_env) {
            (Some(file), _) => format!("the password of {}", file.display()),
            (None, Some(name)) => format!("the password of ${name}"),
            (None, None) if options.password.is_some() => "the password given".to_owned(),
            (None, None) => "no password".to_owned(),
        };
        let password = SecretSource { password_file, password_env }.read(base)?.or_else(|| options.password.clone());
        let opts = OptsBuilder::default()
            .ip_or_hostname(host.clone())
            .tcp_port(port)
            .user(Some(user.clone()))
            .pass(password.as_ref().map(Secret::expose))
            .db_name(Some(database.clone()))
            .prefer_socket(false)
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .setup(vec![SESSION]);
        Ok(Self { opts: opts.into(), address: format!("{host}:{port}"), user, database, password_from })
    }

    /// Opens a connection of its own, not pooled.
    ///
    /// # Errors
    /// Auth: the server does not accept the user. Unreachable: nobody answers. NotFound: no such database.
    pub async fn connect(&self) -> Result<Conn> {
        let act = format!("cannot connect to mysql server {}", self.address);
        match tokio::time::timeout(CONNECT_TIMEOUT, Conn::new(self.opts.clone())).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(e)) => Err(self.explain(advise(e, &act, &self.address), &act)),
            Err(_) => Err(error::unreachable(format!("{act}: no greeting within {} s", CONNECT_TIMEOUT.as_secs()))
                .hint("check host and port, and that a mysql server listens there")),
        }
    }

    /// Says in our words what the server says about a login.
    fn explain(&self, error: Error, act: &str) -> Error {
        match error.kind() {
            Kind::Auth => {
                let Self { user, address, password_from, .. } = self;
                error::auth(format!("mysql server {address} refuses user {user} with {password_from}"))
                    .hint("check user and password-file or password-env, and that the account may come from this host")
                    .source(root_text(&error))
            }
            Kind::NotFound => error::not_found(format!("there is no database {} on {}", self.database, self.address))
                .hint("check the database in the url")
                .source(root_text(&error)),
            Kind::Unreachable => error::unreachable(act).hint("check host and port, and that the server runs").source(
                // The chain of the driver repeats itself; its root says it all.
                root_text(&error),
            ),
            _ => error,
        }
    }

    /// Turns an error of a statement into ours; `act` names the object and the attempted act.
    pub fn advise(&self, error: mysql_async::Error, act: impl AsRef<str>) -> Error {
        advise(error, act.as_ref(), &self.address)
    }

    /// Runs a statement that gives no rows.
    ///
    /// # Errors
    /// As the server says.
    pub async fn run(&self, conn: &mut Conn, sql: &str, act: &str) -> Result<()> {
        conn.query_drop(sql).await.map_err(|e| self.advise(e, act))
    }

    /// Ends the connections with these ids, whatever they are doing; those that are gone already are fine.
    ///
    /// # Errors
    /// Those of [`MySqlClient::connect`], and what the server says.
    pub async fn kill(&self, ids: &[u32]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut conn = self.connect().await?;
        for id in ids {
            match conn.query_drop(format!("KILL {id}")).await {
                Err(mysql_async::Error::Server(gone)) if gone.code == NO_SUCH_THREAD => {}
                done => done.map_err(|e| self.advise(e, "cannot end a connection"))?,
            }
        }
        Ok(())
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The database of the connection.
    pub fn database(&self) -> &str {
        &self.database
    }
}

fn root_text(error: &Error) -> String {
    let mut below: &dyn std::error::Error = error;
    while let Some(next) = below.source() {
        below = next;
    }
    below.to_string()
}

fn address(options: &MySqlOptions) -> Result<Address> {
    let from_url = options.url.as_deref().map(parse_url).transpose()?.unwrap_or_default();
    let user = one("user", from_url.user, options.user.clone())?;
    let database = one("database", from_url.database, options.database.clone())?;
    let host = one("host", from_url.host, options.host.clone())?;
    let port = match (from_url.port, options.port) {
        (Some(_), Some(_)) => return Err(twice("port")),
        (given, key) => given.or(key).unwrap_or(DEFAULT_PORT),
    };
    Ok(Address { host, port, user, database })
}

fn one(what: &str, in_url: Option<String>, as_key: Option<String>) -> Result<String> {
    match (in_url, as_key) {
        (Some(_), Some(_)) => Err(twice(what)),
        (Some(value), None) | (None, Some(value)) => Ok(value),
        (None, None) => Err(error::config(format!("the mysql connection names no {what}"))
            .hint("give a url such as mysql://USER@HOST:3306/DATABASE")),
    }
}

fn twice(what: &str) -> Error {
    error::config(format!("the mysql {what} is given in the url and again beside it")).hint("give it once")
}

#[derive(Default)]
struct FromUrl {
    host: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    database: Option<String>,
}

fn parse_url(text: &str) -> Result<FromUrl> {
    // The text may hold a password that was put there by mistake: it is never repeated in an error.
    let wrong =
        |what: &str| error::config(format!("the mysql url {what}")).hint("write it as mysql://USER@HOST:3306/DATABASE");
    let url = Url::parse(text.strip_prefix("jdbc:").unwrap_or(text)).map_err(|e| wrong("cannot be read").source(e))?;
    if !matches!(url.scheme(), "mysql" | "mariadb") {
        return Err(wrong("does not start with mysql://"));
    }
    if url.password().is_some() {
        return Err(error::config("the mysql url holds a password, which everybody on this machine can see")
            .hint("take it out of the url and give password-file or password-env"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has parameters, which are not known here"));
    }
    let decode = |part: &str| {
        let text = percent_encoding::percent_decode_str(part).decode_utf8();
        text.map(|t| Some(t.into_owned()).filter(|t| !t.is_empty())).map_err(|e| wrong("is not UTF-8").source(e))
    };
    let database = decode(url.path().trim_start_matches('/'))?;
    if database.as_deref().is_some_and(|d| d.contains('/')) {
        return Err(wrong("names more than a database"));
    }
    let host = url.host_str().map(|h| h.trim_matches(['[', ']']).to_owned()).filter(|h| !h.is_empty());
    Ok(FromUrl { host, port: url.port(), user: decode(url.username())?, database })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_url(url: &str) -> MySqlOptions {
        MySqlOptions { url: Some(url.into()), ..MySqlOptions::default() }
    }

    #[test]
    fn a_url_names_everything() {
        let want = Address { host: "db".into(), port: 3307, user: "an n".into(), database: "shop".into() };
        assert_eq!(address(&of_url("mysql://an%20n@db:3307/shop")).unwrap(), want);
        assert_eq!(address(&of_url("jdbc:mysql://an%20n@db:3307/shop")).unwrap(), want);
        assert_eq!(address(&of_url("mysql://u@[::1]/shop")).unwrap().host, "::1");
    }

    #[test]
    fn single_keys_fill_what_the_url_leaves_open() {
        let options = MySqlOptions { user: Some("u".into()), ..of_url("mysql://db/shop") };
        assert_eq!(address(&options).unwrap().user, "u");
        let twice = MySqlOptions { user: Some("u".into()), ..of_url("mysql://v@db/shop") };
        assert_eq!(address(&twice).unwrap_err().kind(), Kind::Config);
        assert_eq!(address(&of_url("mysql://u@db")).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        let error = address(&of_url("mysql://u:s3cret@db/shop")).unwrap_err();
        assert!(!error.to_string().contains("s3cret") && !format!("{error:?}").contains("s3cret"));
        assert_eq!(error.kind(), Kind::Config);
    }

    #[test]
    fn toml_keys_are_known_or_refused() {
        assert!(toml::from_str::<MySqlOptions>("url = 'mysql://u@h/d'\npassword-file = 'pw'").is_ok());
        assert!(toml::from_str::<MySqlOptions>("urls = 'mysql://u@h/d'").is_err());
    }

    #[tokio::test]
    async fn a_closed_port_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let options = of_url(&format!("mysql://u@127.0.0.1:{port}/d"));
        let error = MySqlClient::new(&options, Path::new(".")).unwrap().connect().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
