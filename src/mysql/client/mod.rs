//! One MySQL server as a certain user: connections to it, and what its errors mean.

mod connection;
pub(super) mod fault;

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

pub use self::connection::{Answer, AnswerColumn, Connection};
use self::fault::explain;
use super::login::{Address, JdbcParameters, Login, MySqlOptions, missing};
use super::wire::{Fault, Wire};
use crate::error::{self, Error, Kind, Result};

/// What it answers to a wrong password, and where there is no such database.
const WRONG_PASSWORD: u16 = 1045;
const NO_DATABASE: u16 = 1049;

/// What the server answers to KILL of a connection that is gone.
const NO_SUCH_THREAD: u16 = 1094;

/// How long to wait before the server is asked again whether a connection is gone.
const UNTIL_ASKED_AGAIN: Duration = Duration::from_millis(10);

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
    /// The first connection, where it was begun before anybody asked for it.
    ahead: Arc<Mutex<Option<Ahead>>>,
}

/// A connection on its way; dropped, it is given up.
type Ahead = AbortOnDropHandle<Result<Connection>>;

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
        Ok(Self { login, all: addresses.join(", "), addresses, taken: Arc::default(), ahead: Arc::default() })
    }

    /// Begins the first connection, for whoever asks for one first; what becomes of it is told there. Other servers may
    /// be connected to meanwhile: with Kerberos that takes several round trips.
    pub(crate) fn connect_ahead(&self) {
        // One that is not asked for does not keep itself.
        let client = Self { ahead: Arc::default(), ..self.clone() };
        let connecting = tokio::spawn(async move { client.connect_now().await });
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(AbortOnDropHandle::new(connecting));
    }

    /// Connects, logs in and sets the session up.
    ///
    /// # Errors
    /// Auth: the server does not accept the user, or is not who it should be. Unreachable: nobody answers in time.
    /// NotFound: no such database. Busy: the server gives this user no more connections.
    ///
    /// May be dropped at any time.
    pub async fn connect(&self) -> Result<Connection> {
        let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner).take();
        match ahead {
            Some(ahead) => ahead.await.map_err(|e| error::bug("a connection was given up").source(e))?,
            None => self.connect_now().await,
        }
    }

    async fn connect_now(&self) -> Result<Connection> {
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
            Ok(Err(fault)) => Err(self.login_failed(fault, &act, address)),
            Err(_) => Err(self.no_greeting(&act)),
        }
    }

    /// Says in our words what the server says about a login.
    fn login_failed(&self, fault: Fault, act: &str, address: &str) -> Error {
        let Login { user, password_from, .. } = &self.login;
        match fault {
            Fault::Server { code: WRONG_PASSWORD, message, .. } => {
                error::auth(format!("mysql server {address} refuses user {user} with {password_from}"))
                    .hint("check user and password-file or password-env, and that the account may come from this host")
                    .source(format!("{message} (error {WRONG_PASSWORD})"))
            }
            Fault::Server { code: NO_DATABASE, message, .. } => {
                error::not_found(format!("there is no database {} on {address}", self.database()))
                    .hint("check the database in the url")
                    .source(format!("{message} (error {NO_DATABASE})"))
            }
            Fault::Io(e) => error::unreachable(act).hint("check host and port, and that the server runs").source(e),
            fault => explain(fault, act, address),
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
        let mut conn = self.connect().await?;
        conn.end(&format!("KILL QUERY {id}"), "cannot end a statement").await?;
        conn.close().await;
        Ok(())
    }

    /// Ends the connections with these ids, whatever they are doing; some may be gone already. KILL only asks: a COMMIT
    /// that is under way is carried through, and a large transaction is taken back first. So this waits until the
    /// server lists them no more, for nothing of theirs becomes visible after that.
    ///
    /// # Errors
    /// Those of [`MySqlClient::connect`], and what the server says.
    ///
    /// Waits without a limit; dropped meanwhile, the connections end all the same.
    pub async fn kill(&self, ids: &[u32]) -> Result<()> {
        let Some(list) = ids.iter().map(u32::to_string).reduce(|list, id| format!("{list},{id}")) else {
            return Ok(());
        };
        let act = "cannot end a connection";
        let mut conn = self.connect().await?;
        for id in ids {
            conn.end(&format!("KILL {id}"), act).await?;
        }
        let left = format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID IN ({list})");
        while conn.number(&left, act).await?.is_some_and(|left| left > 0) {
            tokio::time::sleep(UNTIL_ASKED_AGAIN).await;
        }
        conn.close().await;
        Ok(())
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
