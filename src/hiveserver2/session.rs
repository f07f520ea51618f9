//! A session: opening it, running statements to their end, reading results, closing it.

use std::collections::BTreeMap;

use super::client::Client;
use super::fault;
use super::operation::{Cursor, Listener, Operation};
use super::options::HiveServer2Options;
use super::rows::{self, Rows};
use super::security;
use super::tcli_service::*;
use super::url::JdbcUrl;
use crate::error::{self, Result};
use crate::net::thrift::{Transport, blocking};
use crate::shutdown::Stop;

/// One session on a HiveServer2.
///
/// # Cancel safety
/// Dropping a running future cancels its statement on the server; dropping the session closes it there. The server
/// answers a cancellation when the running tasks have noticed it, which in Tez local mode may take as long as the
/// tasks; until then the session takes no other statement.
pub struct Session {
    pub(super) client: Client,
    pub(super) handle: TSessionHandle,
}

/// What a statement without result did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Rows changed, where the server counts them.
    pub modified_rows: Option<u64>,
}

impl Session {
    /// Opens a session on the first endpoint that can be reached.
    ///
    /// # Errors
    /// Config: bad options. Unreachable: no endpoint answers; names the last one. Auth: the server declined.
    pub async fn open(options: &HiveServer2Options) -> Result<Self> {
        let mut last = None;
        for url in &options.addresses()? {
            let (asked, from) = (options.clone(), url.clone());
            let targets = blocking(move || security::targets(&asked, &from)).await?;
            for (endpoint, transport) in targets {
                match Self::open_on(&endpoint, transport, url, options).await {
                    Err(error) if error.is_transient() => {
                        tracing::debug!(%error, "trying the next hiveserver2");
                        last = Some(error);
                    }
                    done => return done,
                }
            }
        }
        Err(last.unwrap_or_else(|| error::config("hiveserver2 has no endpoint")))
    }

    async fn open_on(
        endpoint: &str,
        transport: Transport,
        url: &JdbcUrl,
        options: &HiveServer2Options,
    ) -> Result<Self> {
        let server = options.server(endpoint);
        let client = Client::connect(server, transport, options.call_timeout.get()).await?;
        let request = TOpenSessionReq {
            client_protocol: TProtocolVersion::HIVE_CLI_SERVICE_PROTOCOL_V10,
            username: Some(security::user(options, url)),
            password: None, // the login carried it
            configuration: Some(configuration(options, url)),
        };
        let answer = client.first_call(move |thrift| thrift.open_session(request)).await?;
        let attempt = format!("cannot open a session on hiveserver2 {endpoint}");
        fault::check(answer.status, &attempt)?;
        if answer.server_protocol_version < TProtocolVersion::HIVE_CLI_SERVICE_PROTOCOL_V6 {
            return Err(error::refused(format!("{attempt}: it cannot send columnar results"))
                .hint("hive 0.13 or later is needed"));
        }
        let handle = answer.session_handle.ok_or_else(|| error::refused(format!("{attempt}: no handle came back")))?;
        Ok(Self { client, handle })
    }

    /// `host:port` of the server that took the session.
    pub fn endpoint(&self) -> &str {
        self.client.endpoint()
    }

    /// Runs a statement to its end; a result it may have is left unread.
    ///
    /// # Errors
    /// Stopped: the statement was cancelled. Else what the server says, by kind.
    pub async fn execute(&self, statement: &str, stop: &Stop) -> Result<Executed> {
        let operation = self.run(statement, stop, None).await?;
        let modified_rows = operation.modified_rows;
        operation.close().await?;
        Ok(Executed { modified_rows })
    }

    /// Runs a query and reads all of its rows.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub async fn query(&self, statement: &str, stop: &Stop) -> Result<Rows> {
        let mut cursor = self.open_query(statement, stop).await?;
        let mut rows = Vec::new();
        while let Some(batch) = cursor.next_batch(stop).await? {
            rows.extend(batch);
        }
        let columns = cursor.columns.clone();
        cursor.close().await?;
        Ok(Rows { columns, rows })
    }

    /// Runs a query and gives its rows out batch by batch, for results that need not fit into memory.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub async fn open_query(&self, statement: &str, stop: &Stop) -> Result<Cursor<'_>> {
        self.open_watched(statement, stop, None).await
    }

    /// As [`Session::open_query`], with somebody who hears what the server logs while the statement runs. One that has no
    /// result gives a cursor without columns.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub async fn open_watched(
        &self,
        statement: &str,
        stop: &Stop,
        listener: Option<Listener<'_>>,
    ) -> Result<Cursor<'_>> {
        let operation = self.run(statement, stop, listener).await?;
        if !operation.handle.has_result_set {
            return Ok(Cursor { columns: Vec::new(), operation });
        }
        let request = TGetResultSetMetadataReq { operation_handle: operation.handle.clone() };
        let answer = self.client.call(move |thrift| thrift.get_result_set_metadata(request)).await?;
        fault::check(answer.status, &operation.attempt)?;
        let columns = answer.schema.map_or_else(Vec::new, |schema| schema.columns.iter().map(rows::column).collect());
        Ok(Cursor { columns, operation })
    }

    /// Closes the session and waits for the server to say so.
    ///
    /// # Errors
    /// Unreachable: the connection broke.
    pub async fn close(self) -> Result<()> {
        let request = TCloseSessionReq { session_handle: self.handle.clone() };
        let answer = self.client.call(move |thrift| thrift.close_session(request)).await?;
        fault::check(answer.status, "cannot close a hive session")
    }

    /// Starts a statement and waits for its end.
    async fn run(&self, statement: &str, stop: &Stop, listener: Option<Listener<'_>>) -> Result<Operation<'_>> {
        stop.check()?;
        let attempt = format!("hive statement '{}'", fault::first_words(statement));
        tracing::debug!(endpoint = self.endpoint(), %statement, "executing");
        let request = TExecuteStatementReq {
            session_handle: self.handle.clone(),
            statement: statement.to_owned(),
            conf_overlay: None,
            run_async: Some(true),
        };
        // Not given up on a stop: compiling cannot be cancelled before there is a handle.
        let answer = self.client.call(move |thrift| thrift.execute_statement(request)).await?;
        fault::check(answer.status, &attempt)?;
        let handle =
            answer.operation_handle.ok_or_else(|| error::refused(format!("{attempt}: no handle came back")))?;
        let mut operation = Operation { client: &self.client, handle, attempt, modified_rows: None, open: true };
        operation.wait(stop, listener).await?;
        Ok(operation)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let request = TCloseSessionReq { session_handle: self.handle.clone() };
        // Where nobody waits for the answer nobody can use its error; a second close is harmless.
        self.client.send(move |thrift| drop(thrift.close_session(request)));
    }
}

/// Settings as `OpenSession` takes them.
fn configuration(options: &HiveServer2Options, url: &JdbcUrl) -> BTreeMap<String, String> {
    let mut all = url.configuration.clone();
    all.extend(options.configuration.iter().map(|(name, value)| (format!("set:hiveconf:{name}"), value.clone())));
    match &options.shell {
        Some(variables) => {
            all.extend(variables.iter().map(|(name, value)| (format!("set:hivevar:{name}"), value.clone())));
        }
        // What is sent is what is run: no ${..} filled in by the server; result columns without the table's name in front.
        None => {
            for name in ["hive.variable.substitute", "hive.resultset.use.unique.column.names"] {
                all.entry(format!("set:hiveconf:{name}")).or_insert_with(|| "false".to_owned());
            }
        }
    }
    if let Some(database) = &url.database {
        all.insert("use:database".to_owned(), database.clone());
    }
    if let Some(user) = options.access.proxy_user().or(url.get("hive.server2.proxy.user")) {
        all.insert("hive.server2.proxy.user".to_owned(), user.to_owned());
    }
    all
}
