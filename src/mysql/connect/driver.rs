//! Connections of the driver mysql_async, for control statements and for writing; same login, same encryption.
//!
//! Its `verify-ca` also looks at the host's name, which is stricter than asked for.

use mysql_async::prelude::Queryable;
use mysql_async::{ClientIdentity, Conn, DriverError, Opts, OptsBuilder, SslOpts};

use super::{KEEP_ALIVE, Login, MySqlClient, SESSION};
use crate::error::Result;
use crate::mysql::advice::advise;
use crate::mysql::wire::tls::{SslMode, TlsFiles};
use crate::secret::Secret;

/// What the server answers to KILL of a connection that is gone.
const NO_SUCH_THREAD: u16 = 1094;

/// The login in the driver's words.
pub(super) fn opts(login: &Login, files: &TlsFiles) -> Opts {
    OptsBuilder::default()
        .ip_or_hostname(login.host.clone())
        .tcp_port(login.port)
        .user(Some(login.user.clone()))
        .pass(login.password.as_ref().map(Secret::expose))
        .db_name(Some(login.database.clone()).filter(|name| !name.is_empty()))
        .prefer_socket(false)
        .tcp_keepalive(Some(KEEP_ALIVE))
        .ssl_opts(ssl(login.tls.mode, files))
        .setup(vec![SESSION])
        .into()
}

fn ssl(mode: SslMode, files: &TlsFiles) -> Option<SslOpts> {
    let verified = match mode {
        SslMode::Disabled => return None,
        SslMode::Preferred | SslMode::Required => false,
        SslMode::VerifyCa | SslMode::VerifyIdentity => true,
    };
    let mut ssl = SslOpts::default()
        .with_danger_accept_invalid_certs(!verified)
        .with_danger_skip_domain_validation(mode != SslMode::VerifyIdentity);
    if let Some(ca) = &files.ca {
        ssl = ssl.with_root_certs(vec![ca.clone().into()]).with_disable_built_in_roots(true);
    }
    if let (Some(cert), Some(key)) = (&files.cert, &files.key) {
        ssl = ssl.with_client_identity(Some(ClientIdentity::new(cert.clone().into(), key.clone().into())));
    }
    Some(ssl)
}

impl MySqlClient {
    /// Opens a connection of the driver, not pooled.
    ///
    /// # Errors
    /// Auth: the server does not accept the user. Unreachable: nobody answers. NotFound: no such database.
    pub async fn connect(&self) -> Result<Conn> {
        self.connect_with(self.opts.clone()).await
    }

    /// As [`MySqlClient::connect`], for writing: an UPDATE tells how many rows it found, not how many it changed.
    ///
    /// # Errors
    /// Those of [`MySqlClient::connect`].
    pub async fn connect_to_write(&self) -> Result<Conn> {
        self.connect_with(OptsBuilder::from_opts(self.opts.clone()).client_found_rows(true).into()).await
    }

    async fn connect_with(&self, opts: Opts) -> Result<Conn> {
        let act = format!("cannot connect to mysql server {}", self.address);
        match tokio::time::timeout(self.login.connect_timeout, self.open(opts)).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(e)) => Err(self.explain_login(advise(e, &act, &self.address), &act)),
            Err(_) => Err(self.no_greeting(&act)),
        }
    }

    async fn open(&self, opts: Opts) -> std::result::Result<Conn, mysql_async::Error> {
        match Conn::new(opts.clone()).await {
            Err(mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer))
                if self.login.tls.mode == SslMode::Preferred =>
            {
                let in_clear = OptsBuilder::from_opts(opts).ssl_opts(None::<SslOpts>);
                Conn::new(in_clear).await
            }
            opened => opened,
        }
    }

    /// Turns an error of a statement into ours; `act` names the object and the attempted act.
    pub fn advise(&self, error: mysql_async::Error, act: impl AsRef<str>) -> crate::error::Error {
        advise(error, act.as_ref(), &self.address)
    }

    /// Runs a statement that gives no rows.
    ///
    /// # Errors
    /// As the server says.
    pub async fn run(&self, conn: &mut Conn, sql: &str, act: &str) -> Result<()> {
        conn.query_drop(sql).await.map_err(|e| self.advise(e, act))
    }

    /// Ends the statement that the connection of this id runs, and leaves the connection as it is; one that runs none
    /// is fine.
    ///
    /// # Errors
    /// As [`MySqlClient::kill`].
    pub async fn kill_query(&self, id: u32) -> Result<()> {
        let mut conn = self.connect().await?;
        match conn.query_drop(format!("KILL QUERY {id}")).await {
            Err(mysql_async::Error::Server(gone)) if gone.code == NO_SUCH_THREAD => Ok(()),
            done => done.map_err(|e| self.advise(e, "cannot end a statement")),
        }
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
}
