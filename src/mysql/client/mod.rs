//! One MySQL server as a certain user: connections to it, and what its errors mean.

mod connection;
pub(super) mod fault;

use std::path::Path;
use std::sync::{Arc, OnceLock};

pub use self::connection::{Answer, AnswerColumn, Connection};
use self::fault::explain;
use super::login::{Address, JdbcParameters, Login, MySqlOptions, missing};
use super::wire::{Fault, Wire};
use crate::error::{self, Error, Kind, Result};

/// What the server answers to KILL of a connection that is gone.
const NO_SUCH_THREAD: u16 = 1094;

/// One MySQL server, as a certain user, in a certain database.
///
/// Where several are named, the first that can be reached is taken, by this client and its clones, for all connections:
/// connections to different servers have no moment in common.
#[derive(Clone, Debug)]
pub struct MySqlClient {
    login: Login,
    /// Host and port of each server.
    addresses: Vec<String>,
    /// All of them, for messages.
    all: String,
    /// Which of them was taken.
    taken: Arc<OnceLock<usize>>,
}

impl MySqlClient {
    /// Decides where to connect to and reads the password; touches no server. Relative files are below `base`.
    ///
    /// # Errors
    /// Config: a part is missing, given twice or makes no sense; a file or variable that cannot be read.
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
        let login = Login::new(options, base)?;
        let addresses: Vec<String> = login.addresses.iter().map(Address::to_string).collect();
        Ok(Self { login, all: addresses.join(", "), addresses, taken: Arc::default() })
    }

    /// Connects, logs in and sets the session up.
    ///
    /// # Errors
    /// Auth: the server does not accept the user, or is not who it should be. Unreachable: nobody answers in time.
    /// NotFound: no such database. Busy: the server gives this user no more connections.
    pub async fn connect(&self) -> Result<Connection> {
        if let Some(taken) = self.taken.get() {
            return self.connect_to(*taken).await;
        }
        let mut last = error::bug("a mysql client without a server");
        for at in 0..self.addresses.len() {
            match self.connect_to(at).await {
                Ok(conn) => {
                    // Another connection may have been quicker, and elsewhere.
                    let taken = *self.taken.get_or_init(|| at);
                    return if taken == at { Ok(conn) } else { self.connect_to(taken).await };
                }
                Err(e) if e.kind() == Kind::Unreachable => {
                    if at + 1 < self.addresses.len() {
                        tracing::warn!(error = %e, "the next server is tried");
                    }
                    last = e;
                }
                Err(e) => return Err(e),
            }
        }
        Err(match self.addresses.len() {
            1 => last,
            _ => last.context(format!("none of the mysql servers {} can be reached", self.all)),
        })
    }

    async fn connect_to(&self, at: usize) -> Result<Connection> {
        let (Some(server), Some(address)) = (self.login.addresses.get(at), self.addresses.get(at)) else {
            return Err(error::bug("a mysql server that is not known"));
        };
        let act = format!("cannot connect to mysql server {address}");
        match tokio::time::timeout(self.login.connect_timeout, Wire::open(&self.login, server)).await {
            Ok(Ok(wire)) => Ok(Connection::new(wire, address.clone(), self.login.unset_zone.clone())),
            // User and password have not been looked at yet.
            Ok(Err(fault @ Fault::Tls(_))) => Err(explain(fault, &act, address)),
            Ok(Err(fault)) => Err(self.explain_login(explain(fault, &act, address), &act, address)),
            Err(_) => Err(self.no_greeting(&act)),
        }
    }

    /// Says in our words what the server says about a login.
    fn explain_login(&self, error: Error, act: &str, address: &str) -> Error {
        match error.kind() {
            Kind::Auth => {
                let Login { user, password_from, .. } = &self.login;
                error::auth(format!("mysql server {address} refuses user {user} with {password_from}"))
                    .hint("check user and password-file or password-env, and that the account may come from this host")
                    .source(root_text(&error))
            }
            Kind::NotFound => error::not_found(format!("there is no database {} on {address}", self.database()))
                .hint("check the database in the url")
                .source(root_text(&error)),
            Kind::Unreachable => {
                error::unreachable(act).hint("check host and port, and that the server runs").source(root_text(&error))
            }
            _ => error,
        }
    }

    /// What to say of a server that does not greet in time.
    fn no_greeting(&self, act: &str) -> Error {
        let limit = self.login.connect_timeout.as_secs_f64();
        error::unreachable(format!("{act}: no greeting within {limit} s"))
            .hint("check host and port, and that a mysql server listens there")
    }

    /// Ends the statement that the connection of this id runs, and leaves the connection as it is; it may run none.
    ///
    /// # Errors
    /// As [`MySqlClient::kill`].
    pub async fn kill_query(&self, id: u32) -> Result<()> {
        self.kill_all(&[format!("KILL QUERY {id}")], "cannot end a statement").await
    }

    /// Ends the connections with these ids, whatever they are doing; some may be gone already.
    ///
    /// # Errors
    /// Those of [`MySqlClient::connect`], and what the server says.
    pub async fn kill(&self, ids: &[u32]) -> Result<()> {
        let kills: Vec<String> = ids.iter().map(|id| format!("KILL {id}")).collect();
        self.kill_all(&kills, "cannot end a connection").await
    }

    /// Ends an answer that is not to be read to its end: the server is told to give the statement up, and what it
    /// sent before is thrown away. The transaction goes on.
    ///
    /// # Errors
    /// Unreachable: the connection is broken, or the server does not listen.
    pub async fn cut_short(&self, conn: &mut Connection) -> Result<()> {
        if !conn.wire.has_unread() {
            return Ok(());
        }
        self.kill_query(conn.id()).await?;
        loop {
            match conn.wire.row().await {
                Ok(Some(_)) => {}
                // Killed or at its end just before: both leave nothing unread.
                Ok(None) => return Ok(()),
                Err(_) if !conn.wire.has_unread() => return Ok(()),
                Err(fault) => return Err(conn.explain(fault, "cannot end a statement")),
            }
        }
    }

    async fn kill_all(&self, kills: &[String], act: &str) -> Result<()> {
        if kills.is_empty() {
            return Ok(());
        }
        let mut conn = self.connect().await?;
        for kill in kills {
            match conn.wire.run(kill).await {
                Ok(_) | Err(Fault::Server { code: NO_SUCH_THREAD, .. }) => {}
                Err(fault) => return Err(conn.explain(fault, act)),
            }
        }
        conn.close().await;
        Ok(())
    }

    /// Host and port; of all servers named, as long as none was taken.
    pub fn address(&self) -> &str {
        self.taken.get().and_then(|at| self.addresses.get(*at)).unwrap_or(&self.all)
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
        self.login.jdbc
    }
}

fn root_text(error: &Error) -> String {
    let mut below: &dyn std::error::Error = error;
    while let Some(next) = below.source() {
        below = next;
    }
    below.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_url(url: &str) -> MySqlOptions {
        MySqlOptions { url: Some(url.into()), ..MySqlOptions::default() }
    }

    #[test]
    fn a_database_is_needed_or_not() {
        let error = MySqlClient::new(&of_url("mysql://u@db"), Path::new(".")).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(MySqlClient::of_server(&of_url("mysql://u@db"), Path::new(".")).unwrap().database(), "");
    }

    fn closed_port() -> u16 {
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    #[tokio::test]
    async fn servers_are_tried_in_order() {
        let (one, two) = (closed_port(), closed_port());
        let options = of_url(&format!("mysql://u@127.0.0.1:{one},127.0.0.1:{two}/d"));
        let client = MySqlClient::new(&options, Path::new(".")).unwrap();
        let error = client.connect().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(
            error.to_string().contains(&one.to_string()) && error.to_string().contains(&two.to_string()),
            "{error}"
        );
        assert!(client.address().contains(", "));
    }

    #[tokio::test]
    async fn a_closed_port_is_named() {
        let port = closed_port();
        let options = of_url(&format!("mysql://u@127.0.0.1:{port}/d"));
        let error = MySqlClient::new(&options, Path::new(".")).unwrap().connect().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
