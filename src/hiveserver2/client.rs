//! The blocking Thrift client on a thread of its own, and the way in from async code.
//!
//! Calls are closures that the thread runs one after another. The thread ends when the last [`Client`] is gone.

use std::net::TcpStream;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::fault;
use super::tcli_service::TCLIServiceSyncClient;
use super::transport::{self, TimeLimits};
use crate::error::{self, Result};
use crate::net::thrift::{Input, Output, is_timeout};
use crate::net::{self, Server};
use crate::sasl::Mechanism;

/// The generated client over our transport.
pub(super) type Thrift = TCLIServiceSyncClient<Input, Output>;

type Call = Box<dyn FnOnce(&mut Thrift) + Send>;

/// Sends calls to the thread that holds the connection.
#[derive(Clone)]
pub(super) struct Client {
    server: Server,
    calls: mpsc::Sender<Call>,
    /// The socket under the connection, and the limit of calls once the server has answered the first.
    socket: Arc<TcpStream>,
    call_limit: Duration,
    /// Whether connecting ends with an answer of the server's.
    logs_in: bool,
}

impl Client {
    /// Starts a thread, connects and logs in.
    ///
    /// # Errors
    /// Unreachable, Auth or Refused, naming the endpoint.
    pub(super) async fn connect(endpoint: &str, mechanism: Option<Mechanism>, limits: TimeLimits) -> Result<Self> {
        let (calls, to_run) = mpsc::channel::<Call>();
        let (connected, outcome) = oneshot::channel();
        let server = Server::new("hiveserver2", endpoint, limits.connect);
        let logs_in = mechanism.is_some();
        let to = server.clone();
        let run = move || match transport::connect(&to, mechanism) {
            Err(error) => drop(connected.send(Err(error))),
            Ok(wire) => {
                let (input, output, socket) = wire.into_protocols();
                if connected.send(Ok(socket)).is_ok() {
                    serve(Thrift::new(input, output), &to_run);
                }
            }
        };
        thread::Builder::new()
            .name("hiveserver2".to_owned())
            .spawn(run)
            .map_err(|e| error::bug("cannot start the thread of a hive session").source(e))?;
        let socket = outcome.await.map_err(|_| error::bug("the thread of a hive session ended"))??;
        let client = Self { server, calls, socket: Arc::new(socket), call_limit: limits.call, logs_in };
        if logs_in {
            client.answered()?;
        }
        Ok(client)
    }

    /// Makes the first call, which is answered within the limit of connecting where there was no login.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(super) async fn first_call<T, F>(&self, call: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Thrift) -> thrift::Result<T> + Send + 'static,
    {
        match self.raw_call(call).await? {
            Err(thrift::Error::Transport(e)) if !self.logs_in && is_timeout(&e) => Err(self.server.silent()),
            Err(e) => Err(fault::of_call(&self.server, e)),
            Ok(answer) => self.answered().map(|()| answer),
        }
    }

    /// From now on each call has the limit of calls.
    fn answered(&self) -> Result<()> {
        net::set_limit(&self.socket, self.call_limit).map_err(|e| self.server.unreachable(e))
    }

    /// Makes one call and waits for its answer. Dropping the future does not take the call back.
    ///
    /// # Errors
    /// Unreachable: the connection broke, now or earlier.
    pub(super) async fn call<T, F>(&self, call: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Thrift) -> thrift::Result<T> + Send + 'static,
    {
        self.raw_call(call).await?.map_err(|e| fault::of_call(&self.server, e))
    }

    async fn raw_call<T, F>(&self, call: F) -> Result<thrift::Result<T>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Thrift) -> thrift::Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.send(move |thrift| drop(answer.send(call(thrift))));
        answered.await.map_err(|_| error::bug("the thread of a hive session ended"))
    }

    /// Makes a call that nobody waits for.
    pub(super) fn send(&self, call: impl FnOnce(&mut Thrift) + Send + 'static) {
        // The thread lives as long as a sender does; a failed send drops the call, which its waiter notices.
        drop(self.calls.send(Box::new(call)));
    }

    /// `host:port` of the server.
    pub(super) fn endpoint(&self) -> &str {
        &self.server.address
    }
}

fn serve(mut thrift: Thrift, calls: &mpsc::Receiver<Call>) {
    while let Ok(call) = calls.recv() {
        call(&mut thrift);
    }
}
