//! A statement on the server: polled to its end, cancelled, closed; and the rows and the log that it gives.

use std::time::Duration;

use super::batch::Batch;
use super::client::Client;
use super::fault::{self, Failure};
use super::rows::{self, Column, Row, Value};
use super::tcli_service::*;
use crate::error::{self, Error, Kind, Result};
use crate::shutdown::Stop;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long a stopped statement may take to be cancelled before we leave it to the closing connection.
const CANCEL_WAIT: Duration = Duration::from_secs(10);
const BATCH_ROWS: i64 = 10_000;
/// What can be fetched of an operation, as the protocol numbers it.
const ROWS: i16 = 0;
const LOG: i16 = 1;
const LOG_LINES: i64 = 1_000;

/// Who hears each line that the server logs of a statement while it runs.
pub type Listener<'l> = &'l mut (dyn FnMut(&str) + Send);

/// A statement on the server; cancelled and closed there when dropped before its end.
pub(super) struct Operation<'s> {
    pub(super) client: &'s Client,
    pub(super) handle: TOperationHandle,
    pub(super) attempt: String,
    pub(super) modified_rows: Option<u64>,
    pub(super) open: bool,
}

impl Operation<'_> {
    /// Polls with growing pauses until the statement ends, and tells who listens what it logs.
    pub(super) async fn wait(&mut self, stop: &Stop, mut listener: Option<Listener<'_>>) -> Result<()> {
        let mut pause = FIRST_PAUSE;
        loop {
            let polled = self.poll().await;
            if let Some(listener) = &mut listener
                && polled.as_ref().err().is_none_or(|e| e.kind() != Kind::Unreachable)
            {
                self.tell_log(*listener).await;
            }
            if polled? {
                return Ok(());
            }
            tokio::select! {
                () = stop.requested() => {
                    // The server may hang; the closing connection cancels as well, only later.
                    drop(tokio::time::timeout(CANCEL_WAIT, self.cancel()).await);
                    return Err(stop.error().context(&self.attempt));
                }
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }

    /// Tells what was logged since the last time. A log that cannot be had is no failure of the statement: servers switch
    /// it off (`hive.server2.logging.operation.enabled`).
    async fn tell_log(&self, listener: &mut (dyn FnMut(&str) + Send)) {
        loop {
            let lines = match self.fetch(LOG, LOG_LINES).await {
                Ok(Some(set)) => rows::decode(set, 1).unwrap_or_default(),
                Ok(None) => return,
                Err(error) => return tracing::debug!(%error, "the operation log cannot be read"),
            };
            lines.iter().flatten().filter_map(Value::as_str).for_each(&mut *listener);
            if lines.is_empty() {
                return;
            }
        }
    }

    /// The next rows of the result, or lines of the log.
    pub(super) async fn fetch(&self, what: i16, max_rows: i64) -> Result<Option<TRowSet>> {
        let request = TFetchResultsReq {
            operation_handle: self.handle.clone(),
            orientation: TFetchOrientation::FETCH_NEXT,
            max_rows,
            fetch_type: Some(what),
        };
        let answer = self.client.call(move |thrift| thrift.fetch_results(request)).await?;
        fault::check(answer.status, &self.attempt)?;
        Ok(answer.results)
    }

    /// Whether the statement has ended well.
    async fn poll(&mut self) -> Result<bool> {
        let request = TGetOperationStatusReq { operation_handle: self.handle.clone() };
        let answer = self.client.call(move |thrift| thrift.get_operation_status(request)).await?;
        fault::check(answer.status, &self.attempt)?;
        match answer.operation_state {
            Some(TOperationState::FINISHED_STATE) => {
                self.modified_rows = answer.num_modified_rows.and_then(|rows| u64::try_from(rows).ok());
                self.handle.has_result_set = answer.has_result_set.unwrap_or(self.handle.has_result_set);
                Ok(true)
            }
            Some(TOperationState::ERROR_STATE) => {
                let failure =
                    Failure { sql_state: answer.sql_state, code: answer.error_code, message: answer.error_message };
                Err(failure.into_error(&self.attempt))
            }
            Some(TOperationState::CANCELED_STATE | TOperationState::CLOSED_STATE) => {
                Err(error::refused(format!("{}: somebody cancelled it on the server", self.attempt)))
            }
            Some(TOperationState::TIMEDOUT_STATE) => {
                Err(error::refused(format!("{}: it ran too long", self.attempt))
                    .hint("raise hive.query.timeout.seconds"))
            }
            _ => Ok(false),
        }
    }

    async fn cancel(&mut self) -> Result<()> {
        let request = TCancelOperationReq { operation_handle: self.handle.clone() };
        let answer = self.client.call(move |thrift| thrift.cancel_operation(request)).await?;
        fault::check(answer.status, &self.attempt)
    }

    pub(super) async fn close(mut self) -> Result<()> {
        self.open = false;
        let request = TCloseOperationReq { operation_handle: self.handle.clone() };
        let answer = self.client.call(move |thrift| thrift.close_operation(request)).await?;
        fault::check(answer.status, &self.attempt)
    }

    pub(super) fn failed(&self, error: Error) -> Error {
        error.context(&self.attempt)
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        if self.open {
            // Closing a running operation cancels it.
            let request = TCloseOperationReq { operation_handle: self.handle.clone() };
            self.client.send(move |thrift| drop(thrift.close_operation(request)));
        }
    }
}

/// The rows of a query, fetched batch by batch.
pub struct Cursor<'s> {
    /// The columns of each row.
    pub columns: Vec<Column>,
    pub(super) operation: Operation<'s>,
}

impl Cursor<'_> {
    /// The next rows, at most 10,000; `None` after the last.
    ///
    /// # Errors
    /// Unreachable: the connection broke. Stopped. Else what the server says.
    pub async fn next_batch(&mut self, stop: &Stop) -> Result<Option<Vec<Row>>> {
        let set = self.fetch(BATCH_ROWS, stop).await?;
        let rows = match set {
            Some(set) => rows::decode(set, self.columns.len()).map_err(|e| self.operation.failed(e))?,
            None => Vec::new(),
        };
        // The server's hasMoreRows is always false; an empty batch ends the result.
        Ok(if rows.is_empty() { None } else { Some(rows) })
    }

    /// The next rows as the columns that the server sends, at most `max_rows`; `None` after the last.
    ///
    /// # Errors
    /// As [`Cursor::next_batch`].
    pub async fn next_columns(&mut self, max_rows: u32, stop: &Stop) -> Result<Option<Batch>> {
        let Some(set) = self.fetch(max_rows.into(), stop).await? else { return Ok(None) };
        let batch = Batch::new(set, self.columns.len()).map_err(|e| self.operation.failed(e))?;
        Ok(if batch.height() == 0 { None } else { Some(batch) })
    }

    async fn fetch(&self, max_rows: i64, stop: &Stop) -> Result<Option<TRowSet>> {
        if !self.has_rows() {
            return Ok(None);
        }
        stop.check()?;
        self.operation.fetch(ROWS, max_rows).await
    }

    /// Whether the statement has a result at all, be it one without rows.
    pub fn has_rows(&self) -> bool {
        self.operation.handle.has_result_set
    }

    /// Rows changed, where the server counts them.
    pub fn modified_rows(&self) -> Option<u64> {
        self.operation.modified_rows
    }

    /// Ends the query on the server; dropping the cursor does it as well, without a word.
    ///
    /// # Errors
    /// Unreachable: the connection broke.
    pub async fn close(self) -> Result<()> {
        self.operation.close().await
    }
}
