//! The blocking Thrift client on a thread of its own, and the way in from async code.
//!
//! Calls are closures that the thread runs one after another. The thread ends when the last [`Client`] is gone.

use std::sync::mpsc;
use std::thread;

use thrift::protocol::{TBinaryInputProtocol, TBinaryOutputProtocol};
use tokio::sync::oneshot;

use super::failure;
use super::tcli_service::TCLIServiceSyncClient;
use super::transport::{self, Connection, TimeLimits};
use crate::error::{self, Result};
use crate::sasl::Mechanism;

type Input = TBinaryInputProtocol<Box<dyn std::io::Read + Send>>;
type Output = TBinaryOutputProtocol<Box<dyn std::io::Write + Send>>;

/// The generated client over our transport.
pub(super) type Thrift = TCLIServiceSyncClient<Input, Output>;

type Call = Box<dyn FnOnce(&mut Thrift) + Send>;

/// Sends calls to the thread that holds the connection.
#[derive(Clone)]
pub(super) struct Client {
    endpoint: String,
    calls: mpsc::Sender<Call>,
}

impl Client {
    /// Starts a thread, connects and logs in.
    ///
    /// # Errors
    /// Unreachable, Auth or Refused, naming the endpoint.
    pub async fn connect(endpoint: &str, mechanism: Option<Mechanism>, limits: TimeLimits) -> Result<Self> {
        let (calls, to_run) = mpsc::channel::<Call>();
        let (connected, outcome) = oneshot::channel();
        let address = endpoint.to_owned();
        let run = move || match transport::connect(&address, mechanism, limits) {
            Err(error) => drop(connected.send(Err(error))),
            Ok(connection) => {
                if connected.send(Ok(())).is_ok() {
                    serve(connection, &to_run);
                }
            }
        };
        thread::Builder::new()
            .name("hiveserver2".to_owned())
            .spawn(run)
            .map_err(|e| error::bug("cannot start the thread of a hive session").source(e))?;
        outcome.await.map_err(|_| error::bug("the thread of a hive session ended"))??;
        Ok(Self { endpoint: endpoint.to_owned(), calls })
    }

    /// Makes one call and waits for its answer. Dropping the future does not take the call back.
    ///
    /// # Errors
    /// Unreachable: the connection broke, now or earlier.
    pub async fn call<T, F>(&self, call: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Thrift) -> thrift::Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.send(move |thrift| drop(answer.send(call(thrift))));
        match answered.await {
            Ok(answer) => answer.map_err(|e| failure::of_call(&self.endpoint, e)),
            Err(_) => Err(error::bug("the thread of a hive session ended")),
        }
    }

    /// Makes a call that nobody waits for.
    pub fn send(&self, call: impl FnOnce(&mut Thrift) + Send + 'static) {
        // The thread lives as long as a sender does; a failed send drops the call, which its waiter notices.
        drop(self.calls.send(Box::new(call)));
    }

    /// `host:port` of the server.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

fn serve(connection: Connection, calls: &mpsc::Receiver<Call>) {
    let input = TBinaryInputProtocol::new(connection.input, true);
    let output = TBinaryOutputProtocol::new(connection.output, true);
    let mut thrift = Thrift::new(input, output);
    while let Ok(call) = calls.recv() {
        call(&mut thrift);
    }
}
